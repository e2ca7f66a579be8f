"""Balloons: scenes drawn for classification, detection, segmentation, instances and landmarks.

Made for this project; no published data set. The backgrounds are random crops of the two photographs
that scikit-learn carries. One seed makes one scene, so a scene depends on nothing but its number,
its size and the options here; the same number shows the same scene at every size.

What counts as what:
- A balloon is its body and its knot. Its string, and the things that are no balloons (squares,
  triangles, rings, crosses in the same colours and light), belong to the background.
- A pixel belongs to the balloon that covers more than half of it.
- A box surrounds the visible part of a balloon inside the frame: what the frame's edge or another thing
  hides does not widen it, and two visible parts of one balloon share one box.
- A balloon of which less than 30 % can be seen (or fewer than 4 pixels) is not drawn at all, so the truth
  leaves out nothing that the picture shows.
- The top is the edge straight above a balloon's centre along its axis (the cleft of a heart), the knot is
  where its string begins. Both are told also where they are hidden or lie outside the frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._balloons.layout import COLORS
from archbench.datasets._balloons.outlines import KINDS
from archbench.datasets._balloons.scene import Scene, scene
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets._subset import forget
from archbench.options import Fraction, Inside, Seed

SOURCE = "drawn here over crops of china.jpg and flower.jpg (scikit-learn, photographs on flickr.com)"
LICENCE = "Apache-2.0 for the drawings; CC BY 2.0 for the photographs (danielbuechele, vultilion)"
EMPTY = -1
"""`box_label` of a row without a balloon."""


@dataset(
    "balloons",
    source=SOURCE,
    licence=LICENCE,
    kind="generated",
    bytes=0,
    smoke={"size": 32, "examples": 40},
)
def balloons(
    raw: Path,
    *,
    size: Annotated[int, Field(ge=32, le=640)] = 64,
    examples: Annotated[int, Field(ge=3, le=1_000_000)] = 2000,
    max_objects: Annotated[int, Field(ge=1, le=16)] = 4,
    distractors: Annotated[int, Field(ge=0, le=16)] = 2,
    seed: Seed = 0,
    missing: Fraction = 0.0,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """Scenes of round, heart-shaped, star-shaped and long balloons over photographs, with things that are none.

    Scenes number `seed * 1,000,000` and on. Balloons are 8 % to 60 % of the frame long, larger ones more
    often; every scene shows 1 to `max_objects` of them and up to `distractors` other things.

    Arrays: `image` uint8 (size, size, 3); `label` int32, the kind of the balloon with the largest visible
    area; `present` uint8 (kinds,); `boxes` float32 (max_objects, [top, left, bottom, right]) in pixels, rows
    from the largest visible area to the smallest, then zeros; `box_label` int32 (max_objects,), -1 without a
    balloon; `instances` uint8 (size, size), 0 or 1 + row; `mask` uint8 (size, size), 0 or 1 + kind;
    `landmarks` float32 (max_objects, [top, knot], [y, x]) in pixels; `count` int32, the number of balloons;
    `color` int32, the hue of the balloon with the largest visible area, by the names of `COLORS`.

    `missing` is the share of examples of the training split, drawn for each apart, that have no `present` (then 255 in
    the whole row), no `count` and no `color` (then -1): for learning from what is labelled only in part.
    """
    unlabelled = forget(missing)
    arrays = _empty(examples, size, max_objects)
    for row in range(examples):
        _fill(arrays, row, scene(seed * 1_000_000 + row, size, max_objects, distractors))
    names = {"count": tuple(str(number) for number in range(max_objects + 1)), "color": COLORS}
    return Raw(
        SOURCE,
        LICENCE,
        "image",
        arrays,
        validation,
        test_fraction=test,
        class_names=KINDS,
        label_names=names,
        training=unlabelled,
    )


def _empty(examples: int, size: int, max_objects: int) -> dict[str, np.ndarray]:
    """Arrays of scenes without a balloon."""
    return {
        "image": np.zeros((examples, size, size, 3), np.uint8),
        "label": np.zeros(examples, np.int32),
        "present": np.zeros((examples, len(KINDS)), np.uint8),
        "boxes": np.zeros((examples, max_objects, 4), np.float32),
        "box_label": np.full((examples, max_objects), EMPTY, np.int32),
        "mask": np.zeros((examples, size, size), np.uint8),
        "instances": np.zeros((examples, size, size), np.uint8),
        "landmarks": np.zeros((examples, max_objects, 2, 2), np.float32),
        "count": np.zeros(examples, np.int32),
        "color": np.zeros(examples, np.int32),
    }


def _fill(arrays: dict[str, np.ndarray], row: int, one: Scene) -> None:
    """Write a scene into the arrays' `row`."""
    count = len(one.kinds)
    arrays["image"][row] = one.image
    arrays["label"][row] = one.kinds[0]
    arrays["present"][row, one.kinds] = 1
    arrays["boxes"][row, :count] = one.boxes
    arrays["box_label"][row, :count] = one.kinds
    arrays["instances"][row] = one.instances
    arrays["mask"][row] = np.concatenate([[0], one.kinds + 1]).astype(np.uint8)[one.instances]
    arrays["landmarks"][row, :count] = one.landmarks
    arrays["count"][row], arrays["color"][row] = count, one.colors[0]
