"""Average precision against pycocotools, to the last digit, and the arrays to COCO's format and back."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from archbench.metrics.coco import AREAS, compare_boxes, precisions
from archbench.metrics.detection import average_precision, average_precisions

KINDS = 3


def _boxes(random, *shape, side) -> np.ndarray:
    corner = random.integers(0, 60, (*shape, 2)).astype("float32")
    return np.concatenate([corner, corner + random.integers(4, side, (*shape, 2))], axis=-1).astype("float32")


def _case(seed: int, images: int = 30, side: int = 40, ignored: bool = True) -> tuple[dict, dict]:
    """Objects, crowds, difficult objects, empty images, and detections near them with scores that are often equal."""
    random = np.random.default_rng(seed)
    targets = {"boxes": _boxes(random, images, 4, side=side), "box_label": random.integers(-1, KINDS, (images, 4))}
    targets["box_label"][0] = -1
    near = targets["boxes"]
    if ignored:
        targets["ignored_boxes"] = _boxes(random, images, 2, side=side)
        targets["ignored_label"] = random.integers(-1, KINDS, (images, 2))
        targets["ignored_crowd"] = random.integers(0, 2, (images, 2)).astype("uint8")
        near = np.concatenate([near, targets["ignored_boxes"]], axis=1)
    count = 3 * near.shape[1]
    boxes = np.repeat(near, 3, axis=1) + random.integers(-4, 5, (images, count, 4)).astype("float32")
    boxes[..., 2:] = np.maximum(boxes[..., 2:], boxes[..., :2] + 1)
    label = random.integers(-1, KINDS, (images, count))
    label[1] = -1
    score = np.where(label >= 0, np.round(random.random((images, count)), 1), 0).astype("float32")
    return targets, {"boxes": boxes, "label": label, "score": score}


DIFFICULT = -1.0
"""An area outside of every range: pycocotools has no other way to ignore an object that is no crowd."""


def _row(number: int, image: int, kind: int, box: np.ndarray, **more) -> dict:
    top, left, bottom, right = (float(side) for side in box)
    sides = right - left, bottom - top
    row = {"id": number, "image_id": int(image) + 1, "category_id": kind + 1, "bbox": [left, top, *sides], "iscrowd": 0}
    return {**row, "area": sides[0] * sides[1], **more}


def _annotations(targets: dict) -> list[dict]:
    """The objects in COCO's format, those that are ignored among them."""
    rows = []
    for image, place in np.argwhere(targets["box_label"] >= 0):
        rows.append(_row(len(rows) + 1, image, int(targets["box_label"][image, place]), targets["boxes"][image, place]))
    for image, place in np.argwhere(targets.get("ignored_label", np.zeros((0, 0))) >= 0):
        crowd = int(targets["ignored_crowd"][image, place])
        more = {"iscrowd": 1} if crowd else {"area": DIFFICULT}
        box, kind = targets["ignored_boxes"][image, place], int(targets["ignored_label"][image, place])
        rows.append(_row(len(rows) + 1, image, kind, box, **more))
    return rows


def _results(predictions: dict) -> list[dict]:
    rows = []
    for image, place in np.argwhere(predictions["label"] >= 0):
        kind, score = int(predictions["label"][image, place]), float(predictions["score"][image, place])
        rows.append(_row(len(rows) + 1, image, kind, predictions["boxes"][image, place], score=score))
    return rows


def _coco(rows: list[dict], images: int) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": number} for number in range(1, images + 1)],
        "categories": [{"id": number} for number in range(1, KINDS + 1)],
        "annotations": rows,
    }
    coco.createIndex()
    return coco


def _reference(targets: dict, predictions: dict) -> np.ndarray:
    """pycocotools' precision (threshold, recall, class, area)."""
    images = len(targets["boxes"])
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_coco(_annotations(targets), images), _coco(_results(predictions), images), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][..., -1]


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_precision_is_pycocotools_to_the_last_digit(seed, ignored):
    targets, predictions = _case(seed, side=(12, 40, 140, 60)[seed], ignored=ignored)
    expected = _reference(targets, predictions)
    found = precisions(compare_boxes(targets, predictions))
    assert found.shape == expected.shape == (10, 101, KINDS, len(AREAS))
    np.testing.assert_array_equal(found, expected)
    assert 0 < found[0].max() < 1.01


