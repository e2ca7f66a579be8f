"""`archbench data inspect`: a page of a data set, before anything trains on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archbench.cli.free import FREE, read
from archbench.errors import UserError

if TYPE_CHECKING:
    from archbench.project import Folders


class AlreadySaid(UserError):
    """Options of a data set that params.yaml has."""


data = typer.Typer(no_args_is_help=True, help="Look at data sets.")


@data.callback()
def _data() -> None:
    """Look at data sets."""


@data.command("inspect", context_settings=FREE)
def inspect(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="A data set of params.yaml or of the catalogue, or a folder or file.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the page.")] = None,
    kind: Annotated[
        str | None, typer.Option("--as", help="Of a folder or file: the data set that it is, as image_pairs.")
    ] = None,
) -> None:
    """Write a page of examples with their labels, boxes and masks, the balance of classes, sizes, and what is odd.

    Equal examples within and across splits, pictures that are nearly alike in two splits, corrupt files, and where a
    classifier was trained on the data, labels that are likely wrong. A folder or file is taken for the data set that it
    seems to be, or for the one that --as names; the options of a data set follow by their names: archbench data inspect
    photographs --as image_pairs --table pairs.csv --size 64.
    """
    from archbench._lean import import_keras

    import_keras()
    from archbench.inspection.page import inspected

    spec, folders, slug, augmentation = _found(what, kind, read(context.args))
    print(inspected(spec, folders, slug, out, augmentation))


def _found(
    what: str, kind: str | None, options: Mapping[str, Any]
) -> tuple[dict[str, Any], Folders, str, list[dict[str, Any]]]:
    """A data set's spec, the folders that it is among, its slug, and a benchmark's augmentation of it."""
    from archbench import stages
    from archbench.cli.stages import _prepare
    from archbench.datasets import DATASETS
    from archbench.new_project import seen
    from archbench.notebook import place
    from archbench.notebook.listing import dataset

    if Path("params.yaml").is_file():
        config, folders = stages.open_pipeline()
        if what in config.datasets:
            if kind or options:
                raise AlreadySaid(f"{what} is a data set of params.yaml, which says what it is. Leave the options out.")
            _prepare(config, folders, what)
            return config.datasets[what].spec, folders, what, config.augmentation_on(what)
    folders = place.folders()
    if kind or os.sep in what or Path(what).exists():
        spec = seen(Path(what), kind, options)
        if "skip_broken" in DATASETS[spec["name"]].options:
            spec["skip_broken"] = True  # the page names them
    else:
        spec = {"name": what, **options}
    found = dataset(spec)
    return spec, folders, found.slug, []
