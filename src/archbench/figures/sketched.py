"""A network as a sketch: a box a stage, from the input down, with what it holds, the shape it gives and its weights."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from archbench.figures.style import figure, short_number

WIDTH, BOX, EDGE, WEIGHTS = 4.0, 1.1, 3.05, 3.98
"""Inches: the figure, where boxes begin and end, and where the column of weights ends: a phone shows all of it."""
BESIDE = 0.45
"""Inches beside the boxes for what skips stages."""
LINE, GAP, HEAD = 0.155, 0.17, 0.24
"""Inches: a line of text, the room between boxes, and the line that names a part."""
LETTERS, LINES = 32, 3
"""Of text in a box; what takes more is told in less detail."""
FILL, BORDER, SOFT = "#e8f0f9", "#1f5fa8", "#59616b"
Layer = Sequence[str]
"""What a layer is, and how wide."""


def network_sketch(stages: Sequence[Mapping[str, Any]]) -> Figure:
    """`stages`: each with part, shape, layers, parameters and sources, as `architectures.sketch.Stage` has them."""
    texts = [stage_lines([tuple(layer) for layer in stage["layers"]]) for stage in stages]
    tops, height = _tops(stages, texts)
    drawn = figure(WIDTH, height, layout="none")
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    for x, words, side in ((BOX - 0.08, "gives", "right"), (BOX, "layers", "left"), (WEIGHTS, "weights", "right")):
        axes.text(x, 0.12, words, fontsize=7, color=SOFT, ha=side, va="center")
    middles = []
    for stage, lines, top in zip(stages, texts, tops, strict=True):
        middles.append(_box(axes, stage, lines, top))
    _part_names(axes, stages, tops)
    _ways(axes, stages, tops, texts, middles)
    return drawn


def _tops(stages: Sequence[Mapping[str, Any]], texts: Sequence[Sequence[str]]) -> tuple[list[float], float]:
    """Where each box begins, and the height of all."""
    named = len({stage["part"] for stage in stages}) > 1
    y, tops, part = 0.26, [], None
    for stage, lines in zip(stages, texts, strict=True):
        if named and stage["part"] != part:
            y, part = y + HEAD, stage["part"]
        tops.append(y)
        y += _height(lines) + GAP
    return tops, y


def _height(lines: Sequence[str]) -> float:
    return LINE * len(lines) + 0.11


def _box(axes: Axes, stage: Mapping[str, Any], lines: Sequence[str], top: float) -> float:
    """Draw one stage and return the height of its middle."""
    height = _height(lines)
    middle = top + height / 2
    corner = {"boxstyle": "round,pad=0,rounding_size=0.05", "facecolor": FILL, "edgecolor": BORDER, "linewidth": 0.9}
    axes.add_patch(FancyBboxPatch((BOX, top), EDGE - BOX, height, **corner))
    for place, line in enumerate(lines):
        axes.text(BOX + 0.07, top + 0.055 + LINE * (place + 0.5), line, fontsize=7, va="center", color="#1d2126")
    shape = " × ".join("any" if side is None else str(side) for side in stage["shape"])
    axes.text(BOX - 0.08, middle, shape, fontsize=7, va="center", ha="right", color="#1d2126")
    weights = short_number(stage["parameters"]) if stage["parameters"] else "–"
    axes.text(WEIGHTS, middle, weights, fontsize=7, va="center", ha="right", color="#1d2126")
    return middle


def _part_names(axes: Axes, stages: Sequence[Mapping[str, Any]], tops: Sequence[float]) -> None:
    parts = [stage["part"] for stage in stages]
    if len(set(parts)) > 1:
        for place, part in enumerate(parts):
            if place == parts.index(part):
                axes.text(BOX, tops[place] - 0.1, part, fontsize=7.5, weight="bold", va="center", color="#1d2126")


def _ways(axes: Axes, stages: Sequence[Mapping[str, Any]], tops: Sequence[float], texts, middles) -> None:
    """An arrow from a stage to the next that reads it; beside the boxes a line for what skips stages."""
    down = {"arrowstyle": "-|>", "color": BORDER, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    skips = []
    for place, stage in enumerate(stages):
        for source in stage["sources"]:
            if source == place - 1:
                bottom = tops[source] + _height(texts[source])
                axes.annotate("", ((BOX + EDGE) / 2, tops[place]), ((BOX + EDGE) / 2, bottom), arrowprops=down)
            else:
                skips.append((source, place))
    skips.sort(key=lambda skip: skip[1] - skip[0])
    found = lanes(skips)
    apart = min(0.07, BESIDE / (max(found, default=0) + 1))
    for (source, place), lane in zip(skips, found, strict=True):
        x, begin, end = EDGE + apart * (lane + 1), middles[source] + 0.03, middles[place] - 0.03
        axes.plot([EDGE, x, x], [begin, begin, end], color=BORDER, linewidth=0.9, solid_capstyle="butt")
        axes.annotate("", (EDGE, end), (x, end), arrowprops=down)


def lanes(skips: Sequence[tuple[int, int]]) -> list[int]:
    """For each of `skips`, the short ones first, the nearest lane beside the boxes in which it meets no other."""
    taken: list[list[tuple[int, int]]] = []
    found = []
    for source, place in skips:
        free = (n for n, others in enumerate(taken) if all(place < first or source > last for first, last in others))
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((source, place))
        found.append(lane)
    return found


def stage_lines(layers: Sequence[Layer]) -> list[str]:
    """What a box says: every layer with its width; else without; else how many of each kind there are."""
    kinds = [kind for kind, _ in layers]
    wide = [f"{kind} {width}".strip() for kind, width in layers]
    for told in (repeats(wide), repeats(kinds)):
        lines = textwrap.wrap(", ".join(told), LETTERS)
        if len(lines) <= LINES:
            return lines
    counts = [f"{kind} ×{count}" if count > 1 else kind for kind, count in Counter(kinds).items()]
    return textwrap.wrap(", ".join(counts), LETTERS)


def repeats(names: Sequence[str]) -> list[str]:
    """The names with what stands there several times in a row told once: `a b a b c` is `[a, b] ×2` and `c`."""
    best = _longest_repeat(names)
    if best is None:
        return list(names)
    begin, period, times = best
    unit = repeats(names[begin : begin + period])
    told = f"{unit[0]} ×{times}" if period == 1 else f"[{', '.join(unit)}] ×{times}"
    return [*repeats(names[:begin]), told, *repeats(names[begin + period * times :])]


def _longest_repeat(names: Sequence[str]) -> tuple[int, int, int] | None:
    """Where the repeat that covers the most begins, its period, and how often it stands there.

    Of several, one that ends with what joins branches, as blocks do, then one of a short period.
    """
    best, score = None, (0, False, 0)
    for period in range(1, len(names) // 2 + 1):
        for begin in range(len(names) - 2 * period + 1):
            unit, times = names[begin : begin + period], 1
            while names[begin + times * period : begin + (times + 1) * period] == unit:
                times += 1
            own = (period * times, unit[-1] in JOINS, -period)
            if times > 1 and own > score:
                best, score = (begin, period, times), own
    return best


JOINS = ("add", "concatenate", "multiply")
