"""The boxes and kinds of objects, checked on the host, as every task of detection compares with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.metrics.coco import AREAS, EVERY_AREA, IOU_50, NONE, Compared, compare_boxes, precisions
from archbench.metrics.detection import average_precisions
from archbench.metrics.detection_errors import break_down, mistakes_of_images
from archbench.tasks.base import Arrays, Smoke, TaskMismatch, smoke_inputs
from archbench.tasks.labels import check_labels

COCO_MOST = 100
"""COCO's average precision looks at no more detections in one picture."""
IGNORED = ("ignored_boxes", "ignored_label", "ignored_crowd")
"""The arrays, where a data set has them, of what is neither to be found nor wrong to be found."""


class NoBoxes(UserError):
    """A split without a single box, or a training split with a box without an area."""


class FindsBoxes:
    """How a task is chosen and scored, and what it keeps, whose answers are `boxes`, each with `score` and `label`."""

    monitor = "map_50"
    maximize = True
    timed = True
    stages = 1
    """2 where the network judges regions that were proposed before."""

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`map_50`, `map` (COCO's mean over IoU .50 to .95), and `map` of small, medium and large objects."""
        return average_precisions(arrays, predictions)

    def compared(self, arrays: Arrays, predictions: Arrays) -> Compared:
        """What the task is judged by: boxes."""
        return compare_boxes(arrays, predictions)

    def picked(self, arrays: Arrays, predictions: Arrays, most: int) -> np.ndarray:
        """The first, and those with most mistakes."""
        return first_and_worst(mistakes_of_images(self.compared(arrays, predictions)), most)

    def kept(self, arrays: Arrays, predictions: Arrays) -> dict[str, np.ndarray]:
        """What `told_of` tells of boxes; and `stages`, of the network."""
        return {**told_of(compare_boxes(arrays, predictions)), "stages": np.array(self.stages)}


def labelled_boxes(card: Card, split: Arrays) -> dict[str, np.ndarray]:
    """`boxes` float32 (example, object, 4) in pixels; `box_label` int32 (example, object), -1 = none; and `IGNORED`.

    Raises `LabelOutOfRange`, and `NoBoxes` where there is none at all: average precision would be nan.
    """
    label = np.asarray(split["box_label"], "int32")
    check_labels(card, "box_label", label, -1, len(card.class_names))
    if not (label >= 0).any():
        raise NoBoxes(
            f"A split of the data set {card.name!r} holds {len(label)} examples without a single box, so that "
            "no average precision can be computed. Give it a larger share in the datasets section of params.yaml."
        )
    ignored = {name: np.asarray(split[name]) for name in IGNORED if name in split}
    return {"boxes": np.asarray(split["boxes"], "float32"), "box_label": label, **ignored}


def main_object(card: Card, split: Arrays, *more: str) -> dict[str, np.ndarray]:
    """Of every picture the object with the largest box, the first of equal ones, as if it were the only one.

    `boxes` float32 (example, 1, 4), `box_label` int32 (example, 1), -1 = none, and the arrays `more` of objects
    likewise. Raises as `labelled_boxes` does.
    """
    found = labelled_boxes(card, split)
    boxes, label = found["boxes"], found["box_label"]
    sides = boxes[..., 2:] - boxes[..., :2]
    row = np.argmax(np.where(label >= 0, sides.prod(axis=-1), -1), axis=1)[:, None]
    told = {"boxes": boxes, "box_label": label, **{name: np.asarray(split[name]) for name in more}}
    return {
        name: np.take_along_axis(array, row.reshape(-1, 1, *[1] * (array.ndim - 2)), axis=1)
        for name, array in told.items()
    }


def picture_size(card: Card) -> tuple[int, int]:
    """Height and width of the data set's pictures, for what is told in shares of them; raises `TaskMismatch`."""
    shape = card.input_shape
    if len(shape) != 3 or None in shape:
        raise TaskMismatch(
            f"The data set {card.name!r} has inputs of shape {tuple(shape)}, and this task reads pictures of one size, "
            "(height, width, channel). Choose another data set, or resize its pictures."
        )
    return shape[0], shape[1]


def smoke_boxes(shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
    """One box above to the left in each picture, and in every other a second one that covers it."""
    inputs, rows = smoke_inputs(shape, examples, random), np.arange(examples)
    height, width = shape[:2]
    boxes = np.zeros((examples, 2, 4), "float32")
    boxes[:, 0], boxes[::2, 1] = (0, 0, height / 2, width / 2), (0, 0, height, width)
    label = np.stack([rows % 3, np.where(rows % 2, -1, (rows + 1) % 3)], axis=1).astype("int32")
    return Smoke({**inputs, "boxes": boxes, "box_label": label}, *inputs, ("a", "b", "c"))


def told_of(compared: Compared) -> dict[str, np.ndarray]:
    """What figures tell of the detections of a whole split, boxes or masks.

    `kinds` (class,) are the classes with objects; of each `class_map_50`, and `precision` float32 (recall, class) at an
    IoU of one half. `size_map` and `size_objects` (size,) are of objects of every size and of those of `AREAS`, nan
    where there are none; `error_counts` and `error_gains` are those of `break_down`. `mistakes` (example,).
    """
    precision = precisions(compared)
    low, high = (np.array(ends)[:, None, None] for ends in zip(*AREAS.values(), strict=True))
    wanted = (compared.label >= 0) & ~compared.ignored
    of_sizes = [precision[..., place][precision[..., place] > NONE] for place in range(len(AREAS))]
    errors = break_down(compared)
    return {
        "kinds": compared.kinds,
        "class_map_50": precision[IOU_50, :, :, EVERY_AREA].mean(axis=0),
        "precision": precision[IOU_50, :, :, EVERY_AREA].astype("float32"),
        "size_map": np.array([values.mean() if len(values) else np.nan for values in of_sizes]),
        "size_objects": (wanted & (compared.area >= low) & (compared.area <= high)).sum(axis=(1, 2)),
        "error_counts": errors.counts,
        "error_gains": errors.gains,
        "mistakes": mistakes_of_images(compared),
    }


def first_and_worst(mistakes: np.ndarray, most: int) -> np.ndarray:
    """Rows of at most `most` examples, in order: the first, and those with most `mistakes` (example,)."""
    worst = np.argsort(-mistakes, kind="stable")[: most // 2]
    return np.union1d(np.arange(min(most - most // 2, len(mistakes))), worst)
