"""Every task: losses an example, predictions a batch, scores a split, through XLA; wrong data are refused."""

import types

import keras
import numpy as np
import pytest
from keras import ops

from archbench.catalogue import WrongOption
from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.tasks import TASKS
from archbench.tasks.base import Direct
from archbench.tasks.segmentation import central_crop
from archbench.training import feed as feeding
from archbench.training.feed import Feed
from archbench.training.program import Learner, Program
from archbench.training.split import Split
from backend import compiled

ENTRIES = {entry.name: entry for entry in TASKS if issubclass(entry.build, Direct)}
"""The tasks that call a network once; those that call its parts have tests of their own."""
COUNT, SIDE, KINDS = 6, 16, ("a", "b", "c")
ARRAYS = {
    "image": ((SIDE, SIDE, 1), "float32"),
    "label": ((), "int32"),
    "mask": ((SIDE, SIDE), "uint8"),
    "boxes": ((2, 4), "float32"),
    "box_label": ((2,), "int32"),
    "target": ((2,), "float32"),
    "present": ((3,), "uint8"),
    "singles": ((2, SIDE, SIDE, 1), "uint8"),
    "count": ((), "int32"),
    "color": ((), "int32"),
}


def _card(*, drop: tuple[str, ...] = (), **changes) -> Card:
    kept = {n: {"shape": list(s), "dtype": d} for n, (s, d) in ARRAYS.items() if n not in drop}
    fields = {"name": "toy", "source": "", "licence": "", "input": "image", "split_sizes": {}, "arrays": kept}
    fields["statistics"] = {"minimum": [0.0], "maximum": [1.0]}
    fields["label_names"] = {"count": ["0", "1", "2"], "color": ["red", "blue"]}
    return Card(**{**fields, "class_names": KINDS, **changes})


def _split(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    arrays = {name: np.zeros((COUNT, *shape), kind) for name, (shape, kind) in ARRAYS.items()}
    arrays["image"] += random.random(arrays["image"].shape, "float32")
    arrays["label"][:] = random.integers(3, size=COUNT)
    arrays["mask"][:] = random.integers(4, size=arrays["mask"].shape)
    arrays["boxes"][:] = (2, 2, 9, 12), (0, 0, 5, 4)
    arrays["box_label"][:] = random.integers(-1, 3, (COUNT, 2))
    arrays["box_label"][0] = 0, 1
    arrays["target"][:] = random.random((COUNT, 2))
    arrays["present"][:] = [[1, 1, 0], [0, 1, 1]] * (COUNT // 2)
    arrays["count"][:] = random.integers(3, size=COUNT)
    arrays["color"][:] = random.integers(2, size=COUNT)
    return arrays


SHAPES = {
    "binary": (1,),
    "multi_label": (3,),
    "multi_task": (8,),
    "capsules": (3, SIDE, SIDE, 1),
    "overlapping_capsules": (3, SIDE, SIDE, 1),
    "classification": (3,),
    "segmentation": (SIDE, SIDE, 4),
    "detection": (2, 2, 2, 8),
    "sequence_regression": (2,),
    "reconstruction": (SIDE, SIDE, 1),
}


def _outputs(name: str, seed: int):
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(COUNT, *SHAPES[name])).astype("float32")
    if name == "reconstruction":
        code = random.normal(size=(COUNT, 2)).astype("float32")
        return {"reconstruction": numbers, "kl": random.random(COUNT).astype("float32"), "code": code}
    if name.endswith("capsules"):
        return {"length": random.random((COUNT, 3), "float32"), "reconstruction": numbers}
    return numbers


def _suited(name: str) -> Card:
    return _card(class_names=KINDS[:2]) if name == "binary" else _card()


def _answering(symbols) -> dict[str, types.SimpleNamespace]:
    """The parts of a network that answers with these."""
    return {"network": types.SimpleNamespace(output=symbols)}


def _fitted(name: str, **options):
    task = TASKS.build({"name": name, **options}, _suited(name))
    symbols = keras.tree.map_structure(lambda x: keras.KerasTensor((None, *x.shape[1:])), _outputs(name, 0))
    task.learn(_split(0), _answering(symbols))
    return task


def test_every_task_is_tried():
    assert set(ENTRIES) == set(SHAPES)


@pytest.mark.parametrize("name", ENTRIES)
def test_losses_predictions_and_scores_in_a_compiled_program(name):
    task, split, outputs = _fitted(name), _split(1), _outputs(name, 2)
    if name == "binary":
        split["label"] %= 2
    targets = task.arrays(split)

    def step(x):
        return {
            "losses": task.compare(x["outputs"], x["targets"], x["image"]),
            "predictions": task.decode(x["outputs"]),
        }

    found = compiled(step, {"outputs": outputs, "targets": targets, "image": split["image"]})
    assert {part.shape for part in found["losses"].values()} == {(COUNT,)}
    assert np.isfinite(found["losses"]["loss"]).all()
    assert {len(part) for part in found["predictions"].values()} == {COUNT}
    scores = task.scores(targets, found["predictions"], {})
    assert all(type(score) is float for score in scores.values())
    assert task.monitor in {**scores, **found["losses"]}


@pytest.mark.parametrize("name", [name for name in ENTRIES if ENTRIES[name].build.needs])
def test_a_data_set_without_what_a_task_needs_is_refused(name):
    missing = ENTRIES[name].build.needs[0]
    with pytest.raises(UserError, match=f"'toy' has no {missing}"):
        TASKS.build(name, _card(drop=(missing,)))


@pytest.mark.parametrize("name", ["classification", "segmentation", "detection"])
def test_a_data_set_without_class_names_is_refused(name):
    with pytest.raises(UserError, match="names no classes"):
        TASKS.build(name, _card(class_names=()))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("classification", 3),
        ("segmentation", 4),
        ("detection", 3),
        ("sequence_regression", 2),
        ("reconstruction", 1),
        ("binary", 1),
        ("multi_label", 3),
        ("multi_task", 8),
        ("capsules", 3),
        ("overlapping_capsules", 3),
    ],
)
def test_number_of_outputs(name, count):
    assert TASKS.build(name, _suited(name)).outputs() == count


