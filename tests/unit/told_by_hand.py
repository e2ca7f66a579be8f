"""Small test splits whose precision, mistakes and borders are known by hand, as a run keeps them."""

import numpy as np

from archbench.metrics.coco import compare_boxes
from archbench.tasks.objects import first_and_worst, told_of

SIDE = 40
A, B, FAR = (0, 0, 10, 10), (20, 20, 30, 36), (30, 0, 40, 10)
OBJECTS = [[(A, 0)], [(A, 0), (B, 1)], [(B, 1)], [], [(A, 0)]]
SAID = [
    [(A, 0, 0.9)],  # right
    [(A, 0, 0.8), (FAR, 1, 0.7), (B, 0, 0.6)],  # right, background, classification
    [],  # missed
    [],
    [(A, 0, 0.5), ((0, 0, 10, 9), 0, 0.2)],  # right, duplicate, which is not sure
]
"""Of class 0: right, right, wrong, right, wrong of three objects; of class 1 a wrong one of two."""
CLASS_0 = (67 + 34 * 3 / 4) / 101
"""Precision 1 up to a recall of 2/3, at 67 of 101 points, then 3/4."""
MISTAKES = [0, 3, 1, 0, 0]
"""The second: B is not found, and two sure detections are wrong."""


def _padded(rows, place, empty):
    width = max(map(len, rows))
    return np.array([[one[place] for one in row] + [empty] * (width - len(row)) for row in rows])


def detections(pixels=0) -> dict[str, np.ndarray]:
    """What a run of a detector keeps; pictures of one brightness. `pixels` moves all detections to the right."""
    targets = {"boxes": _padded(OBJECTS, 0, (0, 0, 0, 0)).astype("float32"), "box_label": _padded(OBJECTS, 1, -1)}
    boxes = _padded(SAID, 0, (0, 0, 0, 0)).astype("float32") + np.array([0, pixels, 0, pixels], "float32")
    said = {"boxes": boxes, "label": _padded(SAID, 1, -1), "score": _padded(SAID, 2, 0.0)}
    told = told_of(compare_boxes(targets, said))
    rows = first_and_worst(told["mistakes"], 4)
    images = np.full((len(OBJECTS), SIDE, SIDE, 3), 90, "uint8") + 10 * np.arange(5, dtype="uint8")[:, None, None, None]
    anchors = np.array([[8, 8, 12, 6], [8, 8, 6, 12], [20, 20, 30, 30]], "float32")
    return {
        "input": images[rows],
        "row": rows,
        "class_names": np.array(["round", "long"]),
        **{f"target_{name}": value[rows] for name, value in targets.items()},
        **{f"prediction_{name}": value[rows] for name, value in said.items()},
        **{f"whole_{name}": value for name, value in {**told, "anchors": anchors, "stages": np.array(1)}.items()},
    }
