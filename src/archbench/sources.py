"""What each stage of a pipeline is made of: the digests of its source files, by meaning, as one small file a stage.

DVC compares bytes, so that a comment in a file that a stage depends on would make it run again. The stage `sources`
depends on the bytes of the whole package instead; it writes these lists, and all other stages depend on theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from archbench import code, resolve
from archbench.config import Config
from archbench.datasets import DATASETS
from archbench.errors import UserError

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

    `pages` is the folder of the stages' own pages. Of what is wrong in params.yaml the list says what: the stage that
    reads it is the one to fail.
    """
    page = pages / "train.py"
    if not page.is_file():
        raise NoPage(f"There is no {page}, which DVC's stages run. A folder with all of them: archbench new project")
    found = {PAGE: code.list_digests([page]), "report.txt": code.list_digests(_report())}
    for slug in config.datasets:
        found[f"prepare/{slug}.txt"] = _lines(_data, config, slug)
    for slug in config.benchmarks:
        found[f"train/{slug}.txt"] = _lines(_benchmark, config, slug)
    for slug in config.studies:
        found[f"sweep/{slug}.txt"] = _lines(_study, config, slug)
    for slug in config.probes:
        found[f"probe/{slug}.txt"] = _lines(_probe, config, slug)
    if config.speed:
        found["speed.txt"] = _lines(_speed, config)
    return found


def _lines(files: Callable[..., Iterable[Path]], *given: Any) -> str:
    try:
        return code.list_digests(files(*given))
    except UserError as error:
        return f"{error}\n"


def _data(config: Config, slug: str) -> list[Path]:
    return code.files_of(["archbench.datasets.prepare", DATASETS[config.datasets[slug].name].module])


def _benchmark(config: Config, slug: str) -> list[Path]:
    return resolve.resolve(config, slug).code_files


def _probe(config: Config, slug: str) -> list[Path]:
    return resolve.resolve_probe(config, slug).code_files


def _speed(config: Config) -> list[Path]:
    measured = {path for slug in config.speed.measured for path in _benchmark(config, slug)}
    return sorted(measured.union(code.files_of(["archbench.speed.run"])))


def _study(config: Config, slug: str) -> list[Path]:
    """The search, and all that the study's arms are made of."""
    files = set(code.files_of(["archbench.sweeps.study"]))
    for arm in config.studies[slug].arms:
        files |= set(resolve.resolve_arm(config, slug, arm).code_files)
    return sorted(files)


def _report() -> list[Path]:
    patterns = ("page/*.html", "page/*.css", "page/*.js", "results/*.csv")
    templates = [path for pattern in patterns for path in sorted(code.PACKAGE.glob(pattern))]
    return [*code.files_of(["archbench.page.report", "archbench.results.tracked", *_declared()]), *templates]


def _declared() -> Iterable[str]:
    """The modules of pictures and sections, which the report finds by their catalogues."""
    from archbench.figures.pictures import PICTURES
    from archbench.page.sections import SECTIONS

    return sorted({entry.module for catalogue in (PICTURES, SECTIONS) for entry in catalogue})
