"""Several heads on one trunk: the masked loss by hand, no gradient without a label, one head as a single task."""

import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.figures.pictures import PICTURES
from archbench.tasks import TASKS
from archbench.training.program import _batch_mean, _Total, divided
from backend import compiled, gradient

ARRAYS = {"image": [4, 4, 1], "present": [2], "count": [], "color": []}
CARD = Card(
    name="toy",
    source="",
    licence="",
    input="image",
    split_sizes={},
    arrays={name: {"shape": shape, "dtype": "int32"} for name, shape in ARRAYS.items()},
    class_names=("round", "star"),
    label_names={"count": ["0", "1", "2"], "color": ["red", "blue"]},
)
LOGITS = np.array([[0, np.log(3), 0, np.log(2), 0, 1, 1], [2, -2, 5, 0, 0, 0, 3]], "float32")
"""Two examples: two logits of `present`, three of `count`, two of `color`."""
LABELS = {
    "present": np.array([[1, 1], [255, 255]], "uint8"),
    "count": np.array([1, 0], "int32"),
    "color": np.array([-1, -1], "int32"),
}


def _task(**options):
    return TASKS.build({"name": "multi_task", **options}, CARD)


def _numbers(values):
    return {name: ops.convert_to_numpy(value) for name, value in values.items()}


def _batch_means(task, logits, labels):
    """What a step of training minimises and logs."""
    return task.means(task.compare(logits, labels, None), labels, _batch_mean)


def test_masked_losses_by_hand():
    """`present` of the first alone, `count` of both, `color` of none."""
    losses, means = _task().compare(LOGITS, LABELS, None), _batch_means(_task(), LOGITS, LABELS)
    losses, means = _numbers(losses), _numbers(means)
    present = (np.log(2) + np.log(4 / 3)) / 2
    counts = [np.log(4 / 2), np.log((np.exp(5) + 2) / np.exp(5))]
    assert losses["present_loss"] == pytest.approx([present, 0], rel=1e-5)
    assert losses["count_loss"] == pytest.approx(counts, rel=1e-4)
    assert losses["color_loss"].tolist() == [0, 0]
    assert losses["loss"] == pytest.approx([present + counts[0], counts[1]], rel=1e-4)
    assert means["present_loss"] == pytest.approx(present, rel=1e-5)
    assert means["count_loss"] == pytest.approx(np.mean(counts), rel=1e-5)
    assert means["color_loss"] == 0
    assert means["loss"] == pytest.approx(present + np.mean(counts), rel=1e-5)


def test_an_example_without_a_label_gets_no_gradient_of_its_head():
    slopes = gradient(lambda logits: _batch_means(_task(), logits, LABELS)["loss"], LOGITS)
    assert np.isfinite(slopes).all()
    assert not slopes[1, :2].any()
    assert slopes[0, :2].all()
    assert slopes[:, 2:5].all()
    assert not slopes[:, 5:].any()
    assert slopes[0, :2] == pytest.approx([(0.5 - 1) / 2, (0.75 - 1) / 2], rel=1e-5)  # one labelled example


def test_all_data_at_once_take_the_mean_over_the_labelled_ones():
    """The mean over both examples, each counted 1/2, and a padding row that counts 0."""
    filled = {name: np.concatenate([value, value[-1:]]) for name, value in LABELS.items()}
    logits, weights = np.concatenate([LOGITS, LOGITS[-1:]]), np.array([0.5, 0.5, 0], "float32")
    total = _Total(weights)
    sums = _task().means(_task().compare(logits, filled, None), filled, total)
    found = divided(total.weight, sums)
    expected = _numbers(_batch_means(_task(), LOGITS, LABELS))
    for name, value in _numbers(found).items():
        assert value == pytest.approx(expected[name], rel=1e-6), name


def test_it_is_coupled_where_a_label_is_missing():
    assert _task().coupled(LABELS)
    assert not _task(heads=["count"]).coupled(LABELS)


