"""What `dvc repro` would do in the current folder, and what a new dvc.yaml changes in the old one."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from archbench.config import Config
from archbench.datasets import derived
from archbench.errors import UserError, short
from archbench.project import Folders
from archbench.records.run_folder import parsed_yaml

State = Literal["run", "wait", "current", "unknown"]
"""It runs; it runs if what it reads turns out otherwise; it is up to date; DVC cannot tell here."""
ABSENT = "not given"
NEW = ("never run",)
"""Of a stage that DVC knows nothing of, or knows from elsewhere: a clone has the lock file and none of the outputs."""
CODE = "modified code"
OTHER = "modified settings or code"
"""Where nothing remains of what a stage was made of when it ran."""


class DvcFailed(UserError):
    """DVC that cannot tell what is out of date."""

    def __init__(self, here: Path, reason: str) -> None:
        super().__init__(
            f'"dvc status" in {here} failed: {reason}. If dvc.yaml does not fit params.yaml: archbench plan --write'
        )
        self.reason = reason


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline and what `dvc repro` would do with it."""

    name: str
    """As DVC calls it: `train@lenet5-digits`."""
    needs: tuple[str, ...]
    """The stages whose outputs it reads."""
    state: State
    why: tuple[str, ...]
    """What changed, in DVC's words; for a waiting stage, the stages it waits for."""


def stages_of(config: Config, here: Path, root: Path) -> list[Stage]:
    """Every stage in the order that it would run; all run where DVC has not been set up or dvc.yaml is missing.

    DVC knows of code and of params.yaml only that the stage `sources` is to run; which stages it concerns is looked up
    here.

    Raises `DvcFailed`.
    """
    tracked = (root / ".dvc").is_dir() and (here / "dvc.yaml").is_file()
    outputs = _outputs(here) if tracked else {}
    ran = {name for name, paths in outputs.items() if _any_there(here, paths)}
    changed = _dvc_status(here) if ran else {}
    absent = {path for name, paths in outputs.items() if name not in ran for path in paths}
    folders = Folders(root, config.pipeline)
    lists = os.path.relpath(folders.sources, here)
    reasons = {name: _reasons(changes, absent, lists) for name, changes in changed.items()}
    why = {name: reasons.get(name, ()) if name in ran else NEW for name in _needs(config)}
    if "sources" in ran and why["sources"]:
        for name, own in _made_otherwise(config, folders, here).items():
            if name in ran:
                why[name] = (*own, *(reason for reason in why[name] if reason != OTHER))
    return _in_order(config, why)


def stages_unread(config: Config, here: Path) -> list[Stage]:
    """Every stage where DVC cannot be asked: those without any output never ran, of the others nothing is known."""
    outputs = _outputs(here)
    ran = {name for name, paths in outputs.items() if _any_there(here, paths)}
    stages = _in_order(config, {name: () if name in ran else NEW for name in _needs(config)})
    return [replace(stage, state="unknown") if stage.state == "current" else stage for stage in stages]


def _in_order(config: Config, why: Mapping[str, tuple[str, ...]]) -> list[Stage]:
    stages: list[Stage] = []
    moving: set[str] = set()
    for name, before in _needs(config).items():
        waits = tuple(one for one in before if one in moving)
        state: State = "run" if why[name] else "wait" if waits else "current"
        if state != "current":
            moving.add(name)
        stages.append(Stage(name, before, state, why[name] or waits))
    return stages


def describe_changes(old: str | None, new: str) -> list[str]:
    """One line for every stage that a new dvc.yaml adds, drops or changes."""
    after = _parts(yaml.safe_load(new))
    try:
        before = _parts(yaml.safe_load(old)) if old is not None else {}
    except (yaml.YAMLError, AttributeError, TypeError, KeyError):
        return ["replaced: the old file was no pipeline"]
    lines = [f"added {name}" for name in after if name not in before]
    lines += [f"dropped {name}" for name in before if name not in after]
    lines += [f"changed {name}" for name in after if name in before and after[name] != before[name]]
    return lines


