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

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from archbench.datasets import dataset
from archbench.datasets._balloons.layout import COLORS, LENGTHS
from archbench.datasets._balloons.outlines import KINDS
from archbench.datasets._balloons.scene import Scene, scene
from archbench.datasets._options import BadOption
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION, split_sizes
from archbench.datasets._subset import forget
from archbench.datasets.columns import Column, Ragged
from archbench.options import Fraction, Inside, Seed

SOURCE = "drawn here over crops of china.jpg and flower.jpg (scikit-learn, photographs on flickr.com)"
LICENCE = "Apache-2.0 for the drawings; CC BY 2.0 for the photographs (danielbuechele, vultilion)"
EMPTY = {"boxes": ("float32", 0), "box_label": ("int32", -1), "landmarks": ("float32", 0)}
"""What is told of every balloon -> its type, and what stands in a row without one."""

Length = Annotated[float, Field(ge=0.05, le=0.95)]
"""Of an object, as a share of the frame's side: it can be seen, and stands in the frame."""


def _check_lengths(lengths: tuple[float, float]) -> tuple[float, float]:
    smallest, largest = lengths
    if smallest > largest:
        raise BadOption(
            f"The option lengths of balloons must be [smallest, largest], and is [{smallest}, {largest}]. "
            f"[{largest}, {smallest}] would do. Change it in the datasets section of params.yaml."
        )
    return lengths


Lengths = Annotated[tuple[Length, Length], AfterValidator(_check_lengths)]


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
    lengths: Lengths = LENGTHS,
    seed: Seed = 0,
    missing: Fraction = 0.0,
    empty: Fraction = 0.0,
    held_out: Literal["alike", "plain", "noisy"] = "alike",
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """Scenes of round, heart-shaped, star-shaped and long balloons over photographs, with things that are none.

    Scenes number `seed * 1,000,000` and on. Balloons are from the first to the second of `lengths` long, shares of
    the frame, larger ones more often; every scene shows 1 to `max_objects` of them and up to `distractors` other
    things. `empty` is the share of scenes, drawn for each apart, without their balloons: they have no `label` and no
    `color` (-1).

    Arrays: `image` uint8 (size, size, 3); `label` int32, the kind of the balloon with the largest visible
    area; `present` uint8 (kinds,); `boxes` float32 (balloon, [top, left, bottom, right]) in pixels, from the largest
    visible area to the smallest; `box_label` int32 (balloon,), their kinds; `landmarks` float32 (balloon, [top, knot],
    [y, x]) in pixels; `instances` uint8 (size, size), 0 or 1 + balloon; `mask` uint8 (size, size), 0 or 1 + kind;
    `count` int32, the number of balloons; `color` int32, the hue of the balloon with the largest visible area, by the
    names of `COLORS`. What is told of every balloon is read as `max_objects` rows, filled up with zeros, and labels
    with -1.

    `held_out` says how validation and test scenes look, which then are the last ones: as those of training do, or on
    plain walls, or with noise, so that what is learnt from photographs has to do elsewhere.

    `missing` is the share of examples of the training split, drawn for each apart, that have no `present` (then 255 in
    the whole row), no `count` and no `color` (then -1): for learning from what is labelled only in part.
    """
    bare = np.random.default_rng((seed, 3)).random(examples) < empty
    apart = held_out != "alike"
    sizes = split_sizes(examples, {"validation": validation, "test": test} if apart else {})
    first, parts = 0, {}
    for part, count in sizes.items():
        look = None if part == "train" else held_out
        scenes = (
            scene(
                seed * 1_000_000 + row,
                size,
                max_objects,
                distractors,
                lengths=lengths,
                balloons=not bare[row],
                look=look,
            )
            for row in range(first, first + count)
        )
        parts[part] = _drawn(scenes, count, size, max_objects)
        first += count
    names = {"count": tuple(str(number) for number in range(max_objects + 1)), "color": COLORS}
    return Raw(
        SOURCE,
        LICENCE,
        "image",
        parts.pop("train"),
        None if apart else validation,
        None if apart else test,
        official=parts,
        class_names=KINDS,
        labels=("label", "present"),
        label_names=names,
        strata="label",
        training=forget(missing),
    )


def _drawn(scenes: Iterable[Scene], count: int, size: int, max_objects: int) -> dict[str, Column]:
    """The arrays of `count` scenes."""
    arrays = _empty(count, size)
    told: dict[str, list[np.ndarray]] = {name: [] for name in EMPTY}
    for row, one in enumerate(scenes):
        _fill(arrays, row, one)
        for name, rows in zip(EMPTY, (one.boxes, one.kinds, one.landmarks), strict=True):
            told[name].append(rows)
    for name, (dtype, pad) in EMPTY.items():
        arrays[name] = Ragged.of((rows.astype(dtype) for rows in told[name]), pad, longest=max_objects)
    return arrays


def _empty(examples: int, size: int) -> dict[str, Column]:
    """Arrays of scenes without a balloon."""
    return {
        "image": np.zeros((examples, size, size, 3), np.uint8),
        "label": np.zeros(examples, np.int32),
        "present": np.zeros((examples, len(KINDS)), np.uint8),
        "mask": np.zeros((examples, size, size), np.uint8),
        "instances": np.zeros((examples, size, size), np.uint8),
        "count": np.zeros(examples, np.int32),
        "color": np.zeros(examples, np.int32),
    }


def _fill(arrays: dict[str, Column], row: int, one: Scene) -> None:
    """Write a scene into the arrays' `row`."""
    arrays["image"][row] = one.image
    arrays["present"][row, one.kinds] = 1
    arrays["instances"][row] = one.instances
    arrays["mask"][row] = np.concatenate([[0], one.kinds + 1]).astype(np.uint8)[one.instances]
    arrays["count"][row] = len(one.kinds)
    arrays["label"][row], arrays["color"][row] = (one.kinds[0], one.colors[0]) if len(one.kinds) else (-1, -1)
