"""`archbench train`, `sweep`, `report` and `speed`: one stage of the pipeline in the current folder, without DVC."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Annotated

import typer

from archbench.config import Config, ConfigError, find_params, read_config
from archbench.project import Folders, project_root


def train(benchmark: Annotated[str, typer.Argument(help="A benchmark of params.yaml.")]) -> None:
    """Train one benchmark of params.yaml over all its seeds; its data set is prepared first if need be."""
    config, folders = open_pipeline()
    check_name("benchmark", benchmark, config.benchmarks)
    from archbench import stages

    _prepare(folders, config.benchmarks[benchmark].dataset)
    stages.train(benchmark)
    print(f"runs: {folders.runs / benchmark}")


def sweep(study: Annotated[str, typer.Argument(help="A study of params.yaml.")]) -> None:
    """Run one study of params.yaml; a stopped one goes on. Its data set is prepared first if need be."""
    config, folders = open_pipeline()
    check_name("study", study, config.studies)
    from archbench import stages

    _prepare(folders, config.studies[study].base.dataset)
    stages.sweep(study)
    print(f"study: {folders.studies / study}")


def report() -> None:
    """Write the report from the runs and studies that are there, and say where it is."""
    _, folders = open_pipeline()
    from archbench import stages

    stages.report()
    print(folders.reports / "index.html")


def speed() -> None:
    """Measure the training loop against plain Keras and the sweep against plain Optuna, on this machine."""
    _, folders = open_pipeline()
    from archbench import stages

    stages.speed()
    print(folders.reports / "speed.csv")


def open_pipeline() -> tuple[Config, Folders]:
    """The params.yaml of the current folder, and the folders of its pipeline, without importing Keras."""
    params = find_params()
    config = read_config(params)
    return config, Folders(project_root(params.parent), config.pipeline)


def check_name(what: str, given: str, known: Collection[str]) -> None:
    """Raise `ConfigError` with near names where params.yaml has no such `what`."""
    if given in known:
        return
    near = difflib.get_close_matches(given, known, n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise ConfigError(f"params.yaml has no {what} {given!r}.{hint} It has: {', '.join(known) or 'none'}.")


def _prepare(folders: Folders, dataset: str) -> None:
    from archbench import stages
    from archbench.datasets.store import CARD

    if not (folders.prepared / dataset / CARD).is_file():
        stages.prepare(dataset)
