"""dvc.yaml, written from params.yaml and the catalogues.

Every stage depends on the data that it reads, and on one small file with its settings and the digests of the code that
it runs, which the stage `sources` writes (`sources.py`): only what code means counts, and only its own. DVC reads all
of params.yaml for every stage that names a parameter, and writes the whole of dvc.lock at every stage, so parameters
and the many files of the package stand there once.

Measurements of speed are a dvc.yaml of their own, in the folder `speed` beside the first: `dvc repro` without a target
runs all of the dvc.yaml in its folder, and a third of an hour of measurements is not what it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from archbench import dialect, resolve, sources
from archbench.config import Config
from archbench.datasets.prepare import own_paths
from archbench.errors import UserError
from archbench.options import saved_network
from archbench.project import Folders
from archbench.records import curves, scores
from archbench.resolve import Plan, ProbePlan

OURS = "# Written by `archbench plan --write`"
HEADER = f"""\
{OURS} from params.yaml and the catalogues: run that after adding or renaming a
# benchmark, a study, a data set, a recipe or an architecture. Changing numbers in params.yaml needs nothing.
"""
SPEED = "speed"
"""The folder beside dvc.yaml with the stage that measures."""


class StaleDvcFile(UserError):
    """A dvc.yaml that does not fit its params.yaml."""


def render(config: Config, folders: Folders, here: Path) -> str:
    """The text of the dvc.yaml beside the params.yaml in `here`."""
    return _text(_Pipeline(config, folders, here).all())


def render_all(config: Config, folders: Folders, here: Path) -> dict[Path, str]:
    """The text of every dvc.yaml of a pipeline, by its path."""
    files = {here / "dvc.yaml": render(config, folders, here)}
    if config.speed:
        files[here / SPEED / "dvc.yaml"] = _text({"stages": {"speed": _Pipeline(config, folders, here).speed()}})
    return files


def left_over(config: Config, here: Path) -> list[Path]:
    """What was written beside dvc.yaml when params.yaml asked for it, where it does no more: with DVC's lock of it."""
    file = here / SPEED / "dvc.yaml"
    if config.speed or not file.is_file() or not file.read_text(encoding="utf-8").startswith(OURS):
        return []
    return [one for one in (file, file.with_suffix(".lock")) if one.is_file()]


def check(config: Config, folders: Folders, here: Path) -> None:
    """Raise `StaleDvcFile` where a dvc.yaml is not what `render_all` writes, or should not be there."""
    if left := left_over(config, here):
        raise StaleDvcFile(f"{left[0]} is of a params.yaml that asked for it. Run: archbench plan --write")
    for path, text in render_all(config, folders, here).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise StaleDvcFile(f"{path} does not fit params.yaml. Run: archbench plan --write")


def _text(content: Mapping[str, Any]) -> str:
    return HEADER + yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=110)


