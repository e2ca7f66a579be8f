"""The one dialect of YAML of a project's files: YAML 1.2, which DVC reads too, so that both see the same values.

YAML Ain't Markup Language version 1.2.2, section 10.3 (the core schema): `on` and `yes` are text, `010` is ten,
`1e5` is a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from archbench.errors import short, shown

MOST_CHARACTERS = 400_000
"""In one file: a hundred times what a project has."""
MOST_VALUES = 100_000
"""In one file, with what its aliases repeat: a few lines of aliases of aliases can stand for billions."""
MOST_LEVELS = 32
"""Of mappings and lists inside one another."""
LARGEST = 2**63 - 1
"""Of whole numbers, either way."""
_RESOLVER = YAML(typ="safe", pure=True).resolver
TOO_DEEP = f"it is nested too deeply: at most {MOST_LEVELS} levels are read"
PLAIN = (str, int, float, bool, type(None))


class NotReadable(ValueError):
    """A text that is no YAML, or that holds what no params.yaml can; the message says where and what."""


class _Shallow(Composer):
    """Stops where brackets stand in brackets too deeply: to read thousands of them to the end would take minutes."""

    _level = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node, with all inside it."""
        self._level += 1
        if self._level > MOST_LEVELS:
            raise NotReadable(TOO_DEEP)
        node = super().compose_node(parent, index)
        self._level -= 1
        return node


def read(text: str) -> Any:
    """The value that `text` stands for: mappings with text as keys, lists, text, numbers, true, false, null.

    Raises `NotReadable`.
    """
    if len(text) > MOST_CHARACTERS:
        raise NotReadable(f"it is too long: at most {MOST_CHARACTERS:,} characters are read")
    reader = YAML(typ="safe", pure=True)
    reader.Composer = _Shallow
    try:
        node = reader.compose(text)
        _check_size(node)  # before anything is built from it
        value = None if node is None else reader.constructor.construct_document(node)
    except DuplicateKeyError as error:
        key = error.problem.split('"')[1]
        raise NotReadable(f"the key {shown(key)} stands twice{_place(error)}") from None
    except MarkedYAMLError as error:
        raise NotReadable(f"{', '.join(filter(None, (error.context, error.problem)))}{_place(error)}") from None
    except NotReadable:
        raise
    except (YAMLError, ValueError, OverflowError) as error:  # such as a date with a thirteenth month
        raise NotReadable(str(error).splitlines()[0]) from None
    except (KeyError, AttributeError, TypeError, IndexError):  # such as !!bool before what is neither true nor false
        raise NotReadable("a tag, which begins with !, stands before a value that it does not fit") from None
    for fault in _faults(value, ""):
        raise NotReadable(fault)
    return value


def write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """`text` for a YAML 1.1 dumper, in quotes where YAML 1.2 would read something else."""
    node = dumper.represent_str(text)
    if node.style is None and "\n" not in text and not _is_text(text):
        node.style = "'"
    return node


@cache
def _is_text(text: str) -> bool:
    """Whether `text` without quotes is itself in YAML 1.2; asked of the same names again and again."""
    return str(_RESOLVER.resolve(ScalarNode, text, (True, False))).endswith(":str")


def _place(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""


def _check_size(top: Node | None) -> None:
    """Refuse what repeats itself without end or too often, and what its aliases nest too deeply."""
    measured: dict[Node, tuple[int, int]] = {}
    open_now: set[Node] = set()

    def measure(here: Node) -> tuple[int, int]:
        """How many values `here` stands for, and how many levels of them."""
        if not isinstance(here, CollectionNode):
            return 1, 0
        if here in open_now:
            raise NotReadable("an alias stands inside what it repeats")
        if here not in measured:
            open_now.add(here)
            inner = chain.from_iterable(here.value) if isinstance(here, MappingNode) else here.value
            counts, levels = zip((0, 0), *map(measure, inner), strict=True)
            measured[here] = 1 + sum(counts), 1 + max(levels)
            open_now.remove(here)
        return measured[here]

    count, levels = measure(top) if top is not None else (0, 0)
    if count > MOST_VALUES:
        raise NotReadable(f"its aliases make {count:,} values of it; at most {MOST_VALUES:,} are read")
    if levels > MOST_LEVELS:
        raise NotReadable(TOO_DEEP)


def _faults(value: Any, path: str) -> Iterator[str]:
    """What stands in `value` that no params.yaml can hold."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                yield (
                    f"{path or 'the file'}: a key reads as {_kind(key)}, {shown(key)}, and keys are text. "
                    f"Choose another name, or put it in quotes"
                )
            yield from _faults(inner, f"{path}.{short(str(key))}" if path else short(str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _faults(inner, f"{path}.{index}")
    elif not isinstance(value, PLAIN):
        yield f"{path}: this reads as {_kind(value)}, {shown(value)}. Put it in quotes if it is text"
    elif isinstance(value, int) and abs(value) > LARGEST:
        yield f"{path}: whole numbers go up to {LARGEST:,}, and this one has {value.bit_length():,} bits"


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", type(None): "nothing", bytes: "binary data"}
    return names.get(type(value), f"a {type(value).__name__}")
