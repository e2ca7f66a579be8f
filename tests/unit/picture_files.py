"""Picture files of the true formats, made here, and published data sets served by HTTP."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from loopback import Answer, running, sha256, write_files
from PIL import Image

from archbench.datasets import DATASETS, _fetch


@contextmanager
def publishing(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Mapping[str, bytes]], Path]]:
    """A function that serves name -> bytes as the files of a data set and returns the folder of raw files."""
    list(DATASETS)  # the declarations read the real files.csv, so they come before it is exchanged
    patch.delenv(_fetch.MIRROR, raising=False)
    patch.setattr(_fetch, "FILES", folder / "files.csv")
    with running() as server:

        def serve(dataset: str, files: Mapping[str, bytes]) -> Path:
            rows = [
                (dataset, name, server.serve(f"/{name}", Answer(content)), len(content), sha256(content))
                for name, content in files.items()
            ]
            write_files(folder / "files.csv", rows)
            return folder / "raw"

        yield serve


def zipped(members: Mapping[str, bytes | str]) -> bytes:
    """A zip archive of name -> content."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def saved(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def plain(color: tuple[int, int, int], size: tuple[int, int] = (20, 16)) -> bytes:
    """A JPEG (width, height) of one color."""
    return saved(Image.new("RGB", size, color), quality=95)


def noise(seed: int, size: tuple[int, int] = (20, 16), kind: str = "JPEG") -> bytes:
    """A picture (width, height) of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return saved(Image.fromarray(pixels), kind)


def gray() -> bytes:
    return saved(Image.new("L", (20, 16), 77), quality=95)


def cmyk() -> bytes:
    """No ink of any color but a fifth of black: gray of about 204."""
    return saved(Image.new("CMYK", (20, 16), (0, 0, 0, 51)), quality=95)


def truncated() -> bytes:
    return noise(0, (64, 64))[:-700]


def png16(channels: int) -> bytes:
    """A PNG of 16 bits a value, gray (1) or color (3), written by hand: Pillow cannot write color ones."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + bytes(2 * channels * 20) for _ in range(16))
    header = struct.pack(">IIBBBBB", 20, 16, 16, 0 if channels == 1 else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
