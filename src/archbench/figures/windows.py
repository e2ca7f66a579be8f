"""A classifier moved over pictures: the time that it takes window by window, and in one pass."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, log_axis, markers


def seconds_by_windows(sizes: pd.DataFrame) -> Figure:
    """Seconds a picture (left) and how many times faster one pass is (right) by the number of windows.

    `sizes`: columns arm, windows, cropped_seconds, whole_seconds, faster. Left, windows cut out are dashed.
    """
    arms = list(dict.fromkeys(sizes["arm"]))
    drawn = figure(8.4, 3.6 + 0.2 * ((len(arms) + 1) // 2))
    seconds, faster = drawn.subplots(1, 2)
    palette, shapes = colors(arms), markers(arms)
    handles, names = [], []
    for arm in arms:
        own = sizes[sizes["arm"] == arm]
        look = {"color": palette[arm], "marker": shapes[arm], "markersize": 4}
        handles += seconds.plot(own["windows"], own["cropped_seconds"], linestyle="--", **look)
        handles += seconds.plot(own["windows"], own["whole_seconds"], **look)
        names += [f"{arm}: windows cut out", f"{arm}: one pass"]
        faster.plot(own["windows"], own["faster"], **look)
    seconds.set(xlabel="windows of a picture", ylabel="seconds a picture")
    faster.set(xlabel="windows of a picture", ylabel="times faster in one pass")
    for axes in (seconds, faster):
        log_axis(axes, "x")
        log_axis(axes, "y")
    legend_below(drawn, handles, names)
    return drawn
