"""Boxes and their classes in two stages, the Faster R-CNN way, trained end to end.

Ren, He, Girshick, Sun 2015, arXiv:1506.01497, section 3; on the maps of a pyramid: Lin et al. 2016, arXiv:1612.03144,
sections 4 and 5; regions read by RoIAlign: He et al. 2017, arXiv:1703.06870, section 3. What the papers leave open is
as in torchvision's fasterrcnn_resnet50_fpn. Differs from it: as many proposals are looked at in training as after it,
and so many pairs of a region and a class come to the last suppression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.layers import regions
from archbench.layers.boxes import pairwise_iou
from archbench.layers.nms import Detections, suppress
from archbench.layers.roi_align import roi_align
from archbench.losses.regression import smooth_l1
from archbench.metrics.detection import average_precisions
from archbench.options import Positive, Share, Width
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch
from archbench.tasks.labels import check_class_names
from archbench.tasks.objects import COCO_MOST, labelled_boxes, smoke_boxes

PARTS = ("features", "rpn", "head")
RPN_LOW, RPN_HIGH, RPN_SHARE = 0.3, 0.7, 0.5
"""An anchor is background below this IoU and an object from that one on; the most of those drawn that are objects."""
RPN_SUPPRESSION = 0.7
"""A proposal goes where it overlaps a better one more than this."""
HEAD_LIMIT, HEAD_SHARE = 0.5, 0.25
"""A region is an object from this IoU on; the most of those drawn that are objects."""
HEAD_WEIGHTS = (10.0, 5.0)
"""One over the deviations by which Fast R-CNN scales what the head says of a centre and of the sides: 0.1 and 0.2."""
DELTA = 1 / 9
"""Where smooth L1 turns from a parabola to a line."""
SMALLEST_DETECTION = 1e-2
"""Pixels a side; a detection of less is none."""


class Truth(NamedTuple):
    """The objects of a batch."""

    boxes: Any
    """float32 (batch, object, 4) in pixels."""
    label: Any
    """int32 (batch, object), -1 in the rows without one."""


class Learnt(NamedTuple):
    """The regions of one stage that are learnt from, with what is right of them."""

    index: Any
    """int32 (batch, drawn): places among all regions."""
    drawn: Any
    """float32 (batch, drawn): 1, or 0 in the rows left over."""
    answers: Any
    """float32 (batch, drawn): 1 for those that answer for an object, else 0."""
    boxes: Any
    """float32 (batch, drawn, 4): that object's, or any."""
    label: Any
    """int32 (batch, drawn): its kind, or -1."""


