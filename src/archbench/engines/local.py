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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

from archbench._lean import leave
from archbench.engines import Job, urgencies
from archbench.errors import guarded
from archbench.interrupts import heeded

LOOK_SECONDS = 0.5
PRELOADED = "archbench.engines.preloaded"
RETRIES = 2
"""How often a job goes on whose process was killed; one that ended with an error of its own does not."""

Outcome = Literal["done", "failed", "left out"]


@dataclass
class Attempt:
    """A job that runs."""

    job: Job
    process: BaseProcess
    began: float
    left: int
    """How often it may be started again."""


@dataclass(frozen=True)
class Event:
    """What became of a job, for those who watch."""

    job: Job
    what: Literal["began", "killed", "done", "failed", "left out"]
    seconds: float = 0.0


class Crew:
    """At most so many processes at a time, for jobs that wait for one another."""

    def __init__(
        self,
        work: Callable[[str], None],
        processes: int,
        log_of: Callable[[str], Path],
        watch: Callable[[Event], None],
    ) -> None:
        self._work, self._processes, self._log_of, self._watch = work, processes, log_of, watch
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([PRELOADED])
        self.running: list[Attempt] = []

    def run(self, jobs: Mapping[str, Job], between: Callable[[], None]) -> dict[str, Outcome]:
        """Run them all, the most urgent first, and tell what became of each; what waits for a failed one is left out.

        `between` is called again and again meanwhile. However it ends, no process is left.
        """
        urgency, outcomes = urgencies(jobs), {}
        left = dict(sorted(jobs.items(), key=lambda item: -urgency[item[0]]))
        try:
            while left or self.running:
                self._leave_out(left, outcomes)
                self._start(left, outcomes)
                connection.wait([one.process.sentinel for one in self.running], LOOK_SECONDS)
                self._collect(outcomes)
                between()
        finally:
            self._end()
        return outcomes

    def _start(self, left: dict[str, Job], outcomes: Mapping[str, Outcome]) -> None:
        for name, job in list(left.items()):
            free = self._processes - sum(one.job.processes for one in self.running)
            if free <= 0:
                return
            ready = all(outcomes.get(need) == "done" for need in job.needs)
            if ready and (job.processes <= free or not self.running):
                self._begin(left.pop(name), RETRIES)

    def _begin(self, job: Job, left: int) -> None:
        process = self._context.Process(target=_stage, args=(self._work, job.stage, self._log_of(job.stage)))
        process.start()
        self.running.append(Attempt(job, process, time.monotonic(), left))
        self._watch(Event(job, "began"))

    def _collect(self, outcomes: dict[str, Outcome]) -> None:
        for one in [one for one in self.running if one.process.exitcode is not None]:
            self.running.remove(one)
            code, seconds = one.process.exitcode, time.monotonic() - one.began
            if code < 0 and one.left:
                self._watch(Event(one.job, "killed", seconds))
                self._begin(one.job, one.left - 1)
                continue
            outcomes[one.job.stage] = "failed" if code else "done"
            self._watch(Event(one.job, outcomes[one.job.stage], seconds))

    def _leave_out(self, left: dict[str, Job], outcomes: dict[str, Outcome]) -> None:
        """Take out what waits for a job that failed, and what waits for that."""
        for name, job in list(left.items()):
            if any(outcomes.get(need) in ("failed", "left out") for need in job.needs):
                outcomes[name] = "left out"
                self._watch(Event(left.pop(name), "left out"))

    def _end(self) -> None:
        for one in self.running:
            one.process.terminate()
        for one in self.running:
            one.process.join(2 * LOOK_SECONDS)
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
