"""Which folders are copied to MLflow: the same ones beside training and by `archbench sync`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


def find_folders(root: Path, pipeline: str | None = None, names: Collection[str] | None = None) -> list[Path]:
    """The folders of benchmarks, then those of studies, below a project, in the order of their names."""
    folders = [folder for kind in ("runs", "studies") for folder in sorted((root / kind).glob(f"{pipeline or '*'}/*/"))]
    return [folder for folder in folders if names is None or folder.name in names]


def is_study(folder: Path) -> bool:
    """Whether the folder of a benchmark or study is that of a study."""
    return folder.parent.parent.name == "studies"


def folders_below(folder: Path) -> list[Path]:
    """What is copied of a benchmark's folder, its seeds, or of a study's: the study itself and its final runs.

    Copying beside training and `archbench sync` both look here.
    """
    return [folder, *sorted(folder.glob("final/*/seed-*/"))] if is_study(folder) else sorted(folder.glob("seed-*/"))
