"""Vectors of words: which words are nearest to which, and where all lie on a map."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.datasets.tokens import SPECIAL
from archbench.figures.gallery import Picture
from archbench.figures.pictures import picture
from archbench.figures.style import figure, shorten

LISTED, MAPPED = 14, 120
"""Words in the table, and on the map, at most."""
PASSED = 40
"""The most frequent words, which say little of themselves, are left out of the table where there are enough others."""
LETTERS = 14


@picture({"word_vectors": {}, "cooccurrence": {}}, source="Mikolov et al. 2013, arXiv:1310.4546, figure 2 and table 6")
def word_vectors(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """A table of the nearest neighbors of some words, and a map of the most frequent ones."""
    words, first, counts = np.unique(predictions["input"], return_index=True, return_counts=True)
    known = np.flatnonzero(words >= len(SPECIAL))
    order = known[np.argsort(-counts[known], kind="stable")]
    if len(order) < 3:
        return []

    def of(name: str) -> np.ndarray:
        found = predictions[f"shown_{name}"]
        return found.reshape(-1, found.shape[-1])[first]

    names = [str(predictions["vocabulary"][word]) for word in words]
    listed = order[min(PASSED, max(0, len(order) - LISTED)) :][:LISTED]
    near = [[str(predictions["vocabulary"][word]) for word in row] for row in of("neighbor")[listed]]
    return [
        _table([names[place] for place in listed], near, of("likeness")[listed]),
        _map([names[place] for place in order[:MAPPED]], of("vector")[order[:MAPPED]]),
    ]


def _table(words: list[str], near: list[list[str]], likeness: np.ndarray) -> Picture:
    columns = len(near[0])
    drawn = figure(7.2, 0.22 * (len(words) + 2))
    axes = drawn.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, columns + 1), ylim=(len(words) + 0.5, -0.8))
    axes.text(0, -0.2, "word", fontsize=8, weight="bold", va="center")
    axes.text(1, -0.2, "nearest first, with the cosine", fontsize=8, weight="bold", va="center")
    for row, (word, others) in enumerate(zip(words, near, strict=True), 1):
        axes.text(0, row - 0.2, shorten(word, LETTERS), fontsize=8, va="center")
        for column, other in enumerate(others):
            said = f"{shorten(other, LETTERS)} {likeness[row - 1, column]:.2f}"
            axes.text(column + 1, row - 0.2, said, fontsize=8, va="center")
    caption = (
        f"The words whose vectors have the smallest angles to those of {len(words)} words of the test examples shown, "
        "of the whole vocabulary."
    )
    return Picture("neighbors", drawn, caption)


def _map(words: list[str], vectors: np.ndarray) -> Picture:
    centred = vectors.astype(float) - vectors.mean(axis=0)
    _, sizes, axes_of = np.linalg.svd(centred, full_matrices=False)
    places = centred @ axes_of[:2].T
    drawn = figure(7.2, 5.4)
    axes = drawn.subplots()
    axes.scatter(*places.T, s=4, color="#888888")
    for word, place in zip(words, places, strict=True):
        axes.annotate(shorten(word, LETTERS), place, fontsize=6)
    total = float(np.square(sizes).sum())
    share = float(np.square(sizes[:2]).sum()) / total if total else 0.0
    axes.set(xlabel="first principal component", ylabel="second")
    caption = (
        f"The {len(words)} most frequent words of the test examples shown, on the two axes along which their vectors "
        f"differ most: {share:.0%} of how they differ."
    )
    return Picture("map", drawn, caption)
