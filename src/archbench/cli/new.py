"""`archbench new` and `archbench check-plugin`: starts for code and projects of the user's own, and their check."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal

import typer

from archbench.cli.free import read
from archbench.errors import UserError, shown

TEMPLATES = Path(__file__).parent / "templates"
BROKEN = 1
"""Exit status: a contract is broken."""
Kind = Literal["architecture", "optimizer", "dataset", "task", "project"]


class NoData(UserError):
    """Data, or what they are, where there is no use for it."""


class InTheWay(UserError):
    """A file that would be written over, or a name that cannot be one."""


def new(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="What to begin.")],
    name: Annotated[str, typer.Argument(help="What it is called; of a project its folder.")],
    data: Annotated[
        Path | None, typer.Option(help="Of a project: the folder, archive, table or text that it is about.")
    ] = None,
    what: Annotated[
        str | None, typer.Option("--as", help="Of a project: the data set that the data are, as image_pairs.")
    ] = None,
) -> None:
    """Write a file from a template that keeps its contracts as it is, or a project around data of your own.

    A project holds params.yaml, dvc.yaml and the pages of the stages, for the data set that the data seem to be, or
    that --as names; the options of that follow by their names: archbench new project mine --data photographs --as
    image_pairs --table pairs.csv. Without --data it has a small table to replace.
    """
    options = read(context.args)
    if data is None and (what or options):
        raise NoData("--as and the options of a data set say what --data are, and these are not given. Give --data.")
    if kind == "project":
        _project(Path(name), data, what, options)
        return
    if data is not None:
        raise NoData(f"A project is made around data, and {kind} is none. Leave --data out.")
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise InTheWay(f"{shown(name)} cannot name a function. Use small letters, digits and _, as my_net.")
    path = Path(f"{name}.py")
    if path.exists():
        raise InTheWay(f"{path} is there already. Choose another name, or move it away.")
    template = Template((TEMPLATES / f"{kind}.txt").read_text(encoding="utf-8"))
    class_name = "".join(word.capitalize() for word in name.split("_"))
    path.write_text(template.substitute(name=name, class_name=class_name), encoding="utf-8")
    print(f"{path}: the {kind} {name}. Write in params.yaml: plugins: [{path}]")
    print(f"To try it: archbench check-plugin {path}")


def _project(folder: Path, data: Path | None, what: str | None, options: Mapping[str, Any]) -> None:
    from archbench.new_project import write_project

    written = write_project(folder, data, what, options)
    print(*written.files, sep="\n")
    print(f"To train: cd {folder} && archbench train {written.benchmark}")
    print("For all stages and the report: git init && dvc init && dvc repro (or: dvc init --no-scm).")


def check_plugin(file: Annotated[Path, typer.Argument(help="A Python file that declares entries.")]) -> None:
    """Try all that a file declares on the contracts of its kind, a line each; exit status 1 if one is broken."""
    from archbench import plugins
    from archbench._lean import import_keras

    import_keras()
    module = plugins.load(file)
    from archbench.cli import index
    from archbench.contracts import check

    catalogues = index.catalogues().values()
    faults = [fault for one in catalogues for fault in one.faults if fault.startswith(f"{module} ")]
    entries = [entry for one in catalogues for entry in one if entry.module == module]
    for fault in faults:
        print(f"broken  {fault}")
    if not entries and not faults:
        print(f"{file} declares nothing. A declaration stands above a function: archbench new architecture NAME")
        raise typer.Exit(BROKEN)
    broken = bool(faults)
    for entry in entries:
        for verdict in check(entry):
            kept = verdict.fault is None
            broken |= not kept
            told = verdict.contract if kept else verdict.fault
            print(f"{'kept  ' if kept else 'broken'}  {entry.kind} {entry.name}: {told}", flush=True)
    if broken:
        raise typer.Exit(BROKEN)
