"""How each kind of column is kept in a split's folder: written, opened, described on the card, counted in the digest.

An array is `<name>.npy`; ragged examples are `<name>.values.npy` and `<name>.offsets.npy`; masks are their run lengths,
`<name>.runs.npy`, where each mask begins, `<name>.masks.npy`, and how many an example has, `<name>.offsets.npy`;
pictures as they were published are TFRecord shards. Nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from archbench.datasets import _shards
from archbench.datasets._picture import Look
from archbench.datasets._pictures import Pictures
from archbench.datasets.columns import Column, Misfit, Ragged, Runs, ends

CHUNK = 1 << 24
"""Bytes handled at once where a column may be larger than memory likes."""
OFFSETS, RUNS = np.dtype(np.int64), np.dtype(np.int32)


class DamagedFile(ValueError):
    """A file that is missing, cannot be read, or does not hold what its card says."""


def save(folder: Path, name: str, column: Column, label: Column | None = None) -> Column:
    """Write one column of a split, and return it as a reader will find it; `label` goes into records of pictures."""
    if isinstance(column, Ragged):
        return _save_ragged(folder, (f"{name}.values.npy", f"{name}.offsets.npy"), column)
    if isinstance(column, Runs):
        codes = column.codes.take(column.places)
        codes = _save_ragged(folder, (f"{name}.runs.npy", f"{name}.masks.npy"), codes)
        return Runs(codes, _save_offsets(folder / f"{name}.offsets.npy", column), column.size, column.longest)
    if isinstance(column, Pictures) and column.storage == "tfrecord":
        return Pictures(_shards.write(folder, name, column, label), column.look, "tfrecord")
    if isinstance(column, Pictures):
        return _written(folder / f"{name}.npy", column.dtype, column.shape, chunks(column))
    np.save(folder / f"{name}.npy", column, allow_pickle=False)
    return column


def opened(folder: Path, name: str, kept: Mapping[str, Any], count: int) -> Column:
    """A column of `count` examples that the card describes as `kept`; raises `DamagedFile`."""
    shape, dtype, storage = kept["shape"], kept["dtype"], kept.get("storage")
    offsets = f"{name}.offsets.npy"
    if storage == "ragged":
        values = f"{name}.values.npy"
        parts = read(folder, values, (None, *shape[1:]), dtype), read(folder, offsets, (count + 1,), OFFSETS)
        with _fitting(offsets, values):
            return Ragged(*parts, kept["pad"], shape[0])
    if storage == "runs":
        runs, masks = f"{name}.runs.npy", f"{name}.masks.npy"
        with _fitting(masks, runs):
            codes = Ragged(read(folder, runs, (None,), RUNS), read(folder, masks, (None,), OFFSETS))
        with _fitting(offsets, masks):
            return Runs(codes, read(folder, offsets, (count + 1,), OFFSETS), shape[1:], shape[0])
    if storage == "tfrecord":
        try:
            size = shape[0] if kept["fit"] == "crop" else tuple(shape[:2])
            look = Look(size, kept["crop"], kept["cmyk"], kept["fit"])
            return Pictures(_shards.Records(folder, name, count), look, storage)
        except KeyError as error:
            raise DamagedFile(f"its card does not say {error} of {name}") from error
        except _shards.DamagedShards as error:
            raise DamagedFile(str(error)) from error
    return read(folder, f"{name}.npy", (count, *shape), dtype)


@contextmanager
def _fitting(offsets: str, rows: str) -> Iterator[None]:
    """Name the files of parts that do not fit together."""
    try:
        yield
    except Misfit as error:
        raise DamagedFile(f"{offsets} does not fit {rows}: {error}") from error


def read(folder: Path, file: str, shape: Sequence[int | None], dtype: Any) -> np.ndarray:
    """An array of the folder, memory-mapped; raises `DamagedFile` unless it has this shape (None: any) and type."""
    try:
        array = np.load(folder / file, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DamagedFile(f"{file} is missing") from error
    except (ValueError, EOFError, OSError) as error:
        raise DamagedFile(f"{file} cannot be read ({error})") from error
    fits = array.ndim == len(shape) and all(w in (None, have) for w, have in zip(shape, array.shape, strict=True))
    if not fits or array.dtype != np.dtype(dtype):
        wanted = str(tuple(shape)).replace("None", "any")
        raise DamagedFile(f"{file} holds {array.dtype} {array.shape}, its card says {np.dtype(dtype)} {wanted}")
    return array


def described(column: Column) -> dict[str, object]:
    """A column's entry on the card, from which `opened` knows how to read it."""
    entry: dict[str, object] = {"shape": list(column.shape[1:]), "dtype": str(column.dtype)}
    if isinstance(column, Ragged):
        entry |= {"storage": "ragged", "pad": column.pad}
    elif isinstance(column, Runs):
        entry |= {"storage": "runs"}
    elif isinstance(column, Pictures):
        look = column.look
        entry |= {"storage": column.storage, "crop": look.crop, "cmyk": look.cmyk, "fit": look.fit}
    return entry


