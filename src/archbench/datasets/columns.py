"""Columns: the examples of one array of a data set, however they are kept.

A plain array or memory map, where every example has one shape; `Ragged` where their first axis is longer in some than
in others (tokens, boxes); `Runs` of masks, many or few an example; `Pictures` that are decoded as they are read. Who
reads rows of a column gets a plain array, padded to the longest of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np


class Kept(Protocol):
    """A column that is not a plain array."""

    @property
    def dtype(self) -> np.dtype:
        """The type of what is read."""

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The examples first; None where an axis is longer in some examples than in others."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory, if all rows were read at once."""

    @property
    def lengths(self) -> np.ndarray | None:
        """Of every example (example,), how many rows it has itself; None where every example has one shape."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any) -> np.ndarray:
        """These examples, decoded and padded to the longest of them; of a single number, that example."""

    def take(self, rows: np.ndarray) -> Kept:
        """Some of the examples, in the order given, as they are kept."""


class Misfit(ValueError):
    """Parts of a column that do not fit together."""


Column = np.ndarray | Kept
Arrays = dict[str, Column]
"""Named columns with as many examples each."""


def take(column: Column, rows: np.ndarray) -> Column:
    """Some of the examples of a column, in the order given: of an array a copy, else as they are kept."""
    return column[rows] if isinstance(column, np.ndarray) else column.take(rows)


def lengths(column: Column) -> np.ndarray | None:
    """How long every example is (example,), None where every example has one shape."""
    return None if isinstance(column, np.ndarray) else column.lengths


def concatenate(columns: Sequence[Column]) -> Column:
    """The examples of several columns of one kind one after the other, in memory; pictures are decoded."""
    first = columns[0]
    if isinstance(first, Ragged):
        flat, counts = (np.concatenate(parts) for parts in zip(*((c.flat, c.lengths) for c in columns), strict=True))
        return Ragged(flat, ends(counts), first.pad, _widest(columns))
    if isinstance(first, Runs):
        codes = concatenate([column.codes.take(column.places) for column in columns])
        counts = np.concatenate([column.lengths for column in columns])
        return Runs(codes, ends(counts), first.size, _widest(columns))
    return np.concatenate([np.asarray(column) for column in columns])


def ends(counts: np.ndarray | Sequence[int]) -> np.ndarray:
    """Offsets int64 (example + 1,) of examples with so many rows each: where each begins and the one before it ends."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


