"""Every metric: equal to the reference library or to a value by hand, on ordinary and on lopsided data."""

import csv
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as reference

from archbench.errors import UserError
from archbench.metrics import METRICS, confusion, directions
from archbench.metrics.confusion import confusion_matrix, precision_and_recall
from archbench.metrics.detection import average_precisions
from archbench.metrics.instances import mask_average_precisions

ENTRIES = {entry.name: entry for entry in METRICS}
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "metric_values.csv").open()))
LABELS = {
    "accuracy": reference.accuracy_score,
    "precision": lambda t, p: reference.precision_score(t, p, average="macro"),
    "recall": lambda t, p: reference.recall_score(t, p, average="macro"),
    "f1": lambda t, p: reference.f1_score(t, p, average="macro"),
    "pixel_accuracy": reference.accuracy_score,
    "pixel_error": reference.zero_one_loss,
    "mean_iou": lambda t, p: reference.jaccard_score(t, p, average="macro"),
    "frequency_weighted_iou": lambda t, p: reference.jaccard_score(t, p, average="weighted"),
}
NUMBERS = {
    "mse": reference.mean_squared_error,
    "mae": reference.mean_absolute_error,
    "within": lambda t, p: np.mean(
        [all(abs(a - b) < 0.04 for a, b in zip(x, y, strict=True)) for x, y in zip(t, p, strict=True)]
    ),
}
SCORES = {"top_k", "roc_auc"}
ENDS = ("", "_50", "_small", "_medium", "_large")
DETECTIONS = {"average_precision", *(f"{of}map{end}" for of in ("", "mask_") for end in ENDS)}
"""Held by hand, below, in unit/test_coco.py and in unit/test_mask_precisions.py."""


def _call(name, targets, predictions):
    entry = ENTRIES[name]
    return entry(targets, predictions, **entry.facts.get("smoke", {}))


def test_every_metric_has_a_reference():
    kinds = {name: {e.name for e in METRICS if e.facts["values"] == name} for name in ("labels", "numbers", "scores")}
    assert kinds == {"labels": {*LABELS, "class_iou", "confusion_matrix"}, "numbers": set(NUMBERS), "scores": SCORES}
    assert set(ENTRIES) >= DETECTIONS


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["metric"] + row["options"] + row["targets"])
def test_value_by_hand(row):
    targets, predictions = np.array(json.loads(row["targets"])), np.array(json.loads(row["predictions"]))
    size = (1 + max(targets.max(), predictions.max()),) if row["metric"] == "confusion_matrix" else ()
    found = ENTRIES[row["metric"]](targets, predictions, *size, **json.loads(row["options"]))
    assert found == pytest.approx(np.array(json.loads(row["value"])))


def test_every_metric_of_labels_numbers_scores_tokens_maps_and_ranks_has_a_value_by_hand():
    kinds = "labels", "numbers", "scores", "tokens", "maps", "ranks"
    wanted = {entry.name for entry in METRICS if entry.facts["values"] in kinds}
    assert {row["metric"] for row in GOLDEN} == wanted


@pytest.mark.parametrize("name", LABELS)
def test_labels_equal_scikit_learn(name):
    random = np.random.default_rng(0)
    for classes in (2, 5):
        targets = random.integers(classes, size=300)
        predictions = np.where(random.random(300) < 0.6, targets, random.integers(classes, size=300))
        assert _call(name, targets, predictions) == pytest.approx(LABELS[name](targets, predictions))


@pytest.mark.parametrize("name", LABELS)
def test_labels_with_classes_that_are_only_true_only_predicted_or_neither(name):
    targets, predictions = np.array([0, 0, 1, 1, 1, 4]), np.array([0, 2, 1, 1, 0, 0])
    with warnings.catch_warnings(action="ignore"):  # scikit-learn says that a class was never predicted
        expected = LABELS[name](targets, predictions)
    assert _call(name, targets, predictions) == pytest.approx(expected)


@pytest.mark.parametrize("label", range(6))
def test_the_iou_of_one_class_is_scikit_learns(label):
    targets, predictions = np.array([0, 0, 1, 1, 1, 4]), np.array([0, 2, 1, 1, 0, 0])
    there = label in targets or label in predictions
    expected = reference.jaccard_score(targets, predictions, labels=[label], average=None)[0] if there else np.nan
    np.testing.assert_array_equal(ENTRIES["class_iou"](targets, predictions, label=label), expected)


def test_a_confusion_matrix_is_counted_in_pieces(monkeypatch):
    monkeypatch.setattr(confusion, "AT_ONCE", 7)
    targets, predictions = np.random.default_rng(0).integers(3, size=(2, 5, 10))
    expected = reference.confusion_matrix(targets.ravel(), predictions.ravel())
    assert (confusion_matrix(targets, predictions, 3) == expected).all()


