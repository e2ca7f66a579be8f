"""Jobs side by side on this machine.

Every job has a process of its own, forked from one that has imported everything (`multiprocessing`'s fork server). It
starts in milliseconds and shares nothing with the others, so it gives the bits that the same stage gives DVC; where it
is killed, only its own checkpoint is where it goes on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from archbench._lean import leave
from archbench._workers import without_script
from archbench.engines import Job
from archbench.engines.crew import Ended
from archbench.errors import guarded
from archbench.interrupts import heeded

PRELOADED = "archbench.engines.preloaded"
ENDING_SECONDS = 1.0
"""For a process that is asked to end; then it is killed."""


@dataclass
class Process:
    """One attempt at a job: a process."""

    process: BaseProcess
    ends: float | None
    """When its time is over, as `time.monotonic` counts."""

    def ended(self) -> Ended | None:
        """How it ended; None while it runs. One over its time is stopped by this."""
        code = self.process.exitcode
        if code is None and self.ends is not None and time.monotonic() >= self.ends:
            _end([self])
            return "over time"
        if code is None:
            return None
        return "killed" if code < 0 else "failed" if code else "done"


class Processes:
    """The engine of one machine."""

    def __init__(
        self,
        work: Callable[[str], None],
        processes: int,
        log_of: Callable[[str], Path],
        limit_seconds: float | None = None,
    ) -> None:
        """`work` does a stage by its name; an attempt that takes longer than the limit is stopped."""
        self._work, self._processes, self._log_of, self._limit = work, processes, log_of, limit_seconds
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([PRELOADED])

    def slots(self) -> int:
        """Processes that it can keep busy at a time."""
        return self._processes

    def widest(self) -> int:
        """Of these, the most that one job can have."""
        return self._processes

    def start(self, job: Job) -> Process:
        """Begin a job."""
        process = self._context.Process(target=_stage, args=(self._work, job.stage, self._log_of(job.stage)))
        with without_script():
            process.start()
        return Process(process, time.monotonic() + self._limit if self._limit else None)

    def wait(self, runs: Sequence[Process], seconds: float) -> None:
        """Return when one of `runs` ends, or after so many seconds."""
        connection.wait([one.process.sentinel for one in runs], seconds)

    def stop(self, runs: Sequence[Process]) -> None:
        """End them all, so that none writes any more."""
        _end(runs)


def _end(runs: Sequence[Process]) -> None:
    for one in runs:
        one.process.terminate()
    for one in runs:
        one.process.join(ENDING_SECONDS)
        one.process.kill()
        one.process.join()


def _stage(work: Callable[[str], None], stage: str, log: Path) -> None:
    """The whole of a process: one stage, which tells in `log` what it would on a terminal."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with heeded(), guarded():
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as file:  # a full disk is told where the command was given
            for stream in (sys.stdout, sys.stderr):
                os.dup2(file.fileno(), stream.fileno())
        work(stage)
    leave()


def _end_with_parent() -> None:
    """Ask this process to end when the one that gave it its job is gone."""
    connection.wait([multiprocessing.parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
