"""Probes from Python: looks into networks and at surfaces, as `archbench probe` has them on the spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from archbench import stages
from archbench.errors import UserError
from archbench.notebook import html, place
from archbench.notebook.data import Data
from archbench.notebook.listing import Spec
from archbench.notebook.runs import Run
from archbench.notebook.training import benchmark, described
from archbench.project import Folders

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure


class NoData(UserError):
    """A network to look into without data to show it."""


@dataclass(frozen=True)
class Probed:
    """What a probe found."""

    kind: str
    found: Mapping[str, Any]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Its tables by name, a row an observation."""
        return {name: one for name, one in self.found.items() if isinstance(one, pd.DataFrame)}

    def __getitem__(self, table: str) -> pd.DataFrame:
        """One table."""
        return self.tables[table]

    def figures(self) -> dict[str, Figure]:
        """Name -> picture, where it needs nothing else of a report."""
        from archbench.figures.probes import figures

        return figures(self.kind, self.found)

    def _repr_html_(self) -> str:
        return "".join(html.frame(f"{self.kind}: {name}", table) for name, table in self.tables.items())

    def __repr__(self) -> str:
        return "\n".join([f"probe {self.kind}", *(f"{name}\n{table}" for name, table in self.tables.items())])


def probe(
    kind: Spec,
    network: Spec | keras.Model | Run | None = None,
    data: Data | Spec | None = None,
    *,
    seeds: Sequence[int] = (0,),
    **settings: Any,
) -> Probed:
    """Look into a network by one probe of the catalogue: `"timing"`, or `{"name": "gradient_check", "examples": 8}`.

    `network` with its `data`, and `settings`, are what `train` takes: it is looked at with fresh weights, or those that
    it was given with. A run that ended is looked at as it was trained, and has its data. Probes of surfaces and of
    arithmetic take neither. Nothing is written. Raises `NoData`.
    """
    name = kind if isinstance(kind, str) else kind["name"]
    if isinstance(network, Run):
        return Probed(name, _into_run(kind, network))
    found, asked = None, {"probe": kind}
    if network is not None:
        if data is None:
            raise NoData("A network is looked at with data. Give them too, as archbench.dataset returns them.")
        found, base = benchmark(network, data, {"seeds": list(seeds), **settings})
        asked["base"] = base
    config = described(found, {"benchmarks": {}, "probes": {name: asked}})
    return Probed(name, stages.look(config, place.folders(), name))


def _into_run(kind: Spec, run: Run) -> dict[str, Any]:
    """What a probe finds in the network of a run that ended."""
    from archbench._lean import import_keras

    import_keras()
    from archbench.datasets.store import load
    from archbench.probes import PROBES
    from archbench.probes.run import look

    entry, options = PROBES.resolve(kind)
    runs = run.folder.resolve().parents[1]
    folders, settings = Folders(runs.parents[1], runs.name), dict(run.settings)
    data = {settings["dataset"]: load(folders.prepared / settings["dataset"])}
    own = {"probe": {"name": entry.name, **options}, "trained": True}
    return look(entry, own, {settings["benchmark"]: [settings]}, data, runs)
