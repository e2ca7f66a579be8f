"""Sequence labelling: what was asked of some sequences, and what was said."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.figures.gallery import RIGHT, WRONG, Picture
from archbench.figures.pictures import picture
from archbench.figures.style import figure, shorten

SHOWN, STEPS = 12, 24
"""Examples, and steps of each, at most."""
LETTERS = 6
"""Of the name of a class, at most."""


@picture("sequence_labelling", source="Graves 2012, Supervised Sequence Labelling")
def sequence_labelling(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """A row an example: the true class of each step that asks for one, and below it what was said instead, if wrong."""
    names = [shorten(str(name), LETTERS) for name in predictions["class_names"]]
    pairs = list(zip(predictions["target_labels"], predictions["prediction_labels"], strict=True))[:SHOWN]
    asked = [np.flatnonzero(true >= 0)[:STEPS] for true, _ in pairs]
    columns = max(map(len, asked))
    drawn = figure(0.9 + 0.36 * columns, 0.36 * (len(pairs) + 0.5))
    axes = drawn.subplots()
    axes.set_axis_off()
    axes.set(xlim=(-1.5, columns), ylim=(len(pairs) - 0.3, -0.7))
    for row, ((true, said), steps) in enumerate(zip(pairs, asked, strict=True)):
        axes.text(-1.5, row, f"{row + 1}.", fontsize=8, va="center", color="#777777")
        for column, step in enumerate(steps):
            wrong = true[step] != said[step]
            axes.text(column, row - 0.2, names[true[step]], fontsize=8, ha="center", va="center", color=RIGHT)
            if wrong:
                text = names[said[step]]
                axes.text(column, row + 0.2, f"✗{text}", fontsize=7, ha="center", va="center", color=WRONG)
    caption = (
        f"The first {len(pairs)} test examples: the true class of the first {STEPS} steps that ask for one, and below "
        "it, marked ✗, what the network said where it was wrong."
    )
    return [Picture("labels", drawn, caption)]