def test_sizes_are_pycocotools():
    targets, predictions = _case(7, side=140)
    targets["box_label"][targets["box_label"] == 1] = -1  # a class that has ignored objects alone
    expected = _reference(targets, predictions)
    found = average_precisions(targets, predictions)
    assert set(found) == {"map", "map_50", "map_small", "map_medium", "map_large"}
    for place, name in enumerate(("map", "map_small", "map_medium", "map_large")):
        values = expected[..., place]
        assert found[name] == pytest.approx(values[values > -1].mean(), rel=1e-12), name
    assert found["map_50"] == pytest.approx(expected[0, :, [0, 2], 0].mean(), rel=1e-12)


def test_sizes_without_an_object_are_left_out():
    targets, predictions = _case(8, side=20, ignored=False)
    assert set(average_precisions(targets, predictions)) == {"map", "map_50", "map_small"}


@pytest.mark.parametrize("points", ["11", "all"])
def test_perfect_predictions_have_an_average_precision_of_one_and_empty_ones_of_zero(points):
    targets, _ = _case(9, side=140)
    perfect = {"boxes": targets["boxes"], "label": targets["box_label"], "score": np.ones(targets["box_label"].shape)}
    empty = {**perfect, "label": np.full(targets["box_label"].shape, -1)}
    none_wide = {name: value[:, :0] for name, value in perfect.items()}
    for predictions, value in ((perfect, 1.0), (empty, 0.0), (none_wide, 0.0)):
        assert set(average_precisions(targets, predictions).values()) == {value}
        assert average_precision(targets, predictions, points=points) == pytest.approx(value)


def test_what_is_ignored_is_no_mistake_and_no_hit():
    """By hand: one object and its hit; two detections inside a crowd; one on a difficult object, and a second."""
    box, crowd, hard = (0, 0, 10, 10), (0, 20, 40, 60), (20, 0, 30, 10)
    targets = {
        "boxes": np.array([[box]], "float32"),
        "box_label": np.array([[0]]),
        "ignored_boxes": np.array([[crowd, hard]], "float32"),
        "ignored_label": np.array([[0, 0]]),
        "ignored_crowd": np.array([[1, 0]], "uint8"),
    }
    inside = [(1, 21, 11, 31), (5, 30, 20, 50)]
    said = {
        "boxes": np.array([[*inside, hard, box, hard]], "float32"),
        "label": np.zeros((1, 5), int),
        "score": np.array([[0.9, 0.8, 0.7, 0.6, 0.5]], "float32"),
    }
    found = average_precisions(targets, said)  # the second on the difficult object comes after the hit
    assert found["map_50"] == pytest.approx(1.0)
    said["score"][0, 4] = 0.65  # and now before it: a difficult object takes one, a crowd any number
    assert average_precisions(targets, said)["map_50"] == pytest.approx(0.5)
    assert average_precision(targets, {name: value[:, 2:] for name, value in said.items()}) == pytest.approx(1.0)


def test_arrays_go_to_cocos_file_and_back(tmp_path):
    targets, _ = _case(10)
    path, images = tmp_path / "instances.json", len(targets["boxes"])
    path.write_text(json.dumps(_coco(_annotations(targets), images).dataset))
    with contextlib.redirect_stdout(io.StringIO()):
        read = COCO(str(path))
    back = {name: [[] for _ in range(images)] for name in ("boxes", "ignored", "crowd")}
    for one in read.loadAnns(read.getAnnIds()):
        left, top, width, height = one["bbox"]
        row = [top, left, top + height, left + width, one["category_id"] - 1]
        ignored = one["iscrowd"] or one["area"] == DIFFICULT
        back["ignored" if ignored else "boxes"][one["image_id"] - 1].append(row)
        if ignored:
            back["crowd"][one["image_id"] - 1].append(one["iscrowd"])
    for image in range(images):
        for kept, boxes, label in (("boxes", "boxes", "box_label"), ("ignored", "ignored_boxes", "ignored_label")):
            there = targets[label][image] >= 0
            expected = np.concatenate([targets[boxes][image][there], targets[label][image][there][:, None]], axis=1)
            np.testing.assert_array_equal(np.reshape(back[kept][image], (-1, 5)), expected)
        there = targets["ignored_label"][image] >= 0
        assert back["crowd"][image] == targets["ignored_crowd"][image][there].tolist()
    assert len(read.getAnnIds(imgIds=[1], iscrowd=False)) == sum(
        label >= 0 and not crowd
        for label, crowd in zip(targets["ignored_label"][0], targets["ignored_crowd"][0], strict=True)
    )


