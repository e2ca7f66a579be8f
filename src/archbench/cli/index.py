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
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import archbench
from archbench import code, plugins
from archbench.catalogue import Catalogue, Entry
from archbench.cli.words import KIND, words
from archbench.errors import UserError, shown


class UnknownKind(UserError):
    """A word that no catalogue goes by."""


class UnknownEntry(UserError):
    """A name that is in no catalogue."""


@dataclass(frozen=True)
class Row:
    """What `archbench list` tells of an entry."""

    kind: str
    """The catalogue's package, with the folder inside it: `architectures/vision`; `settings` for what none holds."""
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
    kinds = {alias: package for package, one in catalogues().items() for alias in (package, one.kind)}
    kinds |= {KIND: KIND, "setting": KIND}
    if plain in kinds:
        return kinds[plain]
    near = difflib.get_close_matches(plain, kinds, n=1)
    hint = f" Did you mean {kinds[near[0]]}?" if near else ""
    raise UnknownKind(f"There is no kind {shown(word)}.{hint} Kinds: {', '.join((*catalogues(), KIND))}.")


def rows() -> list[Row]:
    """All that params.yaml can name, by kind and name: the entries of all catalogues, and the settings."""
    settings = [Row(KIND, word.name, word.what, word.source) for word in words().values()]
    return sorted([*_entries()[0], *_of_plugins(), *settings], key=lambda row: (row.kind, row.name))


def _of_plugins() -> list[Row]:
    """The entries of the plugins of the current folder's params.yaml, and of installed ones."""
    named = plugins.named_near(Path.cwd())
    if not named and not plugins.installed():
        return []
    plugins.load_all(named, Path.cwd())
    every = [(package, entry) for package, one in catalogues().items() for entry in one]
    return [_row(package, entry) for package, entry in every if entry.module in code.OUTSIDE]


def faults() -> list[str]:
    """What is wrong with the modules of the catalogues, which therefore lack entries."""
    return _entries()[1]


def _entries() -> tuple[list[Row], list[str]]:
    """The entries of all catalogues, and what is wrong with their modules; kept only where nothing is."""
    digest = code.digest(sorted(code.PACKAGE.rglob("*.py")), Path.read_bytes)  # docstrings are shown
    kept = _read(digest)
    if kept is not None:
        return kept, []
    every = [(package, entry) for package, one in catalogues().items() for entry in one]
    found = [_row(package, entry) for package, entry in every if entry.module not in code.OUTSIDE]
    found.sort(key=lambda row: (row.kind, row.name))
    wrong = [fault for one in catalogues().values() for fault in one.faults]
    if not wrong:
        _write(digest, found)
    return found, wrong


def find_entries(name: str, kind: str | None) -> list[Row]:
    """What is called `name`, of one kind if `kind` says which; raises `UnknownEntry` with near names.

    `Gradient clipping` and `clipnorm` are found as `gradient_clipping` is; a name of its own goes before another's.
    """
    candidates = rows()
    if kind is not None:
        package = find_kind(kind)
        candidates = [row for row in candidates if row.catalogue == package]
    plain = re.sub(r"[\s-]+", "_", name.strip().lower())
    also = {alias: word.name for word in words().values() for alias in word.also}
    for known in (name, plain):
        found = [row for row in candidates if row.name == known]
        if found:
            return found
    found = [row for row in candidates if row.kind == KIND and row.name == also.get(plain)]
    if found:
        return found
    names = sorted({row.name for row in candidates})
    parts = [known for known in names if plain in known.split("_")]
    similar = difflib.get_close_matches(plain, [*names, *also], n=3)
    near = [*dict.fromkeys([*parts, *(also.get(known, known) for known in similar)])][:3]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    where = "entry of any catalogue" if kind is None else f"entry of {package}"
    command = "archbench list" if kind is None else f"archbench list {package}"
    message = f'No {where} is called {shown(name)}.{hint} "{command}" shows all {len(candidates)}.'
    raise UnknownEntry("\n".join([message, *faults()]))


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
