"""Figures that depend on a single run, benchmark or data set: drawn in other processes beside the rest of a report.

Most figures of a report are of this kind, and most runs are as they were when the last report was written. A figure
whose data and code are the same is taken from there, with what else was found for it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import partial
from hashlib import sha256
from multiprocessing import connection
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd

from archbench._workers import without_script
from archbench.figures.gallery import Picture
from archbench.figures.style import looks_given, one_look_each, save_svg, style
from archbench.records.run_folder import write_text

PIXELS_AN_INCH = 96
TOLD = "told.json"
"""Written last: a folder without it is half drawn."""
FEW = 24
"""Jobs that are sooner done than a process has started."""


class Kept(NamedTuple):
    """A figure that is drawn."""

    name: str
    caption: str
    width: int
    height: int
    """CSS pixels."""
    path: Path


class Drawing(NamedTuple):
    """What a job makes."""

    pictures: list[Picture]
    found: dict[str, Any] = {}  # noqa: RUF012 - nobody writes into it
    """What is told of them in words, as JSON can hold it."""


@dataclass(frozen=True)
class Job:
    """Figures that belong together: `draw` with `arguments`, both of which another process can be given."""

    draw: Callable[..., Drawing]
    arguments: tuple[Any, ...]
    of: str
    """What they depend on, in words that differ whenever the figures would."""
    looks: Mapping[str, int] = field(default_factory=dict)
    """The names that have a look already, and which."""

    def key(self, state: str) -> str:
        """A name for what is drawn of it with the code in `state`."""
        words = f"{state} matplotlib {mpl.__version__} {self.draw.__qualname__} {self.of} {self.looks}"
        return sha256(words.encode()).hexdigest()[:32]


class Drawn:
    """The figures of jobs, below `folder`, where those of an earlier report lie; without one they are drawn anew.

    A context, in which the figures are there; what no job of it asked for is gone after it.
    """

    def __init__(self, folder: Path | None, state: str) -> None:
        self._given, self._state = folder, state
        self._pool: ProcessPoolExecutor | None = None
        self._begun: dict[str, Future[None]] = {}
        self._used: set[str] = set()

    def __enter__(self) -> Drawn:
        self._ends = ExitStack()
        own = tempfile.TemporaryDirectory
        self._folder = self._given or Path(self._ends.enter_context(own(prefix="archbench-figures-")))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        if kind is None:
            for path in self._folder.glob("*/"):
                if path.name not in self._used:
                    shutil.rmtree(path, ignore_errors=True)
        self._ends.close()

    def begin(self, jobs: Iterable[Job]) -> None:
        """Have other processes draw what is not there yet, if that is enough to be worth their start."""
        missing = {job.key(self._state): job for job in jobs if not self._path(job).is_file()}
        others = (os.cpu_count() or 1) - 1
        if len(missing) < FEW or not others:
            return
        context = multiprocessing.get_context("forkserver")
        self._pool = ProcessPoolExecutor(min(others, len(missing) // FEW), context, _be_a_worker)
        with without_script():  # they start as work comes in
            self._begun = {key: self._pool.submit(_draw, job, self._folder / key) for key, job in missing.items()}

    def of(self, job: Job) -> list[Kept]:
        """What `job` draws, once it is drawn; an error in it is raised here."""
        folder = self._path(job).parent
        drawn = enumerate(self._told(job)["figures"])
        return [Kept(*words, *sides, folder / f"{place}.svg") for place, (*words, sides) in drawn]

    def found(self, job: Job) -> dict[str, Any]:
        """What `job` tells in words."""
        return self._told(job)["found"]

    def looks(self, job: Job) -> dict[str, int]:
        """The names that have a look once `job` is drawn, and which."""
        return self._told(job)["looks"]

    def _told(self, job: Job) -> dict[str, Any]:
        key = job.key(self._state)
        self._used.add(key)
        begun = self._begun.pop(key, None)
        if begun and not begun.cancel():  # what no process has taken up yet is drawn here
            with suppress(Exception):  # drawn here, too, it tells what is wrong
                begun.result()
        if not self._path(job).is_file():
            _draw(job, self._folder / key)
        return json.loads(self._path(job).read_text(encoding="utf-8"))

    def _path(self, job: Job) -> Path:
        return self._folder / job.key(self._state) / TOLD


def _draw(job: Job, folder: Path) -> None:
    """Draw into `folder`; names without a look get one anew, so that it does not depend on what was drawn before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with one_look_each(job.looks), style():
        made = job.draw(*job.arguments)
        looks = looks_given()
    told = []
    for place, picture in enumerate(made.pictures):
        save_svg(picture.figure, folder / f"{place}.svg")
        sides = [round(PIXELS_AN_INCH * inches) for inches in picture.figure.get_size_inches()]
        told.append([picture.name, picture.caption, sides])
    write_text(folder / TOLD, json.dumps({"figures": told, "found": made.found, "looks": looks}))


def described(value: Any) -> str:
    """What `value` is in words, the same whenever a figure that is drawn from it would be.

    Raises `TypeError` for what it cannot tell from another.
    """
    match value:
        case partial():
            name = f"{value.func.__module__}.{value.func.__qualname__}"
            return f"{name}({described(value.args)}, {described(value.keywords)})"
        case pd.DataFrame() | pd.Series():
            return f"{type(value).__name__} {value.to_csv()}"
        case np.ndarray() if value.dtype != object:
            return f"array {value.dtype} {value.shape} {sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
        case Mapping():
            return f"{{{', '.join(f'{described(key)}: {described(one)}' for key, one in value.items())}}}"
        case str() | int() | float() | None | np.generic() | Enum():
            return repr(value)
        case _ if is_dataclass(value):
            parts = {one.name: getattr(value, one.name) for one in fields(value)}
            return f"{type(value).__qualname__} {described(parts)}"
        case Sequence() | np.ndarray():
            return f"[{', '.join(map(described, value))}]"
        case Set():
            return f"{{{', '.join(sorted(map(described, value)))}}}"
    raise TypeError(f"what is drawn of {type(value).__qualname__} cannot be told apart")


def _be_a_worker() -> None:
    """Leave Ctrl-C to the process that gave the job, and end when it does, however that is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
