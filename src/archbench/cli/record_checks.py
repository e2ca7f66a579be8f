"""What `archbench doctor` looks at in a project: params.yaml, dvc.yaml, and the runs that are half written or stale."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from archbench import dvcfile, resolve
from archbench.cli.checks import Finding
from archbench.config import Config, read_config
from archbench.datasets import store
from archbench.datasets.derived import open_data
from archbench.errors import UserError
from archbench.project import Folders, project_root
from archbench.records import run_folder
from archbench.records.folders import named_below
from archbench.records.probe_folder import read_probe
from archbench.records.read import HalfWritten, RunFolder, is_alive, read_run, read_study
from archbench.records.run_folder import WITHOUT_WEIGHTS, BrokenRecord
from archbench.records.shapes import MACHINE
from archbench.resolve import Plan
from archbench.results.machines import other_processors
from archbench.tasks import TASKS
from archbench.training.start import NoStart


def check_project(here: Path) -> Iterator[Finding]:
    """Everything about the pipeline whose params.yaml is in `here`."""
    try:
        config = read_config(here / "params.yaml")
        folders = Folders(project_root(here), config.pipeline)
        plans = resolve.resolve_all(config)
    except UserError as error:
        yield Finding("params.yaml", str(error), "correct params.yaml, then: archbench doctor")
        return
    counts = ", ".join(f"{kind}: {len(getattr(config, kind))}" for kind in ("benchmarks", "studies", "probes"))
    yield Finding("params.yaml", f"valid; {counts}")
    yield _dvc_file(config, folders, here)
    yield from _data(config, folders, plans) or [Finding("data", "what is prepared is whole, and fits params.yaml")]
    found = [
        *_runs(config, folders, plans),
        *_studies(config, folders),
        *_probes(config, folders),
        *_leftovers(folders),
    ]
    yield from found or [Finding("runs", "none is stale or half written")]
    yield from _report(folders)


def _dvc_file(config: Config, folders: Folders, here: Path) -> Finding:
    try:
        dvcfile.check(config, folders, here)
    except dvcfile.StaleDvcFile:
        return Finding("dvc.yaml", "missing, or does not fit params.yaml", "archbench plan --write")
    return Finding("dvc.yaml", "fits params.yaml")


def _data(config: Config, folders: Folders, plans: Mapping[str, Plan]) -> list[Finding]:
    """Prepared data that are damaged or stale, and those that a task of theirs cannot be asked of."""
    found = []
    for slug in config.datasets:
        folder = folders.prepared / slug
        if not (folder / store.CARD).is_file():
            continue
        try:
            card = open_data(slug, config.datasets, folders.prepared, folders.raw).card
            for plan in (plan for plan in plans.values() if plan.settings["dataset"] == slug):
                TASKS.build(plan.settings["task"], card)
        except store.NotReady as error:
            found.append(Finding(str(folder.relative_to(folders.root)), error.why, error.mend))
        except UserError as error:
            found.append(Finding(f"datasets.{slug}", str(error), "correct params.yaml, then: archbench doctor"))
    return found


def _runs(config: Config, folders: Folders, plans: Mapping[str, Plan]) -> Iterator[Finding]:
    for folder in named_below(folders.runs):
        name = str(folder.relative_to(folders.root))
        if folder.name not in plans:
            yield Finding(name, "is of no benchmark in params.yaml", f"rm -r {shlex.quote(name)}")
            continue
        plan, mend = plans[folder.name], f"dvc repro train@{folder.name}"
        sha256 = _data_digest(folders.prepared / plan.settings["dataset"])
        for run in sorted(folder.glob("seed-*/")):
            found = read_run(run)
            fault = _run_fault(found) or _run_stale(found, plan, sha256) or _run_lacks(found)
            if fault:
                yield Finding(str(run.relative_to(folders.root)), fault, mend)
        if (folder / "metrics.json").exists():
            try:
                run_folder.read_record(folder / "metrics.json", {})
            except BrokenRecord as error:
                yield Finding(name, f"{error.path.name} {error.fault}", mend)


def _studies(config: Config, folders: Folders) -> Iterator[Finding]:
    for folder in named_below(folders.studies):
        name = str(folder.relative_to(folders.root))
        if folder.name not in config.studies:
            yield Finding(name, "is of no study in params.yaml", f"rm -r {shlex.quote(name)}")
            continue
        mend = f"dvc repro sweep@{folder.name}"
        if fault := _study_fault(folder):
            yield Finding(name, fault, mend)
        for run in sorted(folder.glob("final/*/seed-*/")):
            found = read_run(run)
            if fault := _run_fault(found) or _run_lacks(found):
                yield Finding(str(run.relative_to(folders.root)), fault, mend)


def _probes(config: Config, folders: Folders) -> Iterator[Finding]:
    for folder in named_below(folders.probes):
        name = str(folder.relative_to(folders.root))
        if folder.name not in config.probes:
            yield Finding(name, "is of no probe in params.yaml", f"rm -r {shlex.quote(name)}")
            continue
        try:
            fault = _probe_stale(read_probe(folder).settings, config, folders)
        except HalfWritten:
            fault = "is half written: it has no metrics.json"
        except BrokenRecord as error:
            fault = f"is damaged: {error.path.name} {error.fault}"
        if fault:
            yield Finding(name, fault, f"dvc repro probe@{folder.name}")


def _probe_stale(settings: Mapping[str, Any], config: Config, folders: Folders) -> str | None:
    """Whether params.yaml, the code or the data have changed since."""
    plan = resolve.resolve_probe(config, settings["name"])
    digests = {slug: _data_digest(folders.prepared / slug) or settings["datasets"].get(slug) for slug in plan.datasets}
    wanted = plan.settings(digests)
    changed = [name for name in wanted if name != "id" and settings.get(name) != wanted[name]]
    return f"is stale: {', '.join(changed)} changed since" if changed else None


def _study_fault(folder: Path) -> str | None:
    """What is wrong with a study folder as such."""
    machine, ended = folder / "machine.json", (folder / "metrics.json").exists()
    try:
        if not ended and machine.exists() and is_alive(run_folder.read_record(machine, MACHINE)):
            return None
        read_study(folder)
    except HalfWritten as error:
        if ended:
            return f"is damaged: {error}"
    except BrokenRecord as error:
        return f"is damaged: {error.path.name} {error.fault}"
    return None if ended else "was stopped before its end; it goes on where it was"


def _run_fault(run: RunFolder) -> str | None:
    """What is wrong with a run folder as such."""
    if run.fault is not None:
        return f"is damaged: {run.fault.path.name} {run.fault.fault}"
    if not (run.settings and run.machine):
        return "is half written: its settings or its machine are missing"
    if run.state == "killed":
        return f"was killed; it goes on from {_start(run.path)}"
    if run.state == "failed":
        return "failed; its metrics.json says why"
    return None


def _run_lacks(run: RunFolder) -> str | None:
    """What a run that is well otherwise does not have here."""
    if run.has_weights:
        return None
    lacking = f"has scores and no {run_folder.WEIGHTS}: {WITHOUT_WEIGHTS}"
    return f"{lacking}; archbench merge takes them, or it is trained again"


def _start(run: Path) -> str:
    """Where a killed run goes on."""
    path = run / "checkpoint.npz"
    if not path.exists():
        return "the start"
    try:
        run_folder.read_arrays(path)
    except BrokenRecord as error:
        return f"the start: {path.name} {error.fault}"
    return "its checkpoint"


def _run_stale(run: RunFolder, plan: Plan, sha256: str | None) -> str | None:
    """Whether params.yaml, the code or the data have changed since."""
    settings = run.settings
    if settings["seed"] not in plan.seeds:
        return f"has a seed that params.yaml does not name: {settings['seed']}"
    try:
        wanted = plan.trial_settings(settings["seed"], sha256 or settings["dataset_sha256"], run.path.parent.parent)
    except NoStart as error:
        return f"cannot be checked: {error}"
    if wanted["id"] == settings["id"]:
        return None
    deciding = [name for name in wanted if name not in ("id", "scale")]
    changed = [name for name in deciding if name not in settings or settings[name] != wanted[name]]
    return f"is stale: {', '.join(changed)} changed since"


def _report(folders: Folders) -> Iterator[Finding]:
    """Whether the reference was made on a processor that rounds as this one does."""
    from archbench.training.machine import processor

    name = str(folders.reference.relative_to(folders.root))
    try:
        differences = other_processors(folders.reference / "tables", processor())
    except (*run_folder.UNREADABLE, OSError) as error:
        yield Finding(name, f"is damaged: tables/machines.csv cannot be read ({error})", f"git checkout {name}")
        return
    for difference in differences:
        yield Finding(name, f"made on another processor, so scores here can differ: {difference}")


def _leftovers(folders: Folders) -> Iterator[Finding]:
    """Temporary files of processes that are gone, and checkpoints of runs that ended."""
    for top in (folders.runs, folders.studies, folders.probes):
        for path in sorted(top.rglob(".*.tmp")):
            owner = path.suffixes[-2].removeprefix(".") if len(path.suffixes) > 1 else ""
            if not (owner.isdecimal() and Path(f"/proc/{owner}").exists()):
                name = str(path.relative_to(folders.root))
                remove = "rm -r" if path.is_dir() else "rm"
                yield Finding(name, "was left by a process that is gone", f"{remove} {shlex.quote(name)}")


def _data_digest(folder: Path) -> str | None:
    """The digest of the prepared data; None where they are not prepared, or damaged."""
    try:
        return store.load(folder).card.sha256
    except store.DamagedStore:
        return None
