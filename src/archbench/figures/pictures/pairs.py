"""Pairs: two pictures, how far they are from each other, and how well distances part pairs of one class from others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.figures.gallery import RIGHT, WRONG, Picture, displayable, grid, is_image, show
from archbench.figures.pictures import picture
from archbench.figures.style import colors, figure, legend_below
from archbench.metrics.verification import best_threshold

SHOWN = 10
KINDS = ("two classes", "one class")
"""What 0 and 1 of `same` mean."""


@picture({"verification": {}, "triplets": {}}, source="archbench")
def pairs(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The first test pairs with their distances, and how these are spread."""
    fold = predictions["all_target_fold"]
    same, distance = (predictions[f"all_{name}"][fold >= 0] for name in ("target_same", "prediction_distance"))
    bound = best_threshold(same.astype(bool), distance)
    return [*_first(predictions, bound), _spread(same, distance, bound)]


def _first(predictions: Mapping[str, np.ndarray], bound: float) -> list[Picture]:
    """Pairs one above the other; none where they are no pictures."""
    above, below = predictions["input"][:SHOWN], predictions["input_other"][:SHOWN]
    if not is_image(above):
        return []
    same, distance = predictions["target_same"][:SHOWN], predictions["prediction_distance"][:SHOWN]
    drawn, places = grid(2 * len(above), columns=len(above), side=0.8)
    upper, lower = displayable(above), displayable(below)
    for axes, image, far, alike in zip(places, upper, distance, same, strict=False):
        show(axes, image, title=f"{far:.2f}", color=RIGHT if (far <= bound) == bool(alike) else WRONG)
    for axes, image, alike in zip(places[len(upper) :], lower, same, strict=True):
        show(axes, image, title=KINDS[int(alike)])
    caption = (
        f"The first {len(above)} test pairs, one above the other: their distance above, what they are between. In red: "
        "told wrong by the threshold that is best on the whole split."
    )
    return [Picture("pairs", drawn, caption)]


def _spread(same: np.ndarray, distance: np.ndarray, bound: float) -> Picture:
    drawn = figure(5.0, 2.8)
    axes, palette = drawn.subplots(), colors(list(KINDS))
    edges = np.linspace(distance.min(), max(distance.max(), distance.min() + 1e-6), 31)
    made = [
        axes.hist(distance[same == number], edges, color=palette[kind], alpha=0.6, label=kind)[2][0]
        for number, kind in enumerate(KINDS)
    ]
    if np.isfinite(bound):
        axes.axvline(bound, color=RIGHT, linewidth=0.8)
    axes.set(xlabel="distance", ylabel="test pairs")
    legend_below(drawn, made, list(KINDS))
    return Picture("distances", drawn, "Distances of test pairs. Line: the threshold that is best on all of them.")
