"""What stands where in a scene: drawn at random, in units of the frame, so the same at every resolution."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from archbench.datasets._balloons.outlines import KINDS, OUTLINES, Outline

LENGTHS = (0.08, 0.6)
"""The longer side of the smallest and of the largest object, as shares of the frame's side."""
MAIN_SMALLEST = 0.25
"""The first balloon of a scene is at least this large where any is, so every scene holds one that can be seen."""
CANDIDATES = 20
"""Positions tried for an object before it is left out."""


COLORS = ("red", "yellow", "green", "cyan", "blue", "magenta")
"""Names of the sixths of the circle of hues, each around its own 0, 60, 120, ... degrees."""


@dataclass(frozen=True)
class Thing:
    """A balloon or a distractor; positions and lengths are shares of the frame's side."""

    number: int
    """Index into OUTLINES: below `len(KINDS)` a balloon's kind, else a distractor."""
    y: float
    x: float
    length: float
    angle: float
    """Radians by which the top leans to the right."""
    slim: float
    """Width over the outline's own width."""
    bend: float
    colour: np.ndarray
    """(3,) red, green, blue in [0, 1]."""
    gloss: float
    string: tuple[float, float, float, float] | None
    """Length, amplitude, phase and brightness of the string, or None."""

    @property
    def outline(self) -> Outline:
        """The thing's unit outline."""
        return OUTLINES[self.number]

    @property
    def balloon(self) -> bool:
        """Whether it is one of the kinds."""
        return self.number < len(KINDS)


def color_class(colour: np.ndarray) -> int:
    """The place in `COLORS` of a colour (3,) of red, green, blue in [0, 1]: the name nearest to its hue."""
    hue, _, _ = colorsys.rgb_to_hsv(*colour.tolist())
    return round(hue * len(COLORS)) % len(COLORS)


def layout(
    rng: np.random.Generator, max_objects: int, distractors: int, lengths: tuple[float, float] = LENGTHS
) -> list[Thing]:
    """Things from the front to the back, of `lengths`; the largest balloon of them is at least `MAIN_SMALLEST` long.

    One to `max_objects` balloons, fewer more often (weights max_objects, ..., 1), kinds equally likely;
    up to `distractors` other things.
    """
    weights = np.arange(max_objects, 0, -1)
    balloons = 1 + rng.choice(max_objects, p=weights / weights.sum())
    others = rng.integers(distractors + 1)
    numbers = np.concatenate(
        [rng.integers(len(KINDS), size=balloons), rng.integers(len(KINDS), len(OUTLINES), size=others)]
    )
    smallest, largest = lengths
    drawn = smallest * (largest / smallest) ** np.sqrt(rng.random(len(numbers)))
    drawn[0] = rng.uniform(np.clip(MAIN_SMALLEST, smallest, largest), largest)
    things: list[Thing] = []
    for number, length in zip(numbers, drawn, strict=True):
        place = _place(rng, things, float(length))
        thing = _thing(rng, int(number), float(length), place)
        if place is not None:
            things.append(thing)
    return [things[i] for i in rng.permutation(len(things))]


def _place(rng: np.random.Generator, things: list[Thing], length: float) -> tuple[float, float] | None:
    """A centre (y, x) that does not cover what is there too much; None where none was found.

    One object in four may stick out of the frame, and one in five may overlap others a good deal.
    """
    margin = length * (0.2 if rng.random() < 0.25 else 0.52)
    closest = 0.5 if rng.random() < 0.2 else 0.85
    centres = rng.uniform(margin, 1 - margin, size=(CANDIDATES, 2))
    if not things:
        return tuple(centres[0])
    taken = np.array([[thing.y, thing.x, thing.length] for thing in things])
    apart = np.hypot(*(centres[:, None] - taken[:, :2]).transpose(2, 0, 1))
    fits = (apart > closest * (taken[:, 2] + length) / 2).all(axis=1)
    return tuple(centres[fits.argmax()]) if fits.any() else None


def _thing(rng: np.random.Generator, number: int, length: float, place: tuple[float, float] | None) -> Thing:
    """Everything about a thing but its place, drawn from the same distributions for all outlines."""
    y, x = place if place is not None else (0.0, 0.0)
    tint = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.35, 1) ** 0.7, rng.uniform(0.6, 1))
    string = (rng.uniform(0.6, 1.6) * length, rng.uniform(0, 0.05), rng.uniform(0, 6.28), rng.choice([0.1, 0.9]))
    return Thing(
        number=number,
        y=float(y),
        x=float(x),
        length=length,
        angle=float(rng.normal(0, 0.3)),
        slim=float(rng.uniform(0.88, 1.0)),
        bend=float(rng.normal(0, 0.15)),
        colour=np.array(tint, np.float32),
        gloss=float(rng.uniform(0.2, 0.8)),
        string=string if rng.random() < 0.8 else None,
    )
