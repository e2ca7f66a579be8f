"""What DVC shows of a pipeline, kept beside its params.yaml: the scores and the curves of all that ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from archbench.config import Config, Study, find_params
from archbench.project import Folders
from archbench.records import curves, scores
from archbench.records.run_folder import BrokenRecord


def keep_benchmark(folder: Path, known: Collection[str]) -> None:
    """Take the score and the curves of a benchmark that ended; those of benchmarks that are not `known` go."""
    scores.keep(scores_folder(), folder.name, scores.summary(folder), known)
    curves.keep(scores_folder().with_name(curves.FOLDER), folder.name, curves.mean_losses(folder), known)


def keep_study(folder: Path, known: Mapping[str, Study]) -> None:
    """Take the scores of the arms of a study that ended; those of studies that are not `known` go."""
    arms = {arm: scores.summary(folder / "final" / arm) for arm in known[folder.name].arms}
    scores.keep_study(scores_folder(), folder.name, arms, known)


def renew(config: Config, folders: Folders) -> None:
    """Take those of everything that ended and is whole: it may have been made elsewhere, or fetched."""
    for below, keep, known in (
        (folders.runs, keep_benchmark, config.benchmarks),
        (folders.studies, keep_study, config.studies),
    ):
        for slug in known:
            if (below / slug / "metrics.json").is_file():
                with suppress(BrokenRecord, FileNotFoundError):  # the report tells of it
                    keep(below / slug, known)


def scores_folder() -> Path:
    """The folder of the pipeline's mean test scores."""
    return find_params().parent / scores.FOLDER