def test_one_head_is_the_single_task():
    """The same numbers as the tasks for one label, and as that head among several."""
    alone = _task(heads=["count"])
    assert alone.outputs() == 3
    logits, labels = LOGITS[:, 2:5], LABELS["count"]
    single = TASKS.build("classification", _renamed())
    expected = _numbers(single.compare(logits, {"label": labels}, None))["loss"]
    found = _numbers(alone.compare(logits, {"count": labels}, None))
    assert found["loss"] == pytest.approx(expected, rel=1e-6)
    assert found["count_loss"] == pytest.approx(_numbers(_task().compare(LOGITS, LABELS, None))["count_loss"])
    scores = alone.scores({"count": labels}, _numbers(alone.decode(logits)), {})
    assert scores == {"count_accuracy": 1.0, "mean_score": 1.0}


def _renamed():
    fields = {**vars(CARD), "class_names": ("0", "1", "2"), "arrays": {**CARD.arrays, "label": CARD.arrays["count"]}}
    return Card(**fields)


def test_answers_and_scores_by_hand():
    task = _task()
    answers = _numbers(task.decode(LOGITS))
    assert answers["present"].tolist() == [[0, 1], [1, 0]]
    assert answers["present"].dtype == "uint8"
    assert answers["count"].tolist() == [1, 0]
    assert answers["color"].tolist() == [0, 1]
    truth = {**LABELS, "color": np.array([1, 1], "int32")}
    scores = task.scores(truth, answers, {})
    # of the first example alone: "round" is missed (F1 0), "star" found (F1 1)
    assert scores == pytest.approx({"present_f1": 0.5, "count_accuracy": 1, "color_accuracy": 0.5, "mean_score": 2 / 3})


def test_it_compiles():
    task = _task()
    found = compiled(lambda x: task.compare(x["logits"], x["labels"], None), {"logits": LOGITS, "labels": LABELS})
    assert found["loss"].shape == (2,)
    assert np.isfinite(found["loss"]).all()


def test_the_trunk_is_asked_for_the_logits_of_all_heads():
    task = _task(heads=["color", "present"])
    network = build_network({"name": "lenet5", "maps": (2, 3), "units": (8,)}, (16, 16, 1), task.outputs())
    assert network.output_shape == (None, 4)
    assert task.heads[1].of(LOGITS).tolist() == LOGITS[:, 2:4].tolist()


@pytest.mark.parametrize(
    ("heads", "why"),
    [
        (["count", "count"], "twice"),
        (["boxes"], "has no boxes"),
        (["image"], "does not name its classes. Choose among: present, label, count, color"),
    ],
)
def test_heads_that_cannot_be_are_refused(heads, why):
    with pytest.raises(UserError, match=why):
        _task(heads=heads)


def test_no_heads_are_refused_when_params_are_read():
    with pytest.raises(UserError, match="heads"):
        TASKS.resolve({"name": "multi_task", "heads": []})


@pytest.mark.parametrize(("name", "row"), [("count", 3), ("count", -2), ("present", [1, 255]), ("color", 2)])
def test_the_first_label_out_of_range_is_named(name, row):
    labels = {key: value.copy() for key, value in LABELS.items()}
    labels["color"][:] = 0
    labels[name][1] = row
    with pytest.raises(UserError, match=rf"{name} .* in example 1"):
        _task().arrays(labels)


def test_a_head_that_no_example_has_is_refused():
    with pytest.raises(UserError, match="no example of a split has the label color"):
        _task().arrays(LABELS)


def test_the_picture_shows_every_head():
    random = np.random.default_rng(0)
    truth = {"present": random.integers(2, size=(5, 2)), "count": np.array([0, 1, 2, 1, 0])}
    kept = {"input": random.integers(256, size=(5, 8, 8, 3)).astype("uint8"), "class_names": np.array(CARD.class_names)}
    kept |= {f"target_{name}": value for name, value in truth.items()}
    kept |= {f"prediction_{name}": np.roll(value, 1, axis=0) for name, value in truth.items()}
    kept |= {f"all_target_{name}": value for name, value in truth.items() if value.ndim == 1}
    kept["count_names"] = np.array(CARD.label_names["count"])
    bars, gallery = PICTURES["multi_task"](kept)
    lengths = [bar.get_width() for bar in bars.figure.axes[0].patches]
    assert lengths[1] == pytest.approx((truth["count"] == np.roll(truth["count"], 1)).mean())
    assert "✗ 0 (1)" in gallery.figure.axes[1].get_title()
