"""Boxes and their classes in one stage, the ways of YOLO v1, v2 and v3.

Redmon et al. 2015, arXiv:1506.02640; Redmon & Farhadi 2016, arXiv:1612.08242, and 2018, arXiv:1804.02767; what the
papers leave open is taken from the authors' code; as there, what a data set ignores is background to learn from, and
counts nowhere in the scores. Differs from it: with the loss of YOLO v2, a box gets the one class that it is likeliest
of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.layers.nms import suppress
from archbench.losses import LOSSES
from archbench.options import Share, Side, Width
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Net, Seed, Smoke, TaskMismatch
from archbench.tasks.labels import check_class_names
from archbench.tasks.objects import COCO_MOST, FindsBoxes, NoBoxes, labelled_boxes, smoke_boxes
from archbench.tasks.one_stage import READINGS, ObjectLoss, Scene

Heights = Annotated[tuple[Side, ...], Field(max_length=16)]
"""Of pictures, in pixels."""


@task(
    "detection",
    source="Redmon et al. 2015, arXiv:1506.02640; Redmon & Farhadi 2016, arXiv:1612.08242, and 2018, arXiv:1804.02767",
    smoke="yolo_v2",
)
class Detection(FindsBoxes, Direct):
    """Boxes and classes of the objects in a picture, from grids of cells.

    Reads the raw outputs that `loss` compares: those of YOLO v1, v2 or v3; it may have options of its own, as in
    {name: yolo_v3, box_loss: giou}. Anchors come from the training boxes by k-means. Chosen and scored by mean average
    precision, decoded with non-maximum suppression inside the compiled program.

    `heights` in pixels are those of multi-scale training: every batch is cut into as many parts, and the pictures of
    each are brought to one of these, their widths in proportion; the papers give all of a batch one size, and another
    one after ten batches. There is one compiled program whatever their number, and validation reads pictures as they
    are.
    """

    needs = ("boxes", "box_label")

    def __init__(
        self,
        card: Card,
        *,
        loss: ObjectLoss = "yolo_v2",
        heights: Heights = (),
        iou_threshold: Share = 0.45,
        score_threshold: Share = 0.005,
        candidates: Width = 64,
        max_detections: Annotated[int, Field(ge=1, le=COCO_MOST)] = 20,
    ) -> None:
        super().__init__(card)
        check_class_names(card, "detection")
        if not 1 <= max_detections <= COCO_MOST:
            raise TaskMismatch(f"max_detections must lie in 1 to {COCO_MOST}; {max_detections} was given.")
        entry, self.loss_options = LOSSES.resolve(loss)
        self.loss, self.heights = entry.name, tuple(heights)
        self.suppression = {
            "iou_threshold": iou_threshold,
            "score_threshold": score_threshold,
            "candidates": candidates,
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
        """Learn how the outputs of this network are read: its grid, and anchors from the training boxes."""
        sides = self._sides(training)
        if not len(sides) or sides.min() <= 0:
            flat = (sides <= 0).any(axis=1).sum()
            raise NoBoxes(
                f"The training split of {self.card.name!r} holds {len(sides)} boxes, {flat} of them without "
                f"an area; anchors need one at least, and an area in all. Correct its parser, then prepare "
                f'it again: "dvc repro prepare@{self.card.name}".'
            )
        scene = Scene(tuple(self.card.input_shape[:2]), self.outputs(), sides)
        self.reading = READINGS[self.loss](parts["network"].output, scene, **self.loss_options)
        self._check_heights()
        if self.heights:
            channels = self.card.input_shape[-1]
            parts["network"].input_spec = keras.InputSpec(shape=(None, None, None, channels))

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`boxes` float32 (example, object, 4) in pixels; `box_label` int32 (example, object), -1 = none.

        Raises `LabelOutOfRange`, and `NoBoxes` where there is none at all: average precision would be nan.
        """
        return labelled_boxes(self.card, split)

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """Those of `compare`; in training with `heights`, of pictures of these."""
        if not (net.training and self.heights):
            return super().losses(net, batch, seed)
        image = batch[self.card.input]
        ends = np.linspace(0, image.shape[0], len(self.heights) + 1).round().astype(int)
        found = []
        for height, (start, end) in zip(self.heights, pairwise(ends), strict=True):
            if end > start:
                size = self._resized(height)
                read = ops.image.resize(image[start:end], size, data_format="channels_last")
                arrays = {name: batch[name][start:end] for name in self.needs}
                larger = np.divide(size, self.card.input_shape[:2]).astype("float32")
                arrays["boxes"] = ops.cast(arrays["boxes"], "float32") * np.tile(larger, 2)
                found.append(self.compare(net(read), arrays, read))
        return {name: ops.concatenate([one[name] for one in found]) for name in found[0]}

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss` and its parts `coordinates`, `objectness` and `classes`, each summed over a picture."""
        truth, label = ops.cast(arrays["boxes"], "float32"), ops.cast(arrays["box_label"], "int32")
        parts = self.reading.losses(outputs, truth, label)
        return {"loss": sum(parts.values()), **parts}

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`boxes` (batch, max_detections, 4) in pixels of the picture, `score`, and `label` or -1; the best first."""
        places, score, label = self.reading.candidates(outputs)
        height, width, _ = self.card.input_shape
        places = ops.clip(places, 0.0, np.array([height, width, height, width], "float32"))
        found = suppress(places, score, label, **self.suppression)
        return {"boxes": found.boxes, "score": found.scores, "label": found.labels}

    def kept(self, arrays: Arrays, predictions: Arrays) -> dict[str, np.ndarray]:
        """As every detector; and `anchors` (anchor, [cell, cell, height, width]) in pixels where it has such."""
        return {**super().kept(arrays, predictions), "anchors": self.reading.in_pixels()}

    def _resized(self, height: int) -> tuple[int, int]:
        """Height and width in pixels of a picture that is brought to a `height`."""
        return height, round(height * self.card.input_shape[1] / self.card.input_shape[0])

    def _check_heights(self) -> None:
        """Raise `TaskMismatch` for sizes that the network does not read, or whose cells would be no whole ones."""
        cell = self.reading.cell
        if self.heights and not cell:
            raise TaskMismatch(
                f"heights is {list(self.heights)}, but a network with the loss {self.loss} reads pictures of one size. "
                "Leave heights out, or choose a network without dense layers: yolo_v2 or yolo_v3."
            )
        for height in self.heights:
            if any(side % cell for side in self._resized(height)):
                raise TaskMismatch(
                    f"heights has {height}, which makes pictures of {' x '.join(map(str, self._resized(height)))} "
                    f"pixels. This network reads sides of a multiple of {cell}: choose such heights."
                )

    def _sides(self, training: Arrays) -> np.ndarray:
        """(box, [height, width]) in pixels of the boxes that exist."""
        found = np.asarray(training["boxes"])[np.asarray(training["box_label"]) >= 0]
        return found[:, 2:] - found[:, :2]
