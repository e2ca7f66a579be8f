"""Which figures a report shows, each drawn, saved and given its caption."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.curves import learning_curves
from archbench.figures.fronts import COSTS, score_against_costs
from archbench.figures.gallery import Picture
from archbench.figures.pictures import PICTURES
from archbench.figures.scores import interval_figure
from archbench.figures.style import give_looks, looks, looks_given, style
from archbench.page import formats
from archbench.page.drawn import Drawing, Drawn, Job, Kept, described
from archbench.records.probe_folder import ProbeFolder
from archbench.records.run_folder import read_shown
from archbench.results.facts import families
from archbench.results.leaderboard import Board, Place, standing_numbers
from archbench.results.ranking import Kind
from archbench.results.runs import Run
from archbench.results.studies import Arm
from archbench.results.table import results_table

LETTERS = 28
"""Of what a network is called in a figure."""
MOST_LINES = 8
"""Lines in a panel: more cannot be told apart."""
OPEN = (Kind.BEST, Kind.TIE, Kind.UNTESTED, Kind.BETTER, Kind.ALONE)
"""What is neither surely behind the best nor with seeds that have no score: filled in a figure."""
OTHER = "other"
"""The family of an architecture that families.csv does not name."""


@dataclass(frozen=True)
class Shown:
    """A saved figure, as the page and the README refer to it."""

    file: str
    """Below `figures/`."""
    alt: str
    caption: str
    width: int
    height: int
    """CSS pixels."""


def _score_caption(scored: Sequence[Place | Arm]) -> list[str]:
    """What there is to see in a figure of scores, and only that."""
    ranked = [entry for entry in scored if entry.standing.ranked]
    said = ["Grey: each seed."]
    if ranked:
        said.append(f"Diamond: mean over seeds ({_spread(ranked)}); bar: its 95\u00a0% interval (Student t).")
    if any(entry.standing.kind is Kind.BEST for entry in scored):
        said.append(
            "Right: the difference from the best, seed by seed, with its 95\u00a0% interval. Hollow: worse "
            f"({formats.SURELY}, so an interval may miss zero and still not tell), or with seeds that have no score. "
            "Filled: the best and what cannot be told from it."
        )
    if ranked and len(ranked) < len(scored):
        said.append("Below the line: networks with a single seed, which are not ranked.")
    return said


class Gallery:
    """Saves figures into one folder."""

    def __init__(self, folder: Path, drawn: Drawn | None = None) -> None:
        self._folder = folder
        self._drawn = drawn or ExitStack().enter_context(Drawn(None, ""))

    def begin(self, boards: Sequence[Board], jobs: Sequence[Job] = ()) -> None:
        """Have what will be asked of `boards`, and `jobs`, drawn beside the rest."""
        for board in boards:
            looks([place.benchmark for place in board.places[:MOST_LINES]])  # those of one panel differ
        places = [(board, place) for board in boards for place in board.places]
        pictured = [run for _, place in places if (run := _pictured(place.runs))]
        curves = [job for board, place in places if (job := _curve(board, place))]
        self._drawn.begin([*jobs, *map(_pictures_of, pictured), *curves])

    def keep(self, draw: partial[Figure], name: str, alt: str, caption: str) -> Shown:
        """Save what `draw` gives as <name>.svg; where an earlier report drew the same, what that drew."""
        job = Job(_draw_figure, (draw,), described(draw), looks_given())
        (kept,) = self._drawn.of(job)
        give_looks(self._drawn.looks(job))
        return self.take(kept, name, alt, caption)

    def drawn(self, job: Job) -> list[Kept]:
        """The figures of a job."""
        return self._drawn.of(job)

    def board(self, board: Board, table: pd.DataFrame) -> list[Shown]:
        """Scores with intervals, learning curves, scores against costs; only what there are numbers for."""
        shown = []
        stem = formats.file_name(board.dataset, board.asked)
        scored = [place for place in board.places if place.score.n]
        if len(scored) > 1:
            called = dict(zip(_called(scored), scored, strict=True))
            shown.append(self.intervals(called, board.monitor, board.maximize, f"scores-{stem}", f"on {board.name}"))
        named = islice(zip(board.places, _called(board.places), strict=True), MOST_LINES)
        members = {place.benchmark: _line_label(place, name) for place, name in named}
        curves = table[table["benchmark"].isin(list(members)) & table["epoch"].notna()]
        if board.monitor and curves["value"].notna().any():
            shown.append(self._curves(board, curves, members, stem))
        if len(scored) > 1:
            shown.append(self._costs(scored, board, stem))
        return shown

    def pictures(self, seeds: Sequence[Run]) -> list[Shown]:
        """What the predictions of the first finished one of a benchmark's `seeds` look like.

        None where no seed is finished, no picture is declared for its task, or none were kept.
        """
        run = _pictured(seeds)
        return [
            self.take(
                kept,
                formats.file_name(f"{kept.name}-{run.benchmark}"),
                f"{kept.name} of {run.benchmark}",
                f"{run.benchmark}, seed {run.seed}. {kept.caption}",
            )
            for kept in (self._drawn.of(_pictures_of(run)) if run else ())
        ]

    def of_job(self, job: Job, name: str) -> tuple[list[Shown], dict[str, Any]]:
        """The figures of a job that is about `name`, which their files are named after, and what it found."""
        shown = [
            self.take(one, formats.file_name(f"{one.name}-{name}"), f"{one.name} of {name}", one.caption)
            for one in self._drawn.of(job)
        ]
        return shown, self._drawn.found(job)

    def take(self, kept: Kept, name: str, alt: str, caption: str) -> Shown:
        """A figure that is drawn already, as <name>.svg."""
        self._folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept.path, self._folder / f"{name}.svg")
        return Shown(f"{name}.svg", alt, caption, kept.width, kept.height)

    def intervals(self, called: Mapping[str, Place | Arm], metric: str, maximize: bool, name: str, where: str) -> Shown:
        """Mean, interval and paired difference of every competitor that has a score, by what it is called."""
        scored = list(called.values())
        rows = [
            {
                "label": label,
                "mean": entry.score.mean,
                "interval_low": entry.score.low,
                "interval_high": entry.score.high,
                **standing_numbers(entry.standing),
                "open": entry.standing.kind in OPEN,
            }
            for label, entry in sorted(called.items(), key=lambda pair: not pair[1].standing.ranked)
        ]
        finished = [(label, run) for label, entry in called.items() for run in entry.runs if run.finished]
        points = [{"label": label, "value": run.score} for label, run in finished]
        share = maximize and all(0 <= point["value"] <= 1 for point in points)
        drawn = partial(
            interval_figure,
            pd.DataFrame(rows),
            pd.DataFrame(points),
            metric=formats.words(metric),
            most=1.0 if share else None,
        )
        words = f"Test {formats.words(metric)}"
        caption = " ".join([f"{words} {where}: {better(maximize)}.", *_score_caption(scored)])
        first, last = rows[0], rows[-1]
        alt = f"{words} with intervals, {where}: {len(rows)} from {_told(first)} to {_told(last)}"
        return self.keep(drawn, name, alt, caption)

    def _curves(self, board: Board, curves: pd.DataFrame, members: dict[str, str], stem: str) -> Shown:
        drawn = partial(
            learning_curves, curves, monitor=board.monitor, metric=formats.words(board.monitor), labels=members
        )
        few = f", the first {len(members)} of {len(board.places)} networks" if len(members) < len(board.places) else ""
        caption = (
            f"Learning curves on {board.name}{few}. Left: training loss. Right: validation "
            f"{formats.words(board.monitor)}, by which the best epoch is chosen ({better(board.maximize)}). Line: mean "
            "over the seeds that reached the epoch; band: its 95\u00a0% interval, none for a single seed. Diverged and "
            "killed runs are drawn as far as they came."
        )
        alt = f"Learning curves on {board.name} of {', '.join(members.values())}"
        return self.keep(drawn, f"curves-{stem}", alt, caption)

    def own_curves(self, board: Board, place: Place) -> Shown | None:
        """The learning curves of one benchmark alone; none where it wrote no validation score."""
        job = _curve(board, place)
        if job is None:
            return None
        metric = formats.words(board.monitor)
        caption = (
            f"{place.benchmark}. Left: training loss. Right: validation {metric} ({better(board.maximize)}). Line: the "
            "mean over the seeds that reached the epoch; band: its 95\u00a0% interval, none for a single seed."
        )
        alt = f"Learning curves of {place.benchmark}, which ends at test {metric} {formats.score(place.score)}"
        return self.take(*self._drawn.of(job), f"curves-of-{formats.file_name(place.benchmark)}", alt, caption)

    def _costs(self, scored: Sequence[Place], board: Board, stem: str) -> Shown:
        rows = [
            {
                "name": name,
                "family": families().get(place.architecture, OTHER),
                "mean": place.score.mean,
                "interval_low": place.score.low,
                "interval_high": place.score.high,
                "whole": place.standing.whole,
                **{cost: getattr(place, cost) for cost in COSTS},
            }
            for place, name in zip(scored, _alone(scored), strict=True)
        ]
        drawn = partial(
            score_against_costs,
            pd.DataFrame(rows),
            metric=formats.words(board.monitor),
            maximize=board.maximize,
            families=list(dict.fromkeys([*families().values(), OTHER])),
        )
        caption = (
            f"What a score costs on {board.name}: test {formats.words(board.monitor)} of {len(scored)} networks "
            "against trainable parameters, multiply-adds of one example, training seconds, and the peak memory of the "
            "process (Python and libraries included), all on logarithmic axes. Bar: the 95\u00a0% interval over seeds "
            f"({_spread(scored)}). The line is the Pareto front of the means, named: no network has a better mean at "
            "its cost or below; seeds alone may change who stands on it. Hollow: a single seed, or seeds without a "
            "score; it is not on the front. A network without the cost is not in that panel; a triangle at the edge "
            f"lies beyond it. {better(board.maximize).capitalize()}."
        )
        return self.keep(drawn, f"costs-{stem}", f"Score against what it costs, {board.name}", caption)


def task_pictures(task: str, predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The pictures of a task's predictions; none where no picture is declared for it or nothing was kept."""
    if not predictions or task not in {entry.name for entry in PICTURES}:
        return []
    with style():
        return PICTURES[task](predictions)


