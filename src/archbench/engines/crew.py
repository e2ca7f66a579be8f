"""Jobs that wait for one another, run by an engine: which goes next, which goes on after a kill, which is left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from archbench.engines import Job, urgencies

LOOK_SECONDS = 0.5
"""Between two looks at what runs."""

Ended = Literal["done", "failed", "killed", "over time"]
Outcome = Literal["done", "failed", "over time", "left out"]


class Run(Protocol):
    """One attempt at a job, as its engine sees it."""

    def ended(self) -> Ended | None:
        """How it ended; None while it runs. One over its time is stopped by this."""


class Engine(Protocol):
    """What runs jobs: processes of this machine, or of several."""

    def slots(self) -> int:
        """Processes that it can keep busy at a time."""

    def widest(self) -> int:
        """Of these, the most that one job can have: they are on one machine."""

    def start(self, job: Job) -> Run:
        """Begin a job."""

    def wait(self, runs: Sequence[Run], seconds: float) -> None:
        """Return when one of `runs` ends, or after so many seconds."""

    def stop(self, runs: Sequence[Run]) -> None:
        """End them all, so that none writes any more."""


@dataclass
class Attempt:
    """A job that runs."""

    job: Job
    run: Run
    began: float
    left: int
    """How often it may be started again."""


@dataclass(frozen=True)
class Event:
    """What became of a job, for those who watch."""

    job: Job
    what: Literal["began", "killed", "done", "failed", "over time", "left out"]
    seconds: float = 0.0


class Crew:
    """Runs jobs on an engine, as many as it has slots for."""

    def __init__(self, engine: Engine, retries: int, watch: Callable[[Event], None]) -> None:
        """A job whose process was killed goes on up to `retries` times; one that ended with an error does not."""
        self._engine, self._retries, self._watch = engine, retries, watch
        self.running: list[Attempt] = []

    def run(self, jobs: Mapping[str, Job], between: Callable[[], None]) -> dict[str, Outcome]:
        """Run them all, the most urgent first, and tell what became of each; what needs one not done is left out.

        `between` is called again and again meanwhile. However it ends, nothing runs on.
        """
        urgency, outcomes = urgencies(jobs), {}
        left = dict(sorted(jobs.items(), key=lambda item: -urgency[item[0]]))
        try:
            while left or self.running:
                self._leave_out(left, outcomes)
                self._start(left, outcomes)
                self._engine.wait([one.run for one in self.running], LOOK_SECONDS)
                self._collect(outcomes)
                between()
        finally:
            self._engine.stop([one.run for one in self.running])
        return outcomes

    def _start(self, left: dict[str, Job], outcomes: Mapping[str, Outcome]) -> None:
        slots = self._engine.slots()
        for name, job in list(left.items()):
            free = slots - sum(one.job.processes for one in self.running)
            if free <= 0:
                return
            ready = all(outcomes.get(need) == "done" for need in job.needs)
            if ready and (job.processes <= free or not self.running):
                self._begin(left.pop(name), self._retries)

    def _begin(self, job: Job, left: int) -> None:
        self.running.append(Attempt(job, self._engine.start(job), time.monotonic(), left))
        self._watch(Event(job, "began"))

    def _collect(self, outcomes: dict[str, Outcome]) -> None:
        for one, ended in [(one, one.run.ended()) for one in self.running]:
            if ended is None:
                continue
            self.running.remove(one)
            seconds = time.monotonic() - one.began
            if ended == "killed" and one.left:
                self._watch(Event(one.job, "killed", seconds))
                self._begin(one.job, one.left - 1)
                continue
            outcomes[one.job.stage] = "failed" if ended == "killed" else ended
            self._watch(Event(one.job, outcomes[one.job.stage], seconds))

    def _leave_out(self, left: dict[str, Job], outcomes: dict[str, Outcome]) -> None:
        """Take out what waits for a job that is not done and will not be, and what waits for that."""
        for name, job in list(left.items()):
            if any(outcomes.get(need, "done") != "done" for need in job.needs):
                outcomes[name] = "left out"
                self._watch(Event(left.pop(name), "left out"))
