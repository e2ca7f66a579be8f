"""Two-stage detection against torchvision's losses and decoding, and its rules by hand."""

import csv
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network, outline
from archbench.errors import UserError
from archbench.layers import regions
from archbench.layers.boxes import pairwise_iou
from archbench.layers.roi_align import roi_align
from archbench.tasks import TASKS
from backend import compiled, gradient
from references import torchvisions
from scenes import BATCH, HEIGHT, KINDS, OBJECTS, WIDTH, BoundParts, drawn_weights, scene_card

STRIDES, PROPOSALS, CANONICAL = (4, 8, 16), 700, 112
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "region_losses.csv").open()))
ARCHITECTURE = {"name": "faster_rcnn_fpn", "block": "basic", "blocks": (1, 1), "width": 4, "channels": 8, "hidden": 16,
                "pool": 3}  # fmt: skip
ALL = {"sampled_anchors": 10_000, "sampled_regions": 1_000}
"""So many that all are drawn."""


@pytest.fixture(scope="module")
def parts():
    return drawn_weights(build_network(ARCHITECTURE, (HEIGHT, WIDTH, 3), len(KINDS)).parts)


@pytest.fixture(scope="module")
def found(parts):
    """The losses of each picture, where all anchors and regions are drawn."""
    return _losses(_task(parts, **ALL), parts)


def _task(parts, **options):
    settings = {"proposals": PROPOSALS, "canonical": CANONICAL, "anchor_scale": [2], **options}
    task = TASKS.build({"name": "region_detection", **settings}, scene_card())
    task.learn({}, parts)
    return task


def _losses(task, parts, batch=BATCH):
    return compiled(lambda x: task.losses(BoundParts(parts), x, 0), batch, xla=False)


def _numpy(tree):
    return keras.tree.map_structure(ops.convert_to_numpy, tree)


def _matched(truth, label, boxes, **limits):
    overlap = ops.convert_to_numpy(pairwise_iou(truth, boxes)) * (label >= 0)[:, None]
    return ops.convert_to_numpy(regions.match(overlap[None], **limits))[0]


def _judged(parts, maps, boxes):
    read = roi_align([one[None] for one in maps[:-1]], boxes[None], 3, strides=STRIDES[:-1], canonical=CANONICAL)
    return _numpy(parts["head"](read[0]))


def _first_stage(parts, most=PROPOSALS):
    """Of each picture the maps, what is said of its anchors, and its proposals."""
    maps = parts["features"](BATCH["image"])
    scored = _numpy(parts["rpn"](maps))
    anchors = regions.pyramid_anchors([(12, 16), (6, 8), (3, 4)], STRIDES, [8, 16, 32], [0.5, 1, 2])
    of = scored["objectness"], scored["deltas"]
    proposed = _numpy(regions.propose(anchors, *of, (HEIGHT, WIDTH), most=most, iou_threshold=0.7)._asdict())
    for picture in range(len(BATCH["image"])):
        said = {name: one[picture] for name, one in scored.items()}
        there = proposed["labels"][picture] >= 0
        yield (
            picture,
            [_numpy(one)[picture] for one in maps],
            np.concatenate(anchors),
            said,
            proposed["boxes"][picture][there],
        )


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['loss']}-{row['objects']}")
def test_the_losses_are_torchvisions(found, row):
    objects = (BATCH["box_label"] >= 0).sum(axis=1).tolist()
    assert found[row["loss"]][objects.index(int(row["objects"]))] == pytest.approx(float(row["value"]), rel=1e-3)


def test_the_golden_losses_are_torchvisions(parts):
    """From regions, targets and answers that are held against torchvision's in `test_regions.py`."""
    anchored, judged = {}, {}
    for picture, maps, anchors, said, proposed in _first_stage(parts):
        truth, label = BATCH["boxes"][picture], BATCH["box_label"][picture]
        matched = _matched(truth, label, anchors, low=0.3, high=0.7, rescue=True)
        targets = ops.convert_to_numpy(regions.encode(truth[np.maximum(matched, 0)], anchors))
        counted = {"labels": (matched >= 0).astype("int64"), "drawn": matched != regions.BETWEEN}
        case = str((label >= 0).sum())
        anchored[case] = {**said, "targets": targets, **counted}
        boxes = np.concatenate([proposed, truth[label >= 0]])  # the true boxes are learnt from too
        matched = _matched(truth, label, boxes, low=0.5, high=0.5)
        kinds = np.where(matched >= 0, label[matched] + 1, 0).astype("int64")
        targets = ops.convert_to_numpy(regions.encode(truth[np.maximum(matched, 0)], boxes, (10, 5)))
        judged[case] = {**_judged(parts, maps, boxes), "labels": kinds, "targets": targets}
        assert len(proposed) < PROPOSALS
    assert anchored["2"]["labels"].any()
    assert not anchored["2"]["drawn"].all()
    assert set(judged["2"]["labels"]) == {0, 1, 2}
    anchored, judged = torchvisions("rpn_losses", anchored), torchvisions("losses", judged)
    made = {
        "objectness": {case: one["objectness"] for case, one in anchored.items()},
        "rpn_boxes": {case: one["boxes"] for case, one in anchored.items()},
        "classes": {case: one["classification"] for case, one in judged.items()},
        "boxes": {case: one["boxes"] for case, one in judged.items()},
    }
    expected = {name: {r["objects"]: float(r["value"]) for r in GOLDEN if r["loss"] == name} for name in made}
    for name, values in made.items():
        assert {case: float(value) for case, value in values.items()} == pytest.approx(expected[name], rel=1e-4), name


