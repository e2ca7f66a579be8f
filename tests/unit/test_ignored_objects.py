"""What a data set ignores, difficult objects and crowds: nothing to learn, and moved with its picture."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from archbench.layers import regions
from archbench.tasks import TASKS
from archbench.tasks.second_stage import Truth, excused, truth_of
from augmented import batch_of, run
from backend import compiled, gradient
from scenes import BATCH, HEIGHT, KINDS, WIDTH, BoundParts, drawn_weights, scene_card

SPEC = {"name": "faster_rcnn_fpn", "block": "basic", "blocks": (1, 1), "width": 4, "channels": 8, "hidden": 16,
        "pool": 3}  # fmt: skip
OPTIONS = {"anchor_scale": [2], "canonical": 112, "proposals": 300, "sampled_anchors": 10_000, "sampled_regions": 1_000}
IGNORED = {
    "ignored_boxes": np.array([[(20, 4, 40, 30)], [(0, 0, 48, 64)], [(0, 0, 0, 0)]], "float32"),
    "ignored_label": np.array([[1], [0], [-1]], "int32"),
    "ignored_crowd": np.array([[0], [1], [0]], "uint8"),
}


@pytest.fixture(scope="module")
def parts():
    return drawn_weights(build_network(SPEC, (HEIGHT, WIDTH, 3), len(KINDS)).parts)


def _task(parts, **options):
    task = TASKS.build({"name": "region_detection", **OPTIONS, **options}, scene_card())
    task.learn({}, parts)
    return task


def _share_inside(boxes: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """How much of each of `boxes` (region, 4) lies in the one of `ignored` (object, 4) that holds most of it."""
    ends = np.minimum(boxes[:, None, 2:], ignored[None, :, 2:]) - np.maximum(boxes[:, None, :2], ignored[None, :, :2])
    own = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.maximum(ends, 0).prod(axis=2).max(axis=1) / np.maximum(own, 1e-9)


# Learning


def test_background_in_an_ignored_region_is_not_learnt_from_by_hand():
    """Detectron: proposals of which more than 0.7 lies in a crowd are left out."""
    boxes = np.array([[(0, 0, 10, 10), (0, 4, 10, 14), (0, 2, 10, 12), (40, 40, 50, 50), (0, 0, 9, 9)]], "float32")
    ignored = np.array([[(0, 0, 20, 10), (0, 0, 0, 0)]], "float32")  # holds 1, 0.6, 0.8, 0 and 1 of these
    matched = np.array([[regions.BACKGROUND] * 4 + [0]], "int32")
    truth = Truth(np.zeros((1, 1, 4), "float32"), np.zeros((1, 1), "int32"), ignored)
    found = ops.convert_to_numpy(excused(matched, truth, boxes))
    assert found.tolist() == [[regions.BETWEEN, regions.BACKGROUND, regions.BETWEEN, regions.BACKGROUND, 0]]


def test_without_ignored_objects_all_stay_what_they_are():
    matched = np.array([[-1, -2, 0]], "int32")
    assert excused(matched, truth_of(BATCH), np.zeros((1, 3, 4), "float32")) is matched


def test_anchors_and_proposals_on_what_is_ignored_are_not_told_that_they_are_background(parts):
    """Against the losses of the regions that are left, written out from what the network says."""
    task = _task(parts)

    def all_of(x):
        net = BoundParts(parts)
        maps, scored, proposed = task.proposed(net, x)
        judged = task.judged(net, maps, ops.concatenate([proposed.boxes, x["boxes"]], axis=1))
        given = {"objectness": scored["objectness"], "boxes": proposed.boxes, "there": proposed.labels >= 0}
        return {**given, "classes": judged["classes"], "losses": task.losses(net, x, 0)}

    found = compiled(all_of, {**BATCH, **IGNORED}, xla=False)
    plain = compiled(lambda x: task.losses(BoundParts(parts), x, 0), BATCH, xla=False)
    anchors = np.concatenate(task.anchors)
    for image in range(3):
        truth, label = BATCH["boxes"][image], BATCH["box_label"][image]
        ignored, exists = IGNORED["ignored_boxes"][image], label >= 0

        def matched(boxes, truth=truth, exists=exists, **limits):
            shared = np.stack([1 - _distance(boxes, one) for one in truth]) * exists[:, None]
            return ops.convert_to_numpy(regions.match(shared[None].astype("float32"), **limits))[0]

        answers = matched(anchors, low=0.3, high=0.7, rescue=True)
        kept = (answers >= 0) | ((answers == regions.BACKGROUND) & (_share_inside(anchors, ignored) <= 0.7))
        said = found["objectness"][image].astype(float)
        nats = np.logaddexp(0, np.where(answers >= 0, -said, said))[kept].mean()
        assert found["losses"]["objectness"][image] == pytest.approx(nats, rel=1e-4)

        boxes = np.concatenate([found["boxes"][image], truth])
        there = np.concatenate([found["there"][image], exists])
        answers = matched(boxes, low=0.5, high=0.5)
        kept = there & ((answers >= 0) | (_share_inside(boxes, ignored) <= 0.7))
        logits = found["classes"][image].astype(float)
        kinds = np.where(answers >= 0, label[answers] + 1, 0)
        nats = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(kinds)), kinds]
        assert found["losses"]["classes"][image] == pytest.approx(nats[kept].mean() if kept.any() else 0, rel=1e-4)
        for name in ("objectness", "classes"):
            assert np.isclose(found["losses"][name][image], plain[name][image]) == (not ignored.any())


def _distance(boxes, one):
    ends = np.minimum(boxes[:, 2:], one[2:]) - np.maximum(boxes[:, :2], one[:2])
    shared = np.maximum(ends, 0).prod(axis=1)
    sizes = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (one[2:] - one[:2]).prod() - shared
    return 1 - np.where(sizes > 0, shared / np.maximum(sizes, 1e-9), 0)


def test_a_picture_that_is_ignored_whole_and_has_no_object_teaches_nothing_wrong(parts):
    """All is ignored, so that no region in the picture is drawn: the losses and their gradients are finite."""
    batch = {name: array[2:] for name, array in BATCH.items()}
    batch |= {"ignored_boxes": np.array([[(-99, -99, 199, 199)]], "float32")}
    task = _task(parts)
    losses = compiled(lambda x: task.losses(BoundParts(parts), x, 0), batch, xla=False)
    assert {name: float(value[0]) for name, value in losses.items()} == dict.fromkeys(losses, 0.0)
    kernels = [weight for part in parts.values() for weight in part.trainable_weights]

    def loss(values):
        with keras.StatelessScope(state_mapping=list(zip(kernels, values, strict=True))):
            return ops.sum(task.losses(BoundParts(parts), batch, 0)["loss"])

    slopes = gradient(loss, [ops.convert_to_numpy(kernel) for kernel in kernels])
    assert all(np.isfinite(slope).all() and not slope.any() for slope in slopes)


# Moving


@pytest.mark.parametrize("name", ["flip", "shift", "rotation", "scale", "crop"])
def test_ignored_boxes_move_as_boxes_do(name):
    batch = batch_of()
    alike = {"ignored_boxes": batch["boxes"], "ignored_label": batch["box_label"]}
    alike["ignored_crowd"] = np.ones(batch["box_label"].shape, "uint8")
    found = run(name, {**batch, **alike}, seed=1)
    assert (found["boxes"] != batch["boxes"]).any()
    np.testing.assert_array_equal(found["ignored_boxes"], found["boxes"])
    np.testing.assert_array_equal(found["ignored_label"], found["box_label"])
    np.testing.assert_array_equal(found["ignored_crowd"], alike["ignored_crowd"])


@pytest.mark.parametrize("name", ["flip", "shift", "rotation"])
def test_an_ignored_row_without_an_object_stays_empty_where_a_box_is(name):
    batch = batch_of()
    moved = {"ignored_boxes": np.zeros_like(batch["boxes"]), "ignored_label": np.full_like(batch["box_label"], -1)}
    found = run(name, {**batch, **moved}, seed=1)
    assert not found["ignored_boxes"].any()
    assert (found["ignored_label"] == -1).all()
