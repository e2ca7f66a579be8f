"""Outlines of balloons and of things that are none, as tables of radius against angle.

A unit outline has its longer side equal to 1 and hangs below its top: u to the right, v up, the angle
counted from straight up (v) towards the right (u).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ANGLES = 4096
THETA = np.arange(ANGLES) * 2 * np.pi / ANGLES
KNOT_WIDTH = 0.028
"""Half the width of the knot, as a share of the outline's longer side."""
KNOT_LENGTH = 0.07


@dataclass(frozen=True)
class Outline:
    """A shape that every ray from its centre leaves once."""

    radius: np.ndarray
    """(ANGLES,) distance from the centre to the edge, the knot included."""
    body: np.ndarray
    """(ANGLES,) the same without the knot: what the shading follows."""
    steepness: np.ndarray
    """(ANGLES,) what a radial distance shrinks by to become the distance to the edge, in (0, 1]."""
    hole: float = 0.0
    """Radius of a hole around the centre; 0 for none."""

    @property
    def top(self) -> float:
        """v of the edge straight above the centre."""
        return float(self.radius[0])

    @property
    def knot(self) -> float:
        """v of the edge straight below the centre, where the string begins."""
        return -float(self.radius[ANGLES // 2])


def _outline(u: np.ndarray, v: np.ndarray, *, knot: bool, hole: float = 0.0) -> Outline:
    """The outline through the points (u, v) of a closed curve around the origin."""
    angle = np.arctan2(u, v) % (2 * np.pi)
    order = np.argsort(angle)
    radius = body = np.interp(THETA, angle[order], np.hypot(u, v)[order], period=2 * np.pi)
    if knot:
        below = np.abs(THETA - np.pi) < np.arctan2(KNOT_WIDTH, radius[ANGLES // 2])
        radius = np.where(below, (radius[ANGLES // 2] + KNOT_LENGTH) / np.cos(THETA - np.pi), radius)
    side = max(np.ptp(radius * np.sin(THETA)), np.ptp(radius * np.cos(THETA)))
    radius, body = radius / side, body / side
    slope = (np.roll(radius, -1) - np.roll(radius, 1)) / (THETA[2] - THETA[0])
    steepness = 1 / np.hypot(1, np.minimum(np.abs(slope / radius), 4))
    return Outline(radius.astype(np.float32), body.astype(np.float32), steepness.astype(np.float32), hole)


def _round() -> Outline:
    """A rubber balloon: nearly a circle, drawn out towards the knot."""
    narrow = 1 - 0.13 * np.clip(-np.cos(THETA), 0, 1) ** 2
    return _outline(0.45 * narrow * np.sin(THETA), 0.5 * np.cos(THETA), knot=True)


def _heart() -> Outline:
    """The heart curve (16 sin^3 t, 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t)."""
    u = 16 * np.sin(THETA) ** 3
    v = 13 * np.cos(THETA) - 5 * np.cos(2 * THETA) - 2 * np.cos(3 * THETA) - np.cos(4 * THETA)
    return _outline(u / 32, (v + 1) / 32, knot=True)


def _star() -> Outline:
    """Five points, the inner corners at 0.45 of the outer radius, rounded a little."""
    return _spokes(5, inner=0.45, rounding=0.035, knot=True)


def _long() -> Outline:
    """A sausage: a stretch with half circles at its ends, 0.28 as wide as long."""
    end = 0.5 - 0.14
    u, v = 0.14 * np.sin(THETA), 0.14 * np.cos(THETA)
    side = np.linspace(-end, end, 200)
    v = np.concatenate([v + end * np.sign(v), side, side])
    u = np.concatenate([u, np.full(200, 0.14), np.full(200, -0.14)])
    return _outline(u, v, knot=True)


def _polygon(corners: int) -> Outline:
    return _outline(*_edges(np.arange(corners) * 2 * np.pi / corners, np.ones(corners)), knot=False)


def _square() -> Outline:
    return _outline(*_edges(np.arange(4) * np.pi / 2 + np.pi / 4, np.ones(4)), knot=False)


def _ring() -> Outline:
    return _outline(np.sin(THETA), np.cos(THETA), knot=False, hole=0.27)


def _cross() -> Outline:
    """Two bars, 0.36 as wide as long."""
    arm = np.arctan2(0.18, 0.5)
    angles = (np.arange(4)[:, None] * np.pi / 2 + [-arm, arm, np.pi / 4]).ravel()
    return _outline(*_edges(angles, np.tile([np.hypot(0.5, 0.18)] * 2 + [0.18 * 2**0.5], 4)), knot=False)


def _spokes(points: int, *, inner: float, rounding: float, knot: bool) -> Outline:
    """A star; `rounding` is the deviation, in radians, of the smoothing of its edge."""
    angles = np.arange(2 * points) * np.pi / points
    u, v = _edges(angles, np.tile([1.0, inner], points))
    sharp = _outline(u, v, knot=False).radius
    frequency = np.fft.rfftfreq(ANGLES, 1 / ANGLES)
    soft = 0.5 * np.fft.irfft(np.fft.rfft(sharp) * np.exp(-0.5 * (frequency * rounding) ** 2), ANGLES)
    return _outline(soft * np.sin(THETA), soft * np.cos(THETA), knot=knot)


def _edges(angles: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points along the straight edges between the corners at `angles`, `radii`."""
    u, v = radii * np.sin(angles), radii * np.cos(angles)
    share = np.linspace(0, 1, 400, endpoint=False)[:, None]
    along = lambda w: (w + share * (np.roll(w, -1) - w)).T.ravel()  # noqa: E731
    return along(u), along(v)


BALLOONS: dict[str, Callable[[], Outline]] = {"round": _round, "heart": _heart, "star": _star, "long": _long}
"""The kinds, in the order of their numbers."""
OTHERS: dict[str, Callable[[], Outline]] = {
    "square": _square,
    "triangle": lambda: _polygon(3),
    "ring": _ring,
    "cross": _cross,
}
"""Things that are no balloons, drawn in the same colours with the same light."""
OUTLINES = [build() for build in (*BALLOONS.values(), *OTHERS.values())]
"""Balloons first: the index of a balloon is its kind."""
KINDS = tuple(BALLOONS)
