"""Whether prepared data are those of params.yaml and of the code that is here, and whole: what a stage asks first."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from archbench.catalogue import Spec
from archbench.datasets import store
from archbench.datasets.card import Card
from archbench.datasets.prepare import describe, digest_files, files_read
from archbench.datasets.store import Prepared


class StaleData(store.NotReady):
    """Prepared data that params.yaml, or the code, would not make any more."""


def open_prepared(spec: Spec, folder: Path, raw_folder: Path, of_sha256: str | None = None) -> Prepared:
    """The data set at `folder`, after it was held against `spec`, the code that is here, and its own card.

    `of_sha256` is the digest of the data set that a derived one is made from.

    Its files are read whole only where size or time of one of them is another than when that was last done, and so
    are those of a folder that its user gave. Raises `StaleData`, `DamagedStore`, or the loader's error where that
    folder is not there.
    """
    prepared = store.load(folder)
    changes = _changes(spec, prepared.card, of_sha256)
    if changes:
        raise _stale(folder, ", ".join(changes))
    read = files_read(spec, raw_folder)
    mark = folder.with_name(f".{folder.name}.verified")
    stamp = _stamp([folder / store.CARD, *(folder / name for name in prepared.card.files), *read.values()])
    if _text(mark) != stamp:
        store.verify(folder)
        if digest_files(read) != prepared.card.made_from["files_sha256"]:
            raise _stale(folder, "the files that it was made from")
        with suppress(OSError):  # a place that cannot be written: the files are read again next time
            mark.write_text(stamp, encoding="utf-8")
    return prepared


def current_card(spec: Spec, folder: Path, of_sha256: str | None = None) -> Card | None:
    """The card at `folder` where it is of `spec` and of the code that is here; None where there is no such card."""
    try:
        card = store.load(folder).card
    except store.DamagedStore:
        return None
    return None if _changes(spec, card, of_sha256) else card


def _changes(spec: Spec, card: Card, of_sha256: str | None) -> list[str]:
    """What a card was made from that is another now, in words."""
    wanted, made = describe(spec, of_sha256=of_sha256), card.made_from
    if wanted["name"] != made.get("name"):
        return [f"its loader, {made.get('name')} before and {wanted['name']} now"]
    changes = [] if wanted["split_seed"] == made["split_seed"] else ["the seed of its splits"]
    options = {**made["options"], **wanted["options"]}
    changes += [f"its option {name}" for name in options if made["options"].get(name) != wanted["options"].get(name)]
    changes += [] if of_sha256 == made["of_sha256"] else ["the data set that it is derived from"]
    return changes + ([] if wanted["code_sha256"] == made["code_sha256"] else ["the code that prepares it"])


def _stale(folder: Path, what: str) -> StaleData:
    why = f"{folder} is not the data set that params.yaml asks for. Changed since it was prepared: {what}."
    return StaleData(folder, why)


def _stamp(files: Iterable[Path]) -> str:
    """A digest of the names, sizes and times of files."""
    total = hashlib.sha256()
    for path in files:
        with suppress(FileNotFoundError):  # then the stamp is another, and reading the file tells
            found = path.stat()
            total.update(os.fsencode(path) + f"\0{found.st_size} {found.st_mtime_ns}\0".encode())
    return total.hexdigest()


def _text(path: Path) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8")
    return None
