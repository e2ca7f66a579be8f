"""A split on its way through training: its feeds, the order of its examples, and its scores."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from archbench.layers.attention import check_places, most_places
from archbench.tasks.base import Arrays, Batch, Task
from archbench.training import order
from archbench.training.feed import Chunks, Feed
from archbench.training.program import Program

PACE_BATCH, PACE_REPEATS = 8, 15
"""Examples whose prediction is timed at once, and how often."""
STEPS_OF_ONE_LENGTH = 8
"""Of one feed among several, in one call: few, so that short and long examples take turns."""


@dataclass(frozen=True)
class Split:
    """What the device reads of a split, in one feed or in several, and the arrays that scores compare with."""

    program: Program
    feeds: Sequence[Feed]
    arrays: Arrays
    read: Arrays
    """What the network reads, as the data set holds it."""
    group: np.ndarray | None = None
    """The group of each example, where some belong together: a fold of the split keeps them so."""
    rows: Sequence[np.ndarray] = ()
    """The rows of the split that each feed holds; none where one feed holds all, in order."""
    padding: float = 0.0
    """The share of padding in what the device reads of arrays of varying length."""

    @property
    def task(self) -> Task:
        """What is done with the examples."""
        return self.program.learner.task

    @property
    def examples(self) -> int:
        """Of all feeds."""
        return sum(feed.examples for feed in self.feeds)

    def steps(self, batch_size: int) -> int:
        """Optimizer steps in an epoch, on batches that are full."""
        return sum(feed.examples // batch_size for feed in self.feeds)

    def chunks(
        self, seed: int, epoch: int, batch_size: int, steps_per_call: int, done: int = 0
    ) -> Iterator[tuple[Batch, np.ndarray, int]]:
        """The chunks of an epoch, as `Feed.chunks` yields them; those of several feeds take turns at random.

        Without the first `done`, where an epoch is taken up that these were trained on: streams are in their midst.
        """
        if not done:
            self.program.learner.begin_streams()
        cut = self._cut(seed, epoch, batch_size, steps_per_call)
        turns = np.repeat(np.arange(len(cut)), [len(chunks) for chunks in cut])
        if len(cut) > 1:
            turns = np.random.default_rng((seed, epoch)).permutation(turns)
        taken = np.bincount(turns[:done], minlength=len(cut))
        waiting = [chunks.after(number) for chunks, number in zip(cut, taken, strict=True)]
        yield from (next(waiting[number]) for number in turns[done:])

    def first_chunks(self, seed: int, batch_size: int, steps_per_call: int) -> Iterator[tuple[Batch, np.ndarray, int]]:
        """A chunk of each feed: what has to be compiled."""
        yield from (next(iter(chunks)) for chunks in self._cut(seed, 0, batch_size, steps_per_call))

    def _cut(self, seed: int, epoch: int, batch_size: int, steps_per_call: int) -> list[Chunks]:
        """The chunks of each feed in an epoch."""
        if self.task.carry:
            (feed,) = self.feeds
            return [feed.chunks(order.streams(feed.examples, batch_size), steps_per_call)]
        if len(self.feeds) == 1:
            (feed,) = self.feeds
            return [feed.chunks(order.shuffled((seed, epoch), feed.examples, batch_size), steps_per_call)]
        length = min(steps_per_call, STEPS_OF_ONE_LENGTH)
        return [
            feed.chunks(order.shuffled((seed, epoch, number), feed.examples, batch_size), length)
            for number, feed in enumerate(self.feeds)
        ]

    def answer(self, what: str, batch_size: int) -> dict[str, np.ndarray]:
        """`what` the program answers (`program.ANSWERS`) of every example, in the order of the split.

        In batches of at least `batch_size`, and of just as many where something is carried from one to the next.
        """
        self.program.learner.begin_streams()
        return self.together([feed.answer(what, self.in_order(feed, batch_size)) for feed in self.feeds])

    def predicted_per_second(self) -> float:
        """How many examples a second are predicted, from what the data set holds to arrays on the host.

        The median over `PACE_REPEATS` of one batch of `PACE_BATCH`, which lies on the device, after it was compiled.
        """
        feed = self.feeds[0]
        ((data, local),) = feed.batches(np.arange(PACE_BATCH)[None] % feed.examples)
        seconds = []
        for _ in range(1 + PACE_REPEATS):
            start = time.perf_counter()
            self.program.answer("predictions alone", data, local)
            seconds.append(time.perf_counter() - start)
        return PACE_BATCH / statistics.median(seconds[1:])

    def show(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """What the task shows of these rows (example,), in their order; nothing where it shows nothing of its own."""
        if type(self.task).show is Task.show:
            return {}
        if not self.rows:
            return self._shown(self.feeds[0], rows)
        places = [np.flatnonzero(np.isin(rows, some)) for some in self.rows]
        kept = [(n, place) for n, place in enumerate(places) if len(place)]
        local = [np.searchsorted(self.rows[n], rows[place]) for n, place in kept]
        found = [self._shown(self.feeds[n], some) for (n, _), some in zip(kept, local, strict=True)]
        return _together(found, [place for _, place in kept])

    def _shown(self, feed: Feed, rows: np.ndarray) -> dict[str, np.ndarray]:
        ((data, local),) = feed.batches(rows[None])
        return self.program.answer("shown", data, local)

    def together(self, found: Sequence[Arrays]) -> Arrays:
        """The answers of each feed, in the order of the split."""
        return _together(found, self.rows) if self.rows else found[0]

    def in_order(self, feed: Feed, batch_size: int) -> np.ndarray:
        """The rows of `feed` in the order of evaluation (step, batch)."""
        if self.task.carry:
            return order.whole_streams(feed.examples, batch_size)
        return feed.in_order(self.program.micro_batch or batch_size)

    def scores(self, batch_size: int, *, predicted: bool = True) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Every metric of the split with the means of its per-example losses, and the predictions.

        Without `predicted` there are the means of the losses alone.
        """
        results = self.answer("predictions" if predicted else "losses", batch_size)
        return self.judge(results, predicted=predicted)

    def judge(self, results: Arrays, *, predicted: bool = True) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """The same, from what the compiled program answered of every example."""
        losses = {name.removeprefix("loss/"): value for name, value in results.items() if name.startswith("loss/")}
        means = self.task.means(losses, self.arrays, _mean)
        predictions = {name: value for name, value in results.items() if not name.startswith("loss/")}
        return {**means, **(self.task.scores(self.arrays, predictions, means) if predicted else {})}, predictions


