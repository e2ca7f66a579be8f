"""Pictures of what probes find, from their tables: those that need nothing else of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.figure import Figure

from archbench.figures.paths import paths_over_contours
from archbench.figures.style import style
from archbench.probes.surfaces import SURFACES

Tables = Mapping[str, Any]


def ways(tables: Tables) -> Figure:
    """The ways of optimizers, of the table `paths` of the probe optimizer_paths."""
    return paths_over_contours(tables["paths"], {name: one.height for name, one in SURFACES.items()})


DRAWN: Mapping[str, Mapping[str, Callable[[Tables], Figure]]] = {"optimizer_paths": {"paths": ways}}
"""Kind of probe -> what its pictures are called -> from its tables to each."""


def figures(kind: str, tables: Tables) -> dict[str, Figure]:
    """Name -> picture of what a probe of a kind found; none where a report is needed to draw."""
    with style():
        return {name: draw(tables) for name, draw in DRAWN.get(kind, {}).items()}
