"""Objects in cells, and what a perfect network would say of them in the forms of YOLO v1, v2 and v3."""

import numpy as np

from archbench.losses.yolo_v2 import VOC_ANCHORS
from archbench.losses.yolo_v3 import COCO_ANCHORS

KINDS, SURE = 3, 30.0
GRID = (4, 8)
"""Rows and columns; of the finest of three maps."""
FORMS = ("objects in a grid", "objects of anchors", "objects on maps")


def objects(random: np.random.Generator, batch: int) -> dict[str, np.ndarray]:
    """One or two objects in each example, in different quarters of the grid's left and right, and a row without one."""
    boxes, label = np.zeros((batch, 3, 4), "float32"), np.full((batch, 3), -1, "int32")
    for example in range(batch):
        for row in range(1 + example % 2):
            x, y = random.uniform(0.2, 3.8) + 4 * row, random.uniform(0.2, 3.8)
            width, height = random.uniform(0.5, 6, 2)
            boxes[example, row] = y - height / 2, x - width / 2, y + height / 2, x + width / 2
            label[example, row] = random.integers(KINDS)
    return {"boxes": boxes, "box_label": label}


def perfect(form: str, targets: dict[str, np.ndarray]):
    """What costs nothing."""
    batch = len(targets["boxes"])
    if form == "objects in a grid":
        said = np.zeros((batch, *GRID, 10 + KINDS))
    elif form == "objects of anchors":
        said = np.zeros((batch, *GRID, len(VOC_ANCHORS), 5 + KINDS))
        said[..., 4:] = -SURE
    else:
        maps = {name: (GRID[0] // cell, GRID[1] // cell) for name, cell in _CELLS.items()}
        said = {name: np.zeros((batch, *grid, 3, 5 + KINDS)) for name, grid in maps.items()}
        for one in said.values():
            one[..., 4:] = -SURE
    for example, row in np.argwhere(targets["box_label"] >= 0):
        _say(form, said, example, targets["boxes"][example, row], targets["box_label"][example, row])
    return said


_CELLS = {"small": 1, "medium": 2, "large": 4}


def _say(form, said, example, box, label) -> None:
    top, left, bottom, right = (float(side) for side in box)
    x, y, width, height = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    if form == "objects in a grid":
        out = said[example, int(y), int(x)]
        out[:5] = x % 1, y % 1, np.sqrt(width / GRID[1]), np.sqrt(height / GRID[0]), 1
        out[10 + label] = 1
        return
    anchors = np.array(VOC_ANCHORS if form == "objects of anchors" else COCO_ANCHORS)
    shared = np.minimum(anchors, (width, height)).prod(axis=1)
    best = int(np.argmax(shared / (anchors.prod(axis=1) + width * height - shared)))
    if form == "objects of anchors":
        cell, out = 1, said[example, int(y), int(x), best]
    else:
        name = ("small", "medium", "large")[best // 3]
        cell = _CELLS[name]
        out = said[name][example, int(y / cell), int(x / cell), best % 3]
    share = np.array([x / cell % 1, y / cell % 1])
    out[:4] = *np.log(share / (1 - share)), *np.log((width, height) / anchors[best])
    out[[4, 5 + label]] = SURE