def kept_bytes(column: Column) -> int:
    """Bytes that a column takes on disk, about; of pictures as many as decoded."""
    if isinstance(column, Runs):
        return kept_bytes(column.codes.take(column.places)) + OFFSETS.itemsize * len(column)
    if isinstance(column, Ragged):
        return sum(rows.nbytes for rows in chunks(column)) + OFFSETS.itemsize * len(column)
    return column.nbytes


def hash_into(sha: Any, column: Column) -> None:
    """Add the content of a column to a digest: of an array its bytes, of others how they are read and what is kept."""
    if isinstance(column, Pictures):
        _hash_pictures(sha, column)
        return
    if isinstance(column, Runs):
        sha.update(b"runs\n" + column.lengths.tobytes())
        column = column.codes.take(column.places)
    if isinstance(column, Ragged):
        sha.update(f"ragged {column.pad}\n".encode() + column.lengths.tobytes())
    for rows in chunks(column):
        sha.update(np.ascontiguousarray(rows).data)


def chunks(column: Column) -> Iterator[np.ndarray]:
    """What an array or pictures hold, and ragged examples without their padding, in pieces of about `CHUNK` bytes."""
    step = max(1, CHUNK * len(column) // max(1, column.nbytes))
    for start in range(0, len(column), step):
        if isinstance(column, Ragged):
            yield column.take(slice(start, start + step)).flat
        else:
            yield column[start : start + step]


def _hash_pictures(sha: Any, pictures: Pictures) -> None:
    sha.update(f"{pictures.look}\n".encode())
    for row in range(len(pictures)):
        content, _ = pictures.encoded(row)
        sha.update(len(content).to_bytes(8, "little"))
        sha.update(content)


def _save_ragged(folder: Path, files: tuple[str, str], column: Ragged) -> Ragged:
    """Write the values and the offsets of ragged examples to two `files`."""
    shape = (int(column.lengths.sum()), *column.values.shape[1:])
    values = _written(folder / files[0], column.dtype, shape, chunks(column))
    return Ragged(values, _save_offsets(folder / files[1], column), column.pad, column.longest)


def _save_offsets(path: Path, column: Ragged | Runs) -> np.ndarray:
    offsets = ends(column.lengths)
    np.save(path, offsets, allow_pickle=False)
    return offsets


def _written(path: Path, dtype: np.dtype, shape: tuple[int, ...], pieces: Iterable[np.ndarray]) -> np.ndarray:
    """The array that `pieces` make one after the other, on disk; never in memory as a whole."""
    array, start = np.lib.format.open_memmap(path, "w+", dtype, shape), 0
    for rows in pieces:
        array[start : start + len(rows)] = rows
        start += len(rows)
    array.flush()
    return array
