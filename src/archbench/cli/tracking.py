"""`archbench sync` and `archbench ui`: the copy of the runs in MLflow."""

from __future__ import annotations

import dataclasses
from threading import Event
from typing import Annotated
from urllib.parse import unquote

import typer

from archbench.cli import display
from archbench.cli.doctor import ATTENTION
from archbench.cli.entries import Json
from archbench.errors import UserError


class NotBoth(UserError):
    """Options of which one leaves the other without a meaning."""


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
    report: Annotated[
        bool, typer.Option("--report", help="Serve the site of the report too, on the port after MLflow's.")
    ] = False,
    optuna: Annotated[
        bool, typer.Option("--optuna", help="Serve optuna-dashboard on the trials of studies, in place of MLflow.")
    ] = False,
    study: Annotated[
        str | None, typer.Option(help="Of --optuna: which study, where OPTUNA_STORAGE names no database of all.")
    ] = None,
) -> None:
    """Serve MLflow's pages on this project.

    At 127.0.0.1, until interrupted. MLflow's notes link to the site that --report serves beside it. optuna-dashboard is
    an extra: pip install 'archbench[dashboard]'. Without --study it shows the study that was swept last.
    """
    from archbench.tracking import ui as pages

    if study is not None and not optuna:
        raise NotBoth("--study says which trials --optuna shows. Add --optuna, or leave --study out.")
    if not report and not optuna:
        pages.serve(port, open_browser=browser)
        return
    if report and optuna:
        raise NotBoth("--report stands beside MLflow, --optuna in its place. Give one of them.")
    from archbench.stages import open_pipeline
    from archbench.tracking import beside

    config, folders = open_pipeline()
    if optuna:
        beside.dashboard(config, folders, study, port, open_browser=browser)
        return
    with beside.site(folders.reports, port + 1) as address:
        print(f"report: {address}", flush=True)
        pages.serve(port, open_browser=browser)
        if pages.is_server(pages.locate()):  # it shows its own pages; ours stay until interrupted
            pages.until_interrupted(Event().wait, print)
