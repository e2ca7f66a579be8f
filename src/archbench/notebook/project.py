"""Commands from Python: what a project would run, its report, what it expects; the page of a data set; plugins.

What is of a project is of that whose params.yaml lies in `folder`, by default the working one.
"""

from __future__ import annotations

import os
from contextlib import chdir
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from archbench import code, plugins, stages
from archbench.notebook import html, place
from archbench.notebook.data import Data
from archbench.notebook.listing import Spec, dataset


@dataclass(frozen=True)
class Page:
    """A page that was written; a notebook shows it."""

    path: Path

    def _repr_html_(self) -> str:
        return html.page(os.path.relpath(self.path), str(self.path))


def plan(folder: str | Path = ".") -> pd.DataFrame:
    """What `dvc repro` would run: a row a stage, with its `state`, `why`, about how many `seconds`, by what `basis`."""
    from archbench.cli.plan import forecast

    with chdir(folder):
        found = forecast(Path.cwd())["stages"]
    return pd.DataFrame(found).set_index("stage")


def report(folder: str | Path = ".") -> Page:
    """Write the report, from the runs and studies that are there, and print the three lines to know first."""
    with chdir(folder):
        stages.report()
        _, folders = stages.open_pipeline()
    return Page(folders.reports / "index.html")


def check(folder: str | Path = ".") -> pd.DataFrame:
    """Every `expect` and `beats` of params.yaml against the test scores, a row each, with its `verdict`."""
    from archbench.cli.check import judge_here

    with chdir(folder):
        found = judge_here()
    columns = ["benchmark", "metric", "needed", "against", "found", "found_half", "n", "verdict", "mend"]
    return pd.DataFrame([{**asdict(one), "verdict": one.verdict} for one in found], columns=columns)


def inspect(data: Data | Spec) -> Page:
    """Write the page of a data set: examples with what is told of them, classes, sizes, duplicates, what is odd."""
    from archbench.inspection.page import inspected

    found, folders = data if isinstance(data, Data) else dataset(data), place.folders()
    return Page(inspected(found.named[found.slug].spec, folders, found.slug))


def plugin(file: str | Path) -> pd.DataFrame:
    """Load a Python file that declares entries, which have their names from then on: a row an entry.

    Raises `BrokenPlugin`. `archbench check-plugin` tries them on the contracts of their kinds.
    """
    from archbench.cli import index

    module = plugins.load(file)
    entries = [entry for one in index.catalogues().values() for entry in one if entry.module == module]
    rows = [{"name": entry.name, "kind": entry.kind, "what": entry.what} for entry in entries]
    return pd.DataFrame(rows, columns=["name", "kind", "what"]).set_index("name")


def plugin_files() -> list[str]:
    """The plugins that are loaded, for a params.yaml."""
    return [str(path) for module, path in code.OUTSIDE.items() if module.startswith(f"{plugins.PACKAGE}.")]
