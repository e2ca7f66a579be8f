"""What a person sees while something trains: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import Progress, ProgressColumn, Task
from rich.text import Text

SECONDS_BETWEEN_LINES = 5.0
GAP = "  "
LEAST_NAME, LEAST_BAR = 16, 6
"""Characters below which a narrow terminal gives up the bar first, then the time left, and then cuts the line."""


@dataclass
class Pulse:
    """When the epochs of one run ended, for the time that is left."""

    first_epoch: int
    first_end: float
    epoch: int
    end: float

    def seconds_left(self, epochs: int, now: float) -> float:
        """Until the last epoch ends, as fast as those after the first, which compiles; NaN while there is but one."""
        if self.epoch == self.first_epoch:
            return math.nan
        each = (self.end - self.first_end) / (self.epoch - self.first_epoch)
        return max(0.0, each * (epochs - self.epoch) - (now - self.end))


class EpochDisplay:
    """Shows the epochs of several runs of one benchmark, one after the other.

    A bar where a terminal is, unless it cannot move its cursor or another process writes there as well (`plain`).
    """

    def __init__(self, title: str, *, plain: bool = False) -> None:
        self._title = title
        console = Console()
        self._moves = console.is_terminal and not console.is_dumb_terminal and not plain
        self._bars = Progress(_Line(console), console=console)
        self._tasks: dict[str, int] = {}
        self._last_line = -math.inf

    def __enter__(self) -> EpochDisplay:
        if self._moves:
            self._bars.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._moves:
            self._bars.stop()

    def show(self, run: str, row: Mapping[str, float], epochs: int, monitor: str) -> None:
        """Show that `run` has done the epoch of `row`, the last of its history."""
        epoch, name = int(row["epoch"]), f"{self._title} {run.replace('-', ' ')}"
        if not self._moves:
            self._print(name, row, epochs, monitor)
            return
        now = time.monotonic()
        if run not in self._tasks:
            self._tasks[run] = self._bars.add_task(name, total=epochs, score="", pulse=Pulse(epoch, now, epoch, now))
        pulse: Pulse = self._bars.tasks[self._tasks[run]].fields["pulse"]
        pulse.epoch, pulse.end = epoch, now
        score = f"val {monitor.replace('_', ' ')} {row[f'validation_{monitor}']:.4g}"
        self._bars.update(self._tasks[run], completed=epoch, score=score)

    def _print(self, name: str, row: Mapping[str, float], epochs: int, monitor: str) -> None:
        now, epoch = time.monotonic(), int(row["epoch"])
        if epoch < epochs and now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        columns = dict.fromkeys(("train_loss", "validation_loss", f"validation_{monitor}"))
        scores = GAP.join(f"{column.replace('_', ' ')} {row[column]:.4g}" for column in columns)
        print(f"{name}: epoch {epoch}/{epochs}{GAP}{scores}", flush=True)


class _Line(ProgressColumn):
    """All that is shown of a run, fitted to the terminal as it is now."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def render(self, task: Task) -> Text:
        left = task.fields["pulse"].seconds_left(task.total, time.monotonic())
        options = self._console.options
        parts = (task.description, int(task.completed), int(task.total), left, task.fields["score"])
        return Text(bar_line(*parts, options.max_width, ascii_only=options.ascii_only), no_wrap=True)


def bar_line(
    name: str, epoch: int, epochs: int, seconds_left: float, score: str, width: int, *, ascii_only: bool = False
) -> str:
    """One line of at most `width` characters: name, epoch, a bar, the time left and the score.

    What there is no room for goes in this order: length of the bar, the middle of the name, the bar, the time left.
    """
    done, rest, dots = ("#", ".", "..") if ascii_only else ("━", "╌", "…")
    counted = f"epoch {epoch:{len(str(epochs))}}/{epochs}"
    left = f"{_clock(seconds_left)} left"
    room = width - len(GAP.join(("", counted, left, score))) - len(GAP)
    if room < LEAST_NAME + LEAST_BAR:
        kept = [counted, left, score] if room >= LEAST_NAME else [counted, score]
        room = width - len(GAP.join(("", *kept)))
        return GAP.join((_shortened(name, max(room, 0), dots), *kept))[:width]
    name = _shortened(name, room - LEAST_BAR, dots)
    length = room - len(name)
    filled = length * epoch // epochs
    return GAP.join((name, counted, done * filled + rest * (length - filled), left, score))


def _shortened(text: str, length: int, dots: str) -> str:
    """`text` without its middle, if it is longer: a name's end tells the seed."""
    if len(text) <= length:
        return text
    end = max(0, (length - len(dots)) // 2)
    return (text[: max(0, length - len(dots) - end)] + dots + text[len(text) - end :])[:length]


def _clock(seconds: float) -> str:
    """`0:42`, `1:02:05`."""
    if math.isnan(seconds):
        return "-:--"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
