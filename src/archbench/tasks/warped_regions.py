"""Boxes and their classes among proposed regions, each warped and judged by itself, the R-CNN way.

Girshick, Donahue, Darrell, Malik 2013, arXiv:1311.2524, sections 2.2 and 2.3; numbers that the paper leaves open are
those of the authors' code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.layers import regions
from archbench.layers.boxes import area
from archbench.layers.draws import uniform
from archbench.layers.nms import suppress
from archbench.layers.warp import warp
from archbench.options import Share, Width
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch
from archbench.tasks.labels import check_class_names
from archbench.tasks.objects import COCO_MOST, FindsBoxes, labelled_boxes
from archbench.tasks.proposal_detection import ProposalDetection
from archbench.tasks.second_stage import HEAD_LIMIT, HEAD_SHARE, learn_from, mean, overlaps, truth_of

FAR = 0.3
"""A region that overlaps no object of a class by as much is background to its SVM."""

Most = Annotated[int, Field(ge=1, le=COCO_MOST)]


class WarpedRegions(FindsBoxes, Task):
    """Objects among the data set's proposals; chosen and scored by mean average precision.

    Calls the parts that `asks` names: `features` reads every region, warped to the side that it is built for, and the
    others what it says of it.
    """

    stages = 2
    needs = ("boxes", "box_label", "proposals")
    called: ClassVar[str]
    """The name of the task."""
    asks: ClassVar[tuple[str, ...]]

    def __init__(
        self, card: Card, *, proposals: int, score_threshold: float, iou_threshold: float, max_detections: int
    ) -> None:
        super().__init__(card)
        check_class_names(card, self.called)
        self.proposals = min(proposals, card.arrays["proposals"]["shape"][0] or proposals)
        self.picture = card.input_shape[:2]
        self.suppression = {
            "iou_threshold": iou_threshold,
            "score_threshold": score_threshold,
            "candidates": max(self.proposals, max_detections),
            "detections": max_detections,
        }

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """That of every task of given proposals."""
        return ProposalDetection.smoke(shape, examples, random)

    def outputs(self) -> int:
        """The number of kinds."""
        return len(self.card.class_names)

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Note how large the regions are that the network reads."""
        if set(parts) != set(self.asks):
            raise TaskMismatch(
                f"{self.called} needs a network of the parts {', '.join(self.asks)}, but this one has: "
                f'{", ".join(parts)}. Choose a network whose task is {self.called}: "archbench list architectures".'
            )
        self.side = parts["features"].input_shape[1]

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """As every detector's, and `proposals` float32 (example, region, 4), the first."""
        proposals = np.asarray(split["proposals"], "float32")[:, : self.proposals]
        return {**labelled_boxes(self.card, split), "proposals": proposals}

    def calls(self) -> dict[str, float]:
        """Every part judges every proposal."""
        return dict.fromkeys(self.asks, self.proposals)

    def said(self, net: Net, batch: Batch, boxes: Any) -> dict[str, Any]:
        """The `features` and the `map` of every one of `boxes` (batch, region, 4), over pictures and regions."""
        warped = warp(batch[self.card.input], boxes, self.side)
        return net(ops.reshape(warped, (-1, *warped.shape[2:])), part="features")

    def detected(self, boxes: Any, score: Any) -> dict[str, Any]:
        """`boxes` (batch, max_detections, 4) in pixels, `score`, and `label` or -1; the best first.

        Of `boxes` (batch, region, kind, 4) and `score` (batch, region, kind), thinned out within their class.
        """
        count, kinds = boxes.shape[1] * self.outputs(), ops.arange(self.outputs(), dtype="int32")
        label = ops.broadcast_to(kinds, ops.shape(score))
        flat = [ops.reshape(boxes, (-1, count, 4)), *(ops.reshape(one, (-1, count)) for one in (score, label))]
        found = suppress(*flat, **self.suppression)
        return {"boxes": found.boxes, "score": found.scores, "label": found.labels}


