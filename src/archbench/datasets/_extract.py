"""Archives opened so that nothing in them can leave its folder or fill the disk."""

from __future__ import annotations

import fcntl
import glob
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import time
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from archbench.errors import UserError

FRESH_SECONDS = 5.0
"""Longer than a process takes from making its folder to locking it."""
MEMBERS = 200_000
"""More files than any data set here has in one archive."""
BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, NotImplementedError),  # the last: a compression that zipfile does not know
    UnicodeDecodeError,  # a member's name that is not the UTF-8 it says it is
)


class UnsafeArchive(UserError):
    """An archive with a member that could do harm."""


class DamagedArchive(UserError):
    """An archive that cannot be read to its end."""


@contextmanager
def extracted(archive: Path, limit_bytes: int, wanted: Callable[[str], bool] | None = None) -> Iterator[Path]:
    """The archive's files, or the `wanted` of them, in a folder of its own beside it, gone when the block ends.

    tar (plain or compressed, whatever its name says) or zip. Refuses with `UnsafeArchive`, before anything
    of that member is written: absolute paths, `..`, links, devices, members of the same name, and more than
    `limit_bytes` in all. A file that breaks off is a `DamagedArchive`.
    """
    with _beside(archive) as folder:
        _unpack(archive, folder, limit_bytes, wanted or _every)
        yield folder


class Unpacked:
    """An archive's files as of `extracted`, in `folder` until this object is gone or the program ends.

    They lie beside the archive, or `within` another folder. `own` is an archive of the user, which no message tells to
    delete.
    """

    def __init__(self, archive: Path, limit_bytes: int, *, within: Path | None = None, own: bool = False) -> None:
        context = _beside(archive, within)
        self.folder = context.__enter__()
        weakref.finalize(self, context.__exit__, None, None, None)
        _unpack(archive, self.folder, limit_bytes, _every, own=own)


@contextmanager
def _beside(archive: Path, within: Path | None = None) -> Iterator[Path]:
    """A folder of its own beside the archive, locked; those that killed processes left there are removed."""
    within = within or archive.parent
    for left in within.glob(f".{glob.escape(archive.name)}-*"):
        _remove_unless_held(left)
    folder = Path(tempfile.mkdtemp(dir=within, prefix=f".{archive.name}-"))
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # which its process takes to the grave
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _remove_unless_held(folder: Path) -> None:
    try:
        if time.time() - folder.stat().st_mtime < FRESH_SECONDS:
            return  # its process may not have come to lock it
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return  # its process has just ended
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)


def _every(name: str) -> bool:
    return True


def _unpack(archive: Path, folder: Path, limit: int, wanted: Callable[[str], bool], *, own: bool = False) -> None:
    mend = "Pack it anew." if own else f"Delete it and run again: rm {archive}"
    stranger = "" if own else "The published archive has no such member, so this is another file. "
    try:
        is_zip = zipfile.is_zipfile(archive)
        (_unzip if is_zip else _untar)(archive, folder, limit, wanted)
    except UnsafeArchive as error:
        raise UnsafeArchive(f"{error.args[0]} {stranger}{mend}") from None
    except DamagedArchive as error:
        raise DamagedArchive(f"{error.args[0]} {mend}") from None
    except BROKEN as error:
        why = "It is damaged, or no tar or zip archive, or the disk is full."
        raise DamagedArchive(f"{archive} cannot be unpacked: {error}. {why} {mend}") from error


def _untar(archive: Path, folder: Path, limit: int, wanted: Callable[[str], bool]) -> None:
    left = limit
    with tarfile.open(archive, mode="r:*") as tar:
        for number, member in enumerate(tar):
            target = _target(archive, folder, member.name, number)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isreg():
                left = _take(archive, member.name, member.size, left)
                if wanted(member.name):
                    _write(archive, tar.extractfile(member), target, member.size)
            else:
                raise _unsafe(archive, member.name, "is a link or a device, not a plain file")


def _unzip(archive: Path, folder: Path, limit: int, wanted: Callable[[str], bool]) -> None:
    left = limit
    with zipfile.ZipFile(archive) as packed:
        for number, member in enumerate(packed.infolist()):
            target = _target(archive, folder, member.filename, number)
            if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _unsafe(archive, member.filename, "is a link or a device, not a plain file")
            if member.flag_bits & 1:
                raise _unsafe(archive, member.filename, "is encrypted")
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            left = _take(archive, member.filename, member.file_size, left)
            if wanted(member.filename):
                with packed.open(member) as content:
                    _write(archive, content, target, member.file_size)


def _target(archive: Path, folder: Path, name: str, number: int) -> Path:
    """Where a member goes; refuses names that could lead out of `folder` on any system."""
    if number >= MEMBERS:
        raise _unsafe(archive, name, f"is one of more than {MEMBERS} members")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        raise _unsafe(archive, name, "points outside the folder it is unpacked in")
    target = folder / path
    if target.exists() and not target.is_dir():
        raise _unsafe(archive, name, "is there twice")
    return target


def _take(archive: Path, name: str, size: int, left: int) -> int:
    """What is left of the bound after a member that says it has `size` bytes."""
    if size > left:
        raise _unsafe(archive, name, f"unpacks to {size} bytes, {size - left} more than the archive may have left")
    return left - size


def _write(archive: Path, content: BinaryIO, target: Path, size: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as stream:
        shutil.copyfileobj(content, stream, 1 << 20)
    if target.stat().st_size != size:
        raise DamagedArchive(f"{archive} breaks off inside {target.name}.")


def _unsafe(archive: Path, name: str, why: str) -> UnsafeArchive:
    return UnsafeArchive(f"{archive} is refused: its member {name!r} {why}.")
