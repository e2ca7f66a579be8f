"""`archbench run`: everything stale of the pipeline, side by side; then DVC is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from archbench._lean import import_keras
from archbench.errors import UserError, listed
from archbench.stages import open_pipeline

if TYPE_CHECKING:
    from archbench.cli import changes
    from archbench.config import Compute, Config
    from archbench.engines import Job
    from archbench.engines.crew import Engine
    from archbench.project import Folders

FAILED = 1
UNKNOWN_SECONDS = 60.0
"""Of a stage of which nothing is known beforehand."""
OF_RAY = ("address", "cpus_per_worker", "gpus_per_worker")
"""What says nothing of the local engine."""
DVCS_OWN = ("report",)
"""Stages that only read what the others wrote: `dvc repro` comes to them."""


class OptionOfRay(UserError):
    """An option that the engine does not know."""


class NothingNamed(UserError):
    """Patterns that no stage of the pipeline fits."""


def run(
    patterns: Annotated[
        list[str] | None, typer.Argument(help="Stages or names, such as 'train@*' or 'lenet5-*'; all without any.")
    ] = None,
    engine: Annotated[
        Literal["local", "ray"] | None, typer.Option(help="What runs them: this machine, or Ray (the extra ray).")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of a running Ray: auto, ray://HOST:10001; without it one on this machine.")
    ] = None,
    gpus_per_worker: Annotated[
        float | None, typer.Option(min=0, help="GPUs that Ray keeps for each stage, such as 0.5; 0 is none.")
    ] = None,
    cpus_per_worker: Annotated[float | None, typer.Option(min=0.01, help="CPUs that Ray keeps for each stage.")] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Stages side by side; without it as many as there are cores.")
    ] = None,
    retries: Annotated[
        int | None, typer.Option(min=0, help="How often a stage goes on whose process was killed.")
    ] = None,
    timeout_minutes: Annotated[
        float | None, typer.Option(min=0.01, help="A stage that takes longer is stopped; later it goes on from there.")
    ] = None,
) -> None:
    """Run what is out of date, several stages at a time, and tell DVC.

    Data sets, benchmarks, studies and probes: the longest way through them first, by the estimates of archbench plan,
    in processes that import once. What they need runs before them, also where it is not named. What fails stops only
    what waits for it; a killed process goes on from its checkpoint. Ctrl-C stops all, and the same command goes on.

    The results are those of dvc repro, bit for bit; dvc repro then finds them finished, and writes the report. What is
    not given here is taken from compute in params.yaml.
    """
    import_keras()
    from archbench.cli import changes

    config, folders = open_pipeline()
    here = Path.cwd()
    found = changes.stages_of(config, here, folders.root)
    stale = [stage for stage in found if stage.state != "current" and stage.name not in DVCS_OWN]
    chosen = _chosen(found, stale, patterns)
    if not chosen:
        print("nothing is out of date. The report: dvc repro")
        return
    given = {"engine": engine, "address": address, "jobs": jobs, "retries": retries}
    given |= {"gpus_per_worker": gpus_per_worker, "cpus_per_worker": cpus_per_worker}
    compute = _compute(config, **given, timeout_minutes=timeout_minutes)
    before = _inputs(config, folders, here)
    outcomes, message = _run(config, folders, chosen, compute)
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


def _compute(config: Config, **given: Any) -> Compute:
    """What `compute` in params.yaml says, but for what was given on the command line."""
    given = {name: value for name, value in given.items() if value is not None}
    compute = config.compute.model_copy(update=given)
    beyond = [name for name in OF_RAY if name in given]
    if compute.engine != "ray" and beyond:
        options = listed(f"--{name.replace('_', '-')}" for name in beyond)
        raise OptionOfRay(f"{options} is for the engine ray, and this runs on {compute.engine}. Add: --engine ray")
    return compute


@contextmanager
def _engine(compute: Compute, folders: Folders) -> Iterator[Engine]:
    """What runs the stages."""
    if compute.engine == "ray":
        from archbench.engines import ray

        with ray.workers(compute, "archbench.stages:run_stage", folders.log_of_stage, folders.runs) as engine:
            print(engine.describe(), flush=True)
            yield engine
    else:
        from archbench.engines.local import Processes
        from archbench.stages import run_stage

        limit = None if compute.timeout_minutes is None else 60 * compute.timeout_minutes
        yield Processes(run_stage, compute.jobs or _cores(), folders.log_of_stage, limit)


def _jobs(config: Config, folders: Folders, chosen: Sequence[changes.Stage], widest: int) -> dict[str, Job]:
    """The stages as jobs of at most `widest` processes; `sources`, which looks for mistakes in params.yaml, first."""
    from archbench.cli.plan import open_forecast
    from archbench.engines import Job

    names = {stage.name for stage in chosen}
    costs, plans, _, asked = open_forecast(config, folders)
    jobs = {}
    for stage in chosen:
        kind, _, slug = stage.name.partition("@")
        busy = min(config.studies[slug].workers, widest) if kind == "sweep" else 1
        before = ("sources",) if "sources" in names and kind != "sources" else ()
        needs = (*before, *(need for need in stage.needs if need in names))
        jobs[stage.name] = Job(stage.name, needs, costs.stage(stage.name, plans).seconds or UNKNOWN_SECONDS, busy)
    asked.keep()
    return jobs


def _run(
    config: Config, folders: Folders, chosen: Sequence[changes.Stage], compute: Compute
) -> tuple[dict[str, str], str]:
    """What became of each, and of the copy in MLflow."""
    from archbench.cli.running import View
    from archbench.engines.crew import Crew
    from archbench.tracking.live import follow_all

    names = [stage.name for stage in chosen]
    tracked = [folders.of_stage(name) for name in names if name.startswith(("train@", "sweep@", "probe@"))]
    limit = config.training.tracking_seconds * max(len(tracked), 1)
    log = folders.runs / ".run.tracking.log"
    with _engine(compute, folders) as engine, follow_all(tracked, log, limit) as tracker:
        jobs = _jobs(config, folders, chosen, engine.widest())
        with View(jobs, folders.log_of_stage, engine.slots) as view:
            crew = Crew(engine, compute.retries, view.tell)
            outcomes = crew.run(jobs, lambda: view.show(crew.running))
    return outcomes, tracker.message


def _inputs(config: Config, folders: Folders, here: Path) -> tuple[Any, dict[str, str]]:
    """What the stages' results follow from: should it change meanwhile, they are not those of what is there then."""
    from archbench import dialect, sources

    given = (here / "params.yaml").read_text(encoding="utf-8")
    with suppress(dialect.NotReadable):  # somebody is in the middle of an edit
        given = {key: value for key, value in dialect.read(given).items() if key != "compute"}
    return given, sources.lists(config, folders.root / "pipelines")


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
