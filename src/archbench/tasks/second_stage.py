"""The second stage of a detector, which judges regions whoever proposed them: what is read, learnt and answered.

Girshick 2015, "Fast R-CNN", arXiv:1504.08083, section 2; regions read by RoI pooling, or by RoIAlign: He et al. 2017,
arXiv:1703.06870, section 3. What the papers leave open is as in torchvision's fasterrcnn_resnet50_fpn. Differs from it:
as many pairs of a region and a class come to the last suppression as there are proposals. What a data set ignores is
nothing to learn: of COCO's crowds as the authors' py-faster-rcnn and Detectron have it for proposals. Differs from
these: so it is for anchors, which they tell that a crowd is background, and for VOC's difficult objects, which they
leave out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import keras
import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.layers import regions
from archbench.layers.boxes import area, intersection, pairwise_iou
from archbench.layers.nms import Detections, suppress
from archbench.layers.roi_align import roi_align
from archbench.layers.roi_pool import roi_pool
from archbench.losses.regression import smooth_l1
from archbench.tasks.base import Arrays, Batch, Net, Smoke, Task, TaskMismatch
from archbench.tasks.labels import check_class_names
from archbench.tasks.objects import FindsBoxes, labelled_boxes, smoke_boxes

HEAD_LIMIT, HEAD_SHARE = 0.5, 0.25
"""A region is an object from this IoU on; the most of those drawn that are objects."""
HEAD_WEIGHTS = (10.0, 5.0)
"""One over the deviations by which Fast R-CNN scales what the head says of a centre and of the sides: 0.1 and 0.2."""
DELTA = 1 / 9
"""Where smooth L1 turns from a parabola to a line, in torchvision and in the first stage of Faster R-CNN."""
EXCUSED = 0.7
"""A region of which a larger share lies in what a data set ignores is no background: Detectron, of COCO's crowds."""
SMALLEST_DETECTION = 1e-2
"""Pixels a side; a detection of less is none."""

Pooling = Literal["roi_align", "roi_pool", "roi_pool_down"]
POOLINGS = {"roi_align": roi_align, "roi_pool": roi_pool, "roi_pool_down": partial(roi_pool, rounding="down")}
"""How a region is read from the maps."""


class Truth(NamedTuple):
    """The objects of a batch."""

    boxes: Any
    """float32 (batch, object, 4) in pixels."""
    label: Any
    """int32 (batch, object), -1 in the rows without one."""
    ignored: Any = None
    """float32 (batch, object, 4), zeros in rows without one: what is neither an object to learn nor background."""


class Learnt(NamedTuple):
    """The regions of one stage that are learnt from, with what is right of them."""

    index: Any
    """int32 (batch, drawn): places among all regions."""
    drawn: Any
    """float32 (batch, drawn): 1, or 0 in the rows left over."""
    answers: Any
    """float32 (batch, drawn): 1 for those that answer for an object, which come first, else 0."""
    row: Any
    """int32 (batch, drawn): the place of that object, or 0."""
    boxes: Any
    """float32 (batch, drawn, 4): its box, or any."""
    label: Any
    """int32 (batch, drawn): its kind, or -1."""


