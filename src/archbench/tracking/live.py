"""Tracking while training goes on, at no cost to it: another process copies the folders."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from archbench.interrupts import stopping
from archbench.records.folders import folders_below
from archbench.tracking.store import QUIET_AND_QUICK, Store, locate


def log_of(folder: Path) -> Path:
    """The log of copying a benchmark's or study's folder: beside it, since DVC keeps what is in it."""
    return folder.with_name(f".{folder.name}.tracking.log")


class Told(Protocol):
    """What became of the copy, after its end."""

    message: str


class Tracker:
    """The process that follows the folders, as the training process sees it."""

    def __init__(self, process: subprocess.Popen, store: Store, log: Path) -> None:
        self._process, self._store, self._log = process, store, log
        self.message = ""
        """After the end: one line about what became of the copy."""

    def finish(self, limit_seconds: float) -> str:
        """Ask for a last copy, wait for it at most `limit_seconds`, and say in one line what came of it."""
        try:
            told, _ = self._process.communicate(b"finish\n", timeout=limit_seconds)
            reason = (told.decode(errors="replace").splitlines() or ["it ended unasked."])[-1]
            outcome = "" if self._process.returncode == 0 else f"did not take all runs (see {self._log}): {reason}"
        except subprocess.TimeoutExpired:
            outcome = f"did not answer within {limit_seconds:g} s"
            self._process.kill()
            self._process.wait()
        self.message = f"tracked in MLflow: {self._store.shown}"
        if outcome:
            self.message = (
                f"MLflow at {self._store.shown} {outcome.removesuffix('.')}; the run folders are complete; "
                "`archbench sync` will bring it up to date"
            )
        return self.message

    def leave(self) -> None:
        """Let the process end by itself, without waiting for it."""
        with suppress(BrokenPipeError), self._process.stdin as told:  # it may have ended already
            told.write(b"finish\n")


@dataclass
class _Untold:
    message: str = ""


@contextmanager
def elsewhere(folder: Path, limit_seconds: float) -> Iterator[Told]:
    """As `live`, where another process follows the folder already."""
    yield _Untold()


def live(folder: Path, limit_seconds: float) -> AbstractContextManager[Tracker]:
    """As `follow_all`, of the folder of one benchmark, study or probe."""
    return follow_all([folder], log_of(folder), limit_seconds)


@contextmanager
def follow_all(folders: Sequence[Path], log: Path, limit_seconds: float) -> Iterator[Tracker]:
    """Copy the runs below folders of benchmarks, studies and probes to MLflow while the body runs; none need exist yet.

    Enter it before heavy imports: the copying process then does its own at the same time.

    Leaving the body waits at most `limit_seconds` for the last copy, also when the body raises, but not where there is
    no run yet, nor when this process was told to end; `message` of the tracker then says what became of it. `log` is
    that of the copying process, of this time alone.

    Raises `NoProject` where no store can be found.
    """
    store = locate()
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "archbench.tracking.follow", *(str(folder.resolve()) for folder in folders)]
    log.unlink(missing_ok=True)
    with open(log, "ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env={**QUIET_AND_QUICK, **os.environ},
            start_new_session=True,  # an interrupt at the terminal is for training alone
        )
    tracker = Tracker(process, store, log)
    try:
        yield tracker
    finally:
        if stopping():
            pass  # there is no time: the end of this process ends the other's input, and it closes the runs as killed
        elif any(path.exists() for folder in folders for path in folders_below(folder)):
            tracker.finish(limit_seconds)
        else:  # refused before it began: the reader is not kept waiting for a copy of nothing
            tracker.leave()
