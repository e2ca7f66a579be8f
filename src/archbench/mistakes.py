"""Mistakes in a params.yaml that shapes and types do not show, gathered to be told together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from archbench.config import ConfigError
from archbench.errors import UserError, listed, together


@dataclass(frozen=True)
class Mistake:
    """A line that begins with the path of a key, and the benchmark or arm that has that key from a recipe."""

    line: str
    user: str | None = None


class Mistakes(ConfigError):
    """Several mistakes, a line each; one in a recipe is told once, with those that use it."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = mistakes
        users: dict[str, list[str]] = {}
        for mistake in mistakes:
            users.setdefault(mistake.line, []).extend(filter(None, [mistake.user]))
        lines = [f"{line} Used by {listed(dict.fromkeys(found))}." if found else line for line, found in users.items()]
        super().__init__(together(lines))


def mistakes_of(error: UserError) -> Sequence[Mistake]:
    """What an error that was raised for one benchmark or arm tells, one by one."""
    return error.mistakes if isinstance(error, Mistakes) else [Mistake(str(error))]


class MistakesAt:
    """The mistakes below one key of params.yaml; those in what it has from a recipe, as `recipe_of` tells, are its."""

    def __init__(self, where: str, recipe_of: Callable[[str], str | None] = lambda key: None) -> None:
        self._where, self._recipe_of = where, recipe_of
        self._found: list[Mistake] = []

    @contextmanager
    def at(self, key: str) -> Iterator[None]:
        """Note a user's error with the path of its key; what else stands in the block is not checked then."""
        try:
            yield
        except UserError as error:
            recipe = self._recipe_of(key.partition(".")[0])
            place, user = (f"recipes.{recipe}", self._where) if recipe else (self._where, None)
            self._found.append(Mistake(f"{place}.{key}: {error}", user))

    def report(self) -> None:
        """Raise `Mistakes` if there is one."""
        if self._found:
            raise Mistakes(self._found)
