"""Pictures of a split in TFRecord shards, as they were published, with an index that finds any of them.

`<array>-00000.tfrecord`, ... hold an `Example` each picture: `image/encoded`, `image/filename`, and
`image/class/label` where there are labels; other programs can read them. `<array>.index.npy` is int64
(example, 3): the shard, the place of the record in it, and its length.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from archbench.datasets import tfrecord
from archbench.datasets._picture import BrokenPicture, Form
from archbench.datasets._pictures import Pictures

SHARD = 1 << 29
"""Bytes after which the next shard begins: few enough shards to keep all open."""


class DamagedShards(ValueError):
    """Shards that do not hold what their index says."""


def write(folder: Path, name: str, pictures: Pictures, label: np.ndarray | None) -> Records:
    """Write `pictures` to shards below `folder`, and open them."""
    index = np.empty((len(pictures), 3), np.int64)
    shard, at, stream = -1, SHARD, None
    for row in range(len(pictures)):
        record = tfrecord.frame(_example(pictures, row, label))
        if at >= SHARD:
            if stream is not None:
                stream.close()
            shard, at = shard + 1, 0
            stream = _shard(folder, name, shard).open("xb")
        stream.write(record)
        index[row] = shard, at, len(record)
        at += len(record)
    if stream is not None:
        stream.close()
    np.save(folder / f"{name}.index.npy", index, allow_pickle=False)
    return Records(folder, name, len(pictures))


class Records:
    """The pictures of a split's shards; raises `DamagedShards` unless every shard is as long as the index says."""

    form: Form = "record"

    def __init__(self, folder: Path, name: str, count: int) -> None:
        self._folder, self._array = folder, name
        try:
            self._index = np.load(folder / f"{name}.index.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DamagedShards(f"{name}.index.npy cannot be read ({error})") from error
        if self._index.shape != (count, 3) or self._index.dtype != np.int64:
            raise DamagedShards(f"{name}.index.npy holds {self._index.dtype} {self._index.shape}, not {count} rows")
        self._check_lengths()
        self._open: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._index)

    def __del__(self) -> None:
        for descriptor in getattr(self, "_open", {}).values():
            os.close(descriptor)

    def name(self, row: int) -> str:
        """The shard and the place in it; the record itself names its file."""
        shard, at, _ = self._index[row]
        return f"{_shard(self._folder, self._array, shard)}, byte {at},"

    def read(self, row: int) -> bytes:
        """The whole record of one picture; its checksums are looked at where it is decoded."""
        shard, at, length = (int(value) for value in self._index[row])
        if shard not in self._open:
            # Two threads may both open one; the loser's is closed, and reading by place needs no lock.
            mine = os.open(_shard(self._folder, self._array, shard), os.O_RDONLY)
            if self._open.setdefault(shard, mine) != mine:
                os.close(mine)
        record = os.pread(self._open[shard], length, at)
        if len(record) != length:
            raise BrokenPicture(self.name(row), "breaks off; prepare its data set again")
        return record

    def _check_lengths(self) -> None:
        shards, first = np.unique(self._index[::-1, 0], return_index=True)
        for shard, back in zip(shards, first, strict=True):
            path = _shard(self._folder, self._array, shard)
            last = self._index[len(self._index) - 1 - back]
            if not path.is_file():
                raise DamagedShards(f"{path.name} is missing")
            if path.stat().st_size != last[1] + last[2]:
                raise DamagedShards(f"{path.name} has {path.stat().st_size} bytes, its index says {last[1] + last[2]}")


def _shard(folder: Path, name: str, shard: int) -> Path:
    return folder / f"{name}-{shard:05d}.tfrecord"


def _example(pictures: Pictures, row: int, label: np.ndarray | None) -> bytes:
    content, name = pictures.encoded(row)
    features: dict[str, tfrecord.Feature] = {"image/encoded": [content], "image/filename": [name.encode()]}
    if label is not None:
        features["image/class/label"] = [int(label[row])]
    return tfrecord.encode_example(features)
