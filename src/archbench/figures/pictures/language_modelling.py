"""Language modelling: what each token of some texts cost, and how the network would go on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import matplotlib
import numpy as np

from archbench.figures.gallery import Picture
from archbench.figures.pictures import picture
from archbench.figures.style import figure

TEXTS = 5
COLUMNS = 96
"""Letters in a line."""
WIDTH = 7.4
LETTER, LINE = 0.0705, 0.19
"""A letter's width and a line's height at this size, in inches."""
DEAREST = 12.0
"""Bits; what costs as much or more is darkest."""


@picture("language_modelling", source="Shannon 1951, Prediction and entropy of printed English")
def language_modelling(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Test texts, each token the darker the more bits it cost; and what is sampled after each."""
    symbols = [_written(str(symbol)) for symbol in predictions["vocabulary"]]
    glue = "" if all(len(symbol) == 1 for symbol in predictions["vocabulary"][4:]) else " "
    lines: list[list[tuple[str, float | None]]] = []
    for row, nats, said in zip(
        predictions["input"], predictions["prediction_nats"], predictions["shown_sampled"], strict=True
    ):
        if len(lines) >= 4 * TEXTS or not row.all():
            break
        read = [(symbols[token], cost / math.log(2)) for token, cost in zip(row, nats, strict=True)]
        went_on = [(symbols[token], None) for token in said if token]
        lines += [*_lines(read, glue), *_lines([("→", None), *went_on], glue), []]
    caption = (
        f"Test texts; the darker a token, the more bits it cost the network, which had read what stands before it, "
        f"up to {DEAREST:g}. After each arrow the network goes on by itself: every token is drawn as likely as the "
        "network holds it to be."
    )
    return [Picture("surprise", _drawn(lines[:-1], len(glue)), caption)]


@picture("bidirectional_language_modelling", source="Peters et al. 2018, arXiv:1802.05365, section 3.1")
def bidirectional_language_modelling(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Test texts twice, each token the darker the more bits it cost: read from the beginning, and from the end."""
    symbols = [_written(str(symbol)) for symbol in predictions["vocabulary"]]
    lines: list[list[tuple[str, float | None]]] = []
    for place, row in enumerate(predictions["target_tokens"][:TEXTS]):
        for way, mark in (("forward", "→"), ("backward", "←")):
            costs = predictions[f"prediction_{way}_nats"][place] / math.log(2)
            read = [(symbols[token], float(cost)) for token, cost in zip(row, costs, strict=True) if token]
            lines += [*_lines([(mark, None), *read], " "), []]
    caption = (
        "Test texts, each twice; the darker a token, the more bits it cost the network that had read what is before "
        f"it (→), and the one that had read what is after it (←), up to {DEAREST:g}."
    )
    return [Picture("surprise", _drawn(lines[:-1], 1), caption)]


@picture(
    {"masked_language_modelling": {}, "sentence_pairs": {}},
    source="Devlin et al. 2018, arXiv:1810.04805, section 3.1",
)
def masked_language_modelling(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Test texts with what the network tells where it read no word or another one, dark where that is wrong."""
    symbols = [_written(str(symbol)) for symbol in predictions["vocabulary"]]
    lines: list[list[tuple[str, float | None]]] = []
    for place, row in enumerate(predictions["input"][:TEXTS]):
        read, guessed = (predictions[f"prediction_{name}"][place] for name in ("read", "guessed"))
        told: list[tuple[str, float | None]] = []
        for truth, seen, said in zip(row, read, guessed, strict=True):
            if not truth:
                continue
            if truth == seen:
                told.append((symbols[truth], None))
            elif truth == said:
                told.append((f"[{symbols[truth]}]", 0.0))
            else:
                answer = symbols[said] if said < len(symbols) else "?"
                told.append((f"[{answer} for {symbols[truth]}]", DEAREST))
        lines += [*_lines(told, " "), []]
    caption = (
        "Test texts. In brackets: what the network tells where the word was left out, or another one stood in its "
        "place; dark where it is wrong, with the word that belongs there. Where the word was left as it is, nothing "
        "is marked."
    )
    return [Picture("left-out", _drawn(lines[:-1], 1), caption)]


def _written(symbol: str) -> str:
    return {" ": "␣", "\n": "↵"}.get(symbol, symbol)


def _lines(tokens: Sequence[tuple[str, float | None]], glue: str) -> Iterator[list[tuple[str, float | None]]]:
    """Broken where a line is full."""
    line, used = [], 0
    for symbol, bits in tokens:
        if line and used + len(symbol) > COLUMNS:
            yield line
            line, used = [], 0
        line.append((symbol, bits))
        used += len(symbol) + len(glue)
    yield line


def _drawn(lines: Sequence[Sequence[tuple[str, float | None]]], apart: int):
    drawn = figure(WIDTH, LINE * (len(lines) + 1))
    axes = drawn.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH), ylim=(LINE * (len(lines) + 0.5), -LINE * 0.5))
    shades = matplotlib.colormaps["Oranges"]
    for number, line in enumerate(lines):
        column = 0
        for symbol, bits in line:
            place = column * LETTER, number * LINE
            if bits is not None:
                shade = shades(min(max(bits, 0.0), DEAREST) / DEAREST * 0.7)
                axes.barh(place[1], len(symbol) * LETTER, LINE * 0.9, place[0], color=shade, linewidth=0)
            axes.text(*place, symbol, fontsize=7, family="monospace", va="center")
            column += len(symbol) + apart
    return drawn
