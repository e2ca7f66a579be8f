"""Which folders are copied to MLflow: the same ones beside training and by `archbench sync`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

KINDS = ("runs", "studies", "probes")
"""The folders of a project below which records are, of pipelines and then of benchmarks, studies or probes."""


def find_folders(root: Path, pipeline: str | None = None, names: Collection[str] | None = None) -> list[Path]:
    """The folders of benchmarks, then those of studies and of probes, below a project, in the order of their names."""
    pipelines = [one for kind in KINDS for one in sorted((root / kind).glob(f"{pipeline or '*'}/"))]
    folders = [folder for one in pipelines for folder in named_below(one)]
    return [folder for folder in folders if names is None or folder.name in names]


def named_below(pipeline: Path) -> list[Path]:
    """The folders below runs/<pipeline>, studies/<pipeline> or probes/<pipeline>, but for what is being moved there."""
    return [folder for folder in sorted(pipeline.glob("*/")) if not folder.name.startswith(".")]


def kind_of(folder: Path) -> str:
    """Below which of `KINDS` the folder of a benchmark, study or probe is."""
    return folder.parent.parent.name


def folders_below(folder: Path) -> list[Path]:
    """What is copied of a benchmark's folder: its seeds; of a study's: itself and its final runs; of a probe's: itself.

    Copying beside training and `archbench sync` both look here.
    """
    kind = kind_of(folder)
    if kind == "probes":
        return [folder]
    return [folder, *sorted(folder.glob("final/*/seed-*/"))] if kind == "studies" else sorted(folder.glob("seed-*/"))
