"""Masks of objects: the loss against torchvision's, what is true of a region, and pasting back into the picture."""

import csv
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from archbench.datasets.columns import Runs
from archbench.errors import UserError
from archbench.layers.roi_align import roi_align
from archbench.metrics.instances import pasted
from archbench.tasks import TASKS
from archbench.tasks.instance_segmentation import true_masks
from backend import compiled, gradient
from references import torchvisions
from scenes import BATCH, HEIGHT, KINDS, OBJECTS, WIDTH, BoundParts, drawn_weights, scene_card

SIDE = 8
"""Of a predicted mask."""
SPEC = {"name": "mask_rcnn", "block": "basic", "blocks": (1, 1), "width": 4, "channels": 8, "hidden": 16, "pool": 3,
        "mask_pool": SIDE // 2, "mask_depth": 1}  # fmt: skip
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "mask_losses.csv").open()))
ALL = {"anchor_scale": [2], "proposals": 300, "canonical": 112, "sampled_anchors": 10_000, "sampled_regions": 1_000}


def _discs() -> np.ndarray:
    """The masks (picture, object, height, width) of ellipses that fill the boxes, each hidden by those before it."""
    middles = np.stack(np.meshgrid(np.arange(HEIGHT) + 0.5, np.arange(WIDTH) + 0.5, indexing="ij"))
    masks = np.zeros((3, OBJECTS, HEIGHT, WIDTH), bool)
    for image, row in np.argwhere(BATCH["box_label"] >= 0):
        first, last = BATCH["boxes"][image, row].reshape(2, 2)
        off = (middles - ((first + last) / 2)[:, None, None]) / ((last - first) / 2)[:, None, None]
        masks[image, row] = (np.square(off).sum(axis=0) <= 1) & ~masks[image].any(axis=0)
    return masks


MASKS = _discs()
INSTANCES = (MASKS * np.arange(1, OBJECTS + 1)[:, None, None]).sum(axis=1).astype("uint8")
SCENES = {**BATCH, "instances": INSTANCES}


@pytest.fixture(scope="module")
def parts():
    """A small network whose proposals stay near its anchors, so that some of them answer for an object."""
    made = drawn_weights(build_network(SPEC, (HEIGHT, WIDTH, 3), len(KINDS)).parts)
    shifts = next(layer for layer in made["rpn"].layers if getattr(layer, "filters", None) == 12)
    shifts.set_weights([0.1 * weight for weight in shifts.get_weights()])
    return made


def _task(parts, card=None, **options):
    card = card or scene_card(instances=([HEIGHT, WIDTH], "uint8"))
    task = TASKS.build({"name": "instance_segmentation", **ALL, **options}, card)
    task.learn({}, parts)
    return task


def _answers(task, parts, batch=SCENES):
    def all_of(x):
        net = BoundParts(parts)
        maps, _, proposed = task.proposed(net, x)
        boxes = ops.concatenate([proposed.boxes, x["boxes"]], axis=1)
        return {
            "losses": task.losses(net, x, 0),
            "found": task.predict(net, x, 0),
            "boxes": boxes,
            "there": proposed.labels >= 0,
            "read": task.read(maps, boxes, SIDE // 2),
        }

    return compiled(all_of, batch, xla=False)


@pytest.fixture(scope="module")
def answers(parts):
    return _answers(_task(parts), parts)


def _iou(first, second):
    top_left, bottom_right = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = np.prod(np.maximum(bottom_right - top_left, 0))
    return shared / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared)


def _cases(parts, answers):
    """Of each picture with objects the logits of the regions that answer for one, their kinds and true masks."""
    for image in (0, 1):
        objects = np.flatnonzero(BATCH["box_label"][image] >= 0)
        regions, rows = [], []
        there = np.concatenate([answers["there"][image], BATCH["box_label"][image] >= 0])
        for region in np.flatnonzero(there):
            found = [_iou(answers["boxes"][image, region], BATCH["boxes"][image, row]) for row in objects]
            if max(found) >= 0.5:
                regions.append(region)
                rows.append(objects[int(np.argmax(found))])
        assert len(regions) >= len(objects)
        boxes = answers["boxes"][image, regions]
        logits = ops.convert_to_numpy(parts["mask"](answers["read"][image, regions]))
        truth = [
            ops.convert_to_numpy(
                roi_align([MASKS[image, row, None, :, :, None].astype("float32")], box[None, None], SIDE, strides=(1,))
            )[0, 0, ..., 0]
            for row, box in zip(rows, boxes, strict=True)
        ]
        labels = BATCH["box_label"][image, rows].astype("int64") + 1
        yield str(len(objects)), {"masks": logits, "labels": labels, "truth": np.stack(truth)}


