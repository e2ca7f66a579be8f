"""`archbench doctor`: whether this machine and this project are fit to run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from archbench._lean import import_keras
from archbench.cli import display
from archbench.cli.entries import Json

if TYPE_CHECKING:
    from archbench.cli.checks import Finding

ATTENTION = 1
"""The exit code where something needs attention."""


def doctor(as_json: Json = False) -> None:
    """Say what is not as it should be.

    Looks at versions, backend, device, XLA, memory, disk, stores, params.yaml, dvc.yaml and runs.

    Exit code 0 if all is well, 1 if something needs attention; each finding comes with what mends it.
    """
    findings = list(examine(Path.cwd()))
    well = all(finding.mend is None for finding in findings)
    if as_json:
        from archbench.cli.checks import versions

        display.print_json({"ok": well, "versions": versions(), "findings": findings})
    else:
        rows = [
            [finding.check, "ok" if finding.mend is None else "mend", finding.text.replace("\n", "; ")]
            for finding in findings
        ]
        display.print_table(["check", "", "found"], rows)
        mends = dict.fromkeys(finding.mend for finding in findings if finding.mend)
        print("To mend:\n" + "\n".join(f"  {mend}" for mend in mends) if mends else "All is well.")
    raise typer.Exit(0 if well else ATTENTION)


def examine(here: Path) -> Iterator[Finding]:
    """Every finding, in the order shown."""
    import_keras()
    from archbench.cli import checks

    yield from checks.check_versions()
    yield checks.check_path()
    yield from checks.check_device()
    yield from checks.check_machine(here)
    yield from checks.check_stores()
    yield checks.check_git(here)
    if (here / "params.yaml").is_file():
        from archbench.cli.record_checks import check_project

        yield from check_project(here)
    else:
        yield checks.Finding("params.yaml", "none in this folder: the project's runs were not looked at")
