"""dvc.yaml, written from params.yaml and the catalogues.

DVC wants to know which files a stage reads. The benchmark names an architecture, and only its catalogue knows the
file behind the name, so that `dvc.yaml` cannot be written by hand without a list that goes stale.

The many files that all stages of a kind share are dependencies of one stage, `sources-<kind>`, and the others depend on
the list of digests that it writes: DVC reads and writes the whole of dvc.lock at every stage, and with a hundred files
for each of a hundred stages that alone takes seven seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from archbench import code, dialect, resolve
from archbench.config import Config
from archbench.datasets import DATASETS
from archbench.errors import UserError
from archbench.project import Folders
from archbench.resolve import Plan

HEADER = """\
# Written by `archbench plan --write` from params.yaml and the catalogues: run that after adding or renaming a
# benchmark, a study, a data set or an architecture. Changing numbers in params.yaml needs nothing.
"""
ROLES = ("architecture", "task", "optimizer", "schedule", "preprocessing")
"""What gives each benchmark a dependency of its own; all other files it may read are common to all."""


class StaleDvcFile(UserError):
    """A dvc.yaml that does not fit its params.yaml."""


def render(config: Config, folders: Folders, here: Path) -> str:
    """The text of the dvc.yaml beside the params.yaml in `here`."""
    return HEADER + yaml.dump(_stages(config, folders, here), Dumper=_Dumper, sort_keys=False, width=110)


def check(config: Config, folders: Folders, here: Path) -> None:
    """Raise `StaleDvcFile` where dvc.yaml is not what `render` writes."""
    path = here / "dvc.yaml"
    if not path.is_file() or path.read_text(encoding="utf-8") != render(config, folders, here):
        raise StaleDvcFile(f"{path} does not fit params.yaml. Run: archbench plan --write")


def _stages(config: Config, folders: Folders, here: Path) -> dict[str, Any]:
    def near(path: Path) -> str:
        return os.path.relpath(path, here)

    plans = resolve.resolve_all(config)
    pages = near(folders.root / "pipelines")
    prepared, runs, studies = near(folders.prepared), near(folders.runs), near(folders.studies)
    inside = here == folders.root

    def output(path: str, **how: Any) -> dict[str, Any] | str:
        # DVC's cache serves outputs inside its own repository; a pipeline in a folder of its own has none.
        how = how if inside else {**how, "cache": False}
        return {path: how} if how else path

    shared = {"prepare": _shared_prepare(config)}
    if plans:
        shared["train"] = _shared_training(plans)
    if config.studies:
        shared["sweep"] = _study_files(config)
    parents = _parents(config, prepared, pages)
    lists = {kind: near(folders.sources / f"{kind}.txt") for kind in shared}
    stages: dict[str, Any] = {
        **{
            f"sources-{kind}": {
                "cmd": f"python {pages}/sources.py {kind}",
                "deps": _near(near, files),
                "outs": [output(lists[kind])],
            }
            for kind, files in shared.items()
        },
        "prepare": {
            "foreach": {
                slug: {"loader": near(code.path_of(DATASETS[named.name].module)), **parents.get(slug, {})}
                for slug, named in config.datasets.items()
            },
            "do": {
                "cmd": f"python {pages}/prepare.py ${{key}}",
                "deps": ["${item.loader}", *(["${item.of}"] if parents else []), lists["prepare"]],
                "params": _given(config, "datasets.${key}", "pipeline"),
                "outs": [output(f"{prepared}/${{key}}")],
            },
        },
    }
    if plans:
        starts = _starts(plans, runs, pages)
        stages["train"] = {
            "foreach": {slug: {**_roles(near, plan), **starts.get(slug, {})} for slug, plan in plans.items()},
            "do": {
                "cmd": f"python {pages}/train.py ${{key}}",
                "deps": [
                    f"{prepared}/${{item.dataset}}",
                    *(["${item.start}"] if starts else []),
                    *(f"${{item.{role}}}" for role in ROLES),
                    lists["train"],
                ],
                "params": _given(config, "benchmarks.${key}", "training", "seeds", "pipeline"),
                "outs": [output(f"{runs}/${{key}}", persist=True)],
            },
        }
    for slug, study in config.studies.items():
        stages.setdefault("sweep", {"foreach": {}, "do": {}})
        stages["sweep"]["foreach"][slug] = {"dataset": study.base.dataset}
    if config.studies:
        stages["sweep"]["do"] = {
            "cmd": f"python {pages}/sweep.py ${{key}}",
            "deps": [f"{prepared}/${{item.dataset}}", lists["sweep"]],
            "params": _given(config, "studies.${key}", "training", "seeds", "pipeline"),
            "outs": [output(f"{studies}/${{key}}", persist=True)],
        }
    if config.speed:
        stages["speed"] = _speed(near, pages, folders, config, plans, output)
    stages["report"] = _report(near, pages, folders, config)
    return {
        "stages": stages,
        "metrics": [
            *(f"{runs}/{slug}/metrics.json" for slug in config.benchmarks),
            *(f"{studies}/{slug}/metrics.json" for slug in config.studies),
        ],
        "plots": [_curves(runs, slug, plan) for slug, plan in plans.items()],
    }


def _roles(near: Any, plan: Plan) -> dict[str, str]:
    files = {role: near(code.path_of(plan.entries[role].module)) for role in ROLES}
    return {"dataset": plan.settings["dataset"], **files}


def _starts(plans: Mapping[str, Plan], runs: str, pages: str) -> dict[str, dict[str, str]]:
    """What the weights of each benchmark start from, where any of them are another's: that one's runs.

    All stages of a group have equally many dependencies, so one that starts fresh names the page that it runs.
    """
    sources = {slug: plan.settings.get("transfer") for slug, plan in plans.items()}
    if not any(sources.values()):
        return {}
    return {
        slug: {"start": f"{runs}/{source['from']}" if source else f"{pages}/train.py"}
        for slug, source in sources.items()
    }


def _parents(config: Config, prepared: str, pages: str) -> dict[str, dict[str, str]]:
    """What each data set is made from, where any of them is derived: that one's folder, or else the page, as above."""
    if not any(named.of for named in config.datasets.values()):
        return {}
    return {
        slug: {"of": f"{prepared}/{named.of}" if named.of else f"{pages}/prepare.py"}
        for slug, named in config.datasets.items()
    }


