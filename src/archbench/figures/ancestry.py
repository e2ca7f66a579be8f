"""Where the nets come from: the family tree, and what depth alone does to them."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, markers, shorten

INDENT, ROW = 0.36, 0.52
"""Inches: from a parent to its child, and from a line to the next."""
WIDTH, SCORES, GAINS = 10.4, 7.2, 8.9
"""Inches: the figure, and where the two columns of numbers begin."""
RAN, ABSENT, LINE = "#1f5fa8", "#ffffff", "#8a929b"
VERDICTS = {1: "#1a7a3c", 0: "#333333", -1: "#b23c0c"}
"""Colour of a gain: surely above zero, neither, surely below."""


def family_tree(nodes: pd.DataFrame) -> Figure:
    """A line a net below its parent: title and year, what it added, its score and its gain over its parent.

    `nodes`: columns name, parent (empty for a root), title, year, added, score, data, gain, sure, run, parents before
    children. `score`, `data` (where it is not the others') and `gain` are texts; `sure` is 1, 0 or -1 for a gain
    above, about or below zero; a net with `run` false is hollow.
    """
    order = _depth_first(nodes)
    drawn = figure(WIDTH, ROW * (len(order) + 1))
    axes = drawn.subplots()
    axes.set_axis_off()
    axes.set(xlim=(-0.2, WIDTH - 0.4), ylim=(ROW * len(order), -ROW))
    axes.text(SCORES, -ROW / 2, "test score here", fontsize=8.5, color="#555555", va="center")
    axes.text(GAINS, -ROW / 2, "against its parent", fontsize=8.5, color="#555555", va="center")
    rows = nodes.set_index("name")
    spots = {name: (INDENT * depth, ROW * place) for place, (name, depth) in enumerate(order)}
    for name, (x, y) in spots.items():
        _node(axes, rows.loc[name], x, y, spots.get(rows.loc[name, "parent"]))
    return drawn


def _node(axes: Axes, row: pd.Series, x: float, y: float, parent: tuple[float, float] | None) -> None:
    if parent is not None:
        axes.plot([parent[0], parent[0], x], [parent[1], y, y], color=LINE, linewidth=1.2, zorder=1)
    face = RAN if row["run"] else ABSENT
    axes.plot(x, y, "o", markersize=8, markerfacecolor=face, markeredgecolor=RAN, markeredgewidth=1.3, zorder=2)
    axes.text(x + 0.16, y - 0.005, f"{row['title']}, {row['year']}", fontsize=9.5, weight="bold", va="center")
    axes.text(x + 0.16, y + 0.19, f"+ {shorten(row['added'], 98)}", fontsize=7.5, color="#59616b", va="center")
    axes.text(SCORES, y, row["score"], fontsize=9, va="center", color="#333333" if row["run"] else "#8a929b")
    axes.text(SCORES, y + 0.19, row["data"], fontsize=7.5, color="#59616b", va="center")
    axes.text(GAINS, y, row["gain"], fontsize=9, va="center", color=VERDICTS[row["sure"]])


def _depth_first(nodes: pd.DataFrame) -> list[tuple[str, int]]:
    """Names with their depth, every net below its parent and above that one's next child."""
    children: dict[str, list[str]] = {}
    for row in nodes.itertuples():
        children.setdefault(row.parent, []).append(row.name)
    order: list[tuple[str, int]] = []
    waiting = [(name, 0) for name in reversed(children.get("", []))]
    while waiting:
        name, depth = waiting.pop()
        order.append((name, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(name, []))]
    return order


def degradation(table: pd.DataFrame, *, metric: str) -> Figure:
    """Score and last training loss against depth, a line a family, with the 95 % interval where there is one.

    `table`: columns family, depth, mean, interval_low, interval_high, loss, loss_low, loss_high, whole; a point that
    not every seed, of at least two, stands behind is hollow.
    """
    drawn = figure(7.6, 3.6)
    left, right = drawn.subplots(1, 2)
    families = list(dict.fromkeys(table["family"]))
    handles = []
    for family, own in table.groupby("family", sort=False):
        look = {"color": colors(families)[family], "marker": markers(families)[family]}
        handles += _line(left, own, "mean", "interval_low", "interval_high", look)
        _line(right, own, "loss", "loss_low", "loss_high", look)
    for axes, title in ((left, f"test {metric}"), (right, "training loss, last epoch")):
        axes.set(title=title, xlabel="weight layers")
        axes.set_xticks(sorted(set(table["depth"])))
    drawn.legend(handles, families, loc="outside lower center", ncols=2)
    return drawn


def _line(axes: Axes, rows: pd.DataFrame, mean: str, low: str, high: str, look: dict) -> list:
    axes.vlines(rows["depth"], rows[low], rows[high], color=look["color"], linewidth=1.4, alpha=0.5)
    partial = rows[~rows["whole"]]
    lines = axes.plot(rows["depth"], rows[mean], markersize=6, **look)
    axes.plot(partial["depth"], partial[mean], markersize=6, linestyle="none", markerfacecolor="white", **look)
    return lines
