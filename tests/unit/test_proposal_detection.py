"""Regions that come with the data: judged as those of a proposal network are, whatever reads them."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from archbench.errors import UserError
from archbench.layers import regions
from archbench.layers.boxes import pairwise_iou
from archbench.layers.roi_align import roi_align
from archbench.layers.roi_pool import roi_pool
from archbench.tasks import TASKS
from backend import compiled
from scenes import BATCH, HEIGHT, KINDS, WIDTH, BoundParts, drawn_weights, scene_card

SMALL = {"convs": (1, 1, 1), "width": 4, "dense_width": 16}
ALL = {"sampled_anchors": 10_000, "sampled_regions": 1_000}
"""So many that all are drawn."""
MADE = 60


@pytest.fixture(scope="module")
def parts():
    """Faster R-CNN on VGG, whose features and head are those of Fast R-CNN."""
    spec = {"name": "faster_rcnn_vgg16", "channels": 8, "pool": 3, "scales": 2, **SMALL}
    return drawn_weights(build_network(spec, (HEIGHT, WIDTH, 3), len(KINDS)).parts)


def _second(parts, count, **options):
    card = scene_card(proposals=([count, 4], "float32"))
    task = TASKS.build({"name": "proposal_detection", **ALL_REGIONS, **options}, card)
    task.learn({}, {name: parts[name] for name in ("features", "head")})
    return task


ALL_REGIONS = {"sampled_regions": 1_000}


@pytest.fixture(scope="module")
def proposed(parts):
    """What the first stage proposes, and what Faster R-CNN makes of that."""
    options = {"anchor_scale": [2, 4], "proposals": MADE, **ALL}
    task = TASKS.build({"name": "region_detection", **options}, scene_card())
    task.learn({}, parts)

    def all_of(batch):
        net = BoundParts(parts)
        found = task.proposed(net, batch)[2]
        return {"boxes": found.boxes, "losses": task.losses(net, batch, 0), "found": task.predict(net, batch, 0)}

    return compiled(all_of, BATCH, xla=False)


def _of(task, parts, batch):
    net = BoundParts({name: parts[name] for name in ("features", "head")})
    return compiled(lambda x: {"losses": task.losses(net, x, 0), "found": task.predict(net, x, 0)}, batch, xla=False)


def test_given_what_the_first_stage_proposes_it_is_faster_rcnns_second_stage(parts, proposed):
    made = _of(_second(parts, MADE), parts, {**BATCH, "proposals": proposed["boxes"]})
    for name in ("classes", "boxes"):
        np.testing.assert_allclose(made["losses"][name], proposed["losses"][name], rtol=1e-4)
    np.testing.assert_allclose(made["losses"]["loss"], made["losses"]["classes"] + made["losses"]["boxes"], rtol=1e-5)
    np.testing.assert_array_equal(made["found"]["label"], proposed["found"]["label"])
    np.testing.assert_allclose(made["found"]["boxes"], proposed["found"]["boxes"], atol=1e-3)
    assert (made["found"]["label"] >= 0).any(axis=1).all()


def test_rows_without_an_area_are_no_proposals(parts, proposed):
    few = proposed["boxes"][:, :20]
    padded = np.concatenate([few, np.zeros((3, 5, 4), "float32"), np.full((3, 5, 4), 9, "float32")], axis=1)
    alone = _of(_second(parts, 20), parts, {**BATCH, "proposals": few})
    both = _of(_second(parts, 30), parts, {**BATCH, "proposals": padded})
    for name, values in alone["losses"].items():
        np.testing.assert_allclose(both["losses"][name], values, rtol=1e-5)
    np.testing.assert_array_equal(both["found"]["label"], alone["found"]["label"])
    np.testing.assert_allclose(both["found"]["boxes"], alone["found"]["boxes"], atol=1e-4)


def test_so_many_of_the_column_are_looked_at_the_first():
    task = TASKS.build({"name": "proposal_detection", "proposals": 2}, scene_card(proposals=([5, 4], "float32")))
    split = {**BATCH, "proposals": np.arange(3 * 5 * 4, dtype="float32").reshape(3, 5, 4)}
    np.testing.assert_array_equal(task.arrays(split)["proposals"], split["proposals"][:, :2])
    assert task.calls() == {"head": 2}
    assert TASKS.build("proposal_detection", scene_card(proposals=([5, 4], "float32"))).calls() == {"head": 5}
    varying = scene_card(proposals=([None, 4], "float32"))
    assert TASKS.build({"name": "proposal_detection", "proposals": 7}, varying).calls() == {"head": 7}


def test_regions_that_hardly_touch_an_object_are_not_learnt_from(parts):
    """Fast R-CNN's background has an IoU of 0.1 at least; a picture without objects then has nothing to learn."""
    given = np.array([[(2, 3, 20, 21), (2, 3, 12, 13), (40, 2, 46, 9)]] * 3, "float32")
    overlap = ops.convert_to_numpy(pairwise_iou(given[0], BATCH["boxes"][0, :1]))[:, 0]
    assert overlap[0] == 1
    assert 0.1 < overlap[1] < 0.5
    assert overlap[2] == 0
    near = {**BATCH, "proposals": given[:, :2]}
    far = {**BATCH, "proposals": given}
    whole = _of(_second(parts, 3, background_from=0.1), parts, far)["losses"]
    without = _of(_second(parts, 2, background_from=0.1), parts, near)["losses"]
    np.testing.assert_allclose(whole["classes"][0], without["classes"][0], rtol=1e-5)
    assert whole["classes"][2] == 0
    assert _of(_second(parts, 3), parts, far)["losses"]["classes"][2] > 0


