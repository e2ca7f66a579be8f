"""How every figure looks, and how it is written: SVG that is the same file whenever the data are."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from pathlib import Path

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from archbench.figures.small import smaller

HUES = 10
"""Colours in seaborn's palette for colour-blind readers."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*", "d", "8")
LINES = ("-", "--", ":", "-.")
"""Line styles: a palette holds ten colours, the eleventh line is told apart by its dashes."""
LOG_STEPS = (
    (3, (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)),
    (6, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)),
    (30, (1.0, 2.0, 5.0)),
    (100, (1.0, 3.0)),
    (math.inf, (1.0,)),
)
"""Largest / smallest value of a logarithmic axis, and the ticks within each decade that fit it."""
DARK = (
    "@media (prefers-color-scheme: dark) {"
    "svg { filter: invert(0.9) hue-rotate(180deg); } image { filter: invert(1) hue-rotate(180deg); }}"
)
"""Light and dark change places, hues stay; a photograph, which is an image in the figure, stays as it is."""
SETTINGS = {
    "svg.hashsalt": "archbench",  # ids of clip paths and markers are random without it
    "svg.fonttype": "none",  # text stays text: small files, found by a search, read aloud
    "font.family": ["sans-serif"],  # the reader's own, where the first is not installed
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "text.parse_math": False,  # a name from params.yaml may hold a dollar sign
    "xtick.bottom": False,  # the lines of the grid are ticks
    "ytick.left": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "lines.linewidth": 1.6,
}


@contextmanager
def style() -> Iterator[None]:
    """Drawing and saving happen inside this context, so nothing outside of a report is restyled."""
    with sns.axes_style("ticks", {"axes.grid": True, "grid.color": "#e6e6e6"}), mpl.rc_context(SETTINGS):
        yield


def figure(width: float, height: float, layout: str = "constrained") -> Figure:
    """An empty figure of that many inches that no window and no global state knows of."""
    drawn = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(drawn)
    return drawn


def save_svg(drawn: Figure, path: Path) -> Path:
    """Write `drawn` to `path` without date and version, so that an unchanged report is an unchanged file.

    It is as `smaller` says it, and a reader's dark mode draws it dark.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for axes in drawn.axes:
        if axes.get_label() == "<colorbar>":
            for bar in axes.collections:
                bar.set_edgecolor("face")  # else a line of paper shows between two steps
    written = io.StringIO()
    with style():
        drawn.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    path.write_text(smaller(written.getvalue(), DARK), encoding="utf-8")
    return path


_LOOKS: ContextVar[dict[str, int] | None] = ContextVar("looks", default=None)
"""Name -> its place among colours, markers and dashes, where names keep theirs."""


@contextmanager
def one_look_each(known: Mapping[str, int] | None = None) -> Iterator[None]:
    """Within it a name has the colour, the marker and the dashes that it was first drawn with, in every figure.

    Those of `known` have the places that `looks` gave them elsewhere.
    """
    token = _LOOKS.set(dict(known or {}))
    try:
        yield
    finally:
        _LOOKS.reset(token)


def looks_given() -> dict[str, int]:
    """Name -> its place, of those that have been drawn."""
    return dict(_LOOKS.get() or {})


def give_looks(known: Mapping[str, int]) -> None:
    """Give names the places that they had where they were drawn, as if that had been here."""
    if (here := _LOOKS.get()) is not None:
        here.update(known)


def colors(names: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """Name -> colour, from seaborn's palette for colour-blind readers, repeated after ten."""
    palette = sns.color_palette("colorblind", HUES)
    return {name: palette[place % HUES] for name, place in looks(names).items()}


def markers(names: Sequence[str]) -> dict[str, str]:
    """Name -> marker, so that colour is never the only difference."""
    return {name: MARKERS[place % len(MARKERS)] for name, place in looks(names).items()}


def line_styles(names: Sequence[str]) -> dict[str, str]:
    """Name -> line style; the first ten are solid, the next ten dashed, and so on."""
    return {name: LINES[place // HUES % len(LINES)] for name, place in looks(names).items()}


def looks(names: Sequence[str]) -> dict[str, int]:
    """Name -> its place; a new name takes one that nobody has, of a colour that none of the others beside it has."""
    known = _LOOKS.get()
    if known is None:
        return {name: place for place, name in enumerate(names)}
    hues = {known[name] % HUES for name in names if name in known}
    for name in names:
        if name not in known:
            if len(hues) == HUES:
                hues.clear()
            taken = set(known.values())
            known[name] = next(place for place in count() if place not in taken and place % HUES not in hues)
            hues.add(known[name] % HUES)
    return {name: known[name] for name in names}


def shades(name: str) -> Colormap:
    """A colour map in few enough steps that its bar is drawn in vectors, which dark mode turns with the map."""
    return mpl.colormaps[name].resampled(24)


def shorten(text: str, length: int = 50) -> str:
    """`text` on one line, cut to `length` characters with an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def legend_below(drawn: Figure, handles: Iterable, names: Sequence[str], *, columns: int = 2) -> None:
    """A legend under all axes, where it covers no data; names are shortened to fit."""
    drawn.legend(
        list(handles), [shorten(name) for name in names], loc="outside lower center", ncols=columns, handlelength=2.6
    )


def log_axis(axes: Axes, which: str) -> None:
    """A logarithmic `x` or `y` axis whose ticks read 1k, 0.001, 2M and not as powers."""
    getattr(axes, f"set_{which}scale")("log")
    axis = getattr(axes, f"{which}axis")
    low, high = sorted(getattr(axes, f"get_{which}lim")())
    steps = next(subs for span, subs in LOG_STEPS if high / low <= span)
    axis.set_major_locator(LogLocator(base=10, subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    axis.set_minor_locator(NullLocator())


def short_number(value: float) -> str:
    """1500 -> `1.5k`, 61706 -> `61.7k`, 0.01 -> `0.01`, 0.0003 -> `3e-4`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    if 0 < abs(value) < 0.01:
        mantissa, _, power = f"{value:.2e}".partition("e")
        return f"{float(mantissa):g}e{int(power)}"
    return f"{value:.3g}"
