"""The errors a user can cause: each is one readable message, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """What is wrong, what was given, what would do, and the next command; exit code 2."""


@contextmanager
def guarded() -> Iterator[None]:
    """Show a user's error as its message alone, and leave with exit code 2."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