@pytest.mark.parametrize("delta", [1.0, 0.1])
def test_smooth_l1_of_the_boxes_turns_where_the_task_says(parts, delta):
    """From the numbers that the head gives, in numpy."""
    given = np.array([[(4, 3, 22, 23), (40, 2, 46, 9)]] * 3, "float32")
    task = _second(parts, 2, head_delta=delta)
    found = _of(task, parts, {**BATCH, "proposals": given})["losses"]["boxes"][0]
    one = ops.convert_to_numpy(parts["features"](BATCH["image"]))
    boxes = np.concatenate([given[0, :1], BATCH["boxes"][0, :2]])  # those that answer: one proposal, two true boxes
    read = ops.convert_to_numpy(roi_align([one[:1]], boxes[None], 3, strides=(4,)))[0]
    deltas = ops.convert_to_numpy(parts["head"](read)["deltas"])
    owners = BATCH["boxes"][0, [0, 0, 1]]
    targets = ops.convert_to_numpy(regions.encode(owners, boxes, (10.0, 5.0)))
    off = np.abs(deltas[np.arange(3), [1, 1, 2]] - targets)
    expected = np.where(off < delta, off**2 / 2 / delta, off - delta / 2).sum() / 4  # four regions were drawn
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("pooling", "read"),
    [
        ("roi_align", roi_align),
        ("roi_pool", roi_pool),
        ("roi_pool_down", lambda *given, **options: roi_pool(*given, rounding="down", **options)),
    ],
)
def test_what_reads_a_region_is_what_the_task_says_and_every_grid_is_read(pooling, read):
    spec = {"name": "fast_rcnn", "pool": (3, 1), **SMALL}
    parts = drawn_weights(build_network(spec, (HEIGHT, WIDTH, 3), len(KINDS)).parts)
    task = _second(parts, 2, pooling=pooling)
    boxes = np.array([[(4, 3, 22, 23), (0, 0, 48, 64)]] * 3, "float32")
    net = BoundParts(parts)
    found = compiled(lambda x: task.judged(net, parts["features"](x["image"]), x["boxes"]), {**BATCH, "boxes": boxes})
    one = parts["features"](BATCH["image"])
    grids = [ops.reshape(read([one], boxes, size, strides=(4,)), (6, size, size, -1)) for size in (3, 1)]
    expected = ops.convert_to_numpy(parts["head"](grids)["classes"]).reshape(3, 2, -1)
    np.testing.assert_allclose(found["classes"], expected, rtol=1e-4, atol=1e-5)


