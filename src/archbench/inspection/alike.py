"""Examples that stand twice, and pictures that are nearly alike in two splits.

Nearly alike by the difference hash (N. Krawetz 2013, "Kind of Like That", hackerfactor.com): a picture of 9 x 8 grays,
and for each of 64 places whether its right neighbour is brighter. Where hashes differ in few places, small gray
pictures are held against each other too: by what of 255 they differ, so that flat pictures, whose hash says little, are
not taken for one another, and by what that is of their own contrast, so that thin strokes on black, as of handwritten
digits, are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations, islice

import numpy as np
from PIL import Image

from archbench.datasets.columns import Arrays, Column, lengths
from archbench.datasets.store import Prepared
from archbench.inspection import drawn

CHUNK = 256
"""Examples that are read at once."""
PAIRS = 2**16
"""Pairs of small pictures that are held against each other at once."""
MOST = 20_000
"""Examples of a split whose pictures are held against others."""
BITS, GRAYS = 6, 8.0
"""At most so many places of a hash differ, and small pictures by so much of 255 in the mean, where two are alike."""
CONTRAST = 0.08
"""Once both are equally bright, they differ by at most this share of how far the flatter one is from even gray: saved
again as JPEG or with noise of 5 of 255, nineteen of twenty pictures of MNIST do."""
SMALL = 16
"""Pixels a side of the small gray pictures."""


@dataclass(frozen=True)
class Twins:
    """Two examples, each by its split and row."""

    first: tuple[str, int]
    second: tuple[str, int]

    @property
    def across(self) -> bool:
        """Whether they are in two splits: what trains is then known where it is tested."""
        return self.first[0] != self.second[0]


@dataclass(frozen=True)
class Alike:
    """What is alike in a data set."""

    across: list[Twins]
    """Equal, in two splits."""
    within: list[Twins]
    """Equal, in one split."""
    near: list[Twins] | None
    """Pictures of two splits, nearly alike; None where the data are no pictures."""
    looked: dict[str, int]
    """Examples of each split that were looked at for equal ones."""


def search(prepared: Prepared, most_bytes: int | None = None) -> Alike:
    """All that is alike in a data set; of each split the examples that `most_bytes` hold are looked at, or all."""
    card, splits = prepared.card, prepared.splits
    names = drawn.inputs(card)
    size = sum(splits["train"][name].nbytes for name in names) // card.split_sizes["train"]
    most = None if most_bytes is None else max(1, most_bytes // size)
    same = equal(splits, names, most)
    near = nearly(splits, card.input, MOST if most is None else min(MOST, most)) if drawn.is_picture(card) else None
    looked = {split: count if most is None else min(count, most) for split, count in card.split_sizes.items()}
    return Alike([one for one in same if one.across], [one for one in same if not one.across], near, looked)


def equal(splits: Mapping[str, Arrays], names: Sequence[str], most: int | None = None) -> list[Twins]:
    """Every example whose arrays `names` are those of an earlier one, to the byte, with the first such.

    Of each split the first `most` are looked at, all where that is None. A digest of each is kept, not its bytes.
    """
    first: dict[bytes, tuple[str, int]] = {}
    found = []
    for split, arrays in splits.items():
        together = zip(*(_rows(arrays[name]) for name in names), strict=True)
        for row, parts in enumerate(islice(together, most)):
            content = blake2b(digest_size=16)
            for part in parts:
                content.update(f"{part.shape}".encode() + part.tobytes())
            other = first.setdefault(content.digest(), (split, row))
            if other != (split, row):
                found.append(Twins(other, (split, row)))
    return found


def nearly(splits: Mapping[str, Arrays], name: str, most: int = MOST) -> list[Twins]:
    """Pictures of two splits that are alike to the eye and not equal; of each split the first `most` are looked at."""
    looks = {split: _looks(arrays[name], most) for split, arrays in splits.items()}
    return [
        Twins((one, first), (other, second))
        for one, other in combinations(splits, 2)
        for first, second in _close(looks[one], looks[other])
    ]


@dataclass(frozen=True)
class _Looks:
    """What is compared of the pictures of a split."""

    hashes: np.ndarray
    """uint64 (picture,)."""
    small: np.ndarray
    """int16 (picture, pixel)."""
    content: np.ndarray
    """int64 (picture,): of the pixels, to leave out those that are equal."""


def _looks(column: Column, most: int) -> _Looks:
    hashes, small, content = [], [], []
    for pixels in islice(_rows(column), most):
        gray = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("L")
        shades = np.asarray(gray.resize((9, 8), Image.Resampling.BOX), np.int16)
        hashes.append(np.packbits(shades[:, 1:] > shades[:, :-1]).view(np.uint64)[0])
        small.append(np.asarray(gray.resize((SMALL, SMALL), Image.Resampling.BOX), np.int16).ravel())
        content.append(hash(pixels.tobytes()))
    return _Looks(np.array(hashes, np.uint64), np.array(small, np.int16), np.array(content, np.int64))


def _close(one: _Looks, other: _Looks) -> Iterator[tuple[int, int]]:
    for start in range(0, len(one.hashes), CHUNK):
        differing = np.bitwise_count(one.hashes[start : start + CHUNK, None] ^ other.hashes)
        places = np.argwhere(differing <= BITS) + np.array([start, 0])
        for some in np.split(places, range(PAIRS, len(places), PAIRS)):
            first, second = some.T
            off = np.abs(one.small[first] - other.small[second]).mean(axis=1)
            near = (off <= GRAYS) & (one.content[first] != other.content[second])
            first, second = first[near], second[near]
            ours, theirs = _even(one.small[first]), _even(other.small[second])
            contrast = np.minimum(np.abs(ours).mean(axis=1), np.abs(theirs).mean(axis=1))
            alike = np.abs(ours - theirs).mean(axis=1) <= CONTRAST * contrast
            yield from zip(first[alike].tolist(), second[alike].tolist(), strict=True)


def _even(small: np.ndarray) -> np.ndarray:
    """Small pictures (picture, pixel) of one brightness, 0."""
    return small - small.mean(axis=1, keepdims=True)


def _rows(column: Column) -> Iterator[np.ndarray]:
    """Every example by itself; those of one shape are read many at once."""
    if lengths(column) is not None:
        yield from (column[row] for row in range(len(column)))
        return
    for start in range(0, len(column), CHUNK):
        yield from np.asarray(column[np.arange(start, min(start + CHUNK, len(column)))])
