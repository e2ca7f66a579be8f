"""What each stage of a pipeline is made of: its settings, and the digests of its source files, one small file a stage.

DVC compares bytes, so that a comment in a file that a stage depends on would make it run again, and for every stage
that names a parameter it reads all of params.yaml. The stage `sources` depends on the bytes of the whole package and on
params.yaml instead; it writes these lists, and all other stages depend on theirs. The settings in them are those that
the results follow from, as `resolve` fills them in: a recipe that says what a default says changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from archbench import code, plugins, resolve
from archbench.config import Config
from archbench.datasets import DATASETS
from archbench.errors import UserError
from archbench.tracking._values import flatten

KINDS = ("*.py", "*.csv", "*.html", "*.css", "*.js")
PAGE = "train.txt"
"""The list of the page that every training runs."""


class NoPage(UserError):
    """A project without the files that DVC's stages run."""


def package_files() -> list[Path]:
    """All files of the package that a result or a report may depend on."""
    return sorted(path for kind in KINDS for path in code.PACKAGE.rglob(kind))


def lists(config: Config, pages: Path) -> dict[str, str]:
    """Name of a list -> its lines; the stage `train@lenet5-digits` reads `train/lenet5-digits.txt`.

    First the settings, one a line with its dotted name, then the digests, as `code.list_digests` writes them.

    `pages` is the folder of the stages' own pages. Of what is wrong in params.yaml the list says what: the stage that
    reads it is the one to fail.
    """
    page = pages / "train.py"
    if not page.is_file():
        raise NoPage(f"There is no {page}, which DVC's stages run. A folder with all of them: archbench new project")
    found = {PAGE: code.list_digests([page]), "report.txt": _lines(_report, config)}
    of_kinds = {"prepare": config.datasets, "train": config.benchmarks, "sweep": config.studies, "probe": config.probes}
    for kind, slugs in of_kinds.items():
        found |= {f"{kind}/{slug}.txt": list_of(config, kind, slug) for slug in slugs}
    if config.speed:
        found["speed.txt"] = _lines(_speed, config)
    return found


def list_of(config: Config, kind: str, slug: str) -> str:
    """The list of one stage, such as `train` and `lenet5-digits`."""
    return _lines({"prepare": _data, "train": _benchmark, "sweep": _study, "probe": _probe}[kind], config, slug)


def parts(lines: str) -> tuple[dict[str, str], str]:
    """The settings of a list, name -> value as JSON, and the lines of its digests."""
    own = lines.splitlines(keepends=True)
    settings = [line.rstrip("\n").partition(": ") for line in own if not _DIGEST.match(line)]
    return {name: value for name, _, value in settings}, "".join(filter(_DIGEST.match, own))


_DIGEST = re.compile(r"[0-9a-f]{64}  ")


def _lines(made_of: Callable[..., tuple[Mapping[str, Any], Iterable[Path]]], *given: Any) -> str:
    try:
        settings, files = made_of(*given)
        leaves = sorted((name, json.dumps(value, sort_keys=True)) for name, value in flatten(settings))
        return "".join(f"{name}: {value}\n" for name, value in leaves) + code.list_digests(files)
    except UserError as error:
        return f"{error}\n"


def _data(config: Config, slug: str) -> tuple[dict[str, Any], list[Path]]:
    named = config.datasets[slug]
    files = code.files_of(["archbench.datasets.prepare", DATASETS[named.name].module])
    return {**named.spec, **({"of": named.of} if named.of else {})}, files


def _benchmark(config: Config, slug: str) -> tuple[dict[str, Any], list[Path]]:
    plan = resolve.resolve(config, slug)
    return _own(plan), plan.code_files


def _own(plan: resolve.Plan) -> dict[str, Any]:
    return {**plan.settings, "seeds": list(plan.seeds)}


def _probe(config: Config, slug: str) -> tuple[dict[str, Any], list[Path]]:
    plan = resolve.resolve_probe(config, slug)
    return plan.own, plan.code_files


def _speed(config: Config) -> tuple[dict[str, Any], list[Path]]:
    plans = {slug: resolve.resolve(config, slug) for slug in config.speed.measured}
    files = {path for plan in plans.values() for path in plan.code_files}
    settings = {"speed": config.speed.model_dump(mode="json"), "networks": {slug: _own(plans[slug]) for slug in plans}}
    return settings, sorted(files.union(code.files_of(["archbench.speed.run"])))


def _study(config: Config, slug: str) -> tuple[dict[str, Any], list[Path]]:
    """The search, and all that the study's arms are made of."""
    study = config.studies[slug]
    plans = {arm: resolve.resolve_arm(config, slug, arm) for arm in study.arms}
    files = set(code.files_of(["archbench.sweeps.study"])).union(*(plan.code_files for plan in plans.values()))
    arms = {
        arm: {
            **_own(plan),
            "space": {key: given.model_dump(mode="json") for key, given in study.space_of(arm).items()},
            "sampler": study.arms[arm].sampler or study.sampler,
        }
        for arm, plan in plans.items()
    }
    return {**study.model_dump(mode="json", exclude={"base", "arms", "space"}), "arms": arms}, sorted(files)


def _report(config: Config) -> tuple[dict[str, Any], list[Path]]:
    asked = {"report", "seeds", "benchmarks", "studies", "probes"}
    patterns = ("page/*.html", "page/*.css", "page/*.js", "results/*.csv")
    templates = [path for pattern in patterns for path in sorted(code.PACKAGE.glob(pattern))]
    files = code.files_of(["archbench.page.report", "archbench.results.tracked", *_declared()])
    return config.model_dump(mode="json", include=asked, exclude_defaults=True), [*files, *templates]


def _declared() -> list[str]:
    """The modules of pictures and sections, which the report finds by their catalogues, also of plugins.

    By the names of their files, and what plugins import: to import all of them takes as long as all the rest.
    """
    plugins.load_installed()
    folders = [code.PACKAGE / folder for folder in ("figures/pictures", "page/sections")]
    files = [path for folder in folders for path in folder.glob("[!_]*.py")]
    names = (".".join(path.relative_to(code.PACKAGE.parent).with_suffix("").parts) for path in files)
    catalogues = {folder / "__init__.py" for folder in folders}
    return sorted({*names, *(name for name in code.OUTSIDE if catalogues.intersection(code.files_of([name])))})
