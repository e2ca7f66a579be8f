"""Small faults, each put into a copy of the code, where the tests that it names must fail: `make mutants`.

A file `<area>.toml` holds a table `[[mutant]]` each fault:

- `file`: the path below src/archbench;
- `old`: a snippet that stands in it exactly once, and `new`, what is put in its place;
- `why`: what a user would get wrong;
- `tests`: files or test ids below tests/, the cheapest that notice;
- `survives`: for one that no test notices, the reason; such a fault must still survive.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
PACKAGE = Path("src", "archbench")


@dataclass(frozen=True)
class Mutant:
    """One fault and who must notice it."""

    area: str
    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]
    survives: str | None = None

    @property
    def path(self) -> Path:
        """The file it changes, below the project."""
        return PACKAGE / self.file

    def put_into(self, source: str) -> str:
        """`source` with the fault; raises `ValueError` unless its snippet stands there once and Python can read it."""
        count = source.count(self.old)
        if count != 1:
            raise ValueError(f"{self.area}.toml: {self.old!r} stands {count} times in {self.file}, and must once.")
        changed = source.replace(self.old, self.new)
        if ast.dump(ast.parse(changed)) == ast.dump(ast.parse(source)):
            raise ValueError(f"{self.area}.toml: {self.new!r} in place of {self.old!r} changes nothing in {self.file}.")
        return changed


def areas() -> list[str]:
    """The names of the files of faults."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


def read(chosen: Iterable[str]) -> list[Mutant]:
    """The faults of the `chosen` areas, in the order of their files."""
    return [
        Mutant(area, **{**fault, "tests": tuple(fault["tests"])})
        for area in chosen
        for fault in tomllib.loads((HERE / f"{area}.toml").read_text(encoding="utf-8"))["mutant"]
    ]
