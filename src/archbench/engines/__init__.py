"""Who runs the stages of a pipeline beside DVC: a stage is a job, and an engine gives the jobs to processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """A stage that is to run, with what must have ended before it."""

    stage: str
    """As DVC calls it: `train@lenet5-digits`."""
    needs: tuple[str, ...]
    """Of the jobs of this time, those whose outputs it reads."""
    seconds: float
    """What it takes, as foretold."""
    processes: int = 1
    """That it keeps busy: a study has workers of its own."""


def urgencies(jobs: Mapping[str, Job]) -> dict[str, float]:
    """Seconds from the start of each job to the end of the last that waits for it: the longest way goes first."""
    waiting: dict[str, list[str]] = {name: [] for name in jobs}
    for name, job in jobs.items():
        for need in job.needs:
            waiting[need].append(name)
    found: dict[str, float] = {}

    def urgency(name: str) -> float:
        if name not in found:
            found[name] = jobs[name].seconds + max(map(urgency, waiting[name]), default=0.0)
        return found[name]

    return {name: urgency(name) for name in jobs}
