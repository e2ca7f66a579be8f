"""Figures of a study: which choices matter, which pairs go together, and how fast an arm gets somewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from archbench.figures.style import figure, log_axis, shades, shorten

DARK = 0.55
"""Position on the colour scale below which text on a cell is white."""


def importance_bars(shares: Mapping[str, float]) -> Figure:
    """One bar a choice: the share of the variance of validation scores that it explains."""
    drawn = figure(6.0, 0.8 + 0.32 * max(len(shares), 2))
    axes = drawn.subplots()
    places = range(len(shares))
    bars = axes.barh(places, list(shares.values()), color=sns.color_palette("colorblind")[0], height=0.6)
    axes.bar_label(bars, [f"{share:.0%}" for share in shares.values()], padding=3, fontsize=8)
    axes.set_yticks(places, [shorten(name) for name in shares])
    axes.invert_yaxis()
    axes.set(xlabel="share of the explained variance of validation scores", xlim=(0, 1.12))
    return drawn


def target_times(times: pd.DataFrame, *, target: str) -> Figure:
    """Seconds of training until the target, a dot a seed and a diamond at the median.

    `times`: columns arm, seed, seconds; NaN where a seed never reached it, which the right margin counts.
    """
    order = _fastest_first(times)
    drawn = figure(6.6, 0.9 + 0.3 * max(len(order), 2))
    axes = drawn.subplots()
    blue = sns.color_palette("colorblind")[0]
    for place, arm in enumerate(order):
        own = times.loc[times["arm"] == arm, "seconds"]
        reached = own.dropna()
        axes.plot(reached, [place] * len(reached), "o", color="#555555", markersize=4, alpha=0.8)
        if 2 * len(reached) > len(own):  # else the median seed never got there
            axes.plot(own.fillna(np.inf).median(), place, "D", color=blue, markersize=6.5)
        axes.annotate(
            f"{len(reached)} of {len(own)}", (1.01, place), xycoords=("axes fraction", "data"), fontsize=8, va="center"
        )
    axes.set_yticks(range(len(order)), [shorten(arm) for arm in order])
    axes.set_ylim(len(order) - 0.5, -0.5)
    seconds = times["seconds"].dropna()
    if len(seconds):
        axes.set_xlim(seconds.min() / 1.4, seconds.max() * 1.4)
        log_axis(axes, "x")
    axes.set(xlabel=f"training seconds to {target}")
    return drawn


def _fastest_first(times: pd.DataFrame) -> list[str]:
    medians = times.fillna({"seconds": np.inf}).groupby("arm", sort=False)["seconds"].median()
    return list(medians.sort_values(kind="stable").index)


def cell_map(cells: pd.DataFrame, *, rows: str, columns: str, metric: str) -> Figure:
    """A cell a pair of choices, coloured by its mean score; those with seeds that failed are hatched and say so.

    `cells`: columns row, column, mean, finished, seeds. `rows` and `columns` are what the axes are called.
    """
    names, heads = (list(dict.fromkeys(cells[which])) for which in ("row", "column"))
    drawn = figure(1.9 + 0.95 * len(heads), 1.2 + 0.42 * len(names))
    axes = drawn.subplots()
    axes.grid(visible=False)
    values = np.full((len(names), len(heads)), np.nan)
    for cell in cells.itertuples():
        if cell.finished == cell.seeds:
            values[names.index(cell.row), heads.index(cell.column)] = cell.mean
    across, down = (np.arange(len(own) + 1) - 0.5 for own in (heads, names))
    image = axes.pcolormesh(across, down, values, cmap=shades("viridis"))
    axes.invert_yaxis()
    for cell in cells.itertuples():
        _write_cell(axes, image, names.index(cell.row), heads.index(cell.column), cell)
    _name_cells(axes, heads, names)
    axes.set(xlabel=columns, ylabel=rows)
    drawn.colorbar(image, ax=axes, label=f"test {metric}", shrink=0.9)
    return drawn


def _write_cell(axes, image, row: int, column: int, cell) -> None:
    """The score of a cell; of one where seeds failed no colour, which would flatter it, but how many finished."""
    if cell.finished == cell.seeds:
        color = "white" if image.norm(cell.mean) < DARK else "black"
        axes.text(column, row, f"{cell.mean:.3f}", ha="center", va="center", fontsize=8, color=color)
        return
    box = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor="#eeeeee", edgecolor="#c1440e", hatch="///", linewidth=0)
    axes.add_patch(box)
    text = f"{cell.mean:.3f}\n{cell.finished} of {cell.seeds}" if cell.finished else "failed"
    axes.text(column, row, text, ha="center", va="center", fontsize=8, color="#8a2a00", weight="bold")


def _name_cells(axes, heads: Sequence[str], names: Sequence[str]) -> None:
    axes.set_xticks(range(len(heads)), [shorten(head, 16) for head in heads], rotation=30, ha="right")
    axes.set_yticks(range(len(names)), [shorten(name, 20) for name in names])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