def test_the_loss_is_the_sum_of_its_parts(found):
    assert set(found) == {"loss", "objectness", "rpn_boxes", "classes", "boxes"}
    assert found["loss"] == pytest.approx(sum(found[name] for name in set(found) - {"loss"}), rel=1e-5)


def test_detections_are_torchvisions(parts):
    limits = {"score_threshold": 0.05, "iou_threshold": 0.4, "max_detections": 80, "proposals": 40}
    task, cases = _task(parts, **limits), {}
    for picture, maps, _, _, proposed in _first_stage(parts, 40):
        given = {"regions": proposed, "picture": np.array([HEIGHT, WIDTH]), "limits": np.array([0.05, 0.4, 80])}
        cases[str(picture)] = {**_judged(parts, maps, proposed), **given}
    found = compiled(lambda x: task.predict(BoundParts(parts), x, 0), BATCH, xla=False)
    assert found["boxes"].shape == (3, 80, 4)
    for picture, expected in torchvisions("detect", cases).items():
        there = found["label"][int(picture)] >= 0
        assert 5 < there.sum() < 80
        assert (found["label"][int(picture)][there] + 1).tolist() == expected["labels"].tolist()
        np.testing.assert_allclose(found["score"][int(picture)][there], expected["scores"], rtol=1e-4)
        np.testing.assert_allclose(found["boxes"][int(picture)][there], expected["boxes"], atol=1e-3)
    assert set(found["label"][found["label"] >= 0]) == {0, 1}


def test_every_kernel_gets_a_gradient(parts):
    task = _task(parts, **ALL)
    kernels = [weight for part in parts.values() for weight in part.trainable_weights if weight.name == "kernel"]

    def loss(values):
        with keras.StatelessScope(state_mapping=list(zip(kernels, values, strict=True))):
            return ops.sum(task.losses(BoundParts(parts), BATCH, 0)["loss"])

    for kernel, slope in zip(kernels, gradient(loss, [ops.convert_to_numpy(k) for k in kernels]), strict=True):
        assert np.isfinite(slope).all(), kernel.path
        assert slope.any(), kernel.path


def test_training_draws_anew_in_every_step(parts):
    task = _task(parts, sampled_anchors=32, sampled_regions=8)

    def two_steps(batch, generator):
        return [task.losses(BoundParts(parts, training=True), batch, generator) for _ in range(2)]

    first, second = compiled(two_steps, BATCH, seed=0, xla=False)
    for name in ("objectness", "classes"):
        assert (np.abs(first[name] - second[name]) > 1e-5).all(), name


def test_evaluation_does_not_depend_on_the_batch(parts):
    task = _task(parts, sampled_anchors=32, sampled_regions=8)
    whole, alone = _losses(task, parts), _losses(task, parts, {name: array[1:2] for name, array in BATCH.items()})
    for name, values in alone.items():
        assert values[0] == pytest.approx(whole[name][1], rel=1e-4), name


def test_the_true_boxes_are_among_the_regions_that_are_learnt_from(parts):
    """The one proposal of a picture lies on no object, and yet there are boxes to learn."""
    boxes = _losses(_task(parts, proposals=1), parts)["boxes"]
    assert (boxes > 0).tolist() == [True, True, False]


def test_losses_are_finite_where_there_are_no_objects(parts):
    nothing = {**BATCH, "image": np.zeros_like(BATCH["image"]), "box_label": np.full((3, OBJECTS), -1, "int32")}
    assert all(np.isfinite(values).all() for values in _losses(_task(parts), parts, nothing).values())


def test_a_fine_map_sees_what_the_coarse_ones_see():
    """Where the finest stage is not looked at, its map of the pyramid is what comes down from the next."""
    features = build_network(ARCHITECTURE, (HEIGHT, WIDTH, 3), len(KINDS)).parts["features"]
    projection, lateral = (w for w in features.weights if tuple(w.shape) == (1, 1, 4, 8) and "conv" in w.path)
    assert projection is not lateral  # the trunk's, which comes first, leads to the coarse maps
    lateral.assign(np.zeros(lateral.shape))
    finest = ops.convert_to_numpy(features(BATCH["image"])[0])
    assert finest.std(axis=(1, 2)).min() > 1e-3


def test_without_the_normalizations_there_are_as_many_weights_as_torchvision_freezes_them():
    """41,755,286 by torchvision 0.28.0, whose pretrained ResNet-50 has its scales and shifts as constants."""
    net = outline("faster_rcnn_fpn", (800, 1333, 3), 90)
    trained = [weight for weight in net.trainable_weights if weight.name not in ("gamma", "beta")]
    assert sum(int(np.prod(weight.shape)) for weight in trained) == 41_755_286


def test_what_a_user_gets_wrong_is_said(parts):
    with pytest.raises(UserError, match="parts features, rpn, head, but this one has: network"):
        TASKS.build("region_detection", scene_card()).learn({}, {"network": parts["head"]})
    with pytest.raises(UserError, match="without a single box"):
        _task(parts).arrays({"boxes": np.zeros((2, 3, 4)), "box_label": np.full((2, 3), -1)})
    with pytest.raises(UserError, match="max_detections"):
        TASKS.build({"name": "region_detection", "max_detections": 101}, scene_card())
    with pytest.raises(UserError, match="names no classes"):
        TASKS.build("region_detection", scene_card(class_names=()))