def _pictured(seeds: Sequence[Run]) -> Run | None:
    """The one whose predictions are shown."""
    return next((run for run in seeds if run.finished), None)


def _pictures_of(run: Run) -> Job:
    """What is drawn of the predictions of a run."""
    files = {name: file["sha256"] for name, file in run.metrics["files"].items() if name.endswith(".npz")}
    task = run.settings["task"]["name"]
    return Job(_draw_pictures, (task, run.folder), f"{task} {sorted(files.items())}")


def _draw_pictures(task: str, folder: Path) -> Drawing:
    return Drawing(task_pictures(task, read_shown(folder)))


def _curve(board: Board, place: Place) -> Job | None:
    """What is drawn of the epochs of a benchmark; nothing where it wrote no validation score."""
    table = results_table(place.runs)
    curves = table[table["epoch"].notna()]
    if not board.monitor or not curves["value"].notna().any():
        return None
    label = place.benchmark if place.standing.ranked else f"n=1: {place.benchmark}"
    arguments = (curves, board.monitor, formats.words(board.monitor), place.benchmark, label)
    return Job(_draw_curve, arguments, f"{arguments[1:]} {curves.to_csv()}", looks([place.benchmark]))


def pictures_of_probe(task: str, probe: ProbeFolder, name: str) -> Job | None:
    """What is drawn of the arrays `name` of a probe as of predictions of a task; None where there are none."""
    file = probe.metrics["files"].get(f"{name}.npz")
    return Job(_draw_probe, (task, probe, name), f"{task} {file['sha256']}") if file else None


