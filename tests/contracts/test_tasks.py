"""Every task: losses an example, predictions a batch, scores a split, through XLA; wrong data are refused."""

import types

import keras
import numpy as np
import pytest
from keras import ops

from archbench.catalogue import WrongOption
from archbench.datasets import columns
from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.tasks import TASKS
from archbench.tasks.base import Direct
from archbench.tasks.segmentation import central_crop
from archbench.training import feed as feeding
from archbench.training.build import build_learner, build_task
from archbench.training.program import Learner, Program
from archbench.training.split import open_split
from smoke_data import smoke, spec

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
    "labels": ((5,), "int32"),
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


def _parts(outputs) -> dict[str, types.SimpleNamespace]:
    """The parts of a network whose outputs have these shapes."""
    symbols = keras.tree.map_structure(lambda x: keras.KerasTensor((None, *x.shape[1:])), outputs)
    return {"network": types.SimpleNamespace(output=symbols)}


def _bench(name: str, examples: int = 6) -> tuple[Learner, Program, dict]:
    """A small network of a task with its program, and its tiny data set."""
    card, arrays = smoke(name, examples=examples)
    entry = TASKS[name]
    settings = {
        "architecture": spec(entry.facts["smoke"]),
        "task": {"name": name},
        "parts": {},
        "precision": "float32",
        "preprocessing": {"name": entry.facts.get("preprocessing", "standardize")},
        "augmentation": [],
        "optimizer": {"name": "adam"},
        "clip": None,
        "batch_size": 2,
    }
    task = build_task(settings, card)
    learner = build_learner(settings, card, task, seed=0)
    task.learn(arrays, learner.parts)
    return learner, Program(learner, xla=keras.backend.backend() == "jax"), arrays


def _scores(program: Program, arrays: dict, least_batch: int, resident: bool = True) -> dict[str, float]:
    kept = 10**9 if resident else 0
    split = open_split(program, arrays, batch_size=2, resident_bytes=kept, group=None)
    return split.scores(least_batch)[0]


@pytest.mark.parametrize("name", ENTRIES)
def test_a_step_and_the_scores_of_its_own_small_network_on_its_own_small_data(name):
    learner, program, arrays = _bench(name)
    task = learner.task
    split = open_split(program, arrays, batch_size=2, resident_bytes=10**9, group=None)
    data, rows, count = next(split.first_chunks(0, 2, 3))
    logs = program.train(data, rows, count, np.full(len(rows), 1e-3), {})
    assert logs["finite"]
    assert logs["gradient_norm"] > 0
    results = split.answer("predictions", 4)
    losses = {key: value for key, value in results.items() if key.startswith("loss/")}
    assert {value.shape for value in losses.values()} == {(split.examples,)}
    assert {len(value) for value in results.values()} == {split.examples}
    scores, _ = split.judge(results)
    assert all(type(score) is float for score in scores.values())
    assert np.isfinite([scores["loss"], scores[task.monitor]]).all()
    assert {key.removeprefix("loss/") for key in losses} - {"weight"} <= scores.keys()
    if not task.predict_every:
        assert f"loss/{task.monitor}" in losses
    shown = split.show(np.array([3, 0]))
    assert {len(value) for value in shown.values()} <= {2}
    picked = task.picked(split.arrays, {k: v for k, v in results.items() if k not in losses}, 4)
    assert len(set(picked.tolist())) == len(picked) <= 4
    assert learner.task.calls().keys() <= learner.parts.keys()


@pytest.mark.parametrize("name", ENTRIES)
def test_a_task_says_which_of_its_scores_are_better_high(name):
    build = ENTRIES[name].build
    assert isinstance(build.monitor, str)
    assert isinstance(build.maximize, bool)


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
        ("multi_task", 8),
        ("sequence_labelling", 3),
    ],
)
def test_number_of_outputs(name, count):
    assert TASKS.build(name, _card()).outputs() == count


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
    task = TASKS.build("classification", _card())
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
    task.learn(_split(0), _parts(np.zeros((1, 8, 6, 4))))
    mask = np.zeros((1, SIDE, SIDE), "uint8")
    mask[0, 4:12, 5:11] = 1 + np.arange(48).reshape(8, 6) % 3
    logits = np.eye(4, dtype="float32")[mask[:, 4:12, 5:11]] * 30
    predictions = {k: ops.convert_to_numpy(v) for k, v in task.decode(logits).items()}
    assert predictions["mask"].dtype == "uint8"
    assert task.scores(task.arrays({"mask": mask}), predictions, {}) == {
        "mean_iou": 1.0,
        "pixel_accuracy": 1.0,
        "frequency_weighted_iou": 1.0,
        **{f"{kind}_class_iou": 1.0 for kind in KINDS},  # there is no background in the middle
    }
    assert float(ops.convert_to_numpy(task.compare(logits, {"mask": mask}, None)["loss"])[0]) < 1e-6


def test_central_crop_of_an_odd_margin():
    assert central_crop(np.arange(25).reshape(1, 5, 5), 2, 3).tolist() == [[[6, 7, 8], [11, 12, 13]]]


