"""`archbench sync` and `archbench ui`: the copy of the runs in MLflow."""

from __future__ import annotations

import dataclasses
from typing import Annotated
from urllib.parse import unquote

import typer

from archbench.cli import display
from archbench.cli.doctor import ATTENTION
from archbench.cli.entries import Json


def sync(as_json: Json = False) -> None:
    """Bring MLflow up to date.

    From the folders of runs, studies and probes, any number of times, without duplicates.

    Exit code 1 where a folder is left out because a file in it is damaged; each comes with the command that mends it.
    """
    from archbench.project import project_root
    from archbench.tracking.store import connect, locate
    from archbench.tracking.sync import sync_all

    root = project_root()
    store = locate()
    tracking = connect(store)
    report = sync_all(root, tracking)
    if as_json:
        display.print_json({"store": store.shown, **dataclasses.asdict(report)})
    else:
        print(f"MLflow: {store.shown}")
        if store.database is None and tracking.artifacts is not None:
            print(f"files: {unquote(tracking.artifacts.removeprefix('file://'))}")
        print(report)
    if report.damaged:
        raise typer.Exit(ATTENTION)


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port on 127.0.0.1.")] = 5000,
    browser: Annotated[bool, typer.Option("--browser", help="Open the pages in a browser.")] = False,
) -> None:
    """Serve MLflow's pages on this project.

    At 127.0.0.1, until interrupted.
    """
    from archbench.tracking.ui import serve

    serve(port, open_browser=browser)
