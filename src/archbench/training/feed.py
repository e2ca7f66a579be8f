"""How examples reach the compiled program: kept on the device, or streamed from files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from archbench.training.program import Batch, Program

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
    """One split of a data set, as chunks of steps to train on or batches to evaluate."""

    def __init__(self, program: Program, arrays: Mapping[str, np.ndarray], resident_bytes: int) -> None:
        self._program = program
        self.arrays = arrays
        self.examples = len(next(iter(arrays.values())))
        self.resident = sum(array.nbytes for array in arrays.values()) <= resident_bytes
        self._placed = program.place(arrays) if self.resident else None

    def chunks(self, order: np.ndarray, steps_per_call: int) -> Iterator[tuple[Batch, np.ndarray, int]]:
        """Cut `order` (step, batch) into equal chunks of at most `steps_per_call` steps.

        Yields the data, the chunk's order in it, and how many of its steps are real: the last chunk is filled up,
        since a compiled program has one shape. Streamed chunks are also at most `CHUNK_BYTES` large.
        """
        pieces = math.ceil(len(order) / self._most_steps(order.shape[1], steps_per_call))
        length = math.ceil(len(order) / pieces)
        filled = np.zeros((pieces * length, order.shape[1]), order.dtype)
        filled[: len(order)] = order
        chunks = filled.reshape(pieces, length, order.shape[1])
        counts = [min(length, len(order) - number * length) for number in range(pieces)]
        if self.resident:
            yield from ((self._placed, chunk, count) for chunk, count in zip(chunks, counts, strict=True))
            return
        local = np.arange(chunks[0].size).reshape(chunks[0].shape)
        for data, count in zip(self._read_ahead([chunk.ravel() for chunk in chunks]), counts, strict=True):
            yield data, local, count

    def evaluate(self, least: int) -> dict[str, np.ndarray]:
        """Per-example losses and predictions of the whole split, in its order; batches of at least `least`."""
        results = [self._program.predict(data, rows) for data, rows in self.batches(least)]
        return {name: np.concatenate([result[name] for result in results])[: self.examples] for name in results[0]}

    def batches(self, least: int) -> Iterator[tuple[Batch, np.ndarray]]:
        """The whole split in its order, in batches of at least `least`: data, and the rows of each batch in it.

        The last batch repeats the last example, to keep one shape.
        """
        values = max(array[0].size for array in self.arrays.values())
        batch = min(self.examples, max(least, EVALUATION_VALUES // values))
        starts = range(0, self.examples, batch)
        pieces = [np.minimum(np.arange(start, start + batch), self.examples - 1) for start in starts]
        if self.resident:
            yield from ((self._placed, rows) for rows in pieces)
        else:
            yield from ((data, np.arange(batch)) for data in self._read_ahead(pieces))

    def _most_steps(self, batch_size: int, steps_per_call: int) -> int:
        """Steps in a chunk, at least one."""
        step_bytes = batch_size * sum(array.nbytes for array in self.arrays.values()) / self.examples
        return steps_per_call if self.resident else max(1, min(steps_per_call, int(CHUNK_BYTES // step_bytes)))

    def _read_ahead(self, pieces: Sequence[np.ndarray]) -> Iterator[Batch]:
        """The rows of each piece; the next one is read, and decoded, while the device works on this one."""
        with ThreadPoolExecutor(1) as reader:
            waiting = reader.submit(self._gather, pieces[0])
            for following in (*pieces[1:], None):
                data = waiting.result()
                waiting = None if following is None else reader.submit(self._gather, following)
                yield data

    def _gather(self, rows: np.ndarray) -> Batch:
        return self._program.place({name: array[rows] for name, array in self.arrays.items()})
