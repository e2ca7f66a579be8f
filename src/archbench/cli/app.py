"""The commands put together, and what becomes of errors."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

from archbench.cli import bundle, check, doctor, entries, inspect, new, plan, results, run, stages, tracking
from archbench.cli.free import FREE
from archbench.errors import UserError, refusal

REFUSED = 2

BACKENDS = ("tensorflow", "jax")


class WrongBackend(UserError):
    """A `KERAS_BACKEND` that archbench does not run on, or that is not installed."""


class Commands(TyperGroup):
    """Every command ends in its result or in one message on the standard error stream."""

    def invoke(self, context: typer.Context) -> object:
        """Run the chosen command."""
        try:
            return super().invoke(context)
        except Exception as error:
            message = refusal(error)
            if message is None:
                raise
            print(f"error: {message}", file=sys.stderr)
            raise typer.Exit(REFUSED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train every classic architecture under the same conditions, and compare them.",
)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"archbench {importlib.metadata.version('archbench')}")
        raise typer.Exit


@app.callback()
def _start(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The options before any command."""
    backend = os.environ["KERAS_BACKEND"]
    if backend not in BACKENDS:
        raise WrongBackend(f"KERAS_BACKEND is {backend!r}. It can be {' or '.join(BACKENDS)}: unset KERAS_BACKEND")
    if importlib.util.find_spec(backend) is None:
        raise WrongBackend(
            f"KERAS_BACKEND is {backend!r}, which is not installed. Run: pip install 'archbench[{backend}]', "
            "or: unset KERAS_BACKEND"
        )


app.command("list")(entries.list_entries)
app.command("show")(entries.show)
app.command("plan")(plan.plan)
app.command("run")(run.run)
app.command("train")(stages.train)
app.command("sweep")(stages.sweep)
app.command("probe", context_settings=FREE)(stages.probe)
app.command("report")(stages.report)
app.command("results")(results.results)
app.command("compare")(results.compare)
app.command("check")(check.check)
app.command("speed")(stages.speed)
app.command("bundle")(bundle.bundle)
app.command("merge")(bundle.merge)
app.command("sync")(tracking.sync)
app.command("ui")(tracking.ui)
app.command("doctor")(doctor.doctor)
app.add_typer(inspect.data, name="data")
app.command("new", context_settings=FREE)(new.new)
app.command("check-plugin")(new.check_plugin)