class Uneven:
    """Examples that have more or fewer rows each: example n those from `offsets[n]` to `offsets[n + 1]` of all rows.

    With `longest`, what is read always has so many rows. Raises `Misfit` where the offsets do not lead from 0 to
    `count`, or an example is longer than `longest`.
    """

    dtype: np.dtype

    def __init__(self, offsets: np.ndarray, count: int, longest: int | None, rows: np.ndarray | None) -> None:
        self.offsets, self.longest, self.whole = offsets, longest, rows is None
        self.rows = np.arange(len(offsets) - 1) if rows is None else rows
        """Which of the examples that are kept these are; all, in their order, where they are `whole`."""
        if self.whole:
            _check(offsets, count, longest)

    @property
    def lengths(self) -> np.ndarray:
        """Rows of every example, int64 (example,)."""
        return self.offsets[self.rows + 1] - self.offsets[self.rows]

    @property
    def places(self) -> np.ndarray:
        """Which of all rows are those of these examples, one after the other."""
        counts = self.lengths
        before = ends(counts)
        return np.repeat(self.offsets[self.rows] - before[:-1], counts) + np.arange(before[-1])

    @property
    def nbytes(self) -> int:
        """Bytes of memory, if all examples were read at once."""
        one = int(np.prod(self.shape[2:], dtype=np.int64)) * self.dtype.itemsize
        return len(self) * self._width(self.lengths) * one

    @property
    def ndim(self) -> int:
        """The number of axes, that of the examples included."""
        return len(self.shape)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(example, row, ...), where row is `longest` or None."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> np.ndarray:
        chosen = self.rows[key]
        return self._padded(chosen) if chosen.ndim else self._padded(chosen[None])[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("A column of unlike lengths cannot become an array without a copy.")
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    def _width(self, counts: np.ndarray) -> int:
        return int(counts.max(initial=0)) if self.longest is None else self.longest

    def _padded(self, rows: np.ndarray) -> np.ndarray:
        """These of the examples that are kept, filled up to the longest of them."""
        raise NotImplementedError


class Ragged(Uneven):
    """Examples of unlike length: (example, row, ...), where those that are shorter are filled up with `pad`.

    `values` (row of any example, ...) hold the examples one after the other.
    """

    def __init__(
        self,
        values: np.ndarray,
        offsets: np.ndarray,
        pad: float = 0,
        longest: int | None = None,
        rows: np.ndarray | None = None,
    ) -> None:
        self.values, self.pad, self.dtype = values, pad, values.dtype
        super().__init__(offsets, len(values), longest, rows)

    @classmethod
    def of(cls, examples: Iterable[np.ndarray], pad: float = 0, longest: int | None = None) -> Ragged:
        """A column of `examples` (row, ...), at least one, which differ in their first axis alone."""
        examples = [np.asarray(example) for example in examples]
        return cls(np.concatenate(examples), ends([len(one) for one in examples]), pad, longest)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(example, row, ...), where row is `longest` or None."""
        return len(self), self.longest, *self.values.shape[1:]

    @property
    def flat(self) -> np.ndarray:
        """The values of all examples one after the other, without padding; no copy where these are all."""
        return self.values if self.whole else self.values[self.places]

    def take(self, rows: np.ndarray) -> Ragged:
        """Some of the examples; the values stay where they are."""
        return Ragged(self.values, self.offsets, self.pad, self.longest, self.rows[rows])

    def _padded(self, rows: np.ndarray) -> np.ndarray:
        start = self.offsets[rows]
        counts = self.offsets[rows + 1] - start
        steps = np.arange(self._width(counts))
        there = steps < counts[:, None]
        filled = np.full((*there.shape, *self.values.shape[1:]), self.pad, self.dtype)
        filled[there] = self.values[(start[:, None] + steps)[there]]
        return filled


class Runs(Uneven):
    """Masks uint8 (example, mask, height, width) of 0 and 1, as many as an example has, kept as lengths of runs.

    An example of `codes` is a mask: how many 0s it begins with (maybe none), how many 1s follow, and so on in turn,
    line after line of the picture. `size` is (height, width); what is filled up is 0.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        codes: Ragged,
        offsets: np.ndarray,
        size: tuple[int, int],
        longest: int | None = None,
        rows: np.ndarray | None = None,
    ) -> None:
        self.codes, self.size = codes, tuple(size)
        super().__init__(offsets, len(codes), longest, rows)

    @classmethod
    def of(cls, examples: Iterable[np.ndarray], size: tuple[int, int], longest: int | None = None) -> Runs:
        """A column of `examples` (mask, height, width), at least one, where all that is not 0 is 1."""
        codes, counts = [], []
        for masks in examples:
            if masks.shape[1:] != tuple(size):
                raise Misfit(f"Every mask needs the size {tuple(size)}. Received masks {masks.shape}.")
            codes += [_encoded(mask) for mask in masks]
            counts.append(len(masks))
        values = np.concatenate([np.zeros(0, np.int32), *codes])
        return cls(Ragged(values, ends([len(code) for code in codes])), ends(counts), size, longest)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(example, mask, height, width), where mask is `longest` or None."""
        return len(self), self.longest, *self.size

    def take(self, rows: np.ndarray) -> Runs:
        """Some of the examples, still encoded."""
        return Runs(self.codes, self.offsets, self.size, self.longest, self.rows[rows])

    def _padded(self, rows: np.ndarray) -> np.ndarray:
        start, stop = self.offsets[rows], self.offsets[rows + 1]
        filled = np.zeros((len(rows), self._width(stop - start), *self.size), np.uint8)
        for place in range(len(rows)):
            for number, mask in enumerate(range(start[place], stop[place])):
                filled[place, number] = self._decoded(mask)
        return filled

    def _decoded(self, mask: int) -> np.ndarray:
        code = self.codes[mask]
        return np.repeat(np.arange(len(code)) % 2, code).reshape(self.size)


def _encoded(mask: np.ndarray) -> np.ndarray:
    flat = np.asarray(mask).reshape(-1) != 0
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    code = np.diff([0, *turns, len(flat)])
    return np.concatenate([[0], code] if flat[0] else [code]).astype(np.int32)


def _check(offsets: np.ndarray, count: int, longest: int | None) -> None:
    counts = np.diff(offsets)
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != count or (counts < 0).any():
        raise Misfit(f"Offsets must rise from 0 to {count}, the number of rows of all examples.")
    if longest is not None and counts.max(initial=0) > longest:
        raise Misfit(f"An example has {counts.max()} rows, more than the {longest} that the column declares.")


def _widest(columns: Sequence[Uneven]) -> int | None:
    """The declared width of columns that are put together; None unless all have one."""
    declared = [column.longest for column in columns]
    return None if None in declared else max(declared)