@task(
    "region_detection",
    source="Ren et al. 2015, arXiv:1506.01497; Lin et al. 2016, arXiv:1612.03144",
    smoke="faster_rcnn_fpn",
)
class RegionDetection(Task):
    """Boxes and classes of the objects in a picture: regions are proposed, then judged.

    Calls a network of three parts, once each: `features`, a picture to a pyramid of maps; `rpn`, these maps to an
    objectness and a box of every anchor; `head`, what RoIAlign reads of a region to its classes and a box for each.
    Chosen and scored by mean average precision.

    Anchors of a map have sides of `anchor_scale` of its cells. `proposals` is how many regions of each map may come to
    the suppression, and how many of all maps to the head; `sampled_anchors` and `sampled_regions` are how many of a
    picture are learnt from. A region of `canonical` pixels a side is read from the map of stride 16.
    """

    monitor = "map_50"
    maximize = True
    needs = ("boxes", "box_label")

    def __init__(
        self,
        card: Card,
        *,
        anchor_scale: Positive = 8.0,
        proposals: Width = 1000,
        sampled_anchors: Width = 256,
        sampled_regions: Width = 512,
        canonical: Positive = 224.0,
        score_threshold: Share = 0.05,
        iou_threshold: Share = 0.5,
        max_detections: Annotated[int, Field(ge=1, le=COCO_MOST)] = 100,
    ) -> None:
        super().__init__(card)
        check_class_names(card, "region_detection")
        self.anchor_scale, self.proposals, self.canonical = anchor_scale, proposals, canonical
        self.sampled_anchors, self.sampled_regions = sampled_anchors, sampled_regions
        self.picture = card.input_shape[:2]
        self.suppression = {
            "iou_threshold": iou_threshold,
            "score_threshold": score_threshold,
            "candidates": max(proposals, max_detections),
            "detections": max_detections,
        }

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Those of every task of detection."""
        return smoke_boxes(shape, examples, random)

    def outputs(self) -> int:
        """The number of kinds."""
        return len(self.card.class_names)

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Lay the anchors over the maps of this network, whose shapes tell their strides."""
        if set(parts) != set(PARTS):
            raise TaskMismatch(
                f"region_detection needs a network of the parts {', '.join(PARTS)}, but this one has: "
                f'{", ".join(parts)}. Choose a two-stage detector: "archbench list architectures".'
            )
        shapes = [one.shape[1:3] for one in parts["features"].output]
        finest = 2 ** round(np.log2(self.picture[0] / shapes[0][0]))
        self.strides = [finest * 2**level for level in range(len(shapes))]
        self.anchors = regions.pyramid_anchors(shapes, self.strides, [self.anchor_scale * s for s in self.strides])
        self.pool = parts["head"].input.shape[1]

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`boxes` float32 (example, object, 4) in pixels; `box_label` int32 (example, object), -1 = none.

        Raises `LabelOutOfRange`, and `NoBoxes` where there is none at all.
        """
        return labelled_boxes(self.card, split)

    def calls(self) -> dict[str, float]:
        """The head judges every proposal."""
        return {"head": self.proposals}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, the sum of `objectness` and `rpn_boxes` of anchors, `classes` and `boxes` of regions.

        Each is a mean over the anchors or regions of a picture that were drawn; boxes count 0 where there is no object.
        In evaluation, where a seed is a number, every picture is given the same draws, whatever its batch.
        """
        maps, scored, proposed = self._proposed(net, batch)
        truth = Truth(ops.cast(batch["boxes"], "float32"), ops.cast(batch["box_label"], "int32"))
        examples = ops.shape(truth.label)[0] if net.training else 1
        draws = keras.random.uniform((examples, sum(map(len, self.anchors))), seed=seed)
        parts = self._rpn_losses(scored, truth, draws)
        draws = keras.random.uniform((examples, self.proposals + truth.label.shape[1]), seed=seed)
        parts |= self._head_losses(net, maps, proposed, truth, draws)
        return {"loss": sum(parts.values()), **parts}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`boxes` (batch, max_detections, 4) in pixels, `score`, and `label` or -1; the best first.

        Every region makes a box for each class; these are thinned out within their class.
        """
        maps, _, proposed = self._proposed(net, batch)
        judged = self._judged(net, maps, proposed.boxes)
        kinds = self.outputs()
        boxes = regions.decode(judged["deltas"][:, :, 1:], proposed.boxes[:, :, None], HEAD_WEIGHTS)
        boxes = regions.clip_to(boxes, self.picture)  # (batch, region, kind, 4)
        score = ops.softmax(judged["classes"], axis=-1)[..., 1:] * ops.cast(proposed.labels >= 0, "float32")[..., None]
        score = ops.where(ops.all(boxes[..., 2:] - boxes[..., :2] >= SMALLEST_DETECTION, axis=-1), score, 0.0)
        label = ops.broadcast_to(ops.arange(kinds, dtype="int32"), ops.shape(score))
        flat = (-1, self.proposals * kinds)
        found = suppress(
            ops.reshape(boxes, (*flat, 4)), ops.reshape(score, flat), ops.reshape(label, flat), **self.suppression
        )
        return {"boxes": found.boxes, "score": found.scores, "label": found.labels}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`map_50` and `map` (COCO's mean over IoU .50 to .95), by pycocotools."""
        return average_precisions(arrays, predictions)

    def _proposed(self, net: Net, batch: Batch) -> tuple[list[Any], dict[str, Any], Detections]:
        """The maps of the pictures, what is said of the anchors, and the regions that look most like objects."""
        maps = net(batch[self.card.input], part="features")
        scored = net(maps, part="rpn")
        return (
            maps,
            scored,
            regions.propose(
                self.anchors,
                scored["objectness"],
                scored["deltas"],
                self.picture,
                most=self.proposals,
                iou_threshold=RPN_SUPPRESSION,
            ),
        )

    def _rpn_losses(self, scored: Mapping[str, Any], truth: Truth, draws: Any) -> dict[str, Any]:
        anchors = ops.convert_to_tensor(np.concatenate(self.anchors))
        matched = regions.match(_overlap(truth, anchors[None]), low=RPN_LOW, high=RPN_HIGH, rescue=True)
        learnt = _learnt(matched, truth, draws, self.sampled_anchors, RPN_SHARE)
        logits = regions.rows(scored["objectness"], learnt.index)
        deltas = regions.rows(scored["deltas"], learnt.index)
        targets = regions.encode(learnt.boxes, ops.take(anchors, learnt.index, axis=0))
        nats = ops.binary_crossentropy(learnt.answers, logits, from_logits=True)
        return {
            "objectness": _mean(nats, learnt.drawn, learnt),
            "rpn_boxes": _mean(_distance(targets, deltas), learnt.answers, learnt),
        }

    def _head_losses(self, net: Net, maps: list[Any], proposed: Detections, truth: Truth, draws: Any) -> dict[str, Any]:
        """Of the proposals and the true boxes, which stand in for good proposals as long as there are none."""
        boxes = ops.concatenate([proposed.boxes, truth.boxes], axis=1)
        there = ops.concatenate([proposed.labels, truth.label], axis=1) >= 0
        matched = regions.match(_overlap(truth, boxes), low=HEAD_LIMIT, high=HEAD_LIMIT)
        matched = ops.where(there, matched, regions.BETWEEN)
        learnt = _learnt(matched, truth, draws, self.sampled_regions, HEAD_SHARE)
        boxes = regions.rows(boxes, learnt.index)
        judged = self._judged(net, maps, boxes)
        kind = learnt.label + 1  # 0: no object
        nats = ops.sparse_categorical_crossentropy(kind, judged["classes"], from_logits=True)
        deltas = ops.take_along_axis(judged["deltas"], kind[..., None, None], axis=2)[:, :, 0]
        targets = regions.encode(learnt.boxes, boxes, HEAD_WEIGHTS)
        return {
            "classes": _mean(nats, learnt.drawn, learnt),
            "boxes": _mean(_distance(targets, deltas), learnt.answers, learnt),
        }

    def _judged(self, net: Net, maps: list[Any], boxes: Any) -> dict[str, Any]:
        """`classes` (batch, region, 1 + kind) and `deltas` (batch, region, 1 + kind, 4); the last map is not read."""
        read = roi_align(maps[:-1], boxes, self.pool, strides=self.strides[:-1], canonical=self.canonical)
        found = net(ops.reshape(read, (-1, *read.shape[2:])), part="head")
        count = boxes.shape[1]
        return {name: ops.reshape(one, (-1, count, *one.shape[1:])) for name, one in found.items()}