class _Pipeline:
    """What the stages of one pipeline are written from; all paths are those that DVC sees from `here`."""

    def __init__(self, config: Config, folders: Folders, here: Path) -> None:
        self._config, self._folders, self._here = config, folders, here
        self._plans = resolve.resolve_all(config)
        self._pages = self._near(folders.root / "pipelines")
        self._prepared, self._runs = self._near(folders.prepared), self._near(folders.runs)
        self._studies, self._sources = self._near(folders.studies), self._near(folders.sources)
        self._probes = self._near(folders.probes)

    def all(self) -> dict[str, Any]:
        """The content of dvc.yaml."""
        config = self._config
        stages = {"sources": self._source_lists(), "prepare": self._prepare()}
        if self._plans:
            stages["train"] = self._train()
        if config.studies:
            stages["sweep"] = self._sweep()
        if config.probes:
            stages["probe"] = self._probe()
        return {
            "stages": {**stages, "report": self._report()},
            "metrics": [scores.FOLDER],
            "plots": [_curves(slug) for slug in self._plans],
        }

    def _source_lists(self) -> dict[str, Any]:
        config = self._config
        return {
            "cmd": f"python {self._pages}/sources.py",
            "deps": [*map(self._near, sources.package_files()), *map(os.path.expanduser, config.plugins)],
            # Of a key that params.yaml lacks DVC would refuse the stage.
            "params": [key for key in Config.model_fields if key in config.model_fields_set and key != "compute"],
            "outs": [self._output(self._sources)],
        }

    def _prepare(self) -> dict[str, Any]:
        page = f"{self._sources}/{sources.PAGE}"
        parents, given = _parents(self._config, self._prepared, page), _given_files(self._config, page)
        slots = [f"${{item.{slot}}}" for slot in next(iter(given.values()), {})]
        return {
            "foreach": {slug: {**parents.get(slug, {}), **given[slug]} for slug in self._config.datasets},
            "do": {
                "cmd": f"python {self._pages}/prepare.py ${{key}}",
                "deps": [*(["${item.of}"] if parents else []), *slots, f"{self._sources}/prepare/${{key}}.txt"],
                "outs": [self._output(f"{self._prepared}/${{key}}")],
            },
        }

    def _train(self) -> dict[str, Any]:
        starts = _starts(self._plans, self._runs, f"{self._sources}/{sources.PAGE}")
        return {
            "foreach": {
                slug: {"dataset": plan.settings["dataset"], **starts.get(slug, {})}
                for slug, plan in self._plans.items()
            },
            "do": {
                "cmd": f"python {self._pages}/train.py ${{key}}",
                "deps": [
                    f"{self._prepared}/${{item.dataset}}",
                    *(["${item.start}"] if starts else []),
                    f"{self._sources}/train/${{key}}.txt",
                ],
                "outs": [self._output(f"{self._runs}/${{key}}", persist=True)],
            },
        }

    def _sweep(self) -> dict[str, Any]:
        return {
            "foreach": {slug: {"dataset": study.base.dataset} for slug, study in self._config.studies.items()},
            "do": {
                "cmd": f"python {self._pages}/sweep.py ${{key}}",
                "deps": [f"{self._prepared}/${{item.dataset}}", f"{self._sources}/sweep/${{key}}.txt"],
                "outs": [self._output(f"{self._studies}/${{key}}", persist=True)],
            },
        }

    def _probe(self) -> dict[str, Any]:
        """A probe reads the data of the networks that it looks into, and their runs where these are trained."""
        probes, page = self._config.probes, f"{self._sources}/{sources.PAGE}"
        plans = {slug: resolve.resolve_probe(self._config, slug) for slug in probes}
        read = {slug: self._read_by(plan) for slug, plan in plans.items()}
        most = max(map(len, read.values()))
        slots = [f"read_{n}" for n in range(1, most + 1)]
        return {
            "foreach": {
                slug: dict(zip(slots, [*paths, *[page] * (most - len(paths))], strict=True))
                for slug, paths in read.items()
            },
            "do": {
                "cmd": f"python {self._pages}/probe.py ${{key}}",
                "deps": [*(f"${{item.{slot}}}" for slot in slots), f"{self._sources}/probe/${{key}}.txt"],
                "outs": [self._output(f"{self._probes}/${{key}}")],
            },
        }

    def _read_by(self, plan: ProbePlan) -> list[str]:
        """The folders that a probe reads."""
        data = [f"{self._prepared}/{slug}" for slug in sorted(plan.datasets)]
        return [*data, *(f"{self._runs}/{slug}" for slug in plan.plans if plan.trained)]

    def _report(self) -> dict[str, Any]:
        """The report; speed.csv is no dependency, for it need not be there."""
        parts = ("index.html", "README.md", "pages", "tables", "figures")
        reference = self._folders.reference / "tables"
        return {
            "cmd": f"python {self._pages}/report.py",
            "deps": [
                *(f"{self._prepared}/{slug}" for slug in self._config.datasets),
                *(f"{self._runs}/{slug}" for slug in self._config.benchmarks),
                *(f"{self._studies}/{slug}" for slug in self._config.studies),
                *(f"{self._probes}/{slug}" for slug in self._config.probes),
                f"{self._sources}/report.txt",
                *([self._near(reference)] if reference.is_dir() else []),
            ],
            "outs": [{self._near(self._folders.reports / part): {"cache": False}} for part in parts],
        }

    def speed(self) -> dict[str, Any]:
        """The stage that measures, seen from the folder of params.yaml."""
        data = sorted({self._plans[slug].settings["dataset"] for slug in self._config.speed.measured})
        return {
            "wdir": "..",
            "cmd": f"python {self._pages}/speed.py",
            "deps": [*(f"{self._prepared}/{slug}" for slug in data), f"{self._sources}/speed.txt"],
            "outs": [self._output(f"{self._runs}/speed.csv", persist=True)],
        }

    def _near(self, path: Path) -> str:
        return os.path.relpath(path, self._here)

    def _output(self, path: str, **how: Any) -> dict[str, Any] | str:
        # DVC's cache serves outputs inside its own repository; a pipeline in a folder of its own has none.
        how = how if self._here == self._folders.root else {**how, "cache": False}
        return {path: how} if how else path


def _starts(plans: Mapping[str, Plan], runs: str, page: str) -> dict[str, dict[str, str]]:
    """What the weights of each benchmark start from, where any of them are not fresh: another's runs, or a file.

    All stages of a group have equally many dependencies, so one that starts fresh names the digest of the page
    that it runs.
    """
    sources = {slug: plan.settings.get("start", {}).get("from") for slug, plan in plans.items()}
    if not any(sources.values()):
        return {}
    paths = {source: str(saved_network(source) or f"{runs}/{source}") for source in sources.values() if source}
    return {slug: {"start": paths.get(source, page)} for slug, source in sources.items()}


def _parents(config: Config, prepared: str, page: str) -> dict[str, dict[str, str]]:
    """What each data set is made from, where any of them is derived: that one's folder, or else the page, as above."""
    if not any(named.of for named in config.datasets.values()):
        return {}
    return {slug: {"of": f"{prepared}/{named.of}" if named.of else page} for slug, named in config.datasets.items()}


def _given_files(config: Config, page: str) -> dict[str, dict[str, str]]:
    """The files and folders of the user's own that each data set is made from, `{"given_1": "pictures", ...}`.

    All have as many as the one that has most: the rest name the page, as above.
    """
    given = {slug: list(map(str, own_paths(named.spec).values())) for slug, named in config.datasets.items()}
    most = max(map(len, given.values()), default=0)
    return {
        slug: {f"given_{n}": one for n, one in enumerate([*paths, *[page] * (most - len(paths))], start=1)}
        for slug, paths in given.items()
    }


def _curves(slug: str) -> dict[str, Any]:
    drawn = {"x": "epoch", "y": list(curves.LOSSES), "template": "linear", "title": f"{slug}: loss by epoch"}
    return {f"{curves.FOLDER}/{slug}.csv": drawn}


class _Dumper(yaml.SafeDumper):
    """Lists indented, and no anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(str, dialect.write_text)