def _needs(config: Config) -> dict[str, tuple[str, ...]]:
    """Stage -> the stages before it but for `sources`, which is before all, in an order that fits."""
    needs: dict[str, tuple[str, ...]] = {"sources": ()}
    for slug in sorted(config.datasets, key=lambda slug: len(derived.ancestors(slug, config.datasets))):
        parent = config.datasets[slug].of
        needs[f"prepare@{slug}"] = (f"prepare@{parent}",) if parent else ()
    for slug, benchmark in config.benchmarks.items():
        source = (f"train@{benchmark.start.benchmark}",) if benchmark.start and benchmark.start.benchmark else ()
        needs[f"train@{slug}"] = (f"prepare@{benchmark.dataset}", *source)
    for slug, study in config.studies.items():
        needs[f"sweep@{slug}"] = (f"prepare@{study.base.dataset}",)
    for slug, probe in config.probes.items():
        data = dict.fromkeys(f"prepare@{one.dataset}" for one in config.looked_into(slug))
        needs[f"probe@{slug}"] = (*data, *(f"train@{name}" for name in probe.runs))
    needs["report"] = tuple(name for name in needs if name.startswith(("train@", "sweep@", "probe@")))
    return needs


def _made_otherwise(config: Config, folders: Folders, here: Path) -> dict[str, list[str]]:
    """Stage -> how what it was made of when it ran differs from what `sources` would write now, where it does."""
    from archbench import sources

    now = {
        os.path.relpath(folders.sources / name, here): lines
        for name, lines in sources.lists(config, folders.root / "pipelines").items()
    }
    digests = {path: _md5(lines.encode()) for path, lines in now.items()}
    known, found = _needs(config), {}
    for name, stage in _locked(here).items():
        for dep in stage.get("deps", ()) if name in known else ():
            path, ran_with = dep["path"], dep.get("md5")
            if ran_with != digests.get(path, ran_with):
                file = here / path
                then = file.read_bytes() if file.is_file() else b""
                reasons = _difference(then.decode(), now[path]) if _md5(then) == ran_with else [OTHER]
                found[name] = list(dict.fromkeys((*found.get(name, ()), *reasons)))
    return found


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _difference(then: str, now: str) -> list[str]:
    """How one list of `sources` differs from another: each setting by its name, and whether code does."""
    from archbench import sources

    (was, old), (is_, new) = sources.parts(then), sources.parts(now)
    names = [name for name in {**was, **is_} if was.get(name) != is_.get(name)]
    settings = [f"{name}: {short(was.get(name, ABSENT))} -> {short(is_.get(name, ABSENT))}" for name in names]
    return [*settings, *([CODE] if old != new else [])]


def _dvc_status(here: Path) -> dict[str, list[Any]]:
    """Stage -> what changed since it last ran, as DVC puts it, for those where anything did."""
    command = [sys.executable, "-m", "dvc", "status", "--json", "dvc.yaml"]
    environment = {**os.environ, "DVC_NO_ANALYTICS": "true"}
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        reason = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no reason given"]
        raise DvcFailed(here, reason[0].removeprefix("ERROR: ").removeprefix("unexpected error - ").rstrip("."))
    return {name.rpartition("dvc.yaml:")[2]: changes for name, changes in json.loads(done.stdout).items()}


def _reasons(changes: list[Any], absent: Collection[str], lists: str) -> tuple[str, ...]:
    """DVC's nested report of one stage as words: `modified params.yaml: seeds`.

    The outputs in `absent` are of stages that never ran here: DVC calls them deleted. `lists` is the folder of what
    `sources` writes.
    """
    reasons = []
    for change in changes:
        if isinstance(change, str):
            reasons.append(change)
            continue
        for files in change.values():
            for file, how in files.items():
                if isinstance(how, Mapping):
                    reasons += [f"{state} {file}: {key}" for key, state in how.items()]
                elif file.startswith(f"{lists}/"):
                    reasons.append(OTHER)
                elif how != "deleted" or file not in absent:
                    reasons.append(f"{how} {file}")
    return tuple(dict.fromkeys(reasons))


def _outputs(here: Path) -> dict[str, list[str]]:
    """Stage -> the paths that it wrote, of the stages that DVC has seen the end of, here or elsewhere."""
    return {name: [out["path"] for out in stage.get("outs", ())] for name, stage in _locked(here).items()}


def _locked(here: Path) -> dict[str, Any]:
    """Stage -> what dvc.lock says of it."""
    lock = here / "dvc.lock"
    return parsed_yaml(lock.read_text(encoding="utf-8")).get("stages", {}) if lock.is_file() else {}


def _any_there(here: Path, paths: Iterable[str]) -> bool:
    return any((here / path).exists() for path in paths)


def _parts(pipeline: Mapping[str, Any]) -> dict[str, Any]:
    """Stage -> all that is written of it; metrics and plots stand beside the stages."""
    parts: dict[str, Any] = {}
    for group, stage in pipeline["stages"].items():
        if "foreach" in stage:
            parts |= {f"{group}@{key}": (item, stage["do"]) for key, item in stage["foreach"].items()}
        else:
            parts[group] = stage
    return parts | {f"the {name}": pipeline[name] for name in pipeline if name != "stages"}
