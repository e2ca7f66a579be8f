"""`archbench data inspect`: a page of a data set, before anything trains on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from archbench.project import Folders

data = typer.Typer(no_args_is_help=True, help="Look at data sets.")


@data.callback()
def _data() -> None:
    """Look at data sets."""


@data.command("inspect")
def inspect(
    what: Annotated[str, typer.Argument(help="A data set of params.yaml or of the catalogue, or a folder or file.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the page.")] = None,
) -> None:
    """Write a page of examples with their labels, boxes and masks, the balance of classes, sizes, and what is odd.

    Equal examples within and across splits, pictures that are nearly alike in two splits, corrupt files, and where a
    classifier was trained on the data, labels that are likely wrong. A folder or file is taken for the data set that it
    seems to be.
    """
    from archbench._lean import import_keras

    import_keras()
    from archbench.datasets.prepare import files_read
    from archbench.datasets.store import load
    from archbench.inspection.page import write_page

    spec, prepared, folders, augmentation = _found(what)
    slug = prepared.name
    page = out or folders.root / "data" / "inspected" / folders.pipeline / f"{slug}.html"
    write_page(load(prepared), prepared, files_read(spec, folders.raw), folders.runs, page, augmentation)
    print(page)


def _found(what: str) -> tuple[dict[str, Any], Path, Folders, list[dict[str, Any]]]:
    """A data set's spec, the folder where it is prepared, those it is among, and a benchmark's augmentation of it."""
    from archbench import stages
    from archbench.cli.stages import _prepare
    from archbench.new_project import guess, pointed
    from archbench.notebook import place
    from archbench.notebook.listing import dataset

    if Path("params.yaml").is_file():
        config, folders = stages.open_pipeline()
        if what in config.datasets:
            _prepare(config, folders, what)
            return config.datasets[what].spec, folders.prepared / what, folders, config.augmentation_on(what)
    folders = place.folders()
    if os.sep in what or Path(what).exists():
        spec = pointed(guess(Path(what).expanduser()), str(Path(what).expanduser().resolve()))
        if "folder" in spec:
            spec["skip_broken"] = True  # the page names them
    else:
        spec = {"name": what}
    found = dataset(spec)
    return spec, folders.prepared / found.slug, folders, []
