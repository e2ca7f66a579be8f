"""The errors a user can cause: each is one readable message, never a traceback."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from archbench.secrets import scrub, scrub_streams

MOST_LINES = 20
MOST_CHARACTERS = 2_000
"""Of a message: more is a wall of text, at whose end nobody arrives."""
SHOWN_CHARACTERS = 80
"""A wrong value is repeated in a message up to this length."""
MOST_NAMES = 12
"""That a message lists."""
MOST_MISTAKES = 10
"""That are told at once."""

NO_PLACE = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR,
)  # fmt: skip
"""A full or read-only disk, files that the user may not touch, and a file where a folder should be or the reverse."""
NO_PLACE_IN_SQLITE = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR")


class UserError(Exception):
    """What is wrong, what was given, what would do, and the next command; exit code 2."""

    def __str__(self) -> str:
        """The message as a terminal can show it: no control characters, and no more than a screen of it."""
        return on_a_screen(super().__str__())


def shown(value: Any) -> str:
    """`value` as Python writes it, and of a long one the beginning."""
    return repr(value) if isinstance(value, str) and len(value) <= SHOWN_CHARACTERS else short(repr(value))


def short(text: str) -> str:
    """`text`, and of a long one the beginning."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def listed(names: Iterable[str], nothing: str = "none") -> str:
    """`names` with commas between them: the first of them, and how many more there are."""
    names = iter(names)
    first = ", ".join(islice(names, MOST_NAMES))
    more = sum(1 for _ in names)
    return f"{first} and {more} more" if more else first or nothing


def together(mistakes: Sequence[str], untold: int = 0) -> str:
    """A line for each of `mistakes`, once: the first of them, and how many more there are, with those `untold`."""
    left = max(len(mistakes) - MOST_MISTAKES, 0) + untold
    lines = dict.fromkeys(mistakes[:MOST_MISTAKES])
    return "\n".join([*lines, f"... and {left:,} more mistakes"] if left else lines)


def on_a_screen(text: str) -> str:
    """`text` with its control characters escaped, and of very many lines or characters those that fit a screen."""
    lines = text.split("\n")
    kept, room = [], MOST_CHARACTERS
    for line in lines[:MOST_LINES]:
        safe = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line[: room + 1])
        if len(safe) > room:
            kept.append(f"{safe[:room]}...")
            break
        kept.append(safe)
        room -= len(safe)
    left = len(lines) - len(kept)
    return "\n".join([*kept, f"... and {left:,} more lines"] if left else kept)


def refusal(error: BaseException) -> str | None:
    """The message, without secrets, of an error that the user can mend: a `UserError`, or no place on the disk.

    None for any other. The libraries that write for us raise their own errors where the disk is full (zip files,
    HDF5, SQLite, Optuna): the system's one is then among those that led to theirs.
    """
    if isinstance(error, UserError):
        return scrub(str(error))
    cause: BaseException | None = error
    while cause is not None:
        if what := _no_place(cause):
            return scrub(f"{what}. Mend this, then run the command again; what is written so far is kept.")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return None


def _no_place(error: BaseException) -> str | None:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorname", None) or ""  # none where the module itself raised it
        return f"SQLite: {error}" if code.startswith(NO_PLACE_IN_SQLITE) else None
    if not isinstance(error, OSError):
        return None
    number = error.errno
    if number is None and re.fullmatch(r"\d+ requested and \d+ written", str(error)):  # as NumPy says it
        number = errno.ENOSPC
    # Not the error's own words: HDF5 makes a paragraph of them.
    return f"{os.strerror(number)}: {error.filename or 'the disk'}" if number in NO_PLACE else None


@contextmanager
def guarded() -> Iterator[None]:
    """Show what the user can mend as its message alone, and leave with exit code 2; no secret is shown by anything."""
    scrub_streams()
    try:
        yield
    except Exception as error:
        message = refusal(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        raise SystemExit(2) from None
