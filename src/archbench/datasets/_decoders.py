"""A pool of worker processes that decode pictures; each is driven by a thread, so one picture a worker is under way."""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from typing import Protocol

import numpy as np

from archbench.datasets._decoder import ANSWER, BROKEN
from archbench.datasets._picture import BrokenPicture, Form, Look
from archbench.errors import UserError

STRETCH = 16
"""Pictures that a thread takes at once."""


class DecoderDied(UserError):
    """A worker process that ended in the middle of a picture."""


class Source(Protocol):
    """Where encoded pictures come from."""

    form: Form

    def __len__(self) -> int: ...

    def read(self, row: int) -> bytes:
        """The bytes of one picture."""

    def name(self, row: int) -> str:
        """The picture's file, for messages."""


class Decoders:
    """Worker processes, started when they are first needed; `close` ends them."""

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, "decoder")
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()

    def pixels(self, source: Source, rows: np.ndarray, look: Look) -> np.ndarray:
        """Rows of `source`, decoded: uint8 (row, height, width, 3). Raises `BrokenPicture` or `DecoderDied`."""
        out = np.empty((len(rows), *look.shape, 3), np.uint8)

        def fill(worker: _Worker, start: int) -> None:
            for place in range(start, min(start + STRETCH, len(rows))):
                worker.ask(source, int(rows[place]), look, check=False)
                worker.answer_into(out[place])

        self._share(len(rows), fill)
        return out

    def held(self, source: Source, rows: Sequence[int], look: Look) -> list[str | BrokenPicture]:
        """What each file holds (see `decode`), or what is wrong with it."""
        found: list[str | BrokenPicture] = [""] * len(rows)

        def look_at(worker: _Worker, start: int) -> None:
            for place in range(start, min(start + STRETCH, len(rows))):
                try:
                    worker.ask(source, int(rows[place]), look, check=True)
                    found[place] = worker.answer().decode()
                except BrokenPicture as error:
                    found[place] = error

        self._share(len(rows), look_at)
        return found

    def close(self) -> None:
        """End the worker processes."""
        self._threads.shutdown(cancel_futures=True)
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().end()

    def _share(self, count: int, work: Callable[[_Worker, int], None]) -> None:
        """Run `work` on every stretch; the first error ends the rest."""

        def one(start: int) -> None:
            worker = self._borrow()
            try:
                work(worker, start)
            except BrokenPicture:
                self._idle.put(worker)
                raise
            except BaseException:
                worker.end()
                raise
            self._idle.put(worker)

        futures = [self._threads.submit(one, start) for start in range(0, count, STRETCH)]
        try:
            for future in futures:
                future.result()
        finally:
            for future in futures:
                future.cancel()

    def _borrow(self) -> _Worker:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return _Worker()


class _Worker:
    """One process and the pipes to it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "archbench.datasets._decoder"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe)
        self._name = ""

    def ask(self, source: Source, row: int, look: Look, *, check: bool) -> None:
        content, self._name = source.read(row), source.name(row)
        request = {"name": self._name, "form": source.form, "look": asdict(look), "check": check, "bytes": len(content)}
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.write(content)
            self._process.stdin.flush()
        except OSError as error:
            raise self._died() from error

    def answer(self) -> bytes:
        return self._read(self._size())

    def answer_into(self, pixels: np.ndarray) -> None:
        size, view = self._size(), memoryview(pixels).cast("B")
        if self._process.stdout.readinto(view) != size:
            raise self._died()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _size(self) -> int:
        code, size = ANSWER.unpack(self._read(ANSWER.size))
        if code == BROKEN:
            raise BrokenPicture(*json.loads(self._read(size)))
        return size

    def _read(self, size: int) -> bytes:
        content = self._process.stdout.read(size)
        if len(content) < size:
            raise self._died()
        return content

    def _died(self) -> DecoderDied:
        return DecoderDied(
            f"The process that decoded {self._name} ended with code {self._process.wait()}; it may have been killed "
            "for want of memory. Run the same command again; where the picture is broken, replace it."
        )


@cache
def decoders() -> Decoders:
    """The pool of this process, a worker a core, ended with it."""
    pool = Decoders(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    atexit.register(pool.close)
    return pool