def open_split(
    program: Program, arrays: Arrays, *, batch_size: int, resident_bytes: int, group: np.ndarray | None
) -> Split:
    """The split that holds `arrays`, on the device if it fits.

    Where arrays vary in length, examples of like length make a feed: as many feeds as the task has `buckets`, but for
    those that a batch would not fill. Raises `TooManyPlaces` for one that is longer than the network can read.
    """
    task = program.learner.task
    own = task.arrays(arrays)
    read = {name: arrays[name] for name in task.reads()}
    for part, column in product(program.learner.parts.values(), read.values()):
        check_places(column, most_places(part))
    device = {**read, **own}
    lengths = {name: array.lengths for name, array in device.items() if getattr(array, "lengths", None) is not None}
    if not lengths:
        return Split(program, [Feed(program, device, resident_bytes)], own, read, group)
    examples = len(next(iter(device.values())))
    by_length = np.argsort(sum(lengths.values()), kind="stable")
    count = max(1, min(task.buckets, examples // batch_size))
    rows = [np.sort(some) for some in np.array_split(by_length, count)]
    feeds = [Feed(program, {name: array[some] for name, array in device.items()}, resident_bytes) for some in rows]
    held = sum(feed.arrays[name].shape[1] * feed.examples for feed in feeds for name in lengths)
    padding = 1 - sum(int(length.sum()) for length in lengths.values()) / held if held else 0.0
    every = np.arange(examples)
    whole = {name: array[every] for name, array in own.items()}
    return Split(program, feeds, whole, read, group, rows, padding)


def _together(found: Sequence[Arrays], rows: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The answers of several feeds in the order of the split; arrays of different width are filled with zeros."""
    examples = sum(map(len, rows))
    whole = {}
    for name in found[0]:
        shape = np.max([answers[name].shape[1:] for answers in found], axis=0).astype(int)
        whole[name] = np.zeros((examples, *shape), found[0][name].dtype)
        for answers, some in zip(found, rows, strict=True):
            values = answers[name]
            whole[name][(some, *(slice(size) for size in values.shape[1:]))] = values
    return whole


def _mean(values: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The mean of `values` (example,), each counted `weight` times; of truth values those that are true."""
    if weight is not None and weight.dtype == bool:
        values, weight = values[weight], None
    if weight is None:
        return float(np.mean(values, dtype=np.float64))
    return float(np.average(values.astype(np.float64), weights=weight.astype(np.float64)))
