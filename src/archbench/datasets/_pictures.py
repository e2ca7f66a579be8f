"""Pictures that are decoded as they are read: an array to those who use it, files on disk until then."""

from __future__ import annotations

import threading
import zipfile
import zlib
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from archbench.datasets._decoders import Source, decoders
from archbench.datasets._extract import Unpacked
from archbench.datasets._options import plain
from archbench.datasets._picture import BrokenPicture, Form, Look, decode, unwrap
from archbench.errors import UserError

Storage = Literal["arrays", "tfrecord"]
"""How a prepared folder keeps pictures: as pixels, or as they were published, decoded whenever they are read."""
FEW = 32
"""Up to so many pictures are decoded here; worker processes would take longer to ask."""
NAMED = 20
"""Broken files that a message names."""


class BrokenPictures(UserError):
    """Picture files that cannot be decoded, or whose pixels have no clear meaning."""


class FolderGone(UserError):
    """A picture that was there when its folder was listed."""


class Files:
    """Picture files below a folder; `keep` is the archive they were unpacked from, if any: the files go with it."""

    form: Form = "file"

    def __init__(self, folder: Path, names: Sequence[str], keep: Unpacked | None = None) -> None:
        self._folder, self._names, self._keep = folder, names, keep

    def __len__(self) -> int:
        return len(self._names)

    def name(self, row: int) -> str:
        """The file's path below its folder, as it can be written."""
        return plain(self._names[row])

    def read(self, row: int) -> bytes:
        """The file's bytes; raises `FolderGone`."""
        path = self._folder / self._names[row]
        try:
            return path.read_bytes()
        except OSError as error:
            why = f"cannot be read ({error.strerror}). It was there when this began."
            raise FolderGone(f"{plain(path)} {why}") from error


class ZipMembers:
    """Picture files inside a zip archive, read without unpacking it to disk."""

    form: Form = "file"

    def __init__(self, archive: Path, names: Sequence[str]) -> None:
        self._archive, self._names = archive, names
        self._zip = zipfile.ZipFile(archive)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._names)

    def name(self, row: int) -> str:
        """The member's path in the archive, as it can be written."""
        return plain(self._names[row])

    def read(self, row: int) -> bytes:
        """The member's bytes; raises `BrokenPicture` where the archive cannot give them."""
        try:
            with self._lock:
                return self._zip.read(self._names[row])
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError) as error:
            raise BrokenPicture(self.name(row), f"cannot be unpacked from {self._archive} ({error})") from error


class Joined:
    """The picture files of several sources, one source after the other."""

    form: Form = "file"

    def __init__(self, *sources: Source) -> None:
        self._places = [(source, row) for source in sources for row in range(len(source))]

    def __len__(self) -> int:
        return len(self._places)

    def name(self, row: int) -> str:
        """The file's name in its own source."""
        source, place = self._places[row]
        return source.name(place)

    def read(self, row: int) -> bytes:
        """The file's bytes."""
        source, place = self._places[row]
        return source.read(place)


class Pictures:
    """An array uint8 (example, height, width, 3) whose rows are decoded whenever they are asked for.

    Reading many rows at once decodes them in worker processes. Raises `BrokenPicture` for a file that is no picture.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4
    lengths = None  # every picture has one shape

    def __init__(self, source: Source, look: Look, storage: Storage = "arrays", rows: np.ndarray | None = None) -> None:
        self.source, self.look, self.storage = source, look, storage
        self.rows = np.arange(len(source)) if rows is None else rows
        """Which pictures of the source these are."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As a decoded array has it."""
        return len(self.rows), *self.look.shape, 3

    @property
    def size(self) -> int:
        """Values, decoded."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of memory, if all were decoded."""
        return self.size

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> np.ndarray:
        chosen = self.rows[key]
        if chosen.ndim == 0:
            return self._one(int(chosen))
        if len(chosen) > FEW:
            return decoders().pixels(self.source, chosen, self.look)
        pixels = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for place, row in enumerate(chosen):
            pixels[place] = self._one(int(row))
        return pixels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Encoded pictures cannot become an array without a copy.")
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    def take(self, rows: np.ndarray) -> Pictures:
        """Some of these pictures, still encoded."""
        return Pictures(self.source, self.look, self.storage, self.rows[rows])

    def encoded(self, row: int) -> tuple[bytes, str]:
        """A picture file as it was published, and its name."""
        number = int(self.rows[row])
        return unwrap(self.source.form, self.source.read(number), self.source.name(number))

    def _one(self, row: int) -> np.ndarray:
        content, name = unwrap(self.source.form, self.source.read(row), self.source.name(row))
        return decode(content, name, self.look)[0]


def checked(
    pictures: Pictures, where: str, *, skip_broken: bool, known: Container[str] = ()
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Decode every picture once: the rows that are good, and (file, what) for each that is not plain RGB.

    `what` is the kind that was converted, or `skipped: ` and the reason. Raises `BrokenPictures`, naming files at
    `where`, unless `skip_broken`; those `known` to be broken where they were published are skipped in any case.
    """
    found = decoders().held(pictures.source, pictures.rows, pictures.look)
    broken = [held for held in found if isinstance(held, BrokenPicture) and held.name not in known]
    if broken and not skip_broken:
        raise _broken(broken, where, len(found))
    odd = []
    for row, held in zip(pictures.rows, found, strict=True):
        if isinstance(held, BrokenPicture):
            odd.append((held.name, f"skipped: {held.why}"))
        elif held != "RGB":
            odd.append((pictures.source.name(int(row)), held))
    good = np.array([not isinstance(held, BrokenPicture) for held in found], bool)
    return np.flatnonzero(good), odd


def _broken(broken: Sequence[BrokenPicture], where: str, count: int) -> BrokenPictures:
    lines = [f"  {one.name} {one.why}" for one in broken[:NAMED]]
    if len(broken) > NAMED:
        lines.append(f"  and {len(broken) - NAMED} more")
    return BrokenPictures(
        f"{len(broken)} of the {count} pictures of {where} cannot be used:\n" + "\n".join(lines) + "\n"
        "Replace these files, or leave them out, named and counted on the data set's card: `skip_broken: true` in the "
        "datasets section of params.yaml."
    )
