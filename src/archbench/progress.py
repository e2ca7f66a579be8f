"""What a person sees while something trains: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

SECONDS_BETWEEN_LINES = 5.0


class EpochDisplay:
    """Shows the epochs of several runs of one benchmark, one after the other."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._console = Console(stderr=False)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[score]}"),
            console=self._console,
        )
        self._tasks: dict[str, int] = {}
        self._last_line = -math.inf

    def __enter__(self) -> EpochDisplay:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def show(self, run: str, epoch: int, epochs: int, score: str) -> None:
        """Show that `run` has done `epoch` of its `epochs`."""
        if not self._console.is_terminal:
            self._line(run, epoch, epochs, score)
            return
        if run not in self._tasks:
            self._tasks[run] = self._bars.add_task(f"{self._title} {run}", total=epochs, score="")
        self._bars.update(self._tasks[run], completed=epoch, score=score)

    def _line(self, run: str, epoch: int, epochs: int, score: str) -> None:
        now = time.monotonic()
        if epoch < epochs and now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        print(f"{self._title} {run}: epoch {epoch}/{epochs}  {score}", flush=True)
