"""The errors a user can cause: each is one readable message, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from archbench.secrets import scrub, scrub_streams


class UserError(Exception):
    """What is wrong, what was given, what would do, and the next command; exit code 2."""


@contextmanager
def guarded() -> Iterator[None]:
    """Show a user's error as its message alone, and leave with exit code 2; no secret is shown by anything."""
    scrub_streams()
    try:
        yield
    except UserError as error:
        print(f"error: {scrub(str(error))}", file=sys.stderr)
        raise SystemExit(2) from None