def test_mean_iou_by_hand():
    targets = np.array([[[0, 0], [1, 1]]], "uint8")
    predictions = np.array([[[0, 1], [1, 1]]], "uint8")
    assert _call("mean_iou", targets, predictions) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert _call("frequency_weighted_iou", targets, predictions) == pytest.approx(0.5 * 1 / 2 + 0.5 * 2 / 3)


@pytest.mark.parametrize("name", LABELS)
def test_small_label_types_do_not_overflow(name):
    targets = np.full((2, 40, 40), 200, "uint8")
    assert _call(name, targets, targets.copy()) == float(directions()[name])  # no error, or all of a share


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_equal_the_reference(name):
    random = np.random.default_rng(0)
    targets = random.normal(size=(200, 2)).astype("float32")
    predictions = targets + random.normal(size=(200, 2)).astype("float32") * 0.05
    assert _call(name, targets, predictions) == pytest.approx(NUMBERS[name](targets, predictions), rel=1e-6)


@pytest.mark.parametrize("name", ["accuracy", "pixel_accuracy", "pixel_error", *NUMBERS])
def test_one_pass_equals_several_batches(name):
    random = np.random.default_rng(1)
    if name in NUMBERS:
        targets, predictions = random.normal(size=(90, 1)), random.normal(size=(90, 1))
    else:
        targets, predictions = random.integers(3, size=(2, 90))
    parts = [slice(0, 10), slice(10, 50), slice(50, 90)]
    batches = [_call(name, targets[part], predictions[part]) for part in parts]
    assert _call(name, targets, predictions) == pytest.approx(np.average(batches, weights=[10, 40, 40]))


def test_confusion_matrix_adds_up_over_batches_and_equals_scikit_learn():
    targets, predictions = np.random.default_rng(2).integers(4, size=(2, 100))
    whole = confusion_matrix(targets, predictions, 4)
    halves = [confusion_matrix(targets[part], predictions[part], 4) for part in (slice(0, 30), slice(30, 100))]
    assert (whole == sum(halves)).all()
    assert (whole == reference.confusion_matrix(targets, predictions)).all()


def test_precision_and_recall_of_every_class_equal_scikit_learn():
    targets, predictions = np.random.default_rng(3).integers(5, size=(2, 200))
    precision, recall = precision_and_recall(targets, predictions, 5)
    assert precision == pytest.approx(reference.precision_score(targets, predictions, average=None))
    assert recall == pytest.approx(reference.recall_score(targets, predictions, average=None))


def test_precision_and_recall_of_a_class_without_examples():
    precision, recall = precision_and_recall(np.array([0, 0, 1]), np.array([0, 2, 0]), 4)
    assert precision == pytest.approx([0.5, np.nan, 0, np.nan], nan_ok=True)
    assert recall == pytest.approx([0.5, 0, np.nan, np.nan], nan_ok=True)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_equals_scikit_learn(k, ties):
    random = np.random.default_rng(4)
    targets, scores = random.integers(6, size=300), random.normal(size=(300, 6))
    scores = np.round(scores) if ties else scores
    expected = reference.top_k_accuracy_score(targets, scores, k=k, labels=range(6))
    assert ENTRIES["top_k"](targets, scores, k=k) == pytest.approx(expected)


def test_top_k_of_few_classes_is_one():
    assert ENTRIES["top_k"](np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])) == 1.0


@pytest.mark.parametrize("ties", [False, True])
def test_area_under_the_curve_equals_scikit_learn(ties):
    random = np.random.default_rng(5)
    targets, scores = random.integers(2, size=400), random.normal(size=400)
    scores = np.round(scores + targets) if ties else scores + targets
    assert ENTRIES["roc_auc"](targets, scores) == pytest.approx(reference.roc_auc_score(targets, scores))


@pytest.mark.parametrize("ties", [False, True])
def test_one_against_the_rest_equals_scikit_learn(ties):
    random = np.random.default_rng(6)
    targets = random.integers(4, size=400)
    shares = random.dirichlet(np.ones(4), 400) + np.eye(4)[targets] * 0.3
    shares = np.round(shares * 5) + 1 if ties else shares
    shares /= shares.sum(axis=1, keepdims=True)
    expected = reference.roc_auc_score(targets, shares, multi_class="ovr", average="macro")
    assert ENTRIES["roc_auc"](targets, shares) == pytest.approx(expected)


def test_a_class_without_a_curve_does_not_count():
    targets, scores = np.array([0, 0, 2, 2]), np.array([[0.9, 0, 0.1], [0.2, 0, 0.8], [0.3, 0, 0.7], [0.1, 0, 0.9]])
    each = [reference.roc_auc_score(targets == number, scores[:, number]) for number in (0, 2)]
    assert ENTRIES["roc_auc"](targets, scores) == pytest.approx(np.mean(each))
    assert np.isnan(ENTRIES["roc_auc"](np.zeros(3, int), np.arange(3.0)))


