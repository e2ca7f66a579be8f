"""The errors a user can cause: each is one readable message, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

MOST_LINES = 20
MOST_CHARACTERS = 2_000
"""Of a message: more is a wall of text, at whose end nobody arrives."""
SHOWN_CHARACTERS = 80
"""A wrong value is repeated in a message up to this length."""
MOST_NAMES = 12
"""That a message lists."""
MOST_MISTAKES = 10
"""That are told at once."""


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


@contextmanager
def guarded() -> Iterator[None]:
    """Show a user's error as its message alone, and leave with exit code 2."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