def test_the_loss_of_masks_is_torchvisions(parts, answers):
    cases = dict(_cases(parts, answers))
    assert len(cases["2"]["labels"]) > 2  # not the true boxes alone
    made = torchvisions("mask_loss", cases)
    for image, case in ((0, "2"), (1, "1")):
        assert answers["losses"]["masks"][image] == pytest.approx(float(made[case]["loss"]), rel=1e-4)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["objects"])
def test_the_loss_of_masks_is_the_golden_one(answers, row):
    image = (BATCH["box_label"] >= 0).sum(axis=1).tolist().index(int(row["objects"]))
    assert answers["losses"]["masks"][image] == pytest.approx(float(row["value"]), rel=1e-3, abs=1e-7)


def test_the_loss_is_the_sum_of_its_parts(answers):
    losses = answers["losses"]
    assert set(losses) == {"loss", "objectness", "rpn_boxes", "classes", "boxes", "masks"}
    np.testing.assert_allclose(losses["loss"], sum(losses[name] for name in set(losses) - {"loss"}), rtol=1e-5)


def test_a_mask_is_learnt_for_the_class_of_its_object_alone(parts):
    """No gradient reaches the masks of the other class, nor that of no object."""
    task = _task(parts)
    only_round = {**SCENES, "box_label": np.minimum(BATCH["box_label"], 0)}
    (last,) = [layer for layer in parts["mask"].layers if getattr(layer, "filters", None) == 1 + len(KINDS)]
    before = last.get_weights()

    def loss(change):
        last.set_weights([before[0], before[1] + np.array(change, "float32")])
        return compiled(lambda x: task.losses(BoundParts(parts), x, 0), only_round, xla=False)["masks"]

    plain = loss([0, 0, 0])
    np.testing.assert_allclose(loss([5, 0, 5]), plain, rtol=1e-5)
    assert (np.abs(loss([0, 1, 0]) - plain) > 1e-4)[:2].all()
    last.set_weights(before)


def test_the_masks_of_a_map_of_instances_and_of_a_column_of_masks_are_the_same(parts, answers):
    runs = Runs.of([mask[: (label >= 0).sum()] for mask, label in zip(MASKS, BATCH["box_label"], strict=True)],
                   (HEIGHT, WIDTH), longest=OBJECTS)  # fmt: skip
    card = scene_card(masks=([OBJECTS, HEIGHT, WIDTH], "uint8"))
    task = _task(parts, card)
    arrays = task.arrays({**BATCH, "masks": runs})
    batch = {**BATCH, "masks": np.asarray(arrays["masks"])}
    np.testing.assert_array_equal(ops.convert_to_numpy(true_masks(batch)), ops.convert_to_numpy(true_masks(SCENES)))
    found = _answers(task, parts, batch)
    np.testing.assert_allclose(found["losses"]["masks"], answers["losses"]["masks"], rtol=1e-5)
    scores = task.scores(arrays, found["found"], {})
    assert scores == pytest.approx(_task(parts).scores(SCENES, answers["found"], {}))
    assert set(scores) >= {"map", "map_50", "map_small", "mask_map", "mask_map_50"}


def test_masks_that_are_ignored_reach_the_scores(parts):
    """Every object is found, after a surer detection of the whole picture, which lies where an ignored mask does."""
    whole = np.tile(np.array([0, 0, HEIGHT, WIDTH], "float32"), (3, 1, 1))
    label = np.concatenate([np.zeros((3, 1), int), BATCH["box_label"]], axis=1)
    found = {
        "boxes": np.concatenate([whole, BATCH["boxes"]], axis=1),
        "label": label,
        "score": np.where(label >= 0, [0.9, *[0.5] * OBJECTS], 0.0),
        "mask": np.full((*label.shape, SIDE, SIDE), 255, "uint8"),
    }
    ignored = {
        "ignored_boxes": whole,
        "ignored_label": np.zeros((3, 1), int),
        "ignored_crowd": np.ones((3, 1), "uint8"),
        "ignored_masks": np.ones((3, 1, HEIGHT, WIDTH), "uint8"),
    }
    task = _task(parts)
    arrays = task.arrays({**SCENES, **ignored})
    assert "ignored_masks" not in task.arrays(SCENES)
    plain, eased = (task.scores(given, found, {})["mask_map_50"] for given in (SCENES, arrays))
    assert eased > plain + 0.1


