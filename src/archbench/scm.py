"""What git and DVC must be told of a checkout.

DVC without git, where the project came as an archive: that there is none, once, in .dvc/config.local. Git: that the
files which every run writes anew are no change of the project. Those are dvc.lock, which DVC refuses to use where git
ignores it, and the scores, of which those that the project comes with are committed, for `dvc metrics diff` to have
something to compare with.
"""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from archbench.errors import UserError

TELL = "dvc config --local core.no_scm true"
UNTELL = "dvc config --local --unset core.no_scm"
KEEP_GOING = re.compile(r"-[qvfispPR]*k[qvfispPR]*|--k[-\w]*|--ig[-\w]*")
"""How `dvc repro` is told to go on after a failure: `--keep-going`, `--ignore-errors`, and what is short for them."""


class DvcNotTold(UserError):
    """A DVC that does not take its word."""


class GitNotTold(UserError):
    """A git that does not take its word."""


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


def dvc_keeps_going() -> bool:
    """Whether the DVC that runs this process as a stage goes on with others where one fails; it tells no stage so."""
    commands = (_command(process) for process in psutil.Process().parents())
    options = next((command for command in commands if any(Path(word).name == "dvc" for word in command)), [])
    return any(KEEP_GOING.fullmatch(option) for option in options)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has ended, or is somebody else's
        return []


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


def keep_apart(here: Path, written: Sequence[Path], apart: bool = True) -> None:
    """Have git leave out of its status what is committed of the files and folders `written`, or with False show it.

    Raises `GitNotTold`.
    """
    if not (under_git(here) and shutil.which("git")):
        return
    names = [str(path) for path in written]
    listed = subprocess.run(["git", "ls-files", "-z", "--", *names], cwd=here, capture_output=True, check=False)
    committed = [name for name in listed.stdout.decode().split("\0") if name]
    if not committed:
        return
    word = "--skip-worktree" if apart else "--no-skip-worktree"
    done = subprocess.run(
        ["git", "update-index", word, "--", *committed], cwd=here, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise GitNotTold(f'"git update-index {word} {" ".join(committed)}" in {here} failed: {reason}')