def test_ranking_in_one_pass_equals_several_batches():
    random = np.random.default_rng(7)
    targets, scores = random.integers(6, size=90), random.normal(size=(90, 6))
    parts = [slice(0, 10), slice(10, 50), slice(50, 90)]
    batches = [ENTRIES["top_k"](targets[part], scores[part], k=2) for part in parts]
    assert ENTRIES["top_k"](targets, scores, k=2) == pytest.approx(np.average(batches, weights=[10, 40, 40]))


@pytest.mark.parametrize("k", [0, -1, 1.5])
def test_a_k_that_is_no_count_is_refused(k):
    with pytest.raises(UserError, match=f"k cannot be {k}"):
        METRICS.resolve({"name": "top_k", "k": k})


@pytest.mark.parametrize("name", ["exact_match", "token_accuracy"])
def test_metrics_of_tokens_do_not_depend_on_how_wide_rows_are_padded(name):
    targets = np.array([[3, 4, 2, 0, 0], [3, 2, 0, 0, 0], [2, 0, 0, 0, 0]])
    predictions = np.array([[3, 4, 2], [4, 2, 0], [2, 0, 0]])
    value = _call(name, targets, predictions)
    assert value == _call(name, targets[:, :3], predictions)
    assert value == pytest.approx({"exact_match": 2 / 3, "token_accuracy": 5 / 6}[name])


def test_tokens_that_are_none():
    nothing = np.zeros((2, 0), int)
    assert _call("exact_match", nothing, nothing) == 1.0
    assert _call("exact_match", nothing, np.array([[0, 0], [0, 3]])) == 0.5
    assert np.isnan(_call("token_accuracy", nothing, nothing))


def _targets(*images):
    """Each image a list of (box, label), padded to three rows."""
    boxes, labels = np.zeros((len(images), 3, 4), "float32"), np.full((len(images), 3), -1)
    for image, rows in enumerate(images):
        for row, (box, label) in enumerate(rows):
            boxes[image, row], labels[image, row] = box, label
    return {"boxes": boxes, "box_label": labels}


def _predictions(*images):
    """Each image a list of (box, label, score), padded to three rows."""
    found = _targets(*([row[:2] for row in rows] for rows in images))
    scores = np.zeros(found["box_label"].shape, "float32")
    for image, rows in enumerate(images):
        scores[image, : len(rows)] = [row[2] for row in rows]
    return {"boxes": found["boxes"], "label": found["box_label"], "score": scores}


A, B, FAR = (0, 0, 10, 10), (20, 30, 30, 50), (50, 50, 60, 60)


def test_average_precision_by_hand():
    # Right at .9, wrong at .8, right at .7: precision 1 up to recall 1/2 (51 of COCO's 101 points), then 2/3.
    targets = _targets([(A, 0)], [(B, 0)])
    predictions = _predictions([(A, 0, 0.9), (FAR, 0, 0.8)], [(B, 0, 0.7)])
    expected = (51 + 50 * 2 / 3) / 101
    found = average_precisions(targets, predictions)
    assert found == pytest.approx({"map": expected, "map_50": expected, "map_small": expected})
    assert _call("map", targets, predictions) == pytest.approx(expected)
    assert _call("map_50", targets, predictions) == pytest.approx(expected)
    assert ENTRIES["map_small"](targets, predictions, size="small") == pytest.approx(expected)
    assert np.isnan(ENTRIES["map_large"](targets, predictions, size="large"))


def test_a_loose_box_counts_only_up_to_its_iou():
    # IoU .77: a hit at .50, .55, .60, .65, .70 and .75 of ten thresholds.
    found = average_precisions(_targets([(A, 0)]), _predictions([((0, 0, 10, 7.7), 0, 0.5)]))
    assert found == pytest.approx({"map": 0.6, "map_50": 1.0, "map_small": 0.6})


def test_a_box_far_from_the_corner_is_no_larger_than_it_is():
    """COCO's boxes are a corner and two sides: with two corners, far boxes would cover most of each other."""
    beside = (20, 35, 30, 55)  # B moved by a quarter of its width: IoU 3/5
    found = average_precisions(_targets([(B, 0)]), _predictions([(beside, 0, 0.5)]))
    assert found == pytest.approx({"map": 0.3, "map_50": 1.0, "map_small": 0.3}, rel=1e-6)  # a hit at .50, .55 and .60


def test_sides_are_not_swapped():
    tall, wide = (0, 0, 20, 10), (0, 0, 10, 20)  # they share 100 of 300: IoU 1/3
    assert average_precisions(_targets([(tall, 0)]), _predictions([(tall, 0, 0.5)]))["map_50"] > 0.999
    assert average_precisions(_targets([(tall, 0)]), _predictions([(wide, 0, 0.5)]))["map_50"] == 0.0