def test_evaluation_does_not_depend_on_the_batch(parts):
    task = _task(parts, sampled_anchors=32, sampled_regions=8)
    whole = _answers(task, parts)["losses"]
    alone = _answers(task, parts, {name: array[1:2] for name, array in SCENES.items()})["losses"]
    for name, values in alone.items():
        assert values[0] == pytest.approx(whole[name][1], rel=1e-4), name


def test_a_predicted_mask_is_that_of_the_detected_class(parts, answers):
    found = answers["found"]
    assert found["mask"].shape == (3, 100, SIDE, SIDE)
    assert found["mask"].dtype == "uint8"
    there = np.flatnonzero(found["label"][0] >= 0)
    assert len(there) > 3
    maps = parts["features"](SCENES["image"])
    read = ops.convert_to_numpy(_task(parts).read(maps, found["boxes"], SIDE // 2))[0, there]
    logits = ops.convert_to_numpy(parts["mask"](read))
    expected = 255 / (1 + np.exp(-logits[np.arange(len(there)), ..., found["label"][0, there] + 1]))
    np.testing.assert_allclose(found["mask"][0, there].astype(float), expected, atol=0.51)


# Pasting


def test_a_full_mask_fills_its_box_and_half_of_it_half():
    masks = np.full((2, 4, 4), 255, "uint8")
    masks[1, :, 2:] = 0
    found = pasted(masks, np.array([(2, 3, 10, 11), (0, 8, 4, 16)], "float32"), (12, 16))
    expected = np.zeros((2, 12, 16), bool)
    expected[0, 2:10, 3:11] = True
    expected[1, 0:4, 8:12] = True
    np.testing.assert_array_equal(found, expected)


def test_what_roi_align_reads_of_a_mask_is_pasted_where_it_was():
    for image, row in np.argwhere(BATCH["box_label"] >= 0):
        mask, box = MASKS[image, row], BATCH["boxes"][image, row]
        grid = roi_align([mask[None, :, :, None].astype("float32")], box[None, None], 28, strides=(1,))
        grid = np.rint(255 * ops.convert_to_numpy(grid)[0, :, :, :, 0]).astype("uint8")
        (found,) = pasted(grid, box[None], (HEIGHT, WIDTH))
        assert (found & mask).sum() / (found | mask).sum() > 0.95


def test_a_box_past_the_border_and_no_masks_at_all():
    found = pasted(np.full((1, 2, 2), 255, "uint8"), np.array([(-4, -4, 4, 4)], "float32"), (6, 6))
    assert found[0, :4, :4].all()
    assert found.sum() == 16
    assert pasted(np.zeros((0, 2, 2), "uint8"), np.zeros((0, 4), "float32"), (6, 7)).shape == (0, 6, 7)


def test_what_a_user_gets_wrong_is_said(parts):
    with pytest.raises(UserError, match="has no instances, which instancesegmentation needs"):
        TASKS.build("instance_segmentation", scene_card())
    three = {name: part for name, part in parts.items() if name != "mask"}
    with pytest.raises(UserError, match="parts features, rpn, head, mask, but this one has: features, rpn, head"):
        _task(three)


def test_every_part_of_the_small_network_gets_a_gradient(parts):
    kernels = [weight for part in parts.values() for weight in part.trainable_weights if weight.name == "kernel"]
    task = _task(parts)

    def loss(values):
        with keras.StatelessScope(state_mapping=list(zip(kernels, values, strict=True))):
            return ops.sum(task.losses(BoundParts(parts), SCENES, 0)["loss"])

    for kernel, slope in zip(kernels, gradient(loss, [ops.convert_to_numpy(k) for k in kernels]), strict=True):
        assert np.isfinite(slope).all(), kernel.path
        assert slope.any(), kernel.path
