"""Numbers and names as a reader sees them."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Sequence

from archbench.results.interval import LEVEL, Interval

NOTHING = "–"
SURELY = f"p\u00a0<\u00a0{LEVEL:g} by the paired t test, adjusted by Holm's method"
"""What a verdict stands on, for remarks and captions."""
RANKING_TAKES = "that takes two {} with several seeds, one of them with every seed finished"
ABBREVIATIONS = {"iou": "IoU", "map": "mAP", "mse": "MSE", "mae": "MAE", "f1": "F1", "auc": "AUC"}


def score(interval: Interval) -> str:
    """`0.9910 ± 0.0032` to two digits of the half width; without an interval four digits of the mean.

    The spaces do not break, so a number is never parted from its interval.
    """
    if not interval.n:
        return NOTHING
    if math.isnan(interval.half) or interval.half == 0:
        return f"{interval.mean:.4g}" + ("\u00a0±\u00a00" if interval.half == 0 else "")
    decimals = min(8, max(0, 1 - math.floor(math.log10(interval.half))))
    return f"{interval.mean:.{decimals}f}\u00a0±\u00a0{interval.half:.{decimals}f}"


def gain(interval: Interval) -> str:
    """A difference of scores with its sign, `+0.0120 ± 0.0032`; without an interval to four decimals."""
    if interval.n and math.isnan(interval.half):
        return f"{interval.mean:+.4f}"
    return ("+" if interval.mean > 0 else "") + score(interval)


def between(numbers: Collection[int]) -> str:
    """`3`, or `1 to 3` where they differ."""
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def seeds(interval: Interval) -> str:
    """`n=3`, and where one seed allows no interval, that it does."""
    return f"n={interval.n}" + (", no interval" if interval.n == 1 else "")


def value(number: float | None, digits: int = 4) -> str:
    """A number to `digits` significant digits, thousands apart, a dash where there is none."""
    if number is None or math.isnan(number):
        return NOTHING
    return f"{number:,.0f}" if abs(number) >= 10**digits else f"{number:.{digits}g}"


def p_value(number: float) -> str:
    """`0.031`, `<0.001`; a dash where nothing was tested."""
    if math.isnan(number):
        return NOTHING
    return "<\u00a00.001" if number < 0.001 else f"{number:.2g}"


def count(number: float) -> str:
    """A whole number with its thousands apart."""
    return NOTHING if math.isnan(number) else f"{number:,.0f}"


def seconds(number: float | None) -> str:
    """`0.84 s`, `12 s`, `3.5 min`, `2.1 h`."""
    if number is None or math.isnan(number):
        return NOTHING
    for size, unit in ((3600, "h"), (60, "min")):
        if number >= 2 * size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.2g} s" if number < 10 else f"{number:.0f} s"


def memory(number: float) -> str:
    """`512 MiB`, `1.5 GiB`."""
    if math.isnan(number):
        return NOTHING
    return f"{number / 2**30:.3g} GiB" if number >= 2**30 else f"{number / 2**20:.0f} MiB"


def in_words(names: Sequence[str], conjunction: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def plural(number: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def words(name: str) -> str:
    """A metric's name as words: `mean_iou` -> `mean IoU`."""
    return " ".join(ABBREVIATIONS.get(word, word) for word in name.split("_"))


def file_name(*parts: str) -> str:
    """A name that is safe as a file and in a link; where letters had to go, a digest keeps it unique."""
    name = "-".join(parts)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