@pytest.mark.parametrize(
    ("name", "array", "wrong"),
    [("classification", "label", 3), ("segmentation", "mask", 4), ("detection", "box_label", 3)],
)
def test_the_first_label_out_of_range_is_named(name, array, wrong):
    split = _split(0)
    split[array][2:] = wrong
    with pytest.raises(UserError, match=f"{array} {wrong} in example 2"):
        TASKS.build(name, _card()).arrays(split)


def test_a_negative_label_is_out_of_range():
    split = _split(0)
    split["label"][4] = -1
    with pytest.raises(UserError, match="label -1 in example 4"):
        TASKS.build("classification", _card()).arrays(split)


def test_an_unknown_option_is_refused():
    with pytest.raises(WrongOption, match=r"no option 'los'\. Did you mean loss"):
        TASKS.build({"name": "classification", "los": "focal"}, _card())


def test_classification_by_hand():
    task = _fitted("classification")
    logits, targets = np.array([[np.log(3), 0, -100], [0, 5, 0]], "float32"), {"label": np.array([1, 1])}
    losses = task.compare(logits, targets, None)
    assert ops.convert_to_numpy(losses["loss"]) == pytest.approx([np.log(4), np.log(np.exp(5) + 2) - 5], rel=1e-5)
    assert ops.convert_to_numpy(losses["accuracy"]).tolist() == [0, 1]
    predictions = {k: ops.convert_to_numpy(v) for k, v in task.decode(logits).items()}
    assert predictions["label"].tolist() == [0, 1]
    assert predictions["label"].dtype == "int32"
    assert predictions["confidence"] == pytest.approx([0.75, np.exp(5) / (np.exp(5) + 2)])
    by_hand = {"accuracy": 0.5, "f1": (0 + 2 / 3) / 2, "precision": 0.5, "recall": 0.25}
    assert task.scores(targets, predictions, {}) == pytest.approx(by_hand)


def test_a_smaller_map_is_compared_with_the_middle_of_the_mask():
    task = TASKS.build("segmentation", _card())
    task.learn(_split(0), _answering(keras.KerasTensor((None, 8, 6, 4))))
    mask = np.zeros((1, SIDE, SIDE), "uint8")
    mask[0, 4:12, 5:11] = 1 + np.arange(48).reshape(8, 6) % 3
    logits = np.eye(4, dtype="float32")[mask[:, 4:12, 5:11]] * 30
    predictions = {k: ops.convert_to_numpy(v) for k, v in task.decode(logits).items()}
    assert predictions["mask"].dtype == "uint8"
    assert task.scores(task.arrays({"mask": mask}), predictions, {}) == {
        "mean_iou": 1.0,
        "pixel_accuracy": 1.0,
        "frequency_weighted_iou": 1.0,
    }
    assert float(ops.convert_to_numpy(task.compare(logits, {"mask": mask}, None)["loss"])[0]) < 1e-6


def test_central_crop_of_an_odd_margin():
    assert central_crop(np.arange(25).reshape(1, 5, 5), 2, 3).tolist() == [[[6, 7, 8], [11, 12, 13]]]


@pytest.mark.parametrize("shape", [(None, 17, 16, 4), (None, 4)])
def test_a_map_that_does_not_fit_the_mask_is_refused(shape):
    with pytest.raises(UserError, match="at most 16 x 16"):
        TASKS.build("segmentation", _card()).learn(_split(0), _answering(keras.KerasTensor(shape)))


