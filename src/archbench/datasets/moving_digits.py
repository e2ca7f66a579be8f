"""Moving digits: short videos whose class is the direction in which a digit moves.

Made for this project from the digits that scikit-learn carries. The canvas has no edge (what leaves it on one side
comes in on the other) and the digit starts anywhere, so no single frame tells the direction: only motion does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._options import whole
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets.embedded import DIGITS, UCI, digits
from archbench.options import Count, Inside, Seed

DIRECTIONS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
"""Class -> the step [y, x] between two frames, in units of the speed."""


@dataset("moving_digits", source=DIGITS, licence=UCI, kind="generated", bytes=0, smoke={"examples": 60})
def moving_digits(
    raw: Path,
    *,
    size: Annotated[int, Field(ge=8, le=256)] = 16,
    frames: Annotated[int, Field(ge=2, le=64)] = 8,
    most_pixels: Count = 2,
    examples: Annotated[int, Field(ge=7, le=1_000_000)] = 1200,
    seed: Seed = 0,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """Videos of one digit that moves up, down, left or right, over an edge back in on the other side.

    `video` uint8 (frames, size, size, 1), values 0 to 255; `label` int32, the direction; `group` int32, the number of
    the digit among those of scikit-learn: videos of one digit stay in one split. The digit is 8 pixels a side
    and moves 1 to `most_pixels` pixels a frame. Raises `BadOption`.
    """
    # Faster than a quarter of the canvas, a step one way would look like a step the other way.
    whole("most_pixels", most_pixels, 1, max(size // 4, 1))
    random = np.random.default_rng(seed)
    source = digits(raw, size=8).train["image"]
    label = (np.arange(examples) % len(DIRECTIONS)).astype(np.int32)
    video = np.zeros((examples, frames, size, size, 1), np.uint8)
    group = np.zeros(examples, np.int32)
    for row in range(examples):
        group[row] = random.integers(len(source))
        video[row] = _moved(source[group[row]], label[row], size, frames, most_pixels, random)
    train = {"video": video, "label": label, "group": group}
    told = {"class_names": tuple(DIRECTIONS), "group": "group", **ONE_CLASS}
    return Raw(DIGITS, UCI, "video", train, validation, test, **told)


def _moved(
    digit: np.ndarray, kind: int, size: int, frames: int, most_pixels: int, random: np.random.Generator
) -> np.ndarray:
    """One video (frames, size, size, 1)."""
    canvas = np.zeros((size, size, 1), np.uint8)
    canvas[: len(digit), : len(digit)] = digit
    start = random.integers(0, size, 2)
    step = random.integers(1, most_pixels + 1) * np.array(list(DIRECTIONS.values())[kind])
    return np.stack([np.roll(canvas, start + frame * step, axis=(0, 1)) for frame in range(frames)])
