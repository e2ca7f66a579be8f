"""What each stage of a pipeline is made of: the digests of its source files, by meaning, as one small file a stage.

DVC compares bytes, so that a comment in a file that a stage depends on would make it run again. The stage `sources`
depends on the bytes of the whole package instead; it writes these lists, and all other stages depend on theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from archbench import code, resolve
from archbench.config import Config
from archbench.datasets import DATASETS

KINDS = ("*.py", "*.csv", "*.html", "*.css")
PAGE = "train.txt"
"""The list of the page that every training runs."""


def package_files() -> list[Path]:
    """All files of the package that a result or a report may depend on."""
    return sorted(path for kind in KINDS for path in code.PACKAGE.rglob(kind))


def lists(config: Config, pages: Path) -> dict[str, str]:
    """Name of a list -> its lines; the stage `train@lenet5-digits` reads `train/lenet5-digits.txt`.

    `pages` is the folder of the stages' own pages. Raises `ConfigError`.
    """
    files = {PAGE: [pages / "train.py"], "report.txt": _report()}
    for slug, named in config.datasets.items():
        files[f"prepare/{slug}.txt"] = code.files_of(["archbench.datasets.prepare", DATASETS[named.name].module])
    plans = resolve.resolve_all(config)
    for slug, plan in plans.items():
        files[f"train/{slug}.txt"] = plan.code_files
    for slug in config.studies:
        files[f"sweep/{slug}.txt"] = _study(config, slug)
    if config.speed:
        measured = {path for slug in config.speed.xla for path in plans[slug].code_files}
        files["speed.txt"] = sorted(measured.union(code.files_of(["archbench.speed.run"])))
    return {name: code.list_digests(paths) for name, paths in files.items()}


def _study(config: Config, slug: str) -> list[Path]:
    """The search, and all that the study's arms are made of."""
    files = set(code.files_of(["archbench.sweeps.study"]))
    for arm in config.studies[slug].arms:
        files |= set(resolve.resolve_arm(config, slug, arm).code_files)
    return sorted(files)


def _report() -> list[Path]:
    patterns = ("page/*.html", "page/*.css", "results/*.csv")
    templates = [path for pattern in patterns for path in sorted(code.PACKAGE.glob(pattern))]
    return [*code.files_of(["archbench.page.report", *_declared()]), *templates]


def _declared() -> Iterable[str]:
    """The modules of pictures and sections, which the report finds by their catalogues."""
    from archbench.figures.pictures import PICTURES
    from archbench.page.sections import SECTIONS

    return sorted({entry.module for catalogue in (PICTURES, SECTIONS) for entry in catalogue})
