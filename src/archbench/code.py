"""Which source files a piece of work depends on, read off their import statements, and what they do, as a digest."""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path

PACKAGE = Path(__file__).parent
OUTSIDE: dict[str, Path] = {}
"""Module outside of the package that declares entries of its catalogues -> its file."""


def files_of(modules: Iterable[str]) -> list[Path]:
    """The files of `modules` and of every archbench module they import, however deep, sorted.

    Only import statements count: an entry that is looked up by name in a catalogue must be named here itself,
    which is what keeps one architecture's benchmarks apart from another's.
    """
    waiting, seen = list(modules), set()
    while waiting:
        module = waiting.pop()
        path = path_of(module)
        if path is None or path in seen:
            continue
        seen.add(path)
        waiting.extend(_imports(path))
    return sorted(seen)


def look_outside(module: str, path: Path) -> None:
    """Count `path`, the file of a module outside of the package, among the code of what uses its entries."""
    OUTSIDE[module] = path
    path_of.cache_clear()
    _imports.cache_clear()


def meaning(path: Path) -> bytes:
    """What decides what a file does: of Python all but its comments, docstrings and blank lines, of others all."""
    content = path.read_bytes()
    return _without_words(content.decode()).encode() if path.suffix == ".py" else content


def digest(paths: Iterable[Path], read: Callable[[Path], bytes] = meaning) -> str:
    """The SHA-256 of the files' names and of what `read` gives for each."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{_name(path)}\0".encode())
        total.update(hashlib.sha256(read(path)).digest())
    return total.hexdigest()


def list_digests(paths: Iterable[Path]) -> str:
    """A line a file: the SHA-256 of its meaning, and its name below the package, or its own where it is elsewhere."""
    return "".join(f"{hashlib.sha256(meaning(path)).hexdigest()}  {_name(path)}\n" for path in paths)


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else path.name


@cache  # a file is part of many digests
def _without_words(source: str) -> str:
    """Python without comments, strings that are statements, and blank lines; cut out of the text as it stands.

    The text, and not its syntax tree, which every version of Python writes in its own way.
    """
    lines = source.splitlines(keepends=True)
    begins = True
    for token, after in pairwise(tokenize.generate_tokens(io.StringIO(source).readline)):
        row, last = token.start[0] - 1, token.end[0] - 1
        docstring = begins and token.type == tokenize.STRING and after.type == tokenize.NEWLINE
        if docstring or token.type == tokenize.COMMENT:
            rest = lines[row][: token.start[1]] + lines[last][token.end[1] :]
            lines[row : last + 1] = [rest.rstrip() + "\n", *[""] * (last - row)]
        if (docstring or token.type in (tokenize.COMMENT, tokenize.NL)) and not lines[row].strip():
            lines[row] = ""
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            begins = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    return "".join(lines)


@cache  # every import of every file asks for it
def path_of(module: str) -> Path | None:
    """The file of an archbench module, or of a plugin's; None for anything else."""
    if module in OUTSIDE:
        return OUTSIDE[module]
    name, _, rest = module.partition(".")
    if name != "archbench":
        return None
    base = PACKAGE.joinpath(*rest.split(".")) if rest else PACKAGE
    if base.with_suffix(".py").is_file():
        return base.with_suffix(".py")
    package = base / "__init__.py"
    return package if package.is_file() else None


@cache
def _imports(path: Path) -> tuple[str, ...]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)
