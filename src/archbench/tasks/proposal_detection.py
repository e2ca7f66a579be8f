"""Boxes and their classes among regions that the data set proposes, the Fast R-CNN way.

Girshick 2015, "Fast R-CNN", arXiv:1504.08083, section 2. What the paper leaves open is as in torchvision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.layers.boxes import area
from archbench.layers.draws import uniform
from archbench.options import Positive, Share, Width
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke
from archbench.tasks.objects import COCO_MOST
from archbench.tasks.second_stage import DELTA, Pooling, SecondStage, truth_of


@task("proposal_detection", source="Girshick 2015, arXiv:1504.08083", smoke="fast_rcnn")
class ProposalDetection(SecondStage):
    """Boxes and classes of the objects in a picture, judged among regions that come with it.

    Calls a network of two parts, once each: `features`, a picture to one map or a pyramid of them; `head`, what is read
    of a region, by RoI `pooling` or RoIAlign, to its classes and a box for each. Chosen and scored by mean average
    precision.

    The data set's `proposals` are float32 (region, 4) in pixels, likely objects first; a row without an area is none.
    Of these the first `proposals` are looked at, and of a picture `sampled_regions` are learnt from, those of an IoU of
    at least `background_from` with an object. A region of `canonical` pixels a side is read from the map of stride 16.
    `head_delta` is where the smooth L1 of boxes turns from a parabola to a line.
    """

    called = "proposal_detection"
    needs = ("boxes", "box_label", "proposals")

    def __init__(
        self,
        card: Card,
        *,
        proposals: Width = 2000,
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
            proposals=min(proposals, card.arrays.get("proposals", {}).get("shape", [None])[0] or proposals),
            sampled_regions=sampled_regions,
            background_from=background_from,
            head_delta=head_delta,
            canonical=canonical,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            max_detections=max_detections,
        )

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Those of every task of detection, with their boxes, some moved ones and a row of none as proposals."""
        made = super().smoke(shape, examples, random)
        boxes = made.arrays["boxes"]
        proposals = np.concatenate([boxes, boxes * 0.75, boxes * 0.5, np.zeros_like(boxes[:, :1])], axis=1)
        return Smoke({**made.arrays, "proposals": proposals}, made.input, made.class_names)

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """As every detector's, and `proposals` float32 (example, region, 4)."""
        proposals = np.asarray(split["proposals"], "float32")[:, : self.proposals]
        return {**super().arrays(split), "proposals": proposals}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, the sum of `classes` and `boxes`, each a mean over the regions of a picture that were drawn.

        In evaluation, where a seed is a number, every picture is given the same draws, whatever its batch.
        """
        maps, boxes, there = self._given(net, batch)
        truth = truth_of(batch)
        examples = ops.shape(truth.label)[0] if net.training else 1
        draws = uniform((examples, boxes.shape[1] + truth.label.shape[1]), seed)
        parts = self.head_losses(net, maps, *self.chosen(boxes, there, truth, draws))
        return {"loss": sum(parts.values()), **parts}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """What `detected` says of the proposals."""
        return self.detected(net, *self._given(net, batch))

    def _given(self, net: Net, batch: Batch) -> tuple[Any, Any, Any]:
        """The maps of the pictures, their proposals, and which of these are any."""
        boxes = ops.cast(batch["proposals"], "float32")
        return net(batch[self.card.input], part="features"), boxes, area(boxes) > 0
