"""Surfaces over the plane, by formulas that arrays and tensors go through.

The valley is that of Rosenbrock 1960, "An automatic method for finding the greatest or least value of a function"; the
narrow bowl and the saddle are the textbook's (Goodfellow, Bengio, Courville 2016, Deep Learning, section 8.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Surface:
    """A height over the plane, 0 at its bottom."""

    height: Callable[[Any, Any], Any]
    start: tuple[float, float]
    noise: float = 0.0
    """The deviation of what is added to each part of the gradient at each step, in parts of the probe's own."""


SURFACES: Mapping[str, Surface] = {
    "narrow": Surface(lambda x, y: (x**2 + 100 * y**2) / 2, (-10.0, 1.0)),
    "saddle": Surface(lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4 + 1 / 4, (-2.0, 0.01)),
    "rosenbrock": Surface(lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2, (-1.2, 1.0)),
    "noisy": Surface(lambda x, y: (x**2 + 10 * y**2) / 2, (-5.0, 2.0), noise=1.0),
}