def _draw_probe(task: str, probe: ProbeFolder, name: str) -> Drawing:
    return Drawing(task_pictures(task, probe.arrays(name)))


def _draw_figure(draw: partial[Figure]) -> Drawing:
    return Drawing([Picture("figure", draw(), "")])


def _draw_curve(curves: pd.DataFrame, monitor: str, metric: str, benchmark: str, label: str) -> Drawing:
    drawn = learning_curves(curves, monitor=monitor, metric=metric, labels={benchmark: label})
    return Drawing([Picture("curves", drawn, "")])


def _told(row: Mapping[str, Any]) -> str:
    return f"{row['label']} ({row['mean']:.3g})"


def _called(places: Sequence[Place]) -> list[str]:
    """What each is called in a figure, with its scale where that is short enough for all of them to be read whole."""
    whole = [place.label for place in places]
    return whole if max(map(len, whole), default=0) <= LETTERS else _alone(places)


def _alone(places: Sequence[Place]) -> list[str]:
    """Each by its architecture, or by its benchmark where others have that: no two are alike."""
    count = Counter(place.architecture for place in places)
    return [place.architecture if count[place.architecture] == 1 else place.benchmark for place in places]


def _line_label(place: Place, name: str) -> str:
    """What a curve is called; a single seed says so, because it has no band to show it."""
    return name if place.standing.ranked else f"n=1: {name}"


def better(maximize: bool) -> str:
    """Which direction is good, for a caption."""
    return "higher is better" if maximize else "lower is better"


def _spread(scored: Sequence[Place | Arm]) -> str:
    """`n=3 each`, or `n=1 to 3`."""
    counts = sorted({entry.score.n for entry in scored})
    return f"n={counts[0]} each" if len(counts) == 1 else f"n={counts[0]} to {counts[-1]}"
