"""How MLflow's pages show an experiment: its note, and tables with the columns that a reader compares.

MLflow 3 keeps the columns of a table in the reader's own browser and begins with Source, Models and Dataset; a server
cannot say others. What it does keep are views that somebody shared: a tag `mlflow.sharedViewState.<key>` of the
experiment, which a link with that key opens. So every experiment has such views, and its note begins with their links.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archbench.records.read import RunFolder, StudyFolder
    from archbench.tracking.store import Tracking

NOTE = "mlflow.note.content"
"""MLflow's tag for the description of a run or an experiment, which its pages show as Markdown."""
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""MLflow's tag for what an experiment is of: without it, its pages take it for one of language models' traces, and show
no way to its runs."""
SHARED = "mlflow.sharedViewState."
COMPARE, TRIALS = "compare", "trials"
OURS = "[Compare "
"""What the note of an experiment begins with; another is a reader's own, and stays."""
REPORT = "http://127.0.0.1:5001"
"""Where `archbench ui --report` serves the site by default."""
CURRENT = "tags.`archbench.superseded` = 'false' and tags.`archbench.kind` = '{}'"
COSTS = ("system/train_seconds_mean", "model/parameters")
RECIPE = (
    "dataset", "architecture.name", "optimizer.name", "optimizer.learning_rate", "schedule.name", "epochs",
    "batch_size", "augmentation",
)  # fmt: skip


def describe_experiment(tracking: Tracking, experiment: str, run: RunFolder) -> None:
    """Give the experiment of a run that ended its table of benchmarks, or of a study's arms, and its note."""
    monitor = run.metrics["monitor"]
    scores = [f"test/{monitor}_{what}" for what in ("mean", "deviation", "n")]
    asked = "arms" if run.study else "benchmarks"
    view = _view("benchmark", [*scores, *COSTS], RECIPE, scores[0], ascending=not run.metrics["maximize"])
    links = [f"[Compare the {asked}]({_link(experiment, COMPARE)})"]
    if run.study:
        links.append(f"[all trials]({_link(experiment, TRIALS)})")
    note = f"{', '.join(links)}: a row each, the best first, with score, cost and recipe. {_served('')}"
    _tell(tracking, experiment, {**KIND, SHARED + COMPARE: view, NOTE: note})


def describe_trials(tracking: Tracking, experiment: str, tuned: Sequence[str], *, maximize: bool) -> None:
    """Give the experiment of a study its table of trials, with the numbers that were tuned."""
    numbers = ("value", "epochs_run", "system/seconds")
    view = _view("trial", numbers, ["arm", "number", *tuned], "value", ascending=not maximize)
    _tell(tracking, experiment, {SHARED + TRIALS: view})


def note_of_benchmark(run: RunFolder, folder: str) -> str:
    """What a benchmark is, in a sentence, and where the report and its folder are."""
    from archbench.page import formats
    from archbench.results.recipes import describe_recipe

    settings = run.settings
    name = settings["architecture"]["name"]
    page = f"pages/{formats.file_name(formats.file_name('architecture', name))}.html"
    recipe = describe_recipe(settings)
    return f"{name} ({settings['scale']}) on {settings['dataset']}: {recipe}.\n\n{_served(page)} Folder: `{folder}`."


def note_of_study(study: StudyFolder, folder: str) -> str:
    """What a study compares, and where the report and its folder are."""
    from archbench.page import formats

    page = f"pages/{formats.file_name(formats.file_name('study', study.name))}.html"
    arms = ", ".join(study.settings["arms"])
    table = "What they reached stands in the artifact `arms_compared.csv`."
    return f"Arms at equal budget: {arms}. {table}\n\n{_served(page)} Folder: `{folder}`."


def _served(page: str) -> str:
    return f"[In the report]({REPORT}/{page}), while `archbench ui --report` serves it."


def _link(experiment: str, key: str) -> str:
    return f"#/experiments/{experiment}/runs?viewStateShareKey={key}"


def _view(kind: str, metrics: Sequence[str], params: Sequence[str], order: str, *, ascending: bool) -> str:
    """A state of MLflow's table of runs, as its pages read it."""
    columns = [*(f"metrics.`{name}`" for name in metrics), *(f"params.`{name}`" for name in params)]
    return json.dumps(
        {
            "searchFilter": CURRENT.format(kind),
            "orderByKey": f"metrics.`{order}`",
            "orderByAsc": ascending,
            "selectedColumns": columns,
        }
    )


def _tell(tracking: Tracking, experiment: str, tags: Mapping[str, Any]) -> None:
    """Set those tags of an experiment that are new, once a connection; a reader's own note and kind stay."""
    told = tracking.described.setdefault(experiment, {})
    if all(told.get(name) == value for name, value in tags.items()):
        return
    known = tracking.client.get_experiment(experiment).tags
    for name, value in tags.items():
        own = name not in known or (name not in KIND and (name != NOTE or known[name].startswith(OURS)))
        if own and known.get(name) != value:
            _set(tracking, experiment, name, value)
    told.update(tags)


def _set(tracking: Tracking, experiment: str, name: str, value: str) -> None:
    from archbench.tracking.store import failures

    try:
        tracking.client.set_experiment_tag(experiment, name, value)
    except failures():  # MLflow looks for the tag and then inserts it: another process did so in between
        tracking.client.set_experiment_tag(experiment, name, value)
