"""The loss of YOLO v1, whose gradients are those of the authors' detection_layer.c with yolov1's configuration.

Redmon, Divvala, Girshick, Farhadi 2015, arXiv:1506.02640, equation 3. As in the code, the confidence of a box that
answers for an object is compared with its IoU, the first object of a cell has it, and where no box of the cell touches
its object, the nearest answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from archbench.layers import boxes as areas
from archbench.layers.grid import NUMBERS, decode_grid
from archbench.losses import loss
from archbench.losses.per_example import sum_per_example
from archbench.options import Width

OBJECT_SCALE, NO_OBJECT_SCALE, COORDINATE_SCALE, CLASS_SCALE = 1.0, 0.5, 5.0, 1.0
"""Weights of the parts of the loss: the paper's lambda_coord is 5 and its lambda_noobj 0.5."""


class Assignment(NamedTuple):
    """Which box of which cell answers for which object; `object` counts the padded rows of the true boxes."""

    answers: Any
    """float32 (batch, object): 1 where the row holds an object that its cell answers for, else 0."""
    box: Any
    """int32 (batch, object): the box of the cell that does."""
    index: Any
    """int32 (batch, object): that box, counted over rows, columns and boxes."""
    numbers: Any
    """float32 (batch, object, [x, y, root of width, root of height]): what it should say."""
    overlap: Any
    """float32 (batch, object): its IoU with the object."""


@loss(
    "yolo_v1",
    source="Redmon et al. 2015, arXiv:1506.02640, equation 3; darknet's detection_layer.c",
    values="objects in a grid",
)
def yolo_v1(targets: Mapping[str, Any], outputs: Any, *, boxes: Width = 2) -> Any:
    """Squared errors of boxes, confidences and classes in a grid whose cells answer for the objects they hold.

    `targets` hold `boxes` (batch, object, [top, left, bottom, right]) in cells, and `box_label` (batch, object), -1 in
    rows without an object; `outputs` are (batch, row, column, number): [x, y, root of width, root of height,
    confidence] of each of `boxes`, then a number for each class. The answer is (batch,), the sum of `yolo_v1_parts`.
    """
    return sum(yolo_v1_parts(targets["boxes"], targets["box_label"], outputs, boxes).values())


def yolo_v1_parts(truth: Any, label: Any, raw: Any, count: int) -> dict[str, Any]:
    """The parts of the loss, (batch,) each and summed over a picture, of cells with `count` boxes each.

    All are halved squared errors, so that the gradients are those of detection_layer.c, half the paper's:
    `coordinates` 5/2 |numbers - target|^2 of the answering boxes, `objectness` 1/2 (confidence - IoU)^2 of these and
    0.5/2 confidence^2 of all others, `classes` 1/2 |classes - target|^2 of the cells that hold an object.
    """
    truth, label, raw = ops.cast(truth, "float32"), ops.cast(label, "int32"), ops.cast(raw, "float32")
    rows, columns, length = raw.shape[1:]
    cells = ops.reshape(raw, (-1, rows * columns, length))
    said = ops.reshape(cells[..., : count * NUMBERS], (-1, rows * columns, count, NUMBERS))
    centre, sides = areas.centre_and_sides(truth)
    cell, place = areas.cell_of(centre, (rows, columns))
    mine = ops.take_along_axis(said, cell[..., None, None], axis=1)  # (batch, object, box, number)
    given = _assign(sides, label, ops.stop_gradient(mine), cell, place, (rows, columns))
    own = ops.take_along_axis(mine, given.box[..., None, None], axis=2)[:, :, 0]  # (batch, object, number)
    kinds = ops.take_along_axis(cells[..., count * NUMBERS :], cell[..., None], axis=1)
    right = ops.one_hot(ops.maximum(label, 0), kinds.shape[-1], dtype="float32")
    everywhere = ops.reshape(said[..., 4], (-1, rows * columns * count))
    answering = ops.max(
        ops.one_hot(given.index, everywhere.shape[1], dtype="float32") * given.answers[..., None], axis=1
    )
    objects = OBJECT_SCALE * _squares(own[..., 4] - given.overlap, given.answers)
    return {
        "coordinates": COORDINATE_SCALE * _squares(own[..., :4] - given.numbers, given.answers[..., None]),
        "objectness": objects + NO_OBJECT_SCALE * _squares(everywhere, 1.0 - answering),
        "classes": CLASS_SCALE * _squares(kinds - right, given.answers[..., None]),
    }


def _assign(sides: Any, label: Any, mine: Any, cell: Any, place: Any, grid: tuple[int, int]) -> Assignment:
    """`mine` (batch, object, box, number) is what the cell of each object says."""
    exists, size = label >= 0, np.array(grid[::-1], "float32")  # [width, height] of the picture, in cells
    same = (cell[:, :, None] == cell[:, None, :]) & exists[:, None, :]
    earlier = np.tril(np.ones(same.shape[1:], bool), k=-1)
    answers = exists & ~ops.any(same & earlier, axis=2)
    half = sides / 2
    local = ops.concatenate([place - half, place + half], axis=-1)  # [left, top, right, bottom]
    local = ops.take(local, np.array([1, 0, 3, 2]), axis=-1)
    overlap = areas.iou(decode_grid(mine, grid), local[:, :, None])  # (batch, object, box)
    shares = ops.concatenate([(mine[..., :2] - place[:, :, None]) / size, _shares(mine, sides / size)], axis=-1)
    nearest = ops.argmin(ops.sum(ops.square(shares), axis=-1), axis=-1)
    box = ops.where(ops.any(overlap > 0, axis=-1), ops.argmax(overlap, axis=-1), nearest)
    box = ops.cast(box, "int32")
    numbers = ops.concatenate([place, ops.sqrt(ops.maximum(sides / size, 0.0))], axis=-1)
    own = ops.take_along_axis(overlap, box[..., None], axis=-1)[..., 0]
    return Assignment(ops.cast(answers, "float32"), box, cell * mine.shape[2] + box, numbers, own)


def _shares(mine: Any, sides: Any) -> Any:
    """How far the sides that are said lie from the true ones, both in shares of the picture."""
    return ops.square(mine[..., 2:4]) - sides[:, :, None]


def _squares(errors: Any, counted: Any) -> Any:
    """Half the squares of `errors` (batch, ...) that are `counted`, summed."""
    return sum_per_example(counted * ops.square(errors)) / 2