def test_classes_are_averaged_and_absent_ones_do_not_count():
    # Class 0 found, class 2 found under the wrong label, class 1 nowhere true.
    targets = _targets([(A, 0), (B, 2)])
    assert average_precisions(targets, _predictions([(A, 0, 0.9), (B, 1, 0.8)]))["map_50"] == pytest.approx(0.5)


def test_the_second_hit_of_one_object_is_a_mistake():
    # Right at .9, again at .8, the other object at .7.
    targets = _targets([(A, 0), (B, 0)])
    found = average_precisions(targets, _predictions([(A, 0, 0.9), (A, 0, 0.8), (B, 0, 0.7)]))
    assert found["map_50"] == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_nothing_found_and_nothing_there(capsys):
    nothing = _predictions([])
    assert average_precisions(_targets([(A, 0)]), nothing) == {"map": 0.0, "map_50": 0.0, "map_small": 0.0}
    assert np.isnan(average_precisions(_targets([]), _predictions([(A, 0, 0.9)]))["map"])
    average_precisions(_targets([(A, 0)]), _predictions([(A, 0, 0.9)]))
    assert capsys.readouterr().out == ""


def _mask_targets(*images):
    """Each image a list of (box, label): masks that fill their boxes in a picture of 60 by 60, as one map."""
    found = _targets(*images)
    instances = np.zeros((len(images), 60, 60), "uint8")
    for image, rows in enumerate(images):
        for row, ((top, left, bottom, right), _) in enumerate(rows):
            instances[image, top:bottom, left:right] = row + 1
    return {"box_label": found["box_label"], "instances": instances}


def _mask_predictions(*images):
    """Each image a list of (box, label, score, filled share of the box from above, in quarters)."""
    found = _predictions(*([row[:3] for row in rows] for rows in images))
    mask = np.zeros((*found["label"].shape, 4, 4), "uint8")
    for image, rows in enumerate(images):
        for row, one in enumerate(rows):
            mask[image, row, : one[3]] = 255
    return {**found, "mask": mask}


def test_average_precision_of_masks_by_hand():
    # Right at .9, wrong at .8, right at .7, as with boxes: precision 1 up to recall 1/2, then 2/3.
    targets = _mask_targets([(A, 0)], [(B, 0)])
    predictions = _mask_predictions([(A, 0, 0.9, 4), (FAR, 0, 0.8, 4)], [(B, 0, 0.7, 4)])
    expected = (51 + 50 * 2 / 3) / 101
    every = {"mask_map": expected, "mask_map_50": expected, "mask_map_small": expected}
    assert mask_average_precisions(targets, predictions) == pytest.approx(every)
    of_size = {"mask_map_small": {"size": "small"}}
    found = {name: ENTRIES[name](targets, predictions, **of_size.get(name, {})) for name in every}
    assert found == pytest.approx(every)
    assert np.isnan(ENTRIES["mask_map_large"](targets, predictions, size="large"))


def test_a_mask_counts_by_its_own_iou_and_not_by_that_of_its_box():
    """The box is right, the mask is its upper three quarters: a hit at .50 to .75, or its upper half, at .50 alone."""
    square = (8, 4, 24, 20)
    for quarters, hits in ((4, 10), (3, 6), (2, 1), (1, 0)):
        found = mask_average_precisions(_mask_targets([(square, 0)]), _mask_predictions([(square, 0, 0.5, quarters)]))
        mean = hits / 10
        expected = {"mask_map": mean, "mask_map_50": float(hits > 0), "mask_map_small": mean}
        assert found == pytest.approx(expected, abs=1e-9), quarters


def test_masks_that_overlap_are_told_in_a_column_of_their_own():
    masks = np.zeros((1, 3, 60, 60), "uint8")
    masks[0, 0, 0:10, 0:10], masks[0, 1, 0:10, 0:10] = 1, 1
    targets = {"box_label": np.array([[0, 1, -1]]), "masks": masks}
    predictions = _mask_predictions([(A, 0, 0.9, 4), (A, 1, 0.8, 4)])
    found = mask_average_precisions(targets, predictions)
    assert found == pytest.approx(dict.fromkeys(found, 1.0))


def test_no_mask_found_and_none_there(capsys):
    nothing = _mask_predictions([])
    assert set(mask_average_precisions(_mask_targets([(A, 0)]), nothing).values()) == {0.0}
    assert np.isnan(mask_average_precisions(_mask_targets([]), _mask_predictions([(A, 0, 0.9, 4)]))["mask_map"])
    mask_average_precisions(_mask_targets([(A, 0)]), _mask_predictions([(A, 0, 0.9, 4)]))
    assert capsys.readouterr().out == ""
