"""Boxes and their classes in two stages, the Faster R-CNN way, trained end to end.

Ren, He, Girshick, Sun 2015, arXiv:1506.01497, section 3; on the maps of a pyramid: Lin et al. 2016, arXiv:1612.03144,
sections 4 and 5. What the papers leave open is as in torchvision's fasterrcnn_resnet50_fpn. Differs from it: as many
proposals are looked at in training as after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.layers import regions
from archbench.layers.draws import uniform
from archbench.layers.nms import Detections
from archbench.options import Positive, Share, Width
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, TaskMismatch
from archbench.tasks.objects import COCO_MOST
from archbench.tasks.second_stage import (
    DELTA,
    Learnt,
    Pooling,
    SecondStage,
    Truth,
    distance,
    excused,
    learn_from,
    mean,
    overlaps,
    truth_of,
)

RPN_LOW, RPN_HIGH, RPN_SHARE = 0.3, 0.7, 0.5
"""An anchor is background below this IoU and an object from that one on; the most of those drawn that are objects."""
RPN_SUPPRESSION = 0.7
"""A proposal goes where it overlaps a better one more than this."""

Scales = Annotated[tuple[Positive, ...], Field(min_length=1, max_length=16)]


@task(
    "region_detection",
    source="Ren et al. 2015, arXiv:1506.01497; Lin et al. 2016, arXiv:1612.03144",
    smoke="faster_rcnn_fpn",
)
class RegionDetection(SecondStage):
    """Boxes and classes of the objects in a picture: regions are proposed, then judged.

    Calls a network of three parts, once each: `features`, a picture to one map or a pyramid of them; `rpn`, these maps
    to an objectness and a box of every anchor; `head`, what is read of a region, by RoIAlign or RoI `pooling`, to its
    classes and a box for each. Chosen and scored by mean average precision.

    Anchors of a map have sides of `anchor_scale` of its cells, one or several; where `across_the_border` is false,
    those that stick out of the picture are not learnt from. `proposals` is how many regions of each map may come to
    the suppression, and how many of all maps to the head; `sampled_anchors` and `sampled_regions` are how many of a
    picture are learnt from, of the regions those of an IoU of at least `background_from` with an object. A region of
    `canonical` pixels a side is read from the map of stride 16. `head_delta` is where the smooth L1 of the boxes of the
    head turns from a parabola to a line.
    """

    called = "region_detection"
    asks = ("features", "rpn", "head")

    def __init__(
        self,
        card: Card,
        *,
        anchor_scale: Scales = (8.0,),
        across_the_border: bool = True,
        proposals: Width = 1000,
        sampled_anchors: Width = 256,
        sampled_regions: Width = 512,
        background_from: Share = 0.0,
        pooling: Pooling = "roi_align",
        head_delta: Positive = DELTA,
        canonical: Positive = 224.0,
        score_threshold: Share = 0.05,
        iou_threshold: Share = 0.5,
        max_detections: Annotated[int, Field(ge=1, le=COCO_MOST)] = 100,
    ) -> None:
        super().__init__(
            card,
            pooling=pooling,
            proposals=proposals,
            sampled_regions=sampled_regions,
            background_from=background_from,
            head_delta=head_delta,
            canonical=canonical,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            max_detections=max_detections,
        )
        self.anchor_scale = np.array(anchor_scale)
        self.across_the_border, self.sampled_anchors = across_the_border, sampled_anchors

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Lay the anchors over the maps of this network; raises `TaskMismatch` where it answers with other ones."""
        super().learn(training, parts)
        sides = [self.anchor_scale * stride for stride in self.strides]
        self.anchors = regions.pyramid_anchors(self.shapes, self.strides, sides)
        laid, told = sum(map(len, self.anchors)), parts["rpn"].output["objectness"].shape[1]
        if laid != told:
            raise TaskMismatch(
                f"{self.called} lays {laid} anchors over the maps, {len(self.anchor_scale)} sizes in every cell, but "
                f"the network answers with {told}. Give anchor_scale of the task as many sizes as the network has."
            )

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, the sum of `objectness` and `rpn_boxes` of anchors, `classes` and `boxes` of regions.

        Each is a mean over the anchors or regions of a picture that were drawn; boxes count 0 where there is no object.
        In evaluation, where a seed is a number, every picture is given the same draws, whatever its batch.
        """
        maps, scored, proposed = self.proposed(net, batch)
        truth = truth_of(batch)
        examples = ops.shape(truth.label)[0] if net.training else 1
        draws = uniform((examples, sum(map(len, self.anchors))), seed)
        parts = self._rpn_losses(scored, truth, draws)
        draws = uniform((examples, self.proposals + truth.label.shape[1]), seed)
        boxes, learnt = self.chosen(proposed.boxes, proposed.labels >= 0, truth, draws)
        parts |= self.head_losses(net, maps, boxes, learnt)
        parts |= self.further_losses(net, maps, batch, boxes, learnt)
        return {"loss": sum(parts.values()), **parts}

    def further_losses(self, net: Net, maps: Any, batch: Batch, boxes: Any, learnt: Learnt) -> dict[str, Any]:
        """Those of what else is told of the regions `boxes` that are learnt from; here nothing."""
        return {}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """What `detected` says of the proposals."""
        maps, _, proposed = self.proposed(net, batch)
        return self.detected(net, maps, proposed.boxes, proposed.labels >= 0)

    def kept(self, arrays: Arrays, predictions: Arrays) -> dict[str, np.ndarray]:
        """What `told_of` tells of boxes, and `anchors` (anchor, [cell, cell, height, width]) in pixels."""
        found = []
        for laid, shape, stride in zip(self.anchors, self.shapes, self.strides, strict=True):
            sides = (laid[:, 2:] - laid[:, :2])[: len(laid) // (shape[0] * shape[1])]
            found.append(np.concatenate([np.full(sides.shape, stride), sides], axis=1))
        return {**super().kept(arrays, predictions), "anchors": np.concatenate(found).astype("float32")}

    def proposed(self, net: Net, batch: Batch) -> tuple[Any, dict[str, Any], Detections]:
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
        laid = np.concatenate(self.anchors)
        anchors = ops.convert_to_tensor(laid)
        matched = excused(self._matched(laid, overlaps(truth, anchors[None])), truth, anchors[None])
        learnt = learn_from(matched, truth, draws, self.sampled_anchors, RPN_SHARE)
        logits = regions.rows(scored["objectness"], learnt.index)
        deltas = regions.rows(scored["deltas"], learnt.index)
        targets = regions.encode(learnt.boxes, ops.take(anchors, learnt.index, axis=0))
        nats = ops.binary_crossentropy(learnt.answers, logits, from_logits=True)
        return {
            "objectness": mean(nats, learnt.drawn, learnt),
            "rpn_boxes": mean(distance(targets, deltas), learnt.answers, learnt),
        }

    def _matched(self, laid: np.ndarray, overlap: Any) -> Any:
        """The object that each anchor answers for, as `regions.match` has it."""
        if self.across_the_border:
            return regions.match(overlap, low=RPN_LOW, high=RPN_HIGH, rescue=True)
        inside = ((laid[:, :2] >= 0) & (laid[:, 2:] <= self.picture)).all(axis=1)
        overlap = overlap * inside.astype("float32")
        matched = regions.match(overlap, low=RPN_LOW, high=RPN_HIGH, rescue=True)
        return ops.where(inside, matched, regions.BETWEEN)
