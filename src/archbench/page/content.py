"""The rows and sections of a report, as text; the template and the README only lay them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from archbench.figures.style import short_number
from archbench.page import formats
from archbench.page.figures import Shown
from archbench.results.leaderboard import Board, Place, by_benchmark, count_states
from archbench.results.ranking import Standing
from archbench.results.runs import Run
from archbench.results.statistics import Interval
from archbench.results.studies import Arm, Study

Row = dict[str, str]
"""Head of a column -> cell. A row of a single, empty cell is a line across the table, with that head on it."""
SINGLE_SEEDS: Row = {"Single seeds, not ranked": ""}


JUDGED = (
    f"Verdicts are of the difference from the best, seed by seed: worse means {formats.SURELY}. A seed without a score "
    "counts as worst."
)


@dataclass(frozen=True)
class Part:
    """A further table of a section, below a smaller heading."""

    title: str
    rows: list[Row]


def columns(rows: Sequence[Row]) -> list[str]:
    """The heads of a table: those of its first row that is no line across it."""
    return list(max(rows, key=len, default={}))


@dataclass(frozen=True)
class Section:
    """A heading with a remark, a table and figures."""

    anchor: str
    title: str
    remark: str
    rows: list[Row]
    figures: list[Shown]
    table_file: str | None = None
    """The same table as CSV, below `tables/`."""
    parts: list[Part] = field(default_factory=list)
    groups: list[tuple[str, int]] = field(default_factory=list)
    """What stands above the heads of the table, each over so many columns; empty where nothing does."""


def board_section(board: Board, figures: list[Shown], table_file: str) -> Section:
    """A leaderboard; single seeds stand below a line."""
    metric = formats.words(board.monitor) if board.monitor else "score"
    rows = [(place.standing, _board_row(place, metric)) for place in board.places]
    anchor = formats.file_name("board", board.dataset, board.task)
    return Section(anchor, board.name, _board_remark(board, metric), _parted(rows), figures, table_file)


def _board_row(place: Place, metric: str) -> Row:
    spent = (formats.seconds(place.train_seconds), formats.memory(place.peak_memory_bytes))
    return {
        "Network (scale)": place.label,
        f"Test {metric}": formats.score(place.score),
        "Recipe": place.recipe,
        "Seeds": seeds(place.runs, place.score),
        **_standing_cells(place.standing),
        "Parameters; multiply-adds": f"{formats.count(place.parameters)}; {_short(place.multiply_adds)}",
        "Training; peak memory": "; ".join(text.replace(" ", "\u00a0") for text in spent),
    }


def _standing_cells(standing: Standing) -> Row:
    """What every table says of a competitor beside the best."""
    return {
        "Minus the best": formats.gain(standing.comparison.difference),
        "p": formats.p_value(standing.comparison.p_holm),
        "Verdict": standing.verdict,
    }


def _parted(rows: Sequence[tuple[Standing, Row]]) -> list[Row]:
    """The rows of a table, with a line above single seeds."""
    ranked = [row for standing, row in rows if standing.ranked]
    single = [row for standing, row in rows if not standing.ranked]
    return [*ranked, *([SINGLE_SEEDS] if single else []), *single]


def _board_remark(board: Board, metric: str) -> str:
    """Whether recipes are equal, who is ranked by what, and in what else the runs are not alike."""
    return " ".join([*_recipes(board), _ranking(board, metric), *board.unlike])


def _recipes(board: Board) -> list[str]:
    trained = [place for place in board.places if place.trains]
    if len(trained) < 2:
        return []
    if not board.recipes_differ_in:
        return [f"All recipes are equal: {trained[0].recipe}."]
    names = formats.in_words([name.replace("_", " ") for name in board.recipes_differ_in])
    return [f"Recipes differ in {names}: what is ranked is a network with its recipe."]


def _ranking(board: Board, metric: str) -> str:
    if not any(place.score.n for place in board.places):
        return "No run has a test score."
    read = f"{'Higher' if board.maximize else 'Lower'} is better; ± is half the 95\u00a0% interval over n seeds."
    if board.best is None:
        return f"Nothing is ranked: {formats.RANKING_TAKES.format('networks')}. {read}"
    return f"Ranked by mean test {metric}. {read} {JUDGED}"


def seeds(runs: Sequence[Run], score: Interval) -> str:
    """`n=3`, and how the seeds ended where not all of them finished."""
    whole = all(run.finished for run in runs)
    return formats.seeds(score) + ("" if whole else f": {count_states(runs)}")


def study_section(study: Study, figures: list[Shown], table_file: str) -> Section:
    """The arms of a study with their budgets."""
    metric = formats.words(study.monitor) if study.monitor else "score"
    rows = [(arm.standing, _arm_row(arm, metric, study.networks_differ)) for arm in study.arms]
    anchor = formats.file_name("study", study.name)
    title = f"Study: {study.name}"
    budgets = Part("Budgets", _budget_rows(study))
    return Section(anchor, title, _study_remark(study), _parted(rows), figures, table_file, [budgets])


def _arm_row(arm: Arm, metric: str, own_network: bool) -> Row:
    network = {"Network": arm.network, "Parameters": formats.count(arm.parameters)}
    return {
        "Arm": arm.name,
        **(network if own_network else {}),
        f"Test {metric}": formats.score(arm.score),
        "Seeds": seeds(arm.runs, arm.score),
        **_standing_cells(arm.standing),
        "Mean rank": formats.value(arm.rank, 3),
        "Best validation": formats.value(arm.best_value),
        "Default's validation": formats.value(arm.default_value),
    }


def _budget_rows(study: Study) -> list[Row]:
    return [
        {
            "Arm": arm.name,
            "Trials": str(arm.trials),
            "Complete, pruned, failed": f"{arm.complete}, {arm.pruned}, {arm.failed}",
            "Epochs a trial": str(arm.trial_epochs) if arm.complete else formats.NOTHING,
            "Final epochs": ", ".join(map(str, arm.final_epochs)) or formats.NOTHING,
            "Final seeds": str(arm.final_seeds),
        }
        for arm in study.arms
    ]


def _study_remark(study: Study) -> str:
    base = study.settings["base"]
    network = f"{base['architecture']['name']} ({base['scale']})"
    if study.networks_differ:
        network = "Networks that differ, also in their number of parameters, which stands beside each,"
    about = f"{network} on {base['dataset']}. {_spent(study)} "
    if not study.equal:
        return (
            f"{about}Not ranked, because the arms did not have the same budget ({'; '.join(study.unequal)}). "
            "Arms stand in alphabetical order."
        )
    direction = f"{'Higher' if study.maximize else 'Lower'} is better."
    nothing = f"Nothing is ranked: {formats.RANKING_TAKES.format('arms')}."
    ranked = f"{direction} {JUDGED}" if study.best else nothing
    return " ".join(
        [
            f"{about}Every arm had the same budget. The best setting of each was trained again over the seeds; test "
            f"scores are of those runs, and nothing was tuned on them. {ranked}",
            *study.unlike,
        ]
    )


def _spent(study: Study) -> str:
    """How the trials were chosen and scored, and what became of them."""
    pruned, failed = (sum(getattr(arm, state) for arm in study.arms) for state in ("pruned", "failed"))
    samplers = {arm["sampler"] or study.settings["sampler"] for arm in study.settings["arms"].values()}
    folds = study.settings["folds"]
    scored = f", each scored by {folds}-fold cross-validation" if folds else ""
    return (
        f"{formats.plural(len(study.trials), 'trial')} drawn by {', '.join(sorted(samplers))}{scored}; {pruned} were "
        f"stopped early as hopeless ({study.settings['pruner']}) and {failed} diverged."
    )


def gap_rows(runs: Sequence[Run], studies: Sequence[Study], gone: Mapping[str, tuple[str, str]]) -> list[Row]:
    """Every run that did not finish, final runs of studies included, and every study that is not shown.

    `gone` gives the state of such a study, and what is known of it.
    """
    finals = [(f"{study.name} / {run.benchmark}", run) for study in studies for arm in study.arms for run in arm.runs]
    gaps = [(name, run) for name, run in [*((run.benchmark, run) for run in runs), *finals] if not run.finished]
    rows = [
        {"Run": name, "Seed": str(run.seed), "State": run.state, "What is known": _reason(run)} for name, run in gaps
    ]
    unseen = [
        {"Run": name, "Seed": formats.NOTHING, "State": state, "What is known": known}
        for name, (state, known) in gone.items()
    ]
    return rows + unseen


def _reason(run: Run) -> str:
    if run.damage:
        return run.damage
    if run.state == "missing":
        return "no run folder: it was never started"
    if run.state == "stale":
        return f"made on other data than params.yaml asks for now: dvc repro train@{run.benchmark}"
    if run.state == "killed":
        return f"{formats.plural(len(run.history), 'epoch')} written, no metrics.json: killed, or still running"
    step = run.metrics["diverged_at_step"]
    where = f" at step {step}" if step is not None else ""
    return f"{run.metrics['message'] or run.state}{where if run.metrics['message'] is None else ''}"


def hardware_rows(table: pd.DataFrame) -> list[Row]:
    """Every different machine and set of versions, with the runs it did; `table` as `machines` makes it."""
    return [
        {
            "Device": f"{row['device']} ({row['device_kind']})",
            "Processor": row["cpu"],
            "Vector extensions": row["cpu_extensions"] or formats.NOTHING,
            "Cores": str(row["cores"]),
            "Memory": f"{row['memory_bytes'] / 2**30:.0f} GiB",
            "System": row["platform"],
            "Python": row["python"],
            "Backend": f"{row['backend']} {row['backend_version']}, Keras {row['keras_version']}",
            "archbench": row["archbench_version"],
            "Runs": str(row["runs"]),
        }
        for row in table.to_dict("records")
    ]


def provenance_rows(runs: Sequence[Run], studies: Sequence[Study]) -> list[Row]:
    """For every benchmark and every arm: backend, XLA with its rule, precision, commit, seconds."""
    arms = {f"{study.name} / {arm.name}": list(arm.runs) for study in studies for arm in study.arms}
    return [row for name, seeds in {**by_benchmark(runs), **arms}.items() for row in _provenance(name, seeds)]


def _provenance(name: str, seeds: list[Run]) -> list[Row]:
    groups: dict[tuple, list[Run]] = {}
    for run in seeds:
        if run.machine:
            facts = run.machine
            commit = (facts["git_commit"] or "none")[:10] + (" + changes" if facts["git_dirty"] else "")
            xla = f"{'on' if facts['xla'] else 'off'} ({facts['xla_rule']})"
            key = (facts["host"], f"{facts['backend']}, {facts['device_kind']}", xla, facts["precision"], commit)
            groups.setdefault(key, []).append(run)
    names = ("Host", "Backend", "XLA", "Precision", "Commit")
    return [
        {
            "Run": name,
            "Seeds": ", ".join(str(run.seed) for run in group),
            **dict(zip(names, key, strict=True)),
            "Total time": formats.seconds(_total(group)),
            "Started": min(run.machine["started"] for run in group),
            "Ended": count_states(group),
        }
        for key, group in groups.items()
    ]


def _total(group: list[Run]) -> float:
    known = [run.timings["total_seconds"] for run in group if run.timings]
    return sum(seconds for seconds in known if seconds is not None) if known else float("nan")


def _short(number: float) -> str:
    return formats.NOTHING if number != number else short_number(number)