class SecondStage(FindsBoxes, Task):
    """Boxes and classes of objects, judged among regions; chosen and scored by mean average precision.

    Calls the parts that `asks` names. Of these `features` makes the maps of a picture and `head` judges what is read of
    a region. How many bins a side it reads is what the head is built for; where that is several grids, all are read.
    """

    stages = 2
    needs = ("boxes", "box_label")
    called: ClassVar[str]
    """The name of the task."""
    asks: ClassVar[tuple[str, ...]] = ("features", "head")

    def __init__(
        self,
        card: Card,
        *,
        pooling: Pooling,
        proposals: int,
        sampled_regions: int,
        background_from: float,
        head_delta: float,
        canonical: float,
        score_threshold: float,
        iou_threshold: float,
        max_detections: int,
    ) -> None:
        self.needs = self.wanted(card)
        super().__init__(card)
        check_class_names(card, self.called)
        self.pooling, self.proposals, self.canonical = POOLINGS[pooling], proposals, canonical
        self.sampled_regions, self.background_from, self.head_delta = sampled_regions, background_from, head_delta
        self.picture = card.input_shape[:2]
        self.suppression = {
            "iou_threshold": iou_threshold,
            "score_threshold": score_threshold,
            "candidates": max(proposals, max_detections),
            "detections": max_detections,
        }

    def wanted(self, card: Card) -> tuple[str, ...]:
        """The arrays that this task compares with in a data set with this card."""
        return self.needs

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Those of every task of detection."""
        return smoke_boxes(shape, examples, random)

    def outputs(self) -> int:
        """The number of kinds."""
        return len(self.card.class_names)

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Note what the maps and the head of this network are, whose shapes tell strides and grids."""
        if set(parts) != set(self.asks):
            raise TaskMismatch(
                f"{self.called} needs a network of the parts {', '.join(self.asks)}, but this one has: "
                f'{", ".join(parts)}. Choose a network whose task is {self.called}: "archbench list architectures".'
            )
        self.shapes = [one.shape[1:3] for one in parts["features"].outputs]
        finest = 2 ** round(np.log2(self.picture[0] / self.shapes[0][0]))
        self.strides = [finest * 2**level for level in range(len(self.shapes))]
        self.grids = [one.shape[1] for one in parts["head"].inputs]

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`boxes` float32 (example, object, 4) in pixels; `box_label` int32 (example, object), -1 = none.

        Raises `LabelOutOfRange`, and `NoBoxes` where there is none at all.
        """
        return labelled_boxes(self.card, split)

    def calls(self) -> dict[str, float]:
        """The head judges every proposal."""
        return {"head": self.proposals}

    def chosen(self, boxes: Any, there: Any, truth: Truth, draws: Any) -> tuple[Any, Learnt]:
        """Of the regions `boxes` (batch, region, 4) that are `there` those that the head learns from.

        The true boxes are among them: they stand in for good proposals as long as there are none.
        """
        boxes = ops.concatenate([boxes, truth.boxes], axis=1)
        there = ops.concatenate([there, truth.label >= 0], axis=1)
        overlap = overlaps(truth, boxes)
        matched = regions.match(overlap, low=HEAD_LIMIT, high=HEAD_LIMIT)
        if self.background_from:
            far = ops.max(overlap, axis=1) < self.background_from
            matched = ops.where(far, regions.BETWEEN, matched)
        matched = ops.where(there, excused(matched, truth, boxes), regions.BETWEEN)
        learnt = learn_from(matched, truth, draws, self.sampled_regions, HEAD_SHARE)
        return regions.rows(boxes, learnt.index), learnt

    def head_losses(self, net: Net, maps: Any, boxes: Any, learnt: Learnt) -> dict[str, Any]:
        """`classes` and `boxes`, means over the drawn regions of a picture; boxes count 0 without an object."""
        judged = self.judged(net, maps, boxes)
        kind = learnt.label + 1  # 0: no object
        nats = ops.sparse_categorical_crossentropy(kind, judged["classes"], from_logits=True)
        deltas = ops.take_along_axis(judged["deltas"], kind[..., None, None], axis=2)[:, :, 0]
        targets = regions.encode(learnt.boxes, boxes, HEAD_WEIGHTS)
        return {
            "classes": mean(nats, learnt.drawn, learnt),
            "boxes": mean(distance(targets, deltas, self.head_delta), learnt.answers, learnt),
        }

    def detected(self, net: Net, maps: Any, boxes: Any, there: Any) -> dict[str, Any]:
        """`boxes` (batch, max_detections, 4) in pixels, `score`, and `label` or -1; the best first.

        Every region makes a box for each class; these are thinned out within their class.
        """
        judged = self.judged(net, maps, boxes)
        kinds = self.outputs()
        count = boxes.shape[1] * kinds
        boxes = regions.decode(judged["deltas"][:, :, 1:], boxes[:, :, None], HEAD_WEIGHTS)
        boxes = regions.clip_to(boxes, self.picture)  # (batch, region, kind, 4)
        score = ops.softmax(judged["classes"], axis=-1)[..., 1:] * ops.cast(there, "float32")[..., None]
        score = ops.where(ops.all(boxes[..., 2:] - boxes[..., :2] >= SMALLEST_DETECTION, axis=-1), score, 0.0)
        label = ops.broadcast_to(ops.arange(kinds, dtype="int32"), ops.shape(score))
        flat = (-1, count)
        found: Detections = suppress(
            ops.reshape(boxes, (*flat, 4)), ops.reshape(score, flat), ops.reshape(label, flat), **self.suppression
        )
        return {"boxes": found.boxes, "score": found.scores, "label": found.labels}

    def judged(self, net: Net, maps: Any, boxes: Any) -> dict[str, Any]:
        """`classes` (batch, region, 1 + kind) and `deltas` (batch, region, 1 + kind, 4)."""
        read = [self.read(maps, boxes, size) for size in self.grids]
        found = net(*(ops.reshape(grid, (-1, *grid.shape[2:])) for grid in read), part="head")
        count = boxes.shape[1]
        return {name: ops.reshape(one, (-1, count, *one.shape[1:])) for name, one in found.items()}

    def read(self, maps: Any, boxes: Any, size: int) -> Any:
        """What lies in regions: (batch, region, `size`, `size`, channel). The last of several maps is not read."""
        maps = maps if isinstance(maps, list) else [maps]
        most = max(1, len(maps) - 1)
        return self.pooling(maps[:most], boxes, size, strides=self.strides[:most], canonical=self.canonical)


def truth_of(batch: Batch) -> Truth:
    """The objects of a batch, and what it ignores."""
    ignored = ops.cast(batch["ignored_boxes"], "float32") if "ignored_boxes" in batch else None
    return Truth(ops.cast(batch["boxes"], "float32"), ops.cast(batch["box_label"], "int32"), ignored)


def overlaps(truth: Truth, boxes: Any) -> Any:
    """The IoU of objects and `boxes` (batch or 1, region, 4): (batch, object, region), 0 in rows without an object."""
    return pairwise_iou(truth.boxes, boxes) * ops.cast(truth.label >= 0, "float32")[..., None]


def excused(matched: Any, truth: Truth, boxes: Any) -> Any:
    """`matched` (batch, region), where what of `boxes` (batch or 1, region, 4) lies in an ignored one is no background.

    Any detection on a crowd or a difficult object may be right, so that none is told that it is wrong.
    """
    if truth.ignored is None:
        return matched
    shared = intersection(truth.ignored[:, :, None], boxes[:, None])  # (batch, ignored, region)
    share = ops.max(ops.divide_no_nan(shared, area(boxes)[:, None]), axis=1)
    return ops.where((matched == regions.BACKGROUND) & (share > EXCUSED), regions.BETWEEN, matched)


def learn_from(matched: Any, truth: Truth, draws: Any, count: int, share: float) -> Learnt:
    """`count` regions of `matched` (batch, region) at most, drawn by `draws`, of which a `share` answers at most."""
    index, drawn = regions.sample(matched, draws, count, share)
    row = regions.rows(matched, index)
    answers = drawn & (row >= 0)
    row = ops.maximum(row, 0)
    return Learnt(
        index,
        ops.cast(drawn, "float32"),
        ops.cast(answers, "float32"),
        row,
        regions.rows(truth.boxes, row),
        ops.where(answers, regions.rows(truth.label, row), -1),
    )


def distance(targets: Any, deltas: Any, delta: float = DELTA) -> Any:
    """Smooth L1 of each box (batch, region), summed over its four numbers."""
    flat = smooth_l1(ops.reshape(targets, (-1, 4)), ops.reshape(deltas, (-1, 4)), delta=delta) * 4
    return ops.reshape(flat, (-1, targets.shape[1]))


def mean(values: Any, counted: Any, learnt: Learnt) -> Any:
    """The sum of `values` (batch, region) where they are `counted`, over all that were drawn: (batch,)."""
    return ops.sum(values * counted, axis=1) / ops.maximum(ops.sum(learnt.drawn, axis=1), 1.0)