def test_sequence_regression_by_hand():
    task, targets = _fitted("sequence_regression"), {"target": np.array([[0.5, 0.5], [0.2, 0.2]], "float32")}
    outputs = np.array([[0.53, 0.49], [0.2, 0.3]], "float32")
    losses = ops.convert_to_numpy(task.compare(outputs, targets, None)["loss"])
    assert losses == pytest.approx([(0.03**2 + 0.01**2) / 2, 0.1**2 / 2], rel=1e-4)
    predictions = {k: ops.convert_to_numpy(v) for k, v in task.decode(outputs).items()}
    expected = {"mse": (0.0009 + 0.0001 + 0.01) / 4, "mae": (0.03 + 0.01 + 0.1) / 4, "within_0.04": 0.5}
    assert task.scores(targets, predictions, {}) == pytest.approx(expected, rel=1e-4)


def test_reconstruction_by_hand():
    task = _fitted("reconstruction")
    inputs = np.array([1, 0], "float32").reshape(1, 1, 2, 1)
    outputs = {
        "reconstruction": np.array([0, np.log(3)], "float32").reshape(1, 1, 2, 1),
        "kl": np.array([0.5], "float32"),
    }
    losses = {k: float(ops.convert_to_numpy(v)[0]) for k, v in task.compare(outputs, {}, inputs).items()}
    expected = {
        "loss": np.log(2) + np.log(4) + 0.5,
        "reconstruction": np.log(2) + np.log(4),
        "kl": 0.5,
        "mse": (0.25 + 0.5625) / 2,
    }
    assert losses == pytest.approx(expected, rel=1e-5)
    assert ops.convert_to_numpy(task.decode(outputs)["image"]).ravel() == pytest.approx([0.5, 0.75])
    assert list(task.arrays(_split(0))) == ["noise"]


# Evaluation


def _evaluated(name: str, arrays: dict[str, np.ndarray], least_batch: int, resident: bool = True):
    """Scores and losses of a split under a network of one layer, in batches of so many."""
    task, outputs = _fitted(name), _outputs(name, 0)
    keras.utils.set_random_seed(4)
    picture = keras.Input((SIDE, SIDE, 1), name="image")
    flat = keras.layers.Flatten()(picture)
    layer = lambda x: keras.layers.Reshape(x.shape[1:])(keras.layers.Dense(x[0].size)(flat))  # noqa: E731
    model = keras.Model(picture, keras.tree.map_structure(layer, outputs))
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    program = Program(Learner(model, {}, {"network": model}, task, optimizer), xla=False)
    targets = task.arrays(arrays)
    feed = Feed(program, {"image": arrays["image"], **targets}, 10**9 if resident else 0)
    return Split(program, [feed], targets, arrays).scores(least_batch)[0]


def _split_with_missing_labels(name: str) -> dict[str, np.ndarray]:
    """23 examples: no batch but of 1 and 23 is full at the end, and there the last example has its labels."""
    several = [_split(seed) for seed in range(4)]
    arrays = {key: np.concatenate([split[key] for split in several])[:23] for key in several[0]}
    if name == "binary":
        arrays["label"] %= 2
    if name == "multi_task":
        arrays["present"][:15] = 255
        arrays["count"][3:9] = -1
        arrays["color"][np.arange(23) % 3 == 0] = -1
    return arrays


@pytest.mark.parametrize("name", ENTRIES)
def test_evaluation_does_not_depend_on_how_it_is_batched(name, monkeypatch):
    monkeypatch.setattr(feeding, "EVALUATION_VALUES", 1)
    arrays = _split_with_missing_labels(name)
    whole = _evaluated(name, arrays, 23)
    order = np.random.default_rng(9).permutation(23)
    permuted = {key: value[order] for key, value in arrays.items()}
    for split, least, resident in (
        (arrays, 16, True), (arrays, 5, True), (arrays, 1, True), (arrays, 6, False), (permuted, 6, True)
    ):  # fmt: skip
        found = _evaluated(name, split, least, resident)
        assert found == pytest.approx(whole, rel=1e-6), (least, resident)
        assert found.keys() == whole.keys()


def test_multi_task_losses_of_a_split_are_means_over_its_labelled_examples(monkeypatch):
    """In float64 by numpy, from the logits of the one layer."""
    monkeypatch.setattr(feeding, "EVALUATION_VALUES", 1)
    arrays = _split_with_missing_labels("multi_task")
    keras.utils.set_random_seed(4)
    dense = keras.layers.Dense(8)
    dense.build((None, SIDE * SIDE))
    kernel, bias = (np.asarray(weight, float) for weight in dense.get_weights())
    logits = arrays["image"].reshape(23, -1).astype(float) @ kernel + bias
    expected = {}
    has = arrays["present"][:, 0] != 255
    truth, scores = arrays["present"][has].astype(float), logits[has, :3]
    expected["present_loss"] = np.mean(np.logaddexp(0, scores) - truth * scores)
    for head, first, width in (("count", 3, 3), ("color", 6, 2)):
        has = arrays[head] >= 0
        scores = logits[has, first : first + width]
        nats = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(has.sum()), arrays[head][has]]
        expected[f"{head}_loss"] = nats.mean()
    expected["loss"] = sum(expected.values())
    found = _evaluated("multi_task", arrays, 16)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)
