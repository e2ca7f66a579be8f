"""Translation: what was read, what is true and what was said; and where a network looked while it spoke."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.datasets.tokens import decode
from archbench.figures.gallery import RIGHT, WRONG, Picture
from archbench.figures.pictures import picture
from archbench.figures.style import figure, shorten

SHOWN = 14
"""Examples at most, up to half of them wrong ones, which are rare."""
LETTERS = 44
"""Of a text, at most."""


@picture("translation", source="Bahdanau, Cho, Bengio 2014, arXiv:1409.0473, figure 3")
def translation(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """A table of some test examples, and the attention in the longest of them where anything was said."""
    symbols = predictions["vocabulary"]
    texts = [
        [decode(row, symbols) for row in predictions[name]] for name in ("input", "target_target", "prediction_said")
    ]
    rows = list(zip(*texts, strict=True))
    wrong = [number for number, (_, truth, said) in enumerate(rows) if said != truth][: SHOWN // 2]
    right = [number for number, (_, truth, said) in enumerate(rows) if said == truth][: SHOWN - len(wrong)]
    pictures = [_table([rows[number] for number in sorted([*wrong, *right])])]
    lengths = np.count_nonzero(predictions["input"], axis=1) * predictions["prediction_said"].any(axis=1)
    if "shown_attention" in predictions and lengths.any():
        pictures.append(_attention(predictions, int(lengths.argmax()), symbols))
    return pictures


def _table(rows: list[tuple[str, str, str]]) -> Picture:
    drawn = figure(7.2, 0.22 * (len(rows) + 2))
    axes = drawn.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(len(rows) + 0.5, -0.8))
    for place, heading in zip((0, 0.52, 0.76), ("read", "true", "said"), strict=True):
        axes.text(place, -0.2, heading, fontsize=8, weight="bold", va="center")
    for number, (source, truth, said) in enumerate(rows, 1):
        axes.text(0, number - 0.2, shorten(source, LETTERS), fontsize=8, va="center")
        axes.text(0.52, number - 0.2, shorten(truth, LETTERS // 2), fontsize=8, va="center")
        mark, color = ("", RIGHT) if said == truth else ("✗ ", WRONG)
        axes.text(0.76, number - 0.2, shorten(mark + said, LETTERS // 2), fontsize=8, color=color, va="center")
    caption = (
        f"{len(rows)} test examples: what the network read, what is true and what it said by itself. Up to half of "
        f"them are ones in which it was wrong, marked ✗; they are no sample of all."
    )
    return Picture("translations", drawn, caption)


def _attention(predictions: Mapping[str, np.ndarray], number: int, symbols: np.ndarray) -> Picture:
    read, said = (predictions[name][number] for name in ("input", "prediction_said"))
    read, said = read[read != 0], said[said != 0]
    shares = predictions["shown_attention"][number, : len(said), : len(read)]
    drawn = figure(max(3.0, 0.17 * len(read) + 0.8), max(1.6, 0.19 * len(said) + 0.5))
    axes = drawn.subplots()
    axes.imshow(shares, cmap="gray_r", vmin=0, vmax=1, interpolation="none", aspect="auto")
    axes.grid(visible=False)
    for axis, tokens in ((axes.xaxis, read), (axes.yaxis, said)):
        axis.set_ticks(range(len(tokens)), [str(symbols[token]).replace(" ", "␣") for token in tokens])
    caption = (
        "Where the network looked while it spoke, in one test example: each row is a token that it said, each column "
        "one that it read, and the darker a cell, the more that counted. The shares of a row add up to 1."
    )
    return Picture("attention", drawn, caption)
