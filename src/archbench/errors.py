"""The errors a user can cause: each is one readable message, never a traceback."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NO_PLACE = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR,
)  # fmt: skip
"""A full or read-only disk, files that the user may not touch, and a file where a folder should be or the reverse."""
NO_PLACE_IN_SQLITE = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR")


class UserError(Exception):
    """What is wrong, what was given, what would do, and the next command; exit code 2."""


def refusal(error: BaseException) -> str | None:
    """The message of an error that the user can mend: a `UserError`, or a file that cannot be written; else None.

    The libraries that write for us raise their own errors where the disk is full (zip files, HDF5, SQLite, Optuna):
    the system's one is then among those that led to theirs.
    """
    if isinstance(error, UserError):
        return str(error)
    cause: BaseException | None = error
    while cause is not None:
        if what := _no_place(cause):
            return f"{what}. Mend this, then run the command again; what is written so far is kept."
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
    """Show what the user can mend as its message alone, and leave with exit code 2."""
    try:
        yield
    except Exception as error:
        message = refusal(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        raise SystemExit(2) from None