@task("proposal_classification", source="Girshick et al. 2013, arXiv:1311.2524, section 2.3", smoke="rcnn")
class ProposalClassification(WarpedRegions):
    """The class of proposed regions: what R-CNN is fine-tuned by, and what it answers without its SVMs.

    Calls `features` on warped regions and `classes` on what that says. The data set's `proposals` are float32 (region,
    4) in pixels, likely objects first; a row without an area is none. Of these the first `proposals` are looked at, and
    of a picture `sampled_regions` are learnt from, the true boxes among them: a quarter at most are objects, those of
    an IoU of 0.5 at least with one, the others background. Differs from the paper in that the regions of a step come
    from few pictures.
    """

    called = "proposal_classification"
    asks = ("features", "classes")

    def __init__(
        self,
        card: Card,
        *,
        proposals: Width = 2000,
        sampled_regions: Width = 64,
        score_threshold: Share = 0.05,
        iou_threshold: Share = 0.3,
        max_detections: Most = 100,
    ) -> None:
        super().__init__(
            card,
            proposals=proposals,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            max_detections=max_detections,
        )
        self.sampled_regions = sampled_regions

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, the mean cross-entropy of the regions of a picture that were drawn.

        In evaluation, where a seed is a number, every picture is given the same draws, whatever its batch.
        """
        truth = truth_of(batch)
        boxes = ops.concatenate([ops.cast(batch["proposals"], "float32"), truth.boxes], axis=1)
        draws = uniform((ops.shape(boxes)[0] if net.training else 1, boxes.shape[1]), seed)
        matched = regions.match(overlaps(truth, boxes), low=HEAD_LIMIT, high=HEAD_LIMIT)
        matched = ops.where(area(boxes) > 0, matched, regions.BETWEEN)
        learnt = learn_from(matched, truth, draws, self.sampled_regions, HEAD_SHARE)
        logits = self._logits(net, batch, regions.rows(boxes, learnt.index))
        nats = ops.sparse_categorical_crossentropy(learnt.label + 1, logits, from_logits=True)
        return {"loss": mean(nats, learnt.drawn, learnt)}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """What `detected` says of the proposals, where they lie, by the softmax of their classes."""
        boxes = ops.cast(batch["proposals"], "float32")
        score = ops.softmax(self._logits(net, batch, boxes), axis=-1)[..., 1:]
        score = score * ops.cast(area(boxes) > 0, "float32")[..., None]
        return self.detected(ops.repeat(boxes[:, :, None], self.outputs(), axis=2), score)

    def _logits(self, net: Net, batch: Batch, boxes: Any) -> Any:
        """Of each of `boxes` (batch, region, 4): (batch, region, 1 + kind)."""
        logits = net(self.said(net, batch, boxes)["features"], part="classes")
        return ops.reshape(logits, (-1, boxes.shape[1], logits.shape[-1]))


@task("proposal_svm", source="Girshick et al. 2013, arXiv:1311.2524, section 2.2", smoke="rcnn_svm")
class ProposalSVM(WarpedRegions):
    """Objects by a linear SVM for each class, with boxes moved by regression: R-CNN as it is tested.

    Calls `features` on warped regions, `svms` on its features and `boxes` on its map. The data set's `proposals` are
    those of `proposal_classification`. The score of a detection is the sigmoid of its distance from the margin, which
    leaves their order as it is.
    """

    called = "proposal_svm"
    asks = ("features", "svms", "boxes")

    def __init__(
        self,
        card: Card,
        *,
        proposals: Width = 2000,
        score_threshold: Share = 0.05,
        iou_threshold: Share = 0.3,
        max_detections: Most = 100,
    ) -> None:
        super().__init__(
            card,
            proposals=proposals,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            max_detections=max_detections,
        )

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, the mean hinge loss of proposals and classes.

        A proposal counts as an object of a class from an IoU of 0.5 with one on, as background below 0.3, else not.
        """
        boxes, distance, _ = self._judged(net, batch)
        truth = truth_of(batch)
        own = ops.one_hot(truth.label, self.outputs())[:, :, None]  # (batch, object, 1, kind)
        most = ops.max(overlaps(truth, boxes)[..., None] * own, axis=1)
        sign = ops.cast(most >= HEAD_LIMIT, "float32") - ops.cast(most < FAR, "float32")
        counts = ops.abs(sign) * ops.cast(area(boxes) > 0, "float32")[..., None]
        hinge = ops.sum(counts * ops.relu(1 - sign * distance), axis=(1, 2))
        return {"loss": hinge / ops.maximum(ops.sum(counts, axis=(1, 2)), 1.0)}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """What `detected` says of the proposals, moved."""
        boxes, distance, deltas = self._judged(net, batch)
        moved = regions.clip_to(regions.decode(deltas, boxes[:, :, None]), self.picture)
        return self.detected(moved, ops.sigmoid(distance) * ops.cast(area(boxes) > 0, "float32")[..., None])

    def _judged(self, net: Net, batch: Batch) -> tuple[Any, Any, Any]:
        """The proposals, their distances from the margin (batch, region, kind) and moves (batch, region, kind, 4)."""
        boxes = ops.cast(batch["proposals"], "float32")
        said = self.said(net, batch, boxes)
        shape = (-1, boxes.shape[1], self.outputs())
        distance = ops.reshape(net(said["features"], part="svms"), shape)
        return boxes, distance, ops.reshape(net(said["map"], part="boxes"), (*shape, 4))
