"""How examples reach the compiled program: kept on the device, or streamed from files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from archbench.tasks.base import Batch
from archbench.training import order
from archbench.training.program import Program

EVALUATION_VALUES = 2**20
"""Input values in one evaluation batch, about: large batches of small examples, small batches of large ones."""

STREAM_BYTES = 2**29
"""Memory that a streamed split takes at most, but where a single step is larger than a chunk."""

COPIES = 6
"""How often a chunk goes into that. A backend copies what it is given, again to an address that it can work on, and may
keep the first copy until its next call: two of the chunk that the device works on, and three of the next one, which is
read meanwhile. The sixth is for what else a call allocates."""

CHUNK_BYTES = STREAM_BYTES // COPIES
"""Streamed data that the device works on at once, at most."""


class Feed:
    """Examples of one shape, as chunks of steps to train on or batches to answer: one compiled program of each."""

    def __init__(self, program: Program, arrays: Mapping[str, np.ndarray], resident_bytes: int) -> None:
        self._program = program
        self.arrays = arrays
        self.examples = len(next(iter(arrays.values())))
        self.resident = sum(array.nbytes for array in arrays.values()) <= resident_bytes
        self.placed = program.place(arrays) if self.resident else None

    def chunks(self, rows: np.ndarray, steps_per_call: int) -> Chunks:
        """`rows` (step, batch) cut into equal chunks of at most `steps_per_call` steps.

        Streamed chunks are also at most `CHUNK_BYTES` large.
        """
        step_bytes = rows.shape[1] * sum(array.nbytes for array in self.arrays.values()) / self.examples
        most = steps_per_call if self.resident else max(1, min(steps_per_call, int(CHUNK_BYTES // step_bytes)))
        return Chunks(self, rows, most)

    def answer(self, what: str, rows: np.ndarray) -> dict[str, np.ndarray]:
        """`what` the program answers (`program.ANSWERS`) of every example, which `rows` (step, batch) hold once.

        Where a row is -1 the step has no more examples.
        """
        found: dict[str, np.ndarray] = {}
        for (data, local), asked in zip(self.batches(rows), rows, strict=True):
            there = asked >= 0
            for name, values in self._program.answer(what, data, local).items():
                if name not in found:
                    found[name] = np.empty((self.examples, *values.shape[1:]), values.dtype)
                found[name][asked[there]] = values[there]
        return found

    def batches(self, rows: np.ndarray) -> Iterator[tuple[Batch, np.ndarray]]:
        """The steps of `rows` (step, batch): the data, and which rows of it; instead of -1 the last example."""
        rows = np.where(rows < 0, self.examples - 1, rows)
        if self.resident:
            yield from ((self.placed, step) for step in rows)
        else:
            yield from ((data, np.arange(rows.shape[1])) for data in self.read_ahead(list(rows)))

    def in_order(self, least: int) -> np.ndarray:
        """The rows of evaluation in batches of at least `least` (step, batch): as many as memory likes."""
        values = max(array[0].size for array in self.arrays.values())
        many = int(EVALUATION_VALUES / (values * self._program.learner.task.swells))
        return order.whole(self.examples, min(self.examples, max(least, many)))

    def read_ahead(self, pieces: Sequence[np.ndarray]) -> Iterator[Batch]:
        """The data of the rows of each piece; the next one is read, and decoded, while the device works on this one."""
        with ThreadPoolExecutor(1) as reader:
            waiting = reader.submit(self._gather, pieces[0])
            for following in (*pieces[1:], None):
                data = waiting.result()
                waiting = None if following is None else reader.submit(self._gather, following)
                yield data

    def _gather(self, rows: np.ndarray) -> Batch:
        return self._program.place({name: array[rows] for name, array in self.arrays.items()})


class Chunks:
    """The steps of a feed, in chunks of one shape: a compiled program has one.

    Each is the data, the chunk's rows in it (step, batch), and how many of its steps are real: the last chunk is
    filled up.
    """

    def __init__(self, feed: Feed, rows: np.ndarray, most_steps: int) -> None:
        self._feed = feed
        pieces = math.ceil(len(rows) / most_steps)
        length = math.ceil(len(rows) / pieces)
        filled = np.zeros((pieces * length, rows.shape[1]), rows.dtype)
        filled[: len(rows)] = rows
        self._rows = filled.reshape(pieces, length, rows.shape[1])
        self._counts = [min(length, len(rows) - number * length) for number in range(pieces)]

    def __len__(self) -> int:
        return len(self._counts)

    def __iter__(self) -> Iterator[tuple[Batch, np.ndarray, int]]:
        return self.after(0)

    def after(self, done: int) -> Iterator[tuple[Batch, np.ndarray, int]]:
        """The chunks but for the first `done`, of which nothing is read."""
        rows, counts = self._rows[done:], self._counts[done:]
        if self._feed.resident or not counts:
            yield from ((self._feed.placed, chunk, count) for chunk, count in zip(rows, counts, strict=True))
            return
        local = np.arange(rows[0].size).reshape(rows[0].shape)
        read = self._feed.read_ahead([chunk.ravel() for chunk in rows])
        yield from ((data, local, count) for data, count in zip(read, counts, strict=True))