def _overlap(truth: Truth, boxes: Any) -> Any:
    """The IoU of objects and `boxes` (batch or 1, region, 4): (batch, object, region), 0 in rows without an object."""
    return pairwise_iou(truth.boxes, boxes) * ops.cast(truth.label >= 0, "float32")[..., None]


def _learnt(matched: Any, truth: Truth, draws: Any, count: int, share: float) -> Learnt:
    index, drawn = regions.sample(matched, draws, count, share)
    row = regions.rows(matched, index)
    answers = drawn & (row >= 0)
    row = ops.maximum(row, 0)
    return Learnt(
        index,
        ops.cast(drawn, "float32"),
        ops.cast(answers, "float32"),
        regions.rows(truth.boxes, row),
        ops.where(answers, regions.rows(truth.label, row), -1),
    )


def _distance(targets: Any, deltas: Any) -> Any:
    """Smooth L1 of each box (batch, region), summed over its four numbers."""
    flat = smooth_l1(ops.reshape(targets, (-1, 4)), ops.reshape(deltas, (-1, 4)), delta=DELTA) * 4
    return ops.reshape(flat, (-1, targets.shape[1]))


def _mean(values: Any, counted: Any, learnt: Learnt) -> Any:
    """The sum of `values` (batch, region) where they are `counted`, over all that were drawn: (batch,)."""
    return ops.sum(values * counted, axis=1) / ops.maximum(ops.sum(learnt.drawn, axis=1), 1.0)
