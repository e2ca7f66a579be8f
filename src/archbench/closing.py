"""The line that a stage ends with: what came out, in the words and the interval of the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archbench.page import formats
from archbench.records.read import read_whole
from archbench.results.interval import Interval, mean_interval


def closing_line(name: str, folders: Iterable[Path]) -> str:
    """`lenet5-digits: test accuracy 0.9910 ± 0.0050 (n=3)` of the runs in `folders`, all of which have ended.

    ± is half the 95 % interval over the finished seeds, as everywhere in a report; a single one has none. Seeds that
    did not finish are counted behind.
    """
    return _line(name, _metrics(folders))


def closing_lines(arms: Iterable[tuple[str, list[Path]]]) -> list[str]:
    """A line an arm, the best mean first and those without a score last; which differ surely, the report says."""
    ended = [(name, _metrics(folders)) for name, folders in arms]
    return [_line(name, metrics) for name, metrics in sorted(ended, key=lambda one: _order(one[1]))]


def _metrics(folders: Iterable[Path]) -> list[Mapping[str, Any]]:
    return [read_whole(folder, digests=False).metrics for folder in folders]


def _line(name: str, ended: Sequence[Mapping[str, Any]]) -> str:
    score, states = _score(ended), [run["state"] for run in ended]
    others = [f"{states.count(state)} {state}" for state in dict.fromkeys(states) if state != "finished"]
    if not score.n:
        return f"{name}: no test score ({', '.join(others) or 'nothing to train'})"
    direction = [] if ended[0]["maximize"] else ["lower is better"]
    shown = formats.score(score).replace("\u00a0", " ")
    notes = ", ".join([f"n={score.n}", *direction, *others])
    return f"{name}: test {formats.words(ended[0]['monitor'])} {shown} ({notes})"


def _score(ended: Sequence[Mapping[str, Any]]) -> Interval:
    return mean_interval([run["scores"]["test"][run["monitor"]] for run in ended if run["state"] == "finished"])


def _order(ended: Sequence[Mapping[str, Any]]) -> tuple[bool, float]:
    score = _score(ended)
    return not score.n, (-score.mean if score.n and ended[0]["maximize"] else score.mean)
