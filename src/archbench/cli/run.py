"""`archbench run`: everything stale of the pipeline, side by side; then DVC is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.errors import UserError, listed
from archbench.stages import open_pipeline

if TYPE_CHECKING:
    from archbench.cli import changes
    from archbench.config import Config
    from archbench.engines import Job
    from archbench.project import Folders

FAILED = 1
UNKNOWN_SECONDS = 60.0
"""Of a stage of which nothing is known beforehand."""
DVCS_OWN = ("report",)
"""Stages that only read what the others wrote: `dvc repro` comes to them."""


class NothingNamed(UserError):
    """Patterns that no stage of the pipeline fits."""


def run(
    patterns: Annotated[
        list[str] | None, typer.Argument(help="Stages or names, such as 'train@*' or 'lenet5-*'; all without any.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes side by side; as many as there are cores without it.")
    ] = None,
) -> None:
    """Run what is out of date, several stages at a time, and tell DVC.

    Data sets, benchmarks, studies and probes: the longest way through them first, by the estimates of archbench plan,
    in processes that import once. What they need runs before them, also where it is not named. What fails stops only
    what waits for it; a killed process goes on from its checkpoint. Ctrl-C stops all, and the same command goes on.

    The results are those of dvc repro, bit for bit; dvc repro then finds them finished, and writes the report.
    """
    from archbench.cli import changes

    config, folders = open_pipeline()
    here = Path.cwd()
    found = changes.stages_of(config, here, folders.root)
    stale = [stage for stage in found if stage.state != "current" and stage.name not in DVCS_OWN]
    chosen = _chosen(found, stale, patterns)
    if not chosen:
        print("nothing is out of date. The report: dvc repro")
        return
    processes = jobs or _cores()
    before = _inputs(config, folders, here)
    outcomes, message = _run(config, folders, _jobs(config, folders, chosen, processes), processes)
    if message:
        print(message)
    done = [stage for stage, outcome in outcomes.items() if outcome == "done"]
    if _inputs(config, folders, here) != before:
        print("params.yaml or code changed meanwhile, so DVC is told nothing. Run: dvc repro")
    elif done:
        _record(here, done)
    others = [stage for stage, outcome in outcomes.items() if outcome != "done"]
    if others:
        print(f"error: not done: {listed(others)}. The same command tries them again.", file=sys.stderr)
        raise typer.Exit(FAILED)
    print("next: dvc repro, which writes the report")


def _chosen(
    found: Sequence[changes.Stage], stale: Sequence[changes.Stage], patterns: Sequence[str] | None
) -> list[changes.Stage]:
    """Of the stale stages those that fit a pattern, and those that they need; all without a pattern."""
    if not patterns:
        return list(stale)
    for pattern in patterns:
        if not any(_fits(stage.name, pattern) for stage in found):
            raise NothingNamed(f"No stage of this pipeline fits {pattern!r}. Run: archbench plan --all")
    needs = {stage.name: stage.needs for stage in found}
    wanted = {stage.name for stage in found for pattern in patterns if _fits(stage.name, pattern)}
    while more := {need for name in wanted for need in needs[name]} - wanted:
        wanted |= more
    return [stage for stage in stale if stage.name in wanted | {"sources"}]


def _fits(stage: str, pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in (stage, stage.partition("@")[2]))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _jobs(config: Config, folders: Folders, chosen: Sequence[changes.Stage], processes: int) -> dict[str, Job]:
    """The stages as jobs; `sources`, which looks for mistakes in params.yaml, is before all."""
    from archbench.cli.plan import open_forecast
    from archbench.engines import Job

    names = {stage.name for stage in chosen}
    costs, plans, _ = open_forecast(config, folders)
    jobs = {}
    for stage in chosen:
        kind, _, slug = stage.name.partition("@")
        busy = min(config.studies[slug].workers, processes) if kind == "sweep" else 1
        before = ("sources",) if "sources" in names and kind != "sources" else ()
        needs = (*before, *(need for need in stage.needs if need in names))
        jobs[stage.name] = Job(stage.name, needs, costs.stage(stage.name, plans).seconds or UNKNOWN_SECONDS, busy)
    return jobs


def _run(config: Config, folders: Folders, jobs: dict[str, Job], processes: int) -> tuple[dict[str, str], str]:
    """What became of each, and of the copy in MLflow."""
    from archbench.cli.running import View
    from archbench.engines.local import Crew
    from archbench.stages import run_stage
    from archbench.tracking.live import follow_all

    tracked = [folders.of_stage(stage) for stage in jobs if stage.startswith(("train@", "sweep@", "probe@"))]
    limit = config.training.tracking_seconds * max(len(tracked), 1)
    log = folders.runs / ".run.tracking.log"
    with follow_all(tracked, log, limit) as tracker, View(jobs, folders.log_of_stage, processes) as view:
        crew = Crew(run_stage, processes, folders.log_of_stage, view.tell)
        outcomes = crew.run(jobs, lambda: view.show(crew.running))
    return outcomes, tracker.message


def _inputs(config: Config, folders: Folders, here: Path) -> tuple[bytes, dict[str, str]]:
    """What the stages' results follow from: should it change meanwhile, they are not those of what is there then."""
    from archbench import sources

    return (here / "params.yaml").read_bytes(), sources.lists(config, folders.root / "pipelines")


def _record(here: Path, stages: Collection[str]) -> None:
    """Let DVC note what the stages read and wrote, as if it had run them.

    As `dvc commit --force` of each, which would read and write dvc.lock once a stage.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(here)) as repo, repo.lock:
            done = [stage for stage in repo.stage.load_all("dvc.yaml") if stage.name in stages]
            for stage in done:
                stage.save()
                stage.commit()
            done[0].dvcfile.dump_stages(done, update_pipeline=False)
    except DvcException as error:
        print(f"DVC does not know of it yet ({error}): dvc repro will look at each stage, and train nothing again")
        return
    print(f"recorded by DVC: {len(done)} stages")
