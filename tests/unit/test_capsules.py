"""Capsules: the paper's equations by hand, what the decoder may see, the tasks, and digits that overlap."""

import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network, outline
from archbench.architectures.profile import profile
from archbench.architectures.vision.capsnet import OneClassAlone, Routing, squash
from archbench.datasets import DATASETS
from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.tasks import TASKS
from backend import compiled, gradient

SMALL = {"name": "capsnet", "width": 8, "types": 2, "primary": 4, "dimension": 6, "hidden": (16,), "size": 3}


def test_squash_shortens_to_the_lengths_of_equation_1():
    vectors = np.array([[3.0, 4.0], [0.3, 0.4], [0, 0]], "float32")
    found = ops.convert_to_numpy(squash(vectors))
    expected = [[25 / 26 * 0.6, 25 / 26 * 0.8], [0.25 / 1.25 * 0.6, 0.25 / 1.25 * 0.8], [0, 0]]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_squash_has_a_gradient_at_zero():
    assert np.isfinite(gradient(lambda x: ops.sum(squash(x)), np.zeros((2, 3), "float32"))).all()


@pytest.mark.parametrize("routings", [1, 2, 3])
def test_routing_is_procedure_1_written_out(routings):
    random = np.random.default_rng(0)
    lower, classes, numbers, dimension = 5, 3, 4, 6
    layer = Routing(classes, dimension, routings, "zeros")
    x = random.normal(size=(2, lower, numbers)).astype("float32")
    layer.build(x.shape)
    matrices = random.normal(size=(lower, classes, numbers, dimension)).astype("float32")
    layer.kernel.assign(matrices)
    found = ops.convert_to_numpy(layer(x))
    for row in range(2):
        predictions = [[x[row, i] @ matrices[i, j] for j in range(classes)] for i in range(lower)]
        logits = np.zeros((lower, classes))
        for _ in range(routings):
            coupling = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)  # over the higher capsules
            sums = [sum(coupling[i, j] * predictions[i][j] for i in range(lower)) for j in range(classes)]
            output = [s * np.linalg.norm(s) / (1 + s @ s) for s in sums]
            logits = logits + [[predictions[i][j] @ output[j] for j in range(classes)] for i in range(lower)]
        np.testing.assert_allclose(found[row], output, rtol=1e-3, atol=1e-4)


def test_the_paper_routes_three_times():
    assert (
        next(layer for layer in outline("capsnet", (28, 28, 1), 10).layers if isinstance(layer, Routing)).routings == 3
    )


def test_the_paper_has_1152_capsules_of_8_numbers_and_multiply_adds_counted_by_hand():
    network = outline("capsnet", (28, 28, 1), 10)
    routing = next(layer for layer in network.layers if isinstance(layer, Routing))
    assert tuple(routing.kernel.shape) == (1152, 10, 8, 16)
    convolutions = 20 * 20 * 81 * 256 + 6 * 6 * 81 * 256 * 256
    capsules = 1152 * 10 * 16 * (8 + 3 + 2)
    decoder = 10 * (160 * 512 + 512 * 1024 + 1024 * 784)
    assert profile(network).multiply_adds == convolutions + capsules + decoder


def test_a_class_alone_is_its_capsule_among_zeros():
    x = np.arange(1, 7, dtype="float32").reshape(1, 3, 2)
    alone = ops.convert_to_numpy(OneClassAlone()(x))[0]
    assert alone.tolist() == [[1, 2, 0, 0, 0, 0], [0, 0, 3, 4, 0, 0], [0, 0, 0, 0, 5, 6]]


# Tasks


def _card(**changes):
    arrays = {
        "image": {"shape": [2, 2, 1], "dtype": "uint8"},
        "label": {"shape": [], "dtype": "int32"},
        "present": {"shape": [3], "dtype": "uint8"},
        "singles": {"shape": [2, 2, 2, 1], "dtype": "uint8"},
    }
    fields = {"name": "toy", "source": "", "licence": "", "input": "image", "arrays": arrays, "split_sizes": {}}
    statistics = {"minimum": [0.0], "maximum": [100.0]}
    return Card(**{**fields, "class_names": ("a", "b", "c"), "statistics": statistics, **changes})


