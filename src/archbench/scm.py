"""DVC without git, where the project came as an archive: it has to be told, once, in .dvc/config.local."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

from archbench.errors import UserError

TELL = "dvc config --local core.no_scm true"
UNTELL = "dvc config --local --unset core.no_scm"


class DvcNotTold(UserError):
    """A DVC that does not take its word."""


def under_git(here: Path) -> bool:
    """Whether `here` is in a git repository, as DVC looks for one: also far above."""
    return any((folder / ".git").exists() for folder in (here, *here.parents))


def works_without_git(here: Path) -> bool:
    """Whether the DVC of the pipeline in `here` was told that there is no git."""
    config = configparser.ConfigParser(strict=False, interpolation=None)
    config.read([here / ".dvc" / "config", here / ".dvc" / "config.local"], encoding="utf-8")
    return config.get("core", "no_scm", fallback="false").strip().lower() == "true"


def mend(here: Path) -> str | None:
    """The command by which the DVC of the pipeline in `here` gets to know whether there is git; None where it does."""
    if not (here / ".dvc").is_dir() or under_git(here) != works_without_git(here):
        return None
    return UNTELL if under_git(here) else TELL


def settle(here: Path) -> str | None:
    """Run `mend`, and say so in a line. Raises `DvcNotTold`."""
    command = mend(here)
    if command is None:
        return None
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=here, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DvcNotTold(f'"{command}" in {here} failed: {reason}')
    return f"{command}: {'git is here now' if command == UNTELL else 'there is no git here'}"
