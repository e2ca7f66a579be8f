"""Average precision of masks against pycocotools, to the last digit: crowds, difficult objects, nothing at all."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from archbench.metrics.coco import AREAS, precisions
from archbench.metrics.instances import compare_masks, mask_average_precisions, pasted, true_masks

KINDS, SIDE = 3, 120
DIFFICULT = -1.0
"""An area outside of every range: pycocotools has no other way to ignore an object that is no crowd."""


def _discs(random, images: int, objects: int, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks uint8 (image, object, height, width) of ellipses, and the boxes that they fill."""
    corner = random.integers(0, SIDE - 20, (images, objects, 2))
    boxes = np.concatenate([corner, corner + random.integers(6, largest, corner.shape)], axis=-1).astype("float32")
    middles = np.stack(np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5, indexing="ij"))
    first, last = boxes[..., :2, None, None], boxes[..., 2:, None, None]
    return (np.square((middles - (first + last) / 2) / ((last - first) / 2)).sum(axis=2) <= 1).astype("uint8"), boxes


def _case(seed: int, largest: int, ignored: bool) -> tuple[dict, dict]:
    """Objects, some of them ignored, an image without any, one without detections, and scores that are often equal."""
    random, images = np.random.default_rng(seed), 12
    masks, boxes = _discs(random, images, 4, largest)
    targets = {"masks": masks, "box_label": random.integers(-1, KINDS, (images, 4))}
    targets["box_label"][0] = -1
    near = boxes
    if ignored:
        targets["ignored_masks"], further = _discs(random, images, 2, largest)
        targets["ignored_label"] = random.integers(-1, KINDS, (images, 2))
        targets["ignored_crowd"] = random.integers(0, 2, (images, 2)).astype("uint8")
        near = np.concatenate([boxes, further], axis=1)
    count = 2 * near.shape[1]
    said = np.repeat(near, 2, axis=1) + random.integers(-3, 4, (images, count, 4)).astype("float32")
    said[..., 2:] = np.maximum(said[..., 2:], said[..., :2] + 1)
    label = random.integers(-1, KINDS, (images, count))
    label[1] = -1
    patch = np.square(np.linspace(-1, 1, 9))
    mask = np.where(patch[:, None] + patch <= 1 + 0.3 * random.random((images, count, 1, 1)), 255, 0).astype("uint8")
    score = np.where(label >= 0, np.round(random.random((images, count)), 1), 0).astype("float32")
    return targets, {"boxes": said, "label": label, "score": score, "mask": mask}


def _row(rows: list, image: int, kind: int, mask: np.ndarray, **more) -> None:
    code = run_lengths.encode(np.asfortranarray(mask.astype("uint8")))
    row = {"id": len(rows) + 1, "image_id": image + 1, "category_id": int(kind) + 1, "iscrowd": 0, **more}
    told = {"segmentation": code, "area": float(run_lengths.area(code)), "bbox": run_lengths.toBbox(code).tolist()}
    rows.append({**told, **row})


def _coco(rows: list[dict], images: int) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": number, "height": SIDE, "width": SIDE} for number in range(1, images + 1)],
        "categories": [{"id": number} for number in range(1, KINDS + 1)],
        "annotations": rows,
    }
    coco.createIndex()
    return coco


def _reference(targets: dict, predictions: dict) -> np.ndarray:
    """pycocotools' precision (threshold, recall, class, area) of masks."""
    truth, found, images = [], [], len(targets["box_label"])
    for image in range(images):
        for place in np.flatnonzero(targets["box_label"][image] >= 0):
            _row(truth, image, targets["box_label"][image, place], true_masks(targets, image)[place])
        for place in np.flatnonzero(targets.get("ignored_label", np.zeros((images, 0)))[image] >= 0):
            more = {"iscrowd": 1} if targets["ignored_crowd"][image, place] else {"area": DIFFICULT}
            _row(truth, image, targets["ignored_label"][image, place], targets["ignored_masks"][image, place], **more)
        there = np.flatnonzero(predictions["label"][image] >= 0)
        drawn = pasted(predictions["mask"][image, there], predictions["boxes"][image, there], (SIDE, SIDE))
        for place, mask in zip(there, drawn, strict=True):
            score = float(predictions["score"][image, place])
            _row(found, image, predictions["label"][image, place], mask, score=score)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_coco(truth, images), _coco(found, images), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][..., -1]


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("largest", [20, 50, 118])
def test_precision_of_masks_is_pycocotools_to_the_last_digit(largest, ignored):
    targets, predictions = _case(largest, largest, ignored)
    expected = _reference(targets, predictions)
    found = precisions(compare_masks(targets, predictions))
    assert found.shape == expected.shape == (10, 101, KINDS, len(AREAS))
    np.testing.assert_array_equal(found, expected)
    assert 0.05 < found[0].max() < 1.01
    means = mask_average_precisions(targets, predictions)
    for place, name in enumerate(("mask_map", "mask_map_small", "mask_map_medium", "mask_map_large")):
        values = expected[..., place]
        assert (name in means) == (values > -1).any()
        if name in means:
            assert means[name] == pytest.approx(values[values > -1].mean(), rel=1e-12), name
    assert means["mask_map_50"] == pytest.approx(expected[0, :, :, 0].mean(), rel=1e-12)


def test_masks_of_one_map_are_those_of_a_column():
    targets, predictions = _case(3, 50, ignored=False)
    number = np.arange(1, targets["masks"].shape[1] + 1)[:, None, None]
    instances = (targets["masks"] * number).max(axis=1)
    seen = (instances[:, None] == number).astype("uint8")  # what lies behind another object is hidden in a map
    found = [mask_average_precisions({"box_label": targets["box_label"], **one}, predictions) for one in (
        {"instances": instances}, {"masks": seen})]  # fmt: skip
    assert found[0] == found[1]


def test_ignored_masks_are_neither_to_be_found_nor_wrong_to_be_found():
    """By hand: one object and its hit; three small masks inside a large crowd; one on a difficult one."""
    masks = np.zeros((3, SIDE, SIDE), "uint8")
    boxes = np.array([(0, 0, 10, 10), (40, 40, 90, 90), (0, 100, 10, 110)], "float32")
    for mask, (top, left, bottom, right) in zip(masks, boxes.astype(int), strict=True):
        mask[top:bottom, left:right] = 1
    targets = {
        "box_label": np.array([[0]]),
        "masks": masks[None, :1],
        "ignored_masks": masks[None, 1:],
        "ignored_label": np.array([[0, 0]]),
        "ignored_crowd": np.array([[1, 0]], "uint8"),
    }
    inside = np.array([(41, 41, 51, 51), (60, 60, 70, 80), (50, 70, 58, 78)], "float32")
    said = {
        "boxes": np.concatenate([inside, boxes[2:], boxes[:1]])[None],
        "label": np.zeros((1, 5), int),
        "score": np.array([[0.9, 0.8, 0.7, 0.6, 0.5]], "float32"),
        "mask": np.full((1, 5, 4, 4), 255, "uint8"),
    }
    assert mask_average_precisions(targets, said)["mask_map"] == pytest.approx(1.0)
    plain = {name: values for name, values in targets.items() if not name.startswith("ignored")}
    assert mask_average_precisions(plain, said)["mask_map"] == pytest.approx(1 / 5)
