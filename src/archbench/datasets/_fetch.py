"""Downloads: published files by checksum, from a mirror or from any of several addresses.

The files, their addresses, sizes, checksums and licences stand in `files.csv`, one row an address; the rows
of one file agree in all else, and a size that nobody published is empty. A data set that was published as a folder of
many files has a row in `registries.csv`, with the folder's address, and its files in `registries/<dataset>.csv`. A
checksum is written `sha256:...`, `md5:...` or `sha1:...`. `unpacked.csv` has the files inside of archives whose
checksums were published too: who has them needs no archive.

`ARCHBENCH_MIRROR` names a folder or an http(s) address that is asked first, laid out `<dataset>/<file>`.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pooch
import requests
from filelock import FileLock

from archbench.errors import UserError

FILES = Path(__file__).with_name("files.csv")
REGISTRIES = Path(__file__).with_name("registries")
UNPACKED = Path(__file__).with_name("unpacked.csv")
MANY = 20
"""More files than this are told of in one line."""
MOST = 1_000_000_000
"""Bytes that a file of unknown size may have."""
MIRROR = "ARCHBENCH_MIRROR"
AGENT = "Mozilla/5.0 (compatible; archbench)"
"""Some hosts refuse the name that Python gives itself."""


class FetchFailed(UserError):
    """A file that no address delivered whole."""


class WrongFile(UserError):
    """A file already there that is not the published one."""


class MirrorMissing(UserError):
    """`ARCHBENCH_MIRROR` names a folder that is not there."""


class _Refused(Exception):
    """One address failed; `again` where a second try may do."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True)
class Retry:
    """How often an address is asked, and how long the pauses are."""

    tries: int = 4
    wait_seconds: float = 1.0
    """Before the second try; doubled before each one after it."""
    timeout_seconds: float = 60.0
    """Without a byte, after which a try is given up."""


@dataclass(frozen=True)
class Published:
    """A file as its publisher describes it."""

    dataset: str
    name: str
    urls: tuple[str, ...]
    size: int | None
    """Bytes; None where nobody published how many."""
    hash: str
    licence: str
    source: str
    """Where size and checksum were read."""


def published(dataset: str) -> list[Published]:
    """The files of a data set, in the order of `files.csv` or of its registry."""
    rows = [row for row in _table(FILES) if row["dataset"] == dataset]
    if not rows:
        return _registered(dataset)
    names = dict.fromkeys(row["file"] for row in rows)
    return [_published([row for row in rows if row["file"] == name]) for name in names]


def _registered(dataset: str) -> list[Published]:
    """The files of a data set that was published as a folder; none where there is no registry of it."""
    return [
        Published(
            dataset,
            row["file"],
            (folder["url"] + row["file"],),
            int(row["bytes"]),
            row["hash"],
            folder["licence"],
            folder["source"],
        )
        for folder in _table(REGISTRIES.with_suffix(".csv"))
        if folder["dataset"] == dataset
        for row in _table(REGISTRIES / f"{dataset}.csv")
    ]


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _published(rows: list[dict[str, str]]) -> Published:
    first = rows[0]
    facts = {(row["bytes"], row["hash"], row["licence"]) for row in rows}
    if len(facts) != 1:
        raise ValueError(f"files.csv disagrees with itself about {first['dataset']}/{first['file']}: {facts}")
    return Published(
        first["dataset"],
        first["file"],
        tuple(row["url"] for row in rows),
        int(first["bytes"]) if first["bytes"] else None,
        first["hash"],
        first["licence"],
        first["source"],
    )


def facts(dataset: str) -> dict[str, object]:
    """What a downloaded data set declares: `kind`, `licence` and `bytes`, the known size of its files."""
    files = published(dataset)
    return {"kind": "download", "licence": files[0].licence, "bytes": sum(file.size or 0 for file in files)}


def fetch(dataset: str, raw: Path, *, only: Container[str] | None = None, retry: Retry = Retry()) -> dict[str, Path]:
    """Name -> path of every file of `dataset`, or of those in `only`, each verified, kept in `raw`/`dataset`.

    A file appears under its name only when its checksum agrees, so a run that was killed leaves nothing that
    could be taken for it. Raises `FetchFailed`, `WrongFile` or `MirrorMissing`.
    """
    wanted = [file for file in published(dataset) if only is None or file.name in only]
    missing = [file for file in wanted if not (raw / dataset / file.name).exists()]
    if len(missing) > MANY:
        size = _size(sum(file.size or 0 for file in missing))
        say(f"{dataset}: {len(missing)} files, {size}, licence: {missing[0].licence}")
    for file in missing if len(missing) <= MANY else ():
        say(f"{dataset}/{file.name}: {_size(file.size)}, licence: {file.licence}")
    return {file.name: _one(file, raw / dataset / file.name, retry) for file in wanted}


