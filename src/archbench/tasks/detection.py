"""Boxes and their classes, the YOLO v2 way.

Redmon & Farhadi 2016, arXiv:1612.08242, section 2; what the paper leaves open (the loss's parts and weights)
is taken from the authors' region_layer.c. Differs from it: the pull of every anchor towards its prior during
the first 12,800 pictures is left out, and a box gets the one class it is likeliest of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.layers import boxes
from archbench.layers.anchors import fit_anchors
from archbench.layers.nms import suppress
from archbench.losses.per_example import sum_per_example
from archbench.metrics.detection import average_precisions
from archbench.options import Share, Width
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke, TaskMismatch
from archbench.tasks.labels import check_class_names
from archbench.tasks.objects import COCO_MOST, NoBoxes, labelled_boxes, smoke_boxes

OBJECT_SCALE, NO_OBJECT_SCALE, COORDINATE_SCALE, CLASS_SCALE = 5.0, 1.0, 1.0, 1.0
"""Weights of the parts of the loss in yolov2-voc.cfg."""
IGNORE_IOU = 0.6
"""A box that overlaps an object more than this is not told that it is empty."""
ANCHOR_SEED = 0
NUMBERS = 5
"""x, y, width, height and objectness, before the class logits."""


class Assignment(NamedTuple):
    """Which prediction answers for which object; `object` counts the padded rows of `boxes`."""

    answers: Any
    """float32 (batch, object): 1 where the row holds an object that a prediction answers for, else 0."""
    index: Any
    """int32 (batch, object): that prediction, counted over rows, columns and anchors."""
    place: Any
    """float32 (batch, object, [x, y]) within the cell."""
    stretch: Any
    """float32 (batch, object, [width, height]), logarithms against the anchor."""
    importance: Any
    """float32 (batch, object): 2 - its share of the picture, so that small boxes count more."""


@task("detection", source="Redmon & Farhadi 2016, YOLO9000, section 2, arXiv:1612.08242", smoke="yolo_v2")
class Detection(Direct):
    """Boxes and classes of the objects in a picture, from a grid of anchors.

    Reads raw outputs (batch, row, column, anchor, [tx, ty, tw, th, objectness, class...]). Anchors come from
    the training boxes by k-means. Chosen and scored by mean average precision, decoded with non-maximum
    suppression inside the compiled program.
    """

    monitor = "map_50"
    maximize = True
    needs = ("boxes", "box_label")

    def __init__(
        self,
        card: Card,
        *,
        iou_threshold: Share = 0.45,
        score_threshold: Share = 0.005,
        candidates: Width = 64,
        max_detections: Annotated[int, Field(ge=1, le=COCO_MOST)] = 20,
    ) -> None:
        super().__init__(card)
        check_class_names(card, "detection")
        if not 1 <= max_detections <= COCO_MOST:
            raise TaskMismatch(f"max_detections must lie in 1 to {COCO_MOST}; {max_detections} was given.")
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
        """Learn anchors, in cells, from the training boxes; the shape of the outputs tells how many."""
        shape = tuple(parts["network"].output.shape)
        if len(shape) != 5 or shape[-1] != NUMBERS + self.outputs():
            raise TaskMismatch(
                f"Detection needs outputs (batch, row, column, anchor, {NUMBERS + self.outputs()}), but "
                f'the network gives {shape}. Choose a detection network: "archbench list architectures".'
            )
        height, width, _ = self.card.input_shape
        self.stride = np.array([height / shape[1], width / shape[2]] * 2, "float32")  # pixels of a cell, y x y x
        sides = self._sides_in_cells(training)
        if not len(sides) or sides.min() <= 0:
            flat = (sides <= 0).any(axis=1).sum()
            raise NoBoxes(
                f"The training split of {self.card.name!r} holds {len(sides)} boxes, {flat} of them without "
                f"an area; anchors need one at least, and an area in all. Correct its parser, then prepare "
                f'it again: "dvc repro prepare@{self.card.name}".'
            )
        self.anchors = fit_anchors(sides, shape[3], ANCHOR_SEED)

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`boxes` float32 (example, object, 4) in pixels; `box_label` int32 (example, object), -1 = none.

        Raises `LabelOutOfRange`, and `NoBoxes` where there is none at all: average precision would be nan.
        """
        return labelled_boxes(self.card, split)

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss` and its parts `coordinates`, `objectness` and `classes`, each summed over a picture.

        Squared errors are halved, which makes the gradients those of region_layer.c:
        coordinates 1/2 (2 - w h) |(sigmoid(tx, ty), tw, th) - target|^2 of the answering predictions,
        objectness 5/2 (sigmoid - IoU)^2 of these and 1/2 sigmoid^2 of those with no object near,
        classes the softmax cross-entropy.
        """
        raw = ops.cast(outputs, "float32")
        truth = ops.cast(arrays["boxes"], "float32") / self.stride  # (batch, object, 4) in cells
        label = ops.cast(arrays["box_label"], "int32")
        given = self._assign(truth, label, raw.shape[1:3])
        flat = ops.reshape(raw, (-1, np.prod(raw.shape[1:4]), raw.shape[4]))  # (batch, prediction, number)
        mine = ops.take_along_axis(flat, given.index[..., None], axis=1)  # (batch, object, number)
        parts = {
            "coordinates": _coordinates(mine, given),
            "objectness": self._objectness(raw, flat, mine, truth, label, given),
            "classes": _classes(mine, label, given),
        }
        return {"loss": sum(parts.values()), **parts}

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`boxes` (batch, max_detections, 4) in pixels, `score`, and `label` or -1; the best first.

        The score is objectness times the probability of the likeliest class.
        """
        raw = ops.cast(outputs, "float32")
        count = np.prod(raw.shape[1:4])
        height, width, _ = self.card.input_shape
        places = ops.reshape(boxes.decode_cells(raw, self.anchors) * self.stride, (-1, count, 4))
        places = ops.clip(places, 0.0, np.array([height, width, height, width], "float32"))
        classes = ops.reshape(ops.softmax(raw[..., NUMBERS:], axis=-1), (-1, count, self.outputs()))
        objectness = ops.reshape(ops.sigmoid(raw[..., 4]), (-1, count))
        score = objectness * ops.max(classes, axis=-1)
        found = suppress(places, score, ops.argmax(classes, axis=-1), **self.suppression)
        return {"boxes": found.boxes, "score": found.scores, "label": found.labels}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`map_50` and `map` (COCO's mean over IoU .50 to .95), by pycocotools."""
        return average_precisions(arrays, predictions)

    def _sides_in_cells(self, training: Arrays) -> np.ndarray:
        """(box, [width, height]) of the boxes that exist."""
        there = np.asarray(training["box_label"]) >= 0
        found = np.asarray(training["boxes"])[there] / self.stride
        return np.stack([found[:, 3] - found[:, 1], found[:, 2] - found[:, 0]], axis=1)

    def _assign(self, truth: Any, label: Any, grid: tuple[int, int]) -> Assignment:
        code = boxes.encode_cells(truth, self.anchors, grid)
        exists = label >= 0
        # Two objects may fall to one prediction. As in region_layer.c, the later one has it.
        same = (code.index[:, :, None] == code.index[:, None, :]) & exists[:, None, :]
        later = np.triu(np.ones(same.shape[1:], bool), k=1)
        answers = exists & ~ops.any(same & later, axis=2)
        importance = 2 - boxes.area(truth) / (grid[0] * grid[1])
        return Assignment(ops.cast(answers, "float32"), code.index, code.place, code.stretch, importance)

    def _objectness(self, raw: Any, flat: Any, mine: Any, truth: Any, label: Any, given: Assignment) -> Any:
        # What the objectness is compared with is a target, never a way for gradients into the boxes.
        predicted = ops.stop_gradient(boxes.decode_cells(raw, self.anchors))
        predicted = ops.reshape(predicted, (-1, flat.shape[1], 4))
        overlap = boxes.pairwise_iou(predicted, truth) * ops.cast(label >= 0, "float32")[:, None, :]
        answering = ops.one_hot(given.index, flat.shape[1], dtype="float32") * given.answers[..., None]
        empty = (ops.max(overlap, axis=2) <= IGNORE_IOU) & (ops.max(answering, axis=1) < 0.5)
        no_object = ops.cast(empty, "float32") * ops.square(ops.sigmoid(flat[..., 4]))
        own = boxes.iou(ops.take_along_axis(predicted, given.index[..., None], axis=1), truth)
        an_object = given.answers * ops.square(ops.sigmoid(mine[..., 4]) - own)
        return (OBJECT_SCALE * sum_per_example(an_object) + NO_OBJECT_SCALE * sum_per_example(no_object)) / 2


def _coordinates(mine: Any, given: Assignment) -> Any:
    place = ops.square(ops.sigmoid(mine[..., 0:2]) - given.place)
    stretch = ops.square(mine[..., 2:4] - given.stretch)
    error = ops.sum(place + stretch, axis=-1) * given.importance
    return COORDINATE_SCALE * sum_per_example(given.answers * error) / 2


def _classes(mine: Any, label: Any, given: Assignment) -> Any:
    nats = ops.sparse_categorical_crossentropy(ops.maximum(label, 0), mine[..., NUMBERS:], from_logits=True)
    return CLASS_SCALE * sum_per_example(given.answers * nats)