def _shared_training(plans: Mapping[str, Plan]) -> list[Path]:
    """Files that any benchmark may read beside the ones that are its own."""
    return sorted({path for plan in plans.values() for path in plan.code_files if path not in _own(plan)})


def _own(plan: Plan) -> set[Path]:
    return {code.path_of(plan.entries[role].module) for role in ROLES}


def _shared_prepare(config: Config) -> list[Path]:
    own = {code.path_of(DATASETS[named.name].module) for named in config.datasets.values()}
    modules = [
        "archbench.datasets.prepare",
        *(DATASETS[named.name].module for named in config.datasets.values()),
    ]
    return sorted(set(code.files_of(modules)) - own)


def _study_files(config: Config) -> list[Path]:
    """Files that the studies read: the search, and all that their benchmarks are made of."""
    files = set(code.files_of(["archbench.sweeps.study"]))
    for slug, study in config.studies.items():
        for arm in study.arms:
            benchmark = resolve.arm_benchmark(study, arm)
            files |= set(resolve.resolve_benchmark(config, f"studies.{slug}", slug, benchmark).code_files)
    return sorted(files)


def _speed(
    near: Any, pages: str, folders: Folders, config: Config, plans: Mapping[str, Plan], output: Any
) -> dict[str, Any]:
    measured = {slug: plans[slug] for slug in config.speed.xla}
    data = sorted({plan.settings["dataset"] for plan in measured.values()})
    files = {*code.files_of(["archbench.speed.run"]), *(path for plan in measured.values() for path in plan.code_files)}
    benchmarks = [f"benchmarks.{slug}" for slug in measured]
    return {
        "cmd": f"python {pages}/speed.py",
        "deps": [*(near(folders.prepared / slug) for slug in data), *_near(near, sorted(files))],
        "params": _given(config, "speed", "pipeline", *benchmarks, *(["training"] if measured else [])),
        "outs": [output(near(folders.runs / "speed.csv"))],
    }


def _report(near: Any, pages: str, folders: Folders, config: Config) -> dict[str, Any]:
    deps = [
        *(near(folders.runs / slug) for slug in config.benchmarks),
        *(near(folders.studies / slug) for slug in config.studies),
        *([near(folders.runs / "speed.csv")] if config.speed else []),
    ]
    code_files = code.files_of(["archbench.page.report", *_pictures()])
    patterns = ("page/*.html", "page/*.css", "results/*.csv")
    templates = [path for pattern in patterns for path in sorted(code.PACKAGE.glob(pattern))]
    parts = ("index.html", "README.md", "tables", "figures")
    return {
        "cmd": f"python {pages}/report.py",
        "deps": [*deps, *(near(path) for path in (*code_files, *templates))],
        "params": _given(config, "report", "pipeline", "seeds", "benchmarks", "studies"),
        "outs": [{near(folders.reports / part): {"cache": False}} for part in parts],
    }


def _pictures() -> Iterable[str]:
    from archbench.figures.pictures import PICTURES

    return sorted({entry.module for entry in PICTURES})


def _curves(runs: str, slug: str, plan: Plan) -> dict[str, Any]:
    files = {f"{runs}/{slug}/seed-{seed}/history.csv": ["train_loss", "validation_loss"] for seed in plan.seeds}
    return {f"{slug} loss": {"x": "epoch", "y": files, "template": "linear", "title": f"{slug}: loss by epoch"}}


def _given(config: Config, *keys: str) -> list[str]:
    """Those of `keys` that params.yaml holds: DVC refuses a stage whose parameter is missing."""
    return [key for key in keys if key.partition(".")[0] in config.model_fields_set]


def _near(near: Any, paths: Iterable[Path]) -> list[str]:
    return [near(path) for path in paths]


class _Dumper(yaml.SafeDumper):
    """Lists indented, and no anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(str, dialect.write_text)
