"""The mask of every object, with its box and class, the Mask R-CNN way.

He, Gkioxari, Dollar, Girshick 2017, "Mask R-CNN", arXiv:1703.06870, section 3. Differs from torchvision's: the loss of
masks is a mean over each picture's regions first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.layers.roi_align import roi_align
from archbench.metrics.coco import Compared
from archbench.metrics.instances import compare_masks, mask_average_precisions
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke
from archbench.tasks.objects import told_of
from archbench.tasks.region_detection import RegionDetection
from archbench.tasks.second_stage import HEAD_SHARE, Learnt

CERTAIN = 255
"""What stands for a probability of 1 in a predicted mask."""


@task("instance_segmentation", source="He et al. 2017, arXiv:1703.06870, section 3", smoke="mask_rcnn")
class InstanceSegmentation(RegionDetection):
    """Boxes, classes and masks of the objects in a picture: `region_detection`, and a mask of each region.

    Calls a network of four parts: those of `region_detection`, and `mask`, what is read of a region, by RoIAlign or RoI
    `pooling`, to a mask for each class, of which only that of the region's class counts. Chosen and scored by the mean
    average precision of masks.

    The true masks are the data set's `masks` (object, height, width), which may overlap, or else its `instances`
    (height, width), where a pixel is 0 or 1 and the row of its object.
    """

    called = "instance_segmentation"
    asks = ("features", "rpn", "head", "mask")
    monitor = "mask_map_50"
    needs = ("boxes", "box_label", "instances")

    def wanted(self, card: Card) -> tuple[str, ...]:
        """Boxes and their classes, and the masks in the form that the data set has."""
        return (*self.needs[:2], "masks") if "masks" in card.arrays else self.needs

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Those of every task of detection; a mask fills its box, and the smaller one covers the larger."""
        made = super().smoke(shape, examples, random)
        height, width = shape[:2]
        instances = np.zeros((examples, height, width), "uint8")
        instances[::2] = 2
        instances[:, : height // 2, : width // 2] = 1
        return Smoke({**made.arrays, "instances": instances}, made.input, made.class_names)

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """As region detection; and how many bins a side the `mask` reads and gives."""
        super().learn(training, parts)
        self.mask_grid, self.mask_side = parts["mask"].input.shape[1], parts["mask"].output.shape[1]

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """As every detector's, and the masks as the data set keeps them, `ignored_masks` too where it has such."""
        masks = {name: split[name] for name in (self.needs[-1], "ignored_masks") if name in split}
        return {**super().arrays(split), **masks}

    def calls(self) -> dict[str, float]:
        """The head judges every proposal; the mask is made of what is detected."""
        return {**super().calls(), "mask": self.suppression["detections"]}

    def further_losses(self, net: Net, maps: Any, batch: Batch, boxes: Any, learnt: Learnt) -> dict[str, Any]:
        """`masks`: the mean cross-entropy of the pixels of those regions that answer for an object, 0 without any.

        What is true of a pixel is what RoIAlign reads of the object's mask there.
        """
        most = max(1, int(self.sampled_regions * HEAD_SHARE))  # so many answer at most, and they come first
        boxes, row, label, answers = (x[:, :most] for x in (boxes, learnt.row, learnt.label, learnt.answers))
        logits = self._masks(net, maps, boxes, ops.maximum(label, 0))
        truth = roi_align([true_masks(batch)], boxes, self.mask_side, strides=(1,))
        truth = ops.take_along_axis(truth, row[:, :, None, None, None], axis=-1)[..., 0]
        nats = ops.mean(ops.binary_crossentropy(truth, logits, from_logits=True), axis=(2, 3))
        return {"masks": ops.sum(nats * answers, axis=1) / ops.maximum(ops.sum(answers, axis=1), 1.0)}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """As region detection; and `mask` uint8 (batch, detection, row, column), how likely, over the box: 255 is 1."""
        found = super().predict(net, batch, seed)
        maps = net(batch[self.card.input], part="features")
        logits = self._masks(net, maps, found["boxes"], ops.maximum(found["label"], 0))
        return {**found, "mask": ops.cast(ops.round(ops.sigmoid(logits) * CERTAIN), "uint8")}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`mask_map_50`, `mask_map` and those of each size, of masks, beside the same of boxes without `mask_`."""
        return {**super().scores(arrays, predictions, means), **mask_average_precisions(arrays, predictions)}

    def compared(self, arrays: Arrays, predictions: Arrays) -> Compared:
        """What the task is judged by: masks."""
        return compare_masks(arrays, predictions)

    def kept(self, arrays: Arrays, predictions: Arrays) -> dict[str, np.ndarray]:
        """As region detection; and what `told_of` tells of masks, behind `mask_`. `mistakes` are those of masks."""
        masks = told_of(self.compared(arrays, predictions))
        told = {f"mask_{name}": value for name, value in masks.items()}
        return {**super().kept(arrays, predictions), **told, "mistakes": masks["mistakes"]}

    def _masks(self, net: Net, maps: Any, boxes: Any, kind: Any) -> Any:
        """The logits (batch, region, row, column) of the mask of `kind` (batch, region) in `boxes`."""
        read = self.read(maps, boxes, self.mask_grid)
        made = net(ops.reshape(read, (-1, *read.shape[2:])), part="mask")
        made = ops.reshape(made, (-1, boxes.shape[1], *made.shape[1:]))
        return ops.take_along_axis(made, kind[:, :, None, None, None] + 1, axis=-1)[..., 0]


def true_masks(batch: Batch) -> Any:
    """The masks of the objects of a batch: float32 (batch, height, width, object)."""
    if "masks" in batch:
        return ops.cast(ops.transpose(batch["masks"], (0, 2, 3, 1)), "float32")
    number = np.arange(1, batch["box_label"].shape[1] + 1)
    return ops.cast(ops.cast(batch["instances"], "int32")[..., None] == number, "float32")
