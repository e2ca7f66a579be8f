"""Which source files a piece of work depends on, read off their import statements."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


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


def digest(paths: Iterable[Path]) -> str:
    """The SHA-256 of the files' names and contents."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(PACKAGE)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def list_digests(paths: Iterable[Path]) -> str:
    """A line a file: the SHA-256 of its contents and its name, as `sha256sum` writes them."""
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.as_posix()}\n" for path in paths)


def path_of(module: str) -> Path | None:
    """The file of an archbench module; None for anything else."""
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
