"""The figures of a study, each drawn, saved and given its caption."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from archbench.figures.curves import learning_curves
from archbench.figures.forest import forest
from archbench.figures.studies import best_so_far_curves, learning_rate_sensitivity
from archbench.figures.study_choices import cell_map, importance_bars, target_times
from archbench.page import formats
from archbench.page.figures import MOST_LINES, Gallery, Shown, better
from archbench.results.effects import effects
from archbench.results.importance import importances
from archbench.results.studies import Arm, Study, best_so_far
from archbench.results.table import results_table
from archbench.results.targets import common_target, time_to_target


def study_figures(gallery: Gallery, study: Study) -> list[Shown]:
    """Gains over the usual choice, scores, pairs of choices, curves, best so far, rates, importance, time to a target.

    Only those there are numbers for.
    """
    if study.monitor is None:
        return []
    drawn = [
        _effects(gallery, study),
        _scores(gallery, study),
        _cells(gallery, study),
        _curves(gallery, study),
        _best_so_far(gallery, study),
        _sensitivity(gallery, study),
        _importance(gallery, study),
        _target(gallery, study),
    ]
    return [figure for figure in drawn if figure is not None]


def _stem(study: Study) -> str:
    return f"study-{formats.file_name(study.name)}"


def _effects(gallery: Gallery, study: Study) -> Shown | None:
    found = effects(study.listed) if study.equal else None
    if found is None:
        return None
    metric, usual = formats.words(study.monitor), found.usual.name
    rows = [
        {"label": name, "gain": gain.difference.mean, "low": gain.difference.low, "high": gain.difference.high,
         "sure": gain.sure}
        for name, gain in found.gains.items()
    ]  # fmt: skip
    table = pd.DataFrame(rows).sort_values("gain", ascending=not study.maximize, kind="stable", ignore_index=True)
    seeds = formats.between({gain.difference.n for gain in found.gains.values()})
    sure = formats.in_words([f"{row.label} ({row.gain:+.3g})" for row in table.itertuples() if row.sure] or ["none"])
    caption = (
        f"What each arm gains over {usual}, the usual choice: test {metric} minus that of {usual}, seed by seed "
        f"({better(study.maximize)}). Bar: its 95\u00a0% interval over n={seeds} seeds. Filled: surely apart from "
        f"{usual} ({formats.SURELY}). An arm with seeds that have no score is not here."
    )
    drawn = partial(forest, table, xlabel=f"test {metric}, minus that of {usual}")
    alt = f"Gains over {usual} in the study {study.name}; surely apart from it: {sure}"
    return gallery.keep(drawn, f"{_stem(study)}-gains", alt, caption)


def _scores(gallery: Gallery, study: Study) -> Shown | None:
    scored = [arm for arm in study.arms if arm.score.n]
    if not scored:
        return None
    name, where = f"{_stem(study)}-scores", f"in the study {study.name}"
    return gallery.intervals({arm.label: arm for arm in scored}, study.monitor, study.maximize, name, where)


def _cells(gallery: Gallery, study: Study) -> Shown | None:
    if not study.axes:
        return None
    first, second = study.axes
    cells = pd.DataFrame(
        [
            {
                "row": arm.cell[first],
                "column": arm.cell[second],
                "mean": arm.score.mean if arm.score.n else float("nan"),
                "finished": arm.score.n,
                "seeds": len(arm.runs),
            }
            for arm in sorted(study.arms, key=lambda arm: study.order.index(arm.name))
        ]
    )
    metric = formats.words(study.monitor)
    drawn = partial(cell_map, cells, rows=_last(first), columns=_last(second), metric=metric)
    caption = (
        f"{_last(first).capitalize()} by {_last(second)}: mean test {metric} over the seeds of the best setting found "
        f"for each pair ({better(study.maximize)}). Hatched: some of the final seeds have no score, and the second "
        "line says how many do; failed: none has."
    )
    return gallery.keep(drawn, f"{_stem(study)}-pairs", f"{_last(first)} by {_last(second)}, {study.name}", caption)


def _curves(gallery: Gallery, study: Study) -> Shown | None:
    arms = _leading(study, [arm for arm in study.arms if any(not run.history.empty for run in arm.runs)])
    if not arms:
        return None
    table = results_table([run for arm in arms for run in arm.runs])
    metric = formats.words(study.monitor)
    drawn = partial(
        learning_curves, table, monitor=study.monitor, metric=metric, labels={arm.name: arm.name for arm in arms}
    )
    caption = (
        f"Learning curves of the final runs{_of(arms, study)}. Left: training loss. Right: validation {metric}. Line: "
        "mean over the seeds that reached the epoch; band: its 95\u00a0% interval."
    )
    return gallery.keep(drawn, f"{_stem(study)}-curves", f"Learning curves, study {study.name}", caption)


def _best_so_far(gallery: Gallery, study: Study) -> Shown:
    arms = [arm.name for arm in _leading(study, study.arms)]
    curves = best_so_far(study.trials[study.trials["arm"].isin(arms)], maximize=study.maximize)
    drawn = partial(best_so_far_curves, curves, metric=formats.words(study.monitor))
    caption = (
        f"Best validation {formats.words(study.monitor)} so far against trials used, one seed a trial"
        f"{_of(arms, study)} ({better(study.maximize)}). An arm that is good early needs little tuning. Band: where "
        "the line would run in nine of ten orders of the same trials; where it is wide, the best came early or late by "
        "luck. Pruned and failed trials use up budget and do not count as results."
    )
    return gallery.keep(drawn, f"{_stem(study)}-best-so-far", f"Best so far, study {study.name}", caption)


def _sensitivity(gallery: Gallery, study: Study) -> Shown | None:
    if "param_learning_rate" not in study.trials or study.trials["param_learning_rate"].isna().all():
        return None
    drawn = partial(learning_rate_sensitivity, study.trials, metric=formats.words(study.monitor))
    caption = (
        f"How much the learning rate matters: validation {formats.words(study.monitor)} of every trial, one panel "
        "an arm, logarithmic axis. Filled: complete. Hollow: pruned (the best epoch before the stop). Cross at the "
        "bottom: failed. Black ring: the default that was tried first. A wide plateau is a forgiving arm; other "
        "tuned numbers vary too."
    )
    return gallery.keep(drawn, f"{_stem(study)}-learning-rate", f"Learning-rate sensitivity, {study.name}", caption)


def _importance(gallery: Gallery, study: Study) -> Shown | None:
    shares = importances(study)
    if not shares:
        return None
    complete = int((study.trials["state"] == "complete").sum())
    caption = (
        "What mattered: how much of the variance of validation scores each choice takes away in a random forest, over "
        f"the {complete} complete trials of all arms, as shares of the whole (mean decrease of impurity). What only "
        "some arms tune is left out; diverged and pruned trials too, so a rate that ruins training shows less "
        "than it should."
    )
    return gallery.keep(
        partial(importance_bars, shares), f"{_stem(study)}-importance", f"Importance, study {study.name}", caption
    )


def _target(gallery: Gallery, study: Study) -> Shown | None:
    target = common_target(study)
    times = time_to_target(study, target)
    if times.empty or times["seconds"].isna().all():
        return None
    shown = f"validation {formats.words(study.monitor)} {formats.value(target)}"
    caption = (
        f"Training seconds of the final runs until {shown}, the median of the arms' own best (compilation and "
        "evaluation left out); fewer is better. Grey: single seeds; diamond: the median seed. At the right: how many "
        "of all final seeds got there and finished."
    )
    drawn = partial(target_times, times, target=shown)
    return gallery.keep(drawn, f"{_stem(study)}-target", f"Time to a target, study {study.name}", caption)


def _leading(study: Study, arms: Sequence[Arm]) -> Sequence[Arm]:
    """The first arms, best first where they are ranked: no more than lines can be told apart."""
    return arms[:MOST_LINES]


def _of(shown: Sequence, study: Study) -> str:
    return f", the first {len(shown)} of {len(study.arms)} arms" if len(shown) < len(study.arms) else ""


def _last(key: str) -> str:
    return key.rpartition(".")[2].replace("_", " ")