def _numbers(values):
    return {name: ops.convert_to_numpy(value) for name, value in values.items()}


def _outputs():
    """Capsule b draws 3/4 everywhere, the others 1/2."""
    logits = np.zeros((1, 3, 2, 2, 1), "float32")
    logits[:, 1] = np.log(3)
    return {"length": np.array([[0.5, 0.8, 0.05]], "float32"), "reconstruction": logits}


def test_capsules_by_hand():
    task, outputs = TASKS.build("capsules", _card()), _outputs()
    inputs = np.ones((1, 2, 2, 1), "float32")
    right = _numbers(task.compare(outputs, {"label": np.array([1])}, inputs))
    assert right["margin"] == pytest.approx([0.1**2 + 0.5 * 0.4**2], rel=1e-4)
    assert right["reconstruction"] == pytest.approx([4 * 0.25**2], rel=1e-4)
    assert right["loss"] == pytest.approx(right["margin"] + 0.0005 * right["reconstruction"], rel=1e-5)
    assert right["accuracy"] == [1]
    wrong = _numbers(task.compare(outputs, {"label": np.array([0])}, inputs))
    assert wrong["margin"] == pytest.approx([0.4**2 + 0.5 * 0.7**2], rel=1e-4)
    assert wrong["reconstruction"] == pytest.approx(
        [4 * 0.5**2], rel=1e-4
    )  # as the true capsule draws, not the longest
    assert wrong["accuracy"] == [0]
    predictions = _numbers(task.decode(outputs))
    assert predictions["label"] == [1]
    assert predictions["confidence"] == pytest.approx([0.8])
    assert predictions["image"] == pytest.approx(np.full((1, 2, 2, 1), 0.75))
    scores = task.scores({"label": np.array([1])}, predictions, {})
    assert scores["accuracy"] == 1.0


def test_overlapping_capsules_by_hand():
    task, outputs = TASKS.build("overlapping_capsules", _card()), _outputs()
    singles = np.array([100, 50], "uint8")[None, :, None, None, None] * np.ones((1, 1, 2, 2, 1), "uint8")
    targets = task.arrays({"present": np.array([[0, 1, 1]]), "singles": singles})
    assert targets["shown"].tolist() == [[1, 2]]
    found = _numbers(task.compare(outputs, targets, None))
    assert found["margin"] == pytest.approx([0.1**2 + 0.85**2 + 0.5 * 0.4**2], rel=1e-4)
    assert found["reconstruction"] == pytest.approx([4 * 0.25**2 + 0], rel=1e-4)  # b draws 3/4 of 1, c 1/2 of 1/2
    assert found["loss"] == pytest.approx(found["margin"] + 0.0005 * found["reconstruction"], rel=1e-5)
    assert found["subset_accuracy"] == [0]
    predictions = _numbers(task.decode(outputs))
    assert predictions["present"].tolist() == [[1, 1, 0]]
    assert predictions["images"][0, :, 0, 0, 0] == pytest.approx([0.75, 0.5])
    scores = task.scores(targets, predictions, {})
    assert scores["subset_accuracy"] == 0.0
    assert scores["label_accuracy"] == pytest.approx(1 / 3)


def test_another_number_of_classes_than_singles_is_refused():
    task = TASKS.build("overlapping_capsules", _card())
    present, singles = np.array([[1, 1, 0], [1, 0, 0]]), np.zeros((2, 2, 2, 2, 1))
    with pytest.raises(UserError, match=r"Example 1 .* shows 1 classes, but its singles are of 2"):
        task.arrays({"present": present, "singles": singles})


