"""What a person sees of several stages at a time: a table on a terminal, a line for each that ended elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from archbench.cli.display import seconds_text
from archbench.engines import Job, urgencies
from archbench.engines.crew import Attempt, Event

TAIL_BYTES = 4096
"""Of a log: its last line is in them."""
GOES_ON = "the same command goes on from its checkpoint"
SHOWN_EVERY = 1.0
"""Seconds between two looks at the logs."""


class View:
    """Shows `jobs`, whose logs `log_of` knows, as many at a time as there are slots; a context manager."""

    def __init__(self, jobs: Mapping[str, Job], log_of: Callable[[str], Path], slots: Callable[[], int]) -> None:
        self._jobs, self._log_of, self._slots = jobs, log_of, slots
        self._ended: set[str] = set()
        self._console = Console()
        moves = self._console.is_terminal and not self._console.is_dumb_terminal
        self._live = Live(console=self._console, auto_refresh=False, transient=True) if moves else None
        self._shown = 0.0

    def __enter__(self) -> View:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def tell(self, event: Event) -> None:
        """A line of what became of a job; of its beginning the table alone tells."""
        name = event.job.stage
        if event.what == "began":
            return
        if event.what == "killed":
            self._print(f"{name} was killed after {seconds_text(event.seconds)}; it goes on from its checkpoint")
            return
        self._ended.add(name)
        counted = f"[{len(self._ended):{len(str(len(self._jobs)))}}/{len(self._jobs)}] {name}"
        if event.what == "left out":
            self._print(f"{counted} left out: what it needs is not done")
        elif event.what == "over time":
            self._print(f"{counted} stopped after {seconds_text(event.seconds)}, its timeout_minutes; {GOES_ON}")
        elif event.what == "failed":
            log = self._log_of(name)
            self._print(f"{counted} failed: {last_line(log)}\n  all that it said: {os.path.relpath(log)}")
        else:
            said = last_line(self._log_of(name)).removeprefix(f"{name.partition('@')[2]}: ")
            self._print(f"{counted} {seconds_text(event.seconds)}: {said}" if said else counted)

    def show(self, running: Sequence[Attempt]) -> None:
        """Renew the table: what runs, since when, for how long by the estimate, and what it said last."""
        now = time.monotonic()
        if self._live is None or now - self._shown < SHOWN_EVERY:
            return
        self._shown = now
        table = Table(box=None, pad_edge=False)
        for title in ("running", "for", "of about", "says"):
            table.add_column(title, no_wrap=True, overflow="ellipsis", ratio=1 if title == "says" else None)
        for one in running:
            times = (seconds_text(now - one.began), seconds_text(one.job.seconds))
            table.add_row(Text(one.job.stage), *times, Text(last_line(self._log_of(one.job.stage))))
        line = f"{len(self._ended)} of {len(self._jobs)} ended; about {seconds_text(self._left(running, now))} left"
        self._live.update(Group(table, Text(line)), refresh=True)

    def _left(self, running: Sequence[Attempt], now: float) -> float:
        """Seconds: the work that is left on all processes, or the longest way through it where that is longer."""
        rest = {one.job.stage: max(one.job.seconds - (now - one.began), 0.0) for one in running}
        left = {name: job for name, job in self._jobs.items() if name not in self._ended}
        work = sum(rest.get(name, job.seconds) * job.processes for name, job in left.items())
        kept = {
            name: Job(name, tuple(need for need in job.needs if need in left), rest.get(name, job.seconds))
            for name, job in left.items()
        }
        return max(work / self._slots(), max(urgencies(kept).values(), default=0.0))

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


def last_line(log: Path) -> str:
    """The last line of a log that is not empty."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
