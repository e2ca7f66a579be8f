"""Every entry of every catalogue in a few words, without importing Keras a second time.

A catalogue knows its entries only after all its modules are imported, and Keras comes with them: seconds. So what
was found is kept in the user's cache folder together with the digest of the source it was read from.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import json
import os
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import archbench
from archbench import code
from archbench.catalogue import Catalogue, Entry
from archbench.errors import UserError, shown


class UnknownKind(UserError):
    """A word that no catalogue goes by."""


class UnknownEntry(UserError):
    """A name that is in no catalogue."""


@dataclass(frozen=True)
class Row:
    """What `archbench list` tells of an entry."""

    kind: str
    """The catalogue's package, with the folder inside it: `architectures/vision`."""
    name: str
    what: str
    source: str

    @property
    def catalogue(self) -> str:
        """The catalogue's package."""
        return self.kind.partition("/")[0]


@cache
def catalogues() -> dict[str, Catalogue]:
    """Package -> catalogue, for every package that declares one; their modules are not imported."""
    packages = [info.name for info in pkgutil.iter_modules(archbench.__path__) if info.ispkg]
    return {
        package: value
        for package in packages
        for value in vars(importlib.import_module(f"archbench.{package}")).values()
        if isinstance(value, Catalogue)
    }


def find_kind(word: str) -> str:
    """The package of the catalogue that `word` names: `loss`, `losses`; raises `UnknownKind`."""
    plain = word.lower().replace("-", "_")
    words = {alias: package for package, one in catalogues().items() for alias in (package, one.kind)}
    if plain in words:
        return words[plain]
    near = difflib.get_close_matches(plain, words, n=1)
    hint = f" Did you mean {words[near[0]]}?" if near else ""
    raise UnknownKind(f"There is no kind {shown(word)}.{hint} Kinds: {', '.join(catalogues())}.")


def rows() -> list[Row]:
    """All entries, by kind and name; an entry whose facts are missing is a fault of ours and raises `KeyError`."""
    digest = code.digest(sorted(code.PACKAGE.rglob("*.py")))
    kept = _read(digest)
    if kept is None:
        kept = [_row(package, entry) for package, one in catalogues().items() for entry in one]
        kept.sort(key=lambda row: (row.kind, row.name))
        _write(digest, kept)
    return kept


def find_entries(name: str, kind: str | None) -> list[Row]:
    """The entries called `name`, of one catalogue if `kind` says which; raises `UnknownEntry` with near names."""
    candidates = rows()
    if kind is not None:
        package = find_kind(kind)
        candidates = [row for row in candidates if row.catalogue == package]
    found = [row for row in candidates if row.name == name]
    if found:
        return found
    near = difflib.get_close_matches(name, sorted({row.name for row in candidates}), n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    where = "entry of any catalogue" if kind is None else f"entry of {package}"
    command = "archbench list" if kind is None else f"archbench list {package}"
    raise UnknownEntry(f'No {where} is called {shown(name)}.{hint} "{command}" shows all {len(candidates)}.')


def _row(package: str, entry: Entry) -> Row:
    folders = entry.module.split(".")[2:-1]
    return Row("/".join([package, *folders]), entry.name, entry.what, entry.source)


def _file() -> Path | None:
    """Where the rows are kept; none where the user has no home."""
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "archbench" / "entries.json"
    home = os.path.expanduser("~")
    return Path(home) / ".cache" / "archbench" / "entries.json" if home != "~" else None


def _read(digest: str) -> list[Row] | None:
    path = _file()
    if path is None or not path.is_file():
        return None
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return [Row(**row) for row in kept["rows"]] if kept["digest"] == digest else None
    except (OSError, ValueError, KeyError, TypeError):  # whatever is in it is only a copy: read the source again
        return None


def _write(digest: str, kept: Iterable[Row]) -> None:
    path = _file()
    if path is None:
        return
    text = json.dumps({"digest": digest, "rows": [dataclasses.asdict(row) for row in kept]})
    temporary = path.with_name(f"entries.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError:  # a home that cannot be written to: the next `list` is as slow as this one
        return