def test_only_the_true_capsule_learns_to_draw():
    task, outputs = TASKS.build("capsules", _card()), _outputs()
    inputs = np.ones((1, 2, 2, 1), "float32")

    def drawn(logits):
        return ops.sum(task.compare({**outputs, "reconstruction": logits}, {"label": np.array([2])}, inputs)["loss"])

    slope = gradient(drawn, outputs["reconstruction"])
    assert [bool(np.any(part)) for part in slope[0]] == [False, False, True]


def test_a_network_and_its_tasks_fit_together_under_xla():
    network = build_network(SMALL, (8, 8, 1), 3)
    assert network.output["reconstruction"].shape == (None, 3, 8, 8, 1)
    card = _card()
    card.arrays["singles"]["shape"] = [2, 8, 8, 1]
    random = np.random.default_rng(0)
    x = random.random((4, 8, 8, 1), "float32")
    single = {"label": np.array([0, 1, 2, 1])}
    several = {
        "present": np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]], "uint8"),
        "shown": np.array([[0, 1], [1, 2], [0, 2], [0, 1]], "int32"),
        "singles": random.integers(0, 100, (4, 2, 8, 8, 1)).astype("uint8"),
    }
    for name, targets in (("capsules", single), ("overlapping_capsules", several)):
        task = TASKS.build(name, card)

        def step(arrays, task=task):
            outputs = network(arrays["x"], training=True)
            losses = task.compare(outputs, arrays["targets"], arrays["x"])
            return {"losses": losses, "found": task.decode(outputs), "outputs": outputs}

        found = compiled(step, {"x": x, "targets": targets})
        assert {part.shape for part in found["losses"].values()} == {(4,)}
        assert (found["outputs"]["length"] < 1).all()
        assert {len(part) for part in found["found"].values()} == {4}


# Digits that overlap


@pytest.fixture(scope="module")
def overlapping():
    return DATASETS.build({"name": "overlapping_digits", "examples": 400, "size": 18, "digit_size": 16}, None)


def test_an_overlapping_picture_is_the_sum_of_two_digits_of_different_classes(overlapping):
    arrays = overlapping.train
    assert arrays["image"].shape == (400, 18, 18, 1)
    assert (arrays["present"].sum(axis=1) == 2).all()
    np.testing.assert_array_equal(arrays["image"], np.clip(arrays["singles"].astype(int).sum(axis=1), 0, 255))
    assert len({arrays["image"][row].tobytes() for row in range(400)}) > 390


def test_every_single_is_a_digit_of_its_class_at_some_place(overlapping):
    digits = DATASETS.build({"name": "digits", "size": 16}, None).train
    known = {image.tobytes(): label for image, label in zip(digits["image"], digits["label"], strict=True)}
    places = set()
    for singles, present in zip(overlapping.train["singles"][:100], overlapping.train["present"], strict=False):
        for single, kind in zip(singles, np.flatnonzero(present), strict=True):
            found = {
                (top, left): known[cut]
                for top in range(3)
                for left in range(3)
                if (cut := single[top : top + 16, left : left + 16].tobytes()) in known
            }
            assert kind in found.values()
            places |= set(found)
    assert len(places) == 9


def test_groups_share_no_source_digit(overlapping):
    """The pictures of the same digit, wherever it was put, are in one group."""
    arrays = overlapping.train
    groups = {}
    for singles, group in zip(arrays["singles"], arrays["group"], strict=True):
        for single in singles:
            rows, columns = np.nonzero(single[..., 0])
            cut = single[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            groups.setdefault((cut.shape, cut.tobytes()), set()).add(int(group))
    assert all(len(found) == 1 for found in groups.values())
    assert np.bincount(arrays["group"]).tolist() == [20] * 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"examples": 50}, "multiple of 20; 50 was given. Try 40"),
        ({"digit_size": 21}, "digit_size must be a whole number from 8 to 20"),
        ({"size": 4}, "size cannot be 4. .* greater than or equal to 8"),
    ],
)
def test_impossible_canvases_are_answered(options, message):
    with pytest.raises(UserError, match=message):
        DATASETS.build({"name": "overlapping_digits", **options}, None)