# Pascal VOC


def _voc_eval(targets, predictions, kind, threshold, points) -> float:
    """VOCdevkit's VOCevaldet.m, one detection at a time, on boxes that end where their last pixel does."""
    said = [
        (-float(predictions["score"][image, row]), image, row)
        for image, row in np.argwhere(predictions["label"] == kind)
    ]
    objects = {}
    for image in range(len(targets["boxes"])):
        told = list(zip(targets["boxes"][image], targets["box_label"][image], [False] * 9, strict=False))
        told += list(zip(targets["ignored_boxes"][image], targets["ignored_label"][image], [True] * 9, strict=False))
        objects[image] = [[box.astype(float), difficult, False] for box, label, difficult in told if label == kind]
    positives = sum(not one[1] for some in objects.values() for one in some)
    right, wrong = [], []
    for _, image, row in sorted(said, key=lambda one: one[0]):
        a, best, chosen = predictions["boxes"][image, row].astype(float), -1.0, None
        for one in objects[image]:
            b = one[0]
            height, width = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            if height > 0 and width > 0:
                sizes = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
                shared = height * width / (sizes - height * width)
                if shared > best:
                    best, chosen = shared, one
        hit = miss = 0
        if best >= threshold:
            if not chosen[1]:
                hit, miss = (0, 1) if chosen[2] else (1, 0)
                chosen[2] = True
        else:
            miss = 1
        right.append(hit)
        wrong.append(miss)
    right, wrong = np.cumsum(right), np.cumsum(wrong)
    recall, precision = right / positives, right / np.maximum(right + wrong, 1e-12)
    if points == "11":
        levels = [k / 10 - 1e-9 for k in range(11)]
        return float(np.mean([precision[recall >= level].max(initial=0) for level in levels]))
    recall, precision = np.concatenate([[0], recall, [1]]), np.concatenate([[0], precision, [0]])
    for place in range(len(precision) - 2, -1, -1):
        precision[place] = max(precision[place], precision[place + 1])
    steps = np.flatnonzero(recall[1:] != recall[:-1]) + 1
    return float(((recall[steps] - recall[steps - 1]) * precision[steps]).sum())


@pytest.mark.parametrize("points", ["11", "all"])
def test_average_precision_is_that_of_vocs_kit(points):
    for seed in range(4):
        targets, predictions = _case(20 + seed, side=30)
        expected = np.mean([_voc_eval(targets, predictions, kind, 0.5, points) for kind in range(KINDS)])
        assert average_precision(targets, predictions, points=points) == pytest.approx(expected, rel=1e-9)


def test_average_precision_by_hand():
    """Right, wrong, right, of three objects: precision 1 up to recall 1/3, 2/3 up to 2/3, then 0."""
    boxes = [(0, 0, 10, 10), (0, 20, 10, 30), (0, 40, 10, 50)]
    targets = {"boxes": np.array([boxes], "float32"), "box_label": np.zeros((1, 3), int)}
    said = {
        "boxes": np.array([[boxes[0], (30, 30, 40, 40), boxes[1]]], "float32"),
        "label": np.zeros((1, 3), int),
        "score": np.array([[0.9, 0.8, 0.7]]),
    }
    assert average_precision(targets, said) == pytest.approx(1 / 3 + 2 / 3 / 3)
    assert average_precision(targets, said, points="11") == pytest.approx((4 * 1 + 3 * 2 / 3) / 11)
    assert average_precision(targets, said, iou_threshold=0.9) == pytest.approx(1 / 3 + 2 / 3 / 3)
    said["boxes"][0, 2, 3] = 27.5
    assert average_precision(targets, said, iou_threshold=0.8) == pytest.approx(1 / 3)
