"""Every loss: one number an example, lowest at the perfect answer, finite far out, and right by hand."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.errors import UserError
from archbench.losses import LOSSES
from backend import gradient
from completeness import check_rows
from yolo_cases import FORMS, objects, perfect

ENTRIES = {entry.name: entry for entry in LOSSES}
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "loss_values.csv").open()))
BATCH, CLASSES = 5, 4


def _map(function, value):
    """`function` on an array, or on each array of a dictionary."""
    return {k: function(v) for k, v in value.items()} if isinstance(value, dict) else function(value)


def _case(values: str, random: np.random.Generator) -> tuple:
    """Targets, the perfect outputs, and a random mistake to add to them, for what a loss compares."""
    if values == "numbers":
        targets = random.normal(size=(BATCH, 3, 2))
        return targets, targets, random.normal(size=targets.shape)
    if values == "labels":
        targets = random.integers(CLASSES, size=(BATCH, 3))
        logits = np.eye(CLASSES)[targets] * 60 - 30  # a sigmoid of each is as sure as the softmax of all
        return targets, logits, random.normal(size=logits.shape) - logits  # too near for the margin of a hinge
    if values == "boxes":
        corner = random.uniform(0, 9, (BATCH, 3, 2))
        targets = np.concatenate([corner, corner + random.uniform(1, 5, (BATCH, 3, 2))], axis=-1)
        return targets, targets, random.normal(size=targets.shape)
    if values in FORMS:
        targets = objects(random, BATCH)
        said = perfect(values, targets)
        return targets, said, _map(lambda x: random.normal(size=x.shape), said)
    if values == "signs":
        targets = random.choice([-1.0, 1.0], size=(BATCH, 3, 2))
        return targets, 30 * targets, random.normal(size=targets.shape) * 3 - 30 * targets
    targets = random.integers(2, size=(BATCH, 3, 2)).astype(float)
    logits = targets * 60 - 30
    mistake = random.normal(size=logits.shape) * 3 - logits
    if values == "shares":
        return targets, logits, mistake
    assert values == "shares and code"
    code = {"reconstruction": logits, "kl": np.zeros(BATCH)}
    return targets, code, {"reconstruction": mistake, "kl": random.uniform(0, 3, BATCH)}


def _loss(entry, targets, outputs) -> np.ndarray:
    to_tensor = lambda x: ops.convert_to_tensor(np.asarray(x, "float32"))  # noqa: E731
    return ops.convert_to_numpy(entry(_map(ops.convert_to_tensor, targets), _map(to_tensor, outputs)))


def _add(outputs, mistake):
    if isinstance(outputs, dict):
        return {name: outputs[name] + mistake[name] for name in outputs}
    return outputs + mistake


@pytest.mark.parametrize("name", ENTRIES)
def test_is_lowest_at_the_perfect_answer_for_every_example(name):
    random = np.random.default_rng(0)
    for _ in range(10):
        targets, perfect, mistake = _case(ENTRIES[name].facts["values"], random)
        best = _loss(ENTRIES[name], targets, perfect)
        worse = _loss(ENTRIES[name], targets, _add(perfect, mistake))
        assert best.shape == worse.shape == (BATCH,)
        assert best == pytest.approx(np.zeros(BATCH), abs=1e-5)
        assert (worse > best).all()


@pytest.mark.parametrize("name", ENTRIES)
def test_examples_do_not_mix(name):
    targets, perfect, mistake = _case(ENTRIES[name].facts["values"], np.random.default_rng(1))
    outputs = _add(perfect, mistake)
    together = _loss(ENTRIES[name], targets, outputs)
    one = [lambda x, i=i: x[i : i + 1] for i in range(BATCH)]
    alone = [_loss(ENTRIES[name], _map(own, targets), _map(own, outputs)) for own in one]
    assert together == pytest.approx(np.concatenate(alone), rel=1e-5)


@pytest.mark.parametrize("far", [1e4, -1e4])
@pytest.mark.parametrize("name", ENTRIES)
def test_value_and_gradient_are_finite_far_out(name, far):
    targets, perfect, _ = _case(ENTRIES[name].facts["values"], np.random.default_rng(2))
    signs = lambda x: far * np.where(np.arange(x.size).reshape(x.shape) % 2, 1, -1).astype("float32")  # noqa: E731
    outputs = _map(signs, perfect)
    assert np.isfinite(_loss(ENTRIES[name], targets, outputs)).all()
    slope = gradient(lambda x: ops.sum(ENTRIES[name](_map(ops.convert_to_tensor, targets), x)), outputs)
    assert all(np.isfinite(part).all() for part in keras.tree.flatten(slope))


@pytest.mark.parametrize("name", ENTRIES)
def test_gradient_points_away_from_the_answer(name):
    targets, perfect, mistake = _case(ENTRIES[name].facts["values"], np.random.default_rng(3))
    near = _map(
        lambda x: np.asarray(x, "float32"),
        _add(_map(lambda x: x / 20, perfect), _map(lambda x: x / 20, mistake)),
    )
    if ENTRIES[name].facts["values"] == "boxes":
        near = (perfect + mistake / 20).astype("float32")
    value = lambda x: ops.sum(ENTRIES[name](_map(ops.convert_to_tensor, targets), x))  # noqa: E731
    slope = gradient(value, near)
    step = 1e-3 / max(np.abs(part).max() for part in keras.tree.flatten(slope))
    moved = keras.tree.map_structure(lambda x, g: x - step * g, near, slope)
    assert float(value(keras.tree.map_structure(ops.convert_to_tensor, moved))) < float(
        value(keras.tree.map_structure(ops.convert_to_tensor, near))
    )


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["loss"] + row["options"])
def test_value_by_hand(row):
    entry, options = ENTRIES[row["loss"]], json.loads(row["options"])
    outputs = _map(lambda x: np.asarray(x, "float32"), json.loads(row["outputs"]))
    targets = _map(ops.convert_to_tensor, json.loads(row["targets"]))
    value = entry(targets, _map(ops.convert_to_tensor, outputs), **options)
    assert ops.convert_to_numpy(value) == pytest.approx([float(row["value"])], rel=1e-6)


def test_every_loss_has_a_value_by_hand():
    told = "loss, options, targets, outputs and its value"
    check_rows(set(ENTRIES), {row["loss"] for row in GOLDEN}, "loss_values.csv", told)


def test_half_precision_outputs_are_summed_in_single_precision():
    targets = np.zeros((1, 70_000), "float16")  # the sum, 70,000 ln 2, is no half-precision number
    outputs = {
        "reconstruction": ops.convert_to_tensor(targets),
        "kl": ops.convert_to_tensor(np.zeros(1, "float16")),
    }
    assert _loss_float(ENTRIES["elbo"](targets, outputs)) == pytest.approx(70_000 * np.log(2), rel=1e-5)


def _loss_float(value) -> float:
    return float(ops.convert_to_numpy(value)[0])


SCORES = [name for name, entry in ENTRIES.items() if entry.facts.get("over") == "scores"]


def test_the_losses_of_class_scores():
    assert SCORES == ["cross_entropy", "focal", "multiclass_hinge", "squared_hinge"]


@pytest.mark.parametrize("name", SCORES)
def test_a_distribution_without_doubt_is_a_label(name):
    targets, perfect, mistake = _case("labels", np.random.default_rng(4))
    outputs = _add(perfect, mistake)
    certain = np.eye(CLASSES, dtype="float32")[targets]
    expected = _loss(ENTRIES[name], targets, outputs)
    assert _loss(ENTRIES[name], certain, outputs) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", SCORES)
def test_a_distribution_costs_what_its_labels_cost_on_average(name):
    random = np.random.default_rng(5)
    outputs, shares = random.normal(size=(BATCH, CLASSES)) * 3, random.dirichlet(np.ones(CLASSES), BATCH)
    each = np.stack([_loss(ENTRIES[name], np.full(BATCH, label), outputs) for label in range(CLASSES)], axis=1)
    found = _loss(ENTRIES[name], shares.astype("float32"), outputs)
    assert found == pytest.approx((shares * each).sum(axis=1), rel=1e-5)


@pytest.mark.parametrize("squared", [False, True])
def test_multiclass_hinge_equals_the_sum_over_classes_written_out(squared):
    random = np.random.default_rng(7)
    scores, labels = random.normal(size=(20, 6)) * 2, random.integers(6, size=20)
    expected = [
        sum(max(0.0, s[j] - s[y] + 1) ** (2 if squared else 1) for j in range(6) if j != y)
        for s, y in zip(scores, labels, strict=True)
    ]
    found = _loss(ENTRIES["squared_hinge" if squared else "multiclass_hinge"], labels, scores)
    assert found == pytest.approx(np.array(expected), rel=1e-5)


def test_hinge_is_zero_where_all_other_scores_are_far_below():
    scores = np.array([[-5.0, -9.0, -9.0]])  # where Keras's CategoricalHinge is 6
    assert _loss(ENTRIES["multiclass_hinge"], np.array([0]), scores).tolist() == [0]


def test_focal_without_focus_is_half_the_binary_cross_entropy():
    random = np.random.default_rng(8)
    scores, labels = random.normal(size=(7, CLASSES)) * 3, random.integers(CLASSES, size=7)
    half = ENTRIES["focal"](
        ops.convert_to_tensor(labels), ops.convert_to_tensor(scores.astype("float32")), gamma=0.0, alpha=0.5
    )
    binary = _loss(ENTRIES["binary_cross_entropy"], np.eye(CLASSES)[labels], scores)  # a mean, not a sum, over classes
    assert ops.convert_to_numpy(half) == pytest.approx(binary * CLASSES / 2, rel=1e-5)


def test_focal_equals_keras_with_class_balancing():
    random = np.random.default_rng(9)
    scores, labels = random.normal(size=(7, CLASSES)).astype("float32"), random.integers(CLASSES, size=7)
    reference = keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True, alpha=0.25, gamma=2.0, from_logits=True, reduction=None
    )
    expected = ops.convert_to_numpy(reference(np.eye(CLASSES, dtype="float32")[labels], scores))
    assert _loss(ENTRIES["focal"], labels, scores) == pytest.approx(expected * CLASSES, rel=1e-4)


def test_log_loss_is_the_binary_cross_entropy_of_signs():
    random = np.random.default_rng(10)
    signs, scores = random.choice([-1.0, 1.0], size=(BATCH, 3)), random.normal(size=(BATCH, 3)) * 4
    expected = _loss(ENTRIES["binary_cross_entropy"], (1 + signs) / 2, scores)
    assert _loss(ENTRIES["log_loss"], signs, scores) == pytest.approx(expected, rel=1e-5)


def test_rmse_at_the_answer_has_no_slope():
    targets = np.array([[1.0, 2.0], [0.0, 0.0]])
    outputs = np.array([[1, 2], [3, 3]], "float32")
    slope = gradient(lambda x: ops.sum(ENTRIES["rmse"](ops.convert_to_tensor(targets), x)), outputs)
    assert slope == pytest.approx(np.array([[0, 0], [0.5, 0.5]]))


def test_dice_of_an_empty_mask():
    empty = np.zeros((2, 4))
    outputs = np.array([[-30.0] * 4, [30.0] * 4])
    assert _loss(ENTRIES["dice"], empty, outputs) == pytest.approx([0, 1], abs=1e-5)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"name": "focal", "gamma": -1.0}, "gamma cannot be -1.0"),
        ({"name": "focal", "alpha": 1.5}, "alpha cannot be 1.5"),
        ({"name": "smooth_l1", "delta": 0.0}, "delta cannot be 0.0"),
        ({"name": "dice", "smooth": -1.0}, "smooth cannot be -1.0"),
    ],
)
def test_numbers_that_make_no_loss_are_refused(spec, says):
    with pytest.raises(UserError, match=says):
        LOSSES.resolve(spec)
