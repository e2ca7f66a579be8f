"""`archbench list` and `archbench show`: what there is, and what it is."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from archbench.catalogue import Entry
from archbench.cli import display, index
from archbench.cli.words import KIND, Word, words
from archbench.errors import UserError

Json = Annotated[bool, typer.Option("--json", help="Write JSON, for a program to read.")]


class SeveralEntries(UserError):
    """A name that stands in more than one catalogue, where a program wants one."""


def list_entries(
    kind: Annotated[
        str | None,
        typer.Argument(help="Only this kind: architectures, optimizers, losses, datasets, settings, ..."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List all that params.yaml can name.

    A line an entry: its kind, name, what it is and where it comes from. The kind `settings` is what a recipe
    understands beside the names of entries: dropout, early_stopping, epochs.
    """
    package = None if kind is None else index.find_kind(kind)
    rows = [row for row in index.rows() if package in (None, row.catalogue)]
    if as_json:
        display.print_json(rows)
        return
    fields = [field.name for field in dataclasses.fields(index.Row)]
    display.print_table(fields, [[getattr(row, field) for field in fields] for row in rows])
    if package == "regularizers":
        print("\nWhat else regularizes, and where params.yaml sets it:")
        others = [(word.name, word.where) for word in words().values() if word.regularizes]
        display.print_table(("name", "in a benchmark"), others)
    for fault in index.faults():
        print(f"note: {fault}", file=sys.stderr)


def show(
    name: Annotated[list[str], typer.Argument(help="A name that `archbench list` shows, in one word or in several.")],
    kind: Annotated[str | None, typer.Option(help="The kind, where several catalogues know the name.")] = None,
    as_json: Json = False,
) -> None:
    """Show one entry.

    An architecture at its paper's size with its cost, a setting with its place in params.yaml and its formula,
    anything else with its formula and options.
    """
    called = " ".join(name)
    found = index.find_entries(called, kind)
    if as_json and len(found) > 1:
        kinds = [row.catalogue for row in found]
        raise SeveralEntries(
            f"{called!r} stands in {' and in '.join(kinds)}. "
            f"Say which: archbench show {called} --json --kind {kinds[0]}"
        )
    described = [
        _setting(words()[row.name]) if row.kind == KIND else describe(row, index.catalogues()[row.catalogue][row.name])
        for row in found
    ]
    if as_json:
        display.print_json(described[0])
        return
    for number, facts in enumerate(described):
        if number:
            print()
        _print_entry(facts)


def describe(row: index.Row, entry: Entry) -> dict[str, Any]:
    """All that is known of an entry, as JSON."""
    options = entry.options
    required = [name for name, default in options.items() if default is inspect.Parameter.empty]
    facts = {
        "kind": row.kind,
        "name": row.name,
        "what": row.what,
        "source": row.source,
        "module": entry.module,
        "formula": inspect.getdoc(entry.build),
        "options": {name: _plain(value) for name, value in options.items() if name not in required},
        "required": required,
    }
    if row.catalogue == "architectures":
        facts |= _cost(entry)
    if row.catalogue == "datasets":
        from archbench.datasets.derived import is_derived

        own = entry.facts
        facts["required"] = [*(["of"] if is_derived(entry) else []), *required]
        facts |= {"licence": own["licence"], "origin": own["kind"], "bytes": own["bytes"]}
    return facts


def _setting(word: Word) -> dict[str, Any]:
    """All that is known of a setting, as JSON."""
    return {
        "kind": KIND,
        "name": word.name,
        "also": list(word.also),
        "what": word.what,
        "place": word.place,
        "where": word.where,
        "formula": word.formula,
        "source": word.source,
    }


def _cost(entry: Entry) -> dict[str, Any]:
    """What the paper's network costs, read from its shapes: no weight is made."""
    from archbench.architectures.network import outline
    from archbench.architectures.profile import profile

    shape, outputs = entry.facts["paper_input"], entry.facts["paper_outputs"]
    cost = profile(outline(entry.name, shape, outputs))
    return {
        "task": entry.facts["task"],
        "paper": entry.source,
        "input": list(shape),
        "outputs": outputs,
        "parameters": {"trainable": cost.parameters, "total": cost.parameters_total},
        "multiply_adds": cost.multiply_adds,
        "activation_bytes": cost.activation_bytes,
        "depth": cost.depth,
        "receptive_field": cost.receptive_field and list(cost.receptive_field),
        "swaps": list(entry.facts["swaps"]),
    }


def _print_entry(facts: Mapping[str, Any]) -> None:
    display.print_title(f"{facts['name']} ({facts['kind']})")
    if facts["kind"] == KIND:
        lines = {"source": facts["source"], "also called": ", ".join(facts["also"])}
        lines |= {f"in {facts['place']}": facts["where"], "formula": facts["formula"]}
        display.print_fields({name: value for name, value in lines.items() if value})
        print(f"\n{facts['what']}")
        return
    lines = {"source": facts["source"], "module": facts["module"]}
    if "parameters" in facts:
        lines |= _cost_lines(facts)
    if "licence" in facts:
        size = f", {display.bytes_text(facts['bytes'])}" if facts["bytes"] else ""
        lines |= {"licence": facts["licence"], "origin": f"{facts['origin']}{size}"}
    options = [f"{name}: {value}" for name, value in facts["options"].items()]
    needed = [f"{name}: must be given" for name in facts["required"]]
    lines["options"] = "\n".join([*needed, *options]) or "none"
    display.print_fields(lines)
    print(f"\n{facts['formula']}")


def _cost_lines(facts: Mapping[str, Any]) -> dict[str, str]:
    parameters = facts["parameters"]
    return {
        "task": facts["task"],
        "input": f"{' x '.join(map(str, facts['input']))}, {facts['outputs']} outputs (the paper's size)",
        "parameters": f"{parameters['trainable']:,} trainable, {parameters['total']:,} in total",
        "multiply-adds": f"{facts['multiply_adds']:,} an example",
        "activations": f"{display.bytes_text(facts['activation_bytes'])} an example, float32",
        "depth": f"{facts['depth']} layers with multiply-adds on the longest path",
        "receptive field": _field_text(facts["receptive_field"]),
        "parts": f"may be swapped: {', '.join(facts['swaps'])}" if facts["swaps"] else "none to swap",
    }


def _field_text(field: list[int] | None) -> str:
    if field is None:
        return "no fixed window: it has no map of positions, or sees all of them"
    return f"{' x '.join(map(str, field))} of the input for one position of the last map"


def _plain(value: Any) -> Any:
    """An option's default as JSON: parts and other dataclasses as mappings, tuples as lists."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