@pytest.mark.parametrize("shape", [(None, 17, 16, 4), (None, 4)])
def test_a_map_that_does_not_fit_the_mask_is_refused(shape):
    with pytest.raises(UserError, match="at most 16 x 16"):
        TASKS.build("segmentation", _card()).learn(_split(0), _parts(np.zeros((1, *shape[1:]))))


def test_sequence_regression_by_hand():
    task, targets = (
        TASKS.build("sequence_regression", _card()),
        {"target": np.array([[0.5, 0.5], [0.2, 0.2]], "float32")},
    )
    outputs = np.array([[0.53, 0.49], [0.2, 0.3]], "float32")
    losses = ops.convert_to_numpy(task.compare(outputs, targets, None)["loss"])
    assert losses == pytest.approx([(0.03**2 + 0.01**2) / 2, 0.1**2 / 2], rel=1e-4)
    predictions = {k: ops.convert_to_numpy(v) for k, v in task.decode(outputs).items()}
    expected = {"mse": (0.0009 + 0.0001 + 0.01) / 4, "mae": (0.03 + 0.01 + 0.1) / 4, "within_0.04": 0.5}
    assert task.scores(targets, predictions, {}) == pytest.approx(expected, rel=1e-4)


def test_sequence_labelling_by_hand():
    """Of three sequences the first asks twice, the second once, the third never; at -1 a logit counts for nothing."""
    task = TASKS.build("sequence_labelling", _card())
    labels = np.array([[-1, 0, 2], [1, -1, -1], [-1, -1, -1]], "int32")
    logits = np.zeros((3, 3, 3), "float32")
    logits[0, 1, 0], logits[0, 2, 1], logits[1, 0, 1], logits[:, 0, 2] = np.log(2), np.log(2), np.log(6), -50
    found = task.compare(logits, {"labels": labels}, None)
    losses = {name: ops.convert_to_numpy(value) for name, value in found.items()}
    assert losses["weight"].tolist() == [2, 1, 0]
    assert losses["loss"] == pytest.approx([(np.log(2) + np.log(4)) / 2, np.log(7 / 6), 0], rel=1e-5)
    predictions = {k: ops.convert_to_numpy(v) for k, v in task.decode(logits).items()}
    assert predictions["labels"].dtype == "int32"
    assert predictions["labels"][labels >= 0].tolist() == [0, 1, 1]
    found = task.scores({"labels": labels}, predictions, {})
    assert found == pytest.approx({"step_accuracy": 2 / 3, "whole_accuracy": 1 / 2})


def test_sequence_labelling_refuses_a_network_that_answers_once_and_labels_that_are_none():
    task = TASKS.build("sequence_labelling", _card())
    with pytest.raises(UserError, match=r"at every step .* gives \(None, 3\).*every_step: true"):
        task.learn({}, _parts(np.zeros((1, 3))))
    with pytest.raises(UserError, match="labels 3 in example 1"):
        task.arrays({"labels": np.array([[-1, 2], [0, 3]])})
    with pytest.raises(UserError, match="labels -2 in example 0"):
        task.arrays({"labels": np.array([[-2, 2], [0, 1]])})


# Evaluation


@pytest.mark.parametrize("name", ENTRIES)
def test_evaluation_does_not_depend_on_how_it_is_batched(name, monkeypatch):
    """23 examples: no batch but of 1 and 23 is full at the end."""
    monkeypatch.setattr(feeding, "EVALUATION_VALUES", 1)
    _, program, arrays = _bench(name, examples=23)
    whole = _scores(program, arrays, 23)
    order = np.random.default_rng(9).permutation(23)
    tries = [(arrays, 16, True), (arrays, 5, True), (arrays, 1, True), (arrays, 6, False)]
    tries.append(({key: columns.take(value, order) for key, value in arrays.items()}, 6, True))
    for split, least, resident in tries:
        found = _scores(program, split, least, resident)
        assert found == pytest.approx(whole, rel=1e-4, abs=1e-5), (least, resident)
        assert found.keys() == whole.keys()


def test_multi_task_losses_of_a_split_are_means_over_its_labelled_examples(monkeypatch):
    """In float64 by numpy, from the logits of the one layer."""
    monkeypatch.setattr(feeding, "EVALUATION_VALUES", 1)
    several = [_split(seed) for seed in range(4)]
    arrays = {key: np.concatenate([split[key] for split in several])[:23] for key in several[0]}
    arrays["present"][:15] = 255
    arrays["count"][3:9] = -1
    arrays["color"][np.arange(23) % 3 == 0] = -1
    task = TASKS.build("multi_task", _card())
    picture = keras.Input((SIDE, SIDE, 1), name="image")
    model = keras.Model(picture, keras.layers.Dense(8)(keras.layers.Flatten()(picture)))
    kernel, bias = (np.asarray(weight, float) for weight in model.get_weights())
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
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    program = Program(Learner(model, {}, {"network": model}, task, optimizer), xla=False)
    found = _scores(program, arrays, 16)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)