def unpacked(dataset: str, raw: Path) -> dict[str, Path] | None:
    """Name -> path of the files of an archive, in `raw`/`dataset`, if all of them lie there or in the mirror's folder.

    They are the published ones, as those of `fetch` are. None where any is missing.
    """
    files = [
        Published(row["dataset"], row["file"], (), int(row["bytes"]), row["hash"], row["licence"], row["source"])
        for row in _table(UNPACKED)
        if row["dataset"] == dataset
    ]
    mirror = os.environ.get(MIRROR, "")
    places = [raw] if not mirror or mirror.startswith(("http://", "https://")) else [raw, Path(mirror)]
    if not all(any((place / dataset / file.name).is_file() for place in places) for file in files):
        return None
    return {file.name: _one(file, raw / dataset / file.name, Retry()) for file in files}


def _one(file: Published, path: Path, retry: Retry) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):  # two stages may want one file at the same time
        if not path.exists():
            part = path.with_name(f"{path.name}.part")
            _from_anywhere(file, part, retry)
            os.replace(part, path)
        elif (found := _digest(path, file)) != file.hash:
            raise WrongFile(
                f"{path} is not the published {file.name}: its checksum is {found}, published is {file.hash}. "
                f"It may be damaged, or another file of the same name. Delete it to have it downloaded again: rm {path}"
            )
    return path


def _from_anywhere(file: Published, part: Path, retry: Retry) -> None:
    """Write the verified file to `part` from the first address that delivers it."""
    tried: list[str] = []
    for address in _addresses(file):
        try:
            _from(address, file, part, retry)
            return
        except _Refused as refusal:
            part.unlink(missing_ok=True)
            tried.append(f"{address}: {refusal}")
            say(f"  {tried[-1]}")
    raise FetchFailed(
        f"{file.dataset}/{file.name} could not be fetched. Tried:\n  " + "\n  ".join(tried) + "\n"
        f"It would do to try again later, to put the file ({_size(file.size)}, {file.hash}) at {part.with_suffix('')} "
        f"yourself, or to set {MIRROR} to a folder or address that holds {file.dataset}/{file.name}."
    )


def _addresses(file: Published) -> Iterator[str | Path]:
    """The mirror's copy first, then the published addresses."""
    mirror = os.environ.get(MIRROR, "")
    if mirror.startswith(("http://", "https://")):
        yield f"{mirror.rstrip('/')}/{file.dataset}/{file.name}"
    elif mirror:
        if not Path(mirror).is_dir():
            raise MirrorMissing(
                f"{MIRROR} is {mirror!r}, which is no folder and no http(s) address. Set it to one that holds "
                f"{file.dataset}/{file.name}, or unset it: unset {MIRROR}"
            )
        if (copy := Path(mirror) / file.dataset / file.name).is_file():
            yield copy
    yield from file.urls


def _from(address: str | Path, file: Published, part: Path, retry: Retry) -> None:
    """Try one address until it delivers, its failure is final, or the tries are spent."""
    for attempt in range(1, retry.tries + 1):
        try:
            with part.open("wb") as stream:
                if isinstance(address, Path):
                    _copy(address, stream)
                else:
                    _download(address, _Bounded(stream, file.size or MOST), retry.timeout_seconds)
            _verify(part, file)
            return
        except _Refused as refusal:
            if not refusal.again or attempt == retry.tries or isinstance(address, Path):
                times = "" if attempt == 1 else f" ({attempt} tries)"
                raise _Refused(f"{refusal}{times}", again=False) from refusal
            time.sleep(retry.wait_seconds * 2 ** (attempt - 1))


def _copy(path: Path, stream: BinaryIO) -> None:
    with path.open("rb") as original:
        shutil.copyfileobj(original, stream)


class _Bounded:
    """A file that refuses to grow past the size its publisher gave, or past any that it may have."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream, self._left, self._limit = stream, limit, limit

    def write(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        if self._left < 0:
            raise _Refused(f"it sent more than {self._limit} bytes", again=False)
        self._stream.write(chunk)

    def flush(self) -> None:
        self._stream.flush()


def _download(url: str, stream: _Bounded, timeout: float) -> None:
    get = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=1 << 16,
        timeout=timeout,
        headers={"User-Agent": AGENT, "Accept-Encoding": "identity"},  # else a .gz may arrive decompressed
    )
    try:
        get(url, stream, None)
    except requests.HTTPError as error:
        status = error.response.status_code
        again = status >= 500 or status in (408, 429)
        raise _Refused(f"the server answered {status} {error.response.reason}", again=again) from error
    except requests.Timeout as error:
        raise _Refused(f"no answer within {timeout:g} seconds", again=True) from error
    except requests.RequestException as error:
        raise _Refused(f"the connection failed ({_cause(error)})", again=True) from error


def _cause(error: BaseException) -> str:
    """The innermost message of a chain of network errors."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__


def _verify(part: Path, file: Published) -> None:
    found = part.stat().st_size
    if found < (file.size or 0):
        raise _Refused(f"truncated, {found} of {file.size} bytes came", again=True)
    if (digest := _digest(part, file)) != file.hash:
        raise _Refused(f"wrong checksum, {digest} instead of {file.hash}", again=False)


def _digest(path: Path, file: Published) -> str:
    algorithm = file.hash.partition(":")[0]
    return f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"


def _size(count: int | None) -> str:
    if count is None:
        return "of a size that was not published"
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count} bytes"


def say(line: str) -> None:
    """Tell the user what takes time, where the results of a command are not."""
    print(line, file=sys.stderr, flush=True)
