"""The ways of optimizers over surfaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import figure

LEVELS = 9
"""Contour lines, as far apart in the logarithm of the height."""
GRID = 32
"""Places a side at which a surface's height is taken."""
APART = 0.02
"""Share of the picture's side that a dot is away from the one before: of what lies closer no eye tells two."""


def paths_over_contours(paths: pd.DataFrame, heights: Mapping[str, Callable[[Any, Any], Any]]) -> Figure:
    """A row an optimizer, a column a surface: its contours, and the way from the dot to the cross.

    `paths`: columns optimizer, surface, rate, x, y, height, steps in order; `heights` by the names of the surfaces.
    What a path does outside of the picture is not drawn.
    """
    names, surfaces = (list(dict.fromkeys(paths[column])) for column in ("optimizer", "surface"))
    drawn = figure(2.1 * len(surfaces), 1.8 * len(names) + 0.3)
    panels = drawn.subplots(len(names), len(surfaces), squeeze=False)
    for column, surface in enumerate(surfaces):
        own = paths[paths["surface"] == surface]
        first = own.iloc[0]
        x_side, y_side = (1.3 * max(abs(first[axis]), 1.5) for axis in ("x", "y"))
        x, y = np.meshgrid(np.linspace(-x_side, x_side, GRID), np.linspace(-y_side, y_side, GRID))
        height = heights[surface](x, y)
        levels = np.geomspace(1e-3 * height.max(), height.max(), LEVELS)
        for row, name in enumerate(names):
            axes, way = panels[row, column], own[own["optimizer"] == name]
            axes.contour(x, y, height, levels=levels, colors="#b0b0b0", linewidths=0.5)
            axes.plot(way["x"], way["y"], color="#0173b2", linewidth=1.0)
            dots = _apart(way[["x", "y"]].to_numpy() / (2 * x_side, 2 * y_side))
            axes.plot(way["x"].iloc[dots], way["y"].iloc[dots], ".", color="#0173b2", markersize=2)
            axes.plot(way["x"].iloc[0], way["y"].iloc[0], "o", color="#0173b2", markersize=4)
            axes.plot(way["x"].iloc[-1], way["y"].iloc[-1], "x", color="#d55e00", markersize=6)
            axes.set(xlim=(-x_side, x_side), ylim=(-y_side, y_side), xticks=[], yticks=[])
            axes.set_title(f"{name}, {surface}, {way['rate'].iloc[0]:g}", fontsize=7)
    return drawn


def _apart(places: np.ndarray) -> list[int]:
    """The first of `places` (step, [x, y]) in shares of the picture, and each that is `APART` from the last of them."""
    kept = [0]
    for step, place in enumerate(places):
        if np.abs(place - places[kept[-1]]).max() >= APART:  # also of a path that has left for nowhere
            kept.append(step)
    return kept