def test_what_a_user_gets_wrong_is_said(parts):
    with pytest.raises(UserError, match="has no proposals, which proposaldetection needs"):
        TASKS.build("proposal_detection", scene_card())
    with pytest.raises(UserError, match="parts features, head, but this one has: features, rpn, head"):
        TASKS.build("proposal_detection", scene_card(proposals=([5, 4], "float32"))).learn({}, parts)
    with pytest.raises(UserError, match="pooling cannot be"):
        _second(parts, 2, pooling="roi_warp")


def test_the_objectness_of_two_logits_is_their_difference(parts):
    one, rpn = parts["features"].output, parts["rpn"]
    convolutions = {layer.filters: layer for layer in rpn.layers if isinstance(layer, keras.layers.Conv2D)}
    assert set(convolutions) == {8, 12, 24}  # two sizes, three ratios; two logits and four shifts
    x = np.random.default_rng(1).normal(size=(1, *one.shape[1:])).astype("float32")
    hidden = ops.relu(convolutions[8](x))
    none, some = np.split(ops.convert_to_numpy(convolutions[12](hidden)), 2, axis=-1)
    found = ops.convert_to_numpy(rpn(x)["objectness"])
    np.testing.assert_allclose(found, (some - none).reshape(1, -1), rtol=1e-4, atol=1e-5)


def test_anchors_have_the_papers_areas():
    """Ren et al. 2015, section 3.3: 128, 256 and 512 pixels, by three ratios, in every cell of 16."""
    (anchors,) = regions.pyramid_anchors([(2, 3)], [16], [[128, 256, 512]])
    sides = anchors.reshape(2, 3, 9, 4)
    height, width = sides[..., 2] - sides[..., 0], sides[..., 3] - sides[..., 1]
    np.testing.assert_allclose(
        height * width, np.broadcast_to(np.repeat([128, 256, 512], 3) ** 2, (2, 3, 9)), rtol=1e-5
    )
    np.testing.assert_allclose((height / width)[1, 2], [0.5, 1, 2] * 3, rtol=1e-5)
    np.testing.assert_allclose((sides[1, 2, :, :2] + sides[1, 2, :, 2:]) / 2, [(24, 40)] * 9)


def test_as_many_sizes_as_the_network_answers_for(parts):
    task = TASKS.build({"name": "region_detection", "anchor_scale": [2, 4, 8]}, scene_card())
    with pytest.raises(
        UserError, match=r"lays 1728 anchors .* 3 sizes in every cell, but the network answers with 1152"
    ):
        task.learn({}, parts)


def test_anchors_that_cross_the_border_are_not_learnt_from(parts):
    """Where only one object is there and only such anchors overlap it much, none answers but the best of the others."""
    options = {"anchor_scale": [2, 4], "proposals": 5, **ALL}
    inside, all_ = (
        TASKS.build({"name": "region_detection", "across_the_border": across, **options}, scene_card())
        for across in (False, True)
    )
    batch = {**BATCH, "boxes": np.array([[(0, 0, 6, 6)]] * 3, "float32"), "box_label": np.zeros((3, 1), "int32")}
    for task in (inside, all_):
        task.learn({}, parts)
    laid = np.concatenate(inside.anchors)
    within = ((laid >= 0) & (laid <= (HEIGHT, WIDTH, HEIGHT, WIDTH))).all(axis=1)
    overlap = ops.convert_to_numpy(pairwise_iou(batch["boxes"], laid[None]))
    matched = ops.convert_to_numpy(inside._matched(laid, overlap))
    assert (matched[:, ~within] == regions.BETWEEN).all()
    answer = matched[0] >= 0
    assert overlap[0, 0][answer].min() == pytest.approx(overlap[0, 0][within].max())
    assert (ops.convert_to_numpy(all_._matched(laid, overlap))[0][~within] >= 0).any()
    first, second = (
        compiled(lambda x, t=task: t.losses(BoundParts(parts), x, 0), batch, xla=False) for task in (inside, all_)
    )
    assert (np.abs(first["objectness"] - second["objectness"]) > 1e-4).all()
