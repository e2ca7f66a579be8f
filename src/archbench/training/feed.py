"""How examples reach the compiled program: kept on the device, or streamed from memory-mapped files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from archbench.training.program import Batch, Program

EVALUATION_VALUES = 2**20
"""Input values in one evaluation batch, about: large batches of small examples, small batches of large ones."""


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
        since a compiled program has one shape.
        """
        pieces = math.ceil(len(order) / steps_per_call)
        length = math.ceil(len(order) / pieces)
        filled = np.zeros((pieces * length, order.shape[1]), order.dtype)
        filled[: len(order)] = order
        chunks = filled.reshape(pieces, length, order.shape[1])
        counts = [min(length, len(order) - number * length) for number in range(pieces)]
        if self.resident:
            yield from ((self._placed, chunk, count) for chunk, count in zip(chunks, counts, strict=True))
            return
        local = np.arange(chunks[0].size).reshape(chunks[0].shape)
        with ThreadPoolExecutor(1) as reader:  # the next chunk is read while the device works on this one
            waiting = reader.submit(self._gather, chunks[0].ravel())
            for number, count in enumerate(counts):
                data = waiting.result()
                if number + 1 < pieces:
                    waiting = reader.submit(self._gather, chunks[number + 1].ravel())
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
        for start in range(0, self.examples, batch):
            rows = np.minimum(np.arange(start, start + batch), self.examples - 1)
            yield (self._placed, rows) if self.resident else (self._gather(rows), np.arange(batch))

    def _gather(self, rows: np.ndarray) -> Batch:
        return self._program.place({name: array[rows] for name, array in self.arrays.items()})
