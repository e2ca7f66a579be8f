"""`archbench bundle` and `archbench merge`: what was trained on one machine, on another."""

from __future__ import annotations

import os
import platform
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from archbench.cli import display
from archbench.errors import listed
from archbench.stages import open_pipeline

ENDING = ".bundle"
KINDS = {"runs": "run", "studies": "study", "probes": "probe"}


def bundle(
    out: Annotated[
        Path | None, typer.Argument(help=f"The file to write; PIPELINE-MACHINE{ENDING} here without it.")
    ] = None,
    models: Annotated[bool, typer.Option("--models", help="The weights of the trained networks too.")] = False,
) -> None:
    """Pack the runs, studies and probes of the pipeline into one file, for archbench merge.

    Records, tables, curves and what pictures are drawn from of all that ended, with the digest of each file; no data.
    Weights come with --models alone: without them a merged run is shown everywhere, and dvc repro would train it again.
    """
    from archbench.records.bundle import write_bundle

    config, folders = open_pipeline()
    path = out or Path(f"{config.pipeline}-{platform.node()}{ENDING}")
    written = write_bundle(folders.root, config.pipeline, path, models=models)
    for name, reason in written.left_out.items():
        print(f"note: left out: {name} {reason}", file=sys.stderr)
    weights = "with weights" if models else "without weights, which --models packs"
    size = display.bytes_text(path.stat().st_size)
    print(f"{path}: {_counted(written.packed)}, {size}, {weights}")
    print(f"there, in a checkout of this project: archbench merge {path.name}")


def merge(
    files: Annotated[list[Path], typer.Argument(help="Files that archbench bundle wrote.")],
    keep_ours: Annotated[
        bool, typer.Option("--keep-ours", help="Where both have a run and they differ, keep the one here.")
    ] = False,
) -> None:
    """Add the runs, studies and probes of bundles of other machines to those here.

    What is here already as it is in a bundle is left alone. What is here and differs is named, and nothing is merged.
    Every file is held against its digest before anything is moved, and each run comes whole or not at all: after a kill
    or a full disk the same command adds the rest.
    """
    from archbench.records.bundle import merge_bundles

    config, folders = open_pipeline()
    merged = merge_bundles(folders.root, config.pipeline, files, keep_ours=keep_ours)
    for line in merged.kept:
        print(f"note: kept as it is here: {line}", file=sys.stderr)
    told = {"added": merged.added, "given weights": merged.completed, "here already": merged.known}
    print("; ".join(f"{what}: {_counted(names)}" for what, names in told.items() if names) or "nothing is new")
    if merged.weightless:
        print(
            f"without weights: {_counted(merged.weightless)}. archbench results and report show them; dvc repro would "
            "train them again, unless a bundle with --models is merged"
        )
    probes = [name for name in merged.added if name.startswith("probes/")]
    if probes:
        stages = " ".join(f"probe@{os.path.basename(name)}" for name in probes)
        print(f"dvc repro runs probes again, unless DVC is told of them: dvc commit --force {stages}")
    if merged.added:
        print("next: archbench report")


def _counted(names: Iterable[str]) -> str:
    """`12 runs, 1 study`."""
    counts = Counter(name.partition("/")[0] for name in names)
    return listed(f"{counts[kind]} {one if counts[kind] == 1 else kind}" for kind, one in KINDS.items() if counts[kind])
