"""docs/params.md and docs/command-line.md, written from the models of params.yaml and from the commands themselves.

`make docs` writes them (`python -m archbench.cli.manual`); a test says when they are stale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import typer
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.main import get_command

from archbench import config
from archbench.cli.words import Word, words
from archbench.project import project_root

RENEW = "<!-- Written by `python -m archbench.cli.manual`: edit the models and the commands, not this page. -->"
PLACES = {
    config.Config: "The file",
    config.Training: "`training`: what every benchmark does unless it says otherwise",
    config.DataSet: "`datasets.NAME`: a data set",
    config.Recipe: "`recipes.NAME`: a piece that several share",
    config.Benchmark: "`benchmarks.NAME`: a network, trained over all seeds",
    config.Changes: "What a benchmark, a base, a recipe or an arm may set",
    config.PartsChange: "`parts`: what is swapped inside a network",
    config.Clip: "`clip`: one limit of the gradient",
    config.EarlyStopping: "`early_stopping`",
    config.Average: "`average`: an average of the weights",
    config.Start: "`start`: weights of another benchmark",
    config.Beat: "`beats`: what a benchmark must be better than",
    config.Study: "`studies.NAME`: arms at equal budget",
    config.Arm: "`studies.NAME.arms.NAME`: one competitor",
    config.Range: "`space.KEY`: a range",
    config.Choices: "`space.KEY`: a choice",
    config.Probe: "`probes.NAME`: a look inside networks",
    config.Speed: "`speed`: measurements",
    config.Compute: "`compute`: where `archbench run` runs stages",
    config.Report: "`report`",
    config.SingleNumber: "`report.single_number.NAME`: what boards are ranked by too",
}
"""Every model -> its heading, in the order of the page."""
HEAD = f"""{RENEW}

# params.yaml

Every key, what it takes and its default. A wrong key, name or value is answered with its path, what was given and what
is accepted, before anything runs. `archbench list` names what catalogues hold, `archbench show NAME` the options of one
entry, `archbench show BENCHMARK` what comes out of a benchmark with its recipes.

*Name* is an entry of a catalogue: `adam`, or with options `{{name: adam, beta_1: 0.95}}`.
"""
COMMANDS = f"""{RENEW}

# The command line

`archbench COMMAND --help` says the same. All commands work on the params.yaml of the current folder. A command that
cannot do what it was asked ends with exit code 2 and one line on the standard error stream: what is wrong, what would
do, and the next command.
"""


def params_page() -> str:
    """All keys of params.yaml."""
    told = {field: word for word in words().values() for field in word.fields}
    return "\n\n".join([HEAD.strip(), *(_section(model, title, told) for model, title in PLACES.items())]) + "\n"


def _section(model: type[BaseModel], title: str, told: Mapping[str, Word]) -> str:
    rows = ["| key | takes | default | what |", "|---|---|---|---|"]
    own = {name: field for name, field in model.model_fields.items() if name in model.__annotations__}
    rows += [_row(model, name, field, told) for name, field in own.items()]
    parent = next((one for one in model.__mro__[1:] if one in PLACES), None)
    more = [f"And all keys of: {_heading(PLACES[parent])}."] if parent else []
    return "\n\n".join([f"## {title}", "\n".join(rows), *more])


def _heading(title: str) -> str:
    anchor = "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")
    return f"[{title}](#{anchor})"


def _row(model: type[BaseModel], name: str, field: FieldInfo, told: Mapping[str, Word]) -> str:
    word = next((told[f"{one.__name__}.{name}"] for one in model.__mro__ if f"{one.__name__}.{name}" in told), None)
    cells = [f"`{field.alias or name}`", _takes(field), _default(field), word.what if word else ""]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "needed"
    if field.default is None or field.default in ((), {}):
        return ""
    plain = TypeAdapter(field.annotation).dump_python(field.default, mode="json", exclude_defaults=True)
    if isinstance(plain, dict):
        return f"`{plain['name']}`" if set(plain) == {"name"} else ""
    return f"`{json.dumps(plain)}`" if not isinstance(plain, str) else f"`{plain}`"


def _takes(field: FieldInfo) -> str:
    names = list(dict.fromkeys(_names(field.annotation)))
    return ", or ".join(names) + _bounds(field)


def _names(kind: Any) -> Iterator[str]:
    """What values of a type are, in words."""
    origin, given = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        for one in given:
            yield from _names(one)
    elif hasattr(kind, "__metadata__"):  # Annotated
        yield from (f"{name}{_limits(kind.__metadata__)}" for name in _names(given[0]))
    elif origin is tuple:
        yield f"a list of: {' or '.join(dict.fromkeys(_names(given[0])))}"
    elif origin is dict:
        yield f"names, each with: {' or '.join(dict.fromkeys(_names(given[1])))}"
    elif origin is not None:  # Literal
        yield ", ".join(f"`{one}`" for one in given)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield _heading(PLACES[kind]) if kind in PLACES else "name"
    elif kind is not type(None):
        yield {bool: "`true` or `false`", int: "a whole number", float: "a number", str: "text"}.get(kind, "any value")


def _bounds(field: FieldInfo) -> str:
    return _limits(field.metadata)


def _limits(metadata: Any) -> str:
    """The range of a number."""
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    found = [one for field in metadata for one in getattr(field, "metadata", [field])]
    words_of = [f"{sign} {getattr(one, name)}" for one in found for name, sign in signs.items() if hasattr(one, name)]
    return f", {' and '.join(dict.fromkeys(words_of))}" if words_of else ""


def command_page() -> str:
    """All commands, with their arguments and options."""
    from archbench.cli.app import app

    group = get_command(app)
    with typer.Context(group, info_name="archbench") as context:
        parts = [_command(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return "\n\n".join([COMMANDS.strip(), *parts]) + "\n"


def _command(name: str, command: Any) -> str:
    with typer.Context(command, info_name=name) as context:
        usage = " ".join(["archbench", name, *command.collect_usage_pieces(context)])
        records = [
            (shown.get_help_record(context) or (shown.human_readable_name, getattr(shown, "help", "") or ""))
            for shown in command.params
        ]
    rows = [f"- `{spelled}`: {' '.join(said.split())}" for spelled, said in records]
    text = "\n\n".join(" ".join(one.split()) for one in (command.help or "").split("\n\n"))
    return "\n\n".join([f"## archbench {name}", f"`{usage}`", text, *(["\n".join(rows)] if rows else [])])


PAGES = {"params.md": params_page, "command-line.md": command_page}


def write(folder: Path) -> None:
    """Write both pages."""
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write(project_root() / "docs")
