"""The errors a user can cause: each is one readable message, never a traceback."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""A full or read-only disk, and files that the user may not touch."""


class UserError(Exception):
    """What is wrong, what was given, what would do, and the next command; exit code 2."""


def no_place(error: OSError) -> str:
    """What to tell of an error of the kind `NO_PLACE`."""
    return f"{error.strerror}: {error.filename or 'the disk'}. Mend this, then run the command again."


@contextmanager
def guarded() -> Iterator[None]:
    """Show a user's error, or a disk without place, as its message alone, and leave with exit code 2."""
    try:
        yield
    except UserError as error:
        message = str(error)
    except OSError as error:
        if error.errno not in NO_PLACE:
            raise
        message = no_place(error)
    else:
        return
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)
