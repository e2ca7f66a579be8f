"""Bundles: runs, studies and probes of a pipeline in one file, and their way into the folders of another machine.

A zip file of the folders as they stand in the project, and last `bundle.json`, which gives size and SHA-256 of each
file. What a bundle names is all that is ever read of it, by names that cannot lead out of the project, and no further
than the size that is given; what it holds otherwise is a fault. All is unpacked beside the folders that it is for, held
against its digests and read by those who read records, and only then put in its place, a run at a time, by a rename.
"""

from __future__ import annotations

import errno
import hashlib
import json
import lzma
import os
import re
import shutil
import struct
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from archbench.config import SLUG
from archbench.errors import UserError, listed, shown, together
from archbench.locks import only_writer
from archbench.records.folders import KINDS, folders_below, kind_of, named_below
from archbench.records.probe_folder import read_probe
from archbench.records.read import HalfWritten, read_run, read_study, read_whole
from archbench.records.run_folder import (
    UNREADABLE,
    WEIGHTS,
    BrokenRecord,
    digest_of,
    read_metrics,
    read_record,
    remove,
    written_whole,
)
from archbench.records.shapes import BUNDLE, SETTINGS, misfit
from archbench.records.summary import write_summary

FORMAT = "archbench bundle 1"
CONTENTS = "bundle.json"
CONTENTS_BYTES = 64 * 2**20
"""Of that file: it has a line of 150 bytes a file."""
TEXT_BYTES = {".yaml": 2**20, ".json": 2**26}
"""More than any record of these has, and no more than their readers take in seconds."""
MOST_CHARACTERS = 1_000
"""Of the name of a file."""
CHUNK = 2**20
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every member: the same runs make the same bundle."""
STAGING = ".merge.tmp"
"""Where a merge unpacks, beside the folders of benchmarks, studies or probes."""
JOURNAL = ".journal"
"""What stands behind a study's name in that of the file of its trials, which lies beside its folder."""
LEFT_BEHIND = ("checkpoint.npz",)
FILE = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
"""What files are called: never hidden, nor a way out of their folder."""
UNZIPPABLE = (*UNREADABLE, OSError, lzma.LZMAError, struct.error)
"""What reading a zip file raises that is none, or not whole."""


class NoBundle(UserError):
    """A file that is no bundle, or not as it was written."""


class NothingToBundle(UserError):
    """A pipeline of which nothing has ended."""


class ForeignBundle(UserError):
    """A bundle of another pipeline."""


class Conflict(UserError):
    """Runs that are here and in a bundle, and are not the same."""


class NoRoom(UserError):
    """A bundle that the disk cannot hold."""


@dataclass
class Written:
    """What a bundle was made of."""

    path: Path
    packed: list[str] = field(default_factory=list)
    """The folders below the project: `runs/tour/lenet5-digits/seed-0`, `studies/tour/optimizers`."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Those that are not in it, each with the reason."""


@dataclass
class Merged:
    """What became of what bundles hold."""

    added: list[str] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)
    """Those that were here without their weights."""
    known: list[str] = field(default_factory=list)
    """Those that are here as they are in the bundle."""
    kept: list[str] = field(default_factory=list)
    """Those that are here otherwise and stay so, each with what differs."""
    weightless: list[str] = field(default_factory=list)
    """Runs of them that still have no weights here."""


def write_bundle(root: Path, pipeline: str, path: Path, *, models: bool) -> Written:
    """Pack all that ended of a pipeline of the project at `root` into the file `path`; the weights where asked for."""
    written, files = Written(path), {}
    with written_whole(path, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for folder in _units(root, pipeline):
            name = folder.relative_to(root).as_posix()
            if reason := unfit(folder):
                written.left_out[name] = reason
                continue
            own = _files(folder, models)
            before = _looks(own)
            files |= {one.relative_to(root).as_posix(): _pack(packed, one, root) for one in own}
            if _looks(own) != before:
                raise Conflict(f"{folder} was written while it was packed. Run the command again.")
            written.packed.append(name)
        if not written.packed:
            left = "; ".join(f"{name} {reason}" for name, reason in written.left_out.items())
            raise NothingToBundle(
                f"Nothing of the pipeline {pipeline!r} has ended{f' ({left})' if left else ''}. Run: archbench run"
            )
        contents = json.dumps({"format": FORMAT, "pipeline": pipeline, "files": files}, indent=0)
        packed.writestr(_member(CONTENTS), contents)
    return written


def _units(root: Path, pipeline: str) -> list[Path]:
    """What is whole by itself: every seed of every benchmark, every study and every probe."""
    below = [folder for kind in KINDS for folder in named_below(root / kind / pipeline)]
    return [unit for one in below for unit in (folders_below(one) if kind_of(one) == "runs" else [one])]


def unfit(folder: Path) -> str | None:
    """Why the folder of a run, study or probe is not one that ended and is whole; None where it is."""
    try:
        if kind_of(folder) == "studies":
            read_study(folder)
            runs = sorted(folder.glob("final/*/seed-*/"))
        else:
            runs = [folder] if kind_of(folder.parent) == "runs" else []
            if not runs:
                read_probe(folder)
        ended = [*map(read_whole, runs)]
    except HalfWritten:
        return "has not ended"
    except BrokenRecord as error:
        return f"is damaged: {error.path.name} {error.fault}"
    whole = (folder / "metrics.json").is_file() and all(run.metrics is not None for run in ended)
    return None if whole else "has not ended"


def _files(folder: Path, models: bool) -> list[Path]:
    """The files of a unit that are packed, those of a study with its trials."""
    skipped = (*LEFT_BEHIND, *(() if models else (WEIGHTS,)))
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in skipped]
    journal = folder.with_name(folder.name + JOURNAL)
    whole = [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    return [journal, *whole] if kind_of(folder) == "studies" and journal.is_file() else whole


def _looks(files: Collection[Path]) -> list[tuple[int, int]]:
    return [(found.st_size, found.st_mtime_ns) for found in (path.stat() for path in files)]


def _pack(packed: zipfile.ZipFile, path: Path, root: Path) -> dict[str, Any]:
    """Add a file, and tell its size and digest."""
    size, total = 0, hashlib.sha256()
    with open(path, "rb") as file, packed.open(_member(path.relative_to(root).as_posix()), "w") as member:
        while chunk := file.read(CHUNK):
            member.write(chunk)
            total.update(chunk)
            size += len(chunk)
    return {"bytes": size, "sha256": total.hexdigest()}


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return info


class Bundle:
    """A bundle that is there to be read; a context manager. Raises `NoBundle`, then and later."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._reading():
            self._zip = zipfile.ZipFile(path)
        try:
            self._take(self._contents())
        except NoBundle:
            self._zip.close()
            raise

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def fault(self, what: str) -> NoBundle:
        """The error to raise for this bundle."""
        return NoBundle(f"{self.path} is no bundle as archbench writes it: {what}. Nothing was merged. Fetch it anew.")

    def copy(self, name: str, target: Path) -> None:
        """Write the file `name` to `target`, held against its size and digest."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "xb") as file:
            for chunk in self._chunks(name, self.files[name]["bytes"]):
                file.write(chunk)
        if self.files[name] != {"bytes": target.stat().st_size, "sha256": digest_of(target)}:
            raise self.fault(f"{name} in it is not what was packed")

    def _chunks(self, name: str, most: int) -> Iterator[bytes]:
        """The content of a file, no more than a byte beyond `most`."""
        left = most + 1
        with self._reading(), self._zip.open(name) as content:
            while left and (chunk := content.read(min(CHUNK, left))):
                yield chunk
                left -= len(chunk)

    def _contents(self) -> dict[str, Any]:
        content = b"".join(self._chunks(CONTENTS, CONTENTS_BYTES))
        if len(content) > CONTENTS_BYTES:
            raise self.fault(f"its {CONTENTS} is longer than any")
        with self._reading():
            contents = json.loads(content)
        if fault := misfit(contents, BUNDLE, CONTENTS):
            raise self.fault(fault)
        if contents["format"] != FORMAT:
            raise self.fault(f"its format is {shown(contents['format'])}, and this archbench reads {FORMAT!r}")
        return contents

    def _take(self, contents: Mapping[str, Any]) -> None:
        """Check the names and sizes that `bundle.json` gives, and keep them."""
        self.pipeline: str = contents["pipeline"]
        self.files: dict[str, dict[str, Any]] = contents["files"]
        self.units: dict[str, list[str]] = {}
        """Folder of a run, study or probe -> its files, by their names below the project."""
        one = f"{re.escape(self.pipeline)}/{SLUG.pattern}"
        unit = f"(?P<unit>runs/{one}/seed-[0-9]{{1,9}}|(?:studies|probes)/{one})(?:/{FILE}){{1,4}}"
        known = re.compile(f"{unit}|(?P<study>studies/{one}){re.escape(JOURNAL)}")
        for name, written in self.files.items():
            found = known.fullmatch(name)
            if not found or len(name) > MOST_CHARACTERS:
                raise self.fault(f"{shown(name)} in it is no file of a run, study or probe of {shown(self.pipeline)}")
            if not 0 <= written["bytes"] <= TEXT_BYTES.get(Path(name).suffix, written["bytes"]):
                raise self.fault(f"{shown(name)} in it is said to have {written['bytes']} bytes")
            self.units.setdefault(found["unit"] or found["study"], []).append(name)
        folders = {str(folder) for name in self.files for folder in PurePosixPath(name).parents}
        if both := folders & self.files.keys():
            raise self.fault(f"{listed(sorted(both))} in it is a file and a folder")
        if strangers := set(self._zip.namelist()) - {CONTENTS, *self.files}:
            raise self.fault(f"it holds what its {CONTENTS} does not name: {listed(map(shown, sorted(strangers)))}")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except UNZIPPABLE as error:
            raise self.fault(f"it cannot be read ({(str(error) or type(error).__name__).splitlines()[0]})") from error


def merge_bundles(root: Path, pipeline: str, paths: Sequence[Path], *, keep_ours: bool = False) -> Merged:
    """Add what the bundles at `paths` hold to the runs, studies and probes of a pipeline of the project at `root`.

    All or nothing is found fit before anything is moved: raises `NoBundle`, `ForeignBundle`, `NoRoom`, and `Conflict`
    where something is here and differs, unless that is to be kept. Every run, study and probe then comes whole, by a
    rename; a merge that is stopped leaves out some of them, and the same command adds those.
    """
    with ExitStack() as stack:
        bundles = [stack.enter_context(Bundle(path)) for path in paths]
        for bundle in bundles:
            if bundle.pipeline != pipeline:
                raise ForeignBundle(
                    f"{bundle.path} is of the pipeline {shown(bundle.pipeline)}, and params.yaml here is of "
                    f"{pipeline!r}. Run the command beside the params.yaml of that pipeline."
                )
        stack.enter_context(only_writer(root / "runs" / pipeline / "merge", "merge"))
        merging = _Merging(root, pipeline, keep_ours)
        for bundle in bundles:
            merging.look_at(bundle)
        return merging.finish()


class _Merging:
    """One merge: what is to be done is gathered first, then unpacked and checked, then put in its place."""

    def __init__(self, root: Path, pipeline: str, keep_ours: bool) -> None:
        self._root, self._pipeline, self._keep_ours = root, pipeline, keep_ours
        self._merged = Merged()
        self._sources: dict[str, Bundle] = {}
        """File that is to come -> the bundle with it."""
        self._new: dict[str, Bundle] = {}
        """Unit that is not here -> the first bundle with it."""
        self._units: dict[str, None] = {}
        """All that the bundles hold, but for what is kept as it is here."""
        self._conflicts: list[str] = []

    def look_at(self, bundle: Bundle) -> None:
        """Sort what a bundle holds into what is to come, what is known, and what is in conflict."""
        for unit, names in bundle.units.items():
            fresh = unit in self._new or not self._occupied(unit)
            here = {name: digest for name in names if (digest := self._digest(name)) is not None}
            if not fresh:  # a sweep writes there whenever it is asked whether it is finished
                here = {name: bundle.files[name]["sha256"] if name.endswith(JOURNAL) else here[name] for name in here}
            differing = [name for name in here if here[name] != bundle.files[name]["sha256"]]
            lacking = [name for name in names if name not in here]
            whole = fresh and unit not in self._new
            if differing or not (whole or all(map(_may_lack, lacking))):
                self._conflicts.append(f"{unit} {self._difference(unit, differing)}")
                continue
            self._units[unit] = None
            if fresh:
                self._new.setdefault(unit, bundle)
            elif lacking:
                self._check_weights(bundle, lacking)
                self._merged.completed.append(unit)
            else:
                self._merged.known.append(unit)
            self._sources |= dict.fromkeys(lacking, bundle)

    def finish(self) -> Merged:
        """Do it."""
        if self._conflicts and not self._keep_ours:
            raise Conflict(
                f"Nothing was merged, for these are here and differ:\n{together(self._conflicts)}\n"
                "To keep them and take the rest: archbench merge --keep-ours. To take the bundle's: rm -r those first."
            )
        self._merged.kept = self._conflicts
        self._check_room()
        try:
            self._unpack()
            for unit in self._units:
                self._place(unit)
        finally:
            for folder in map(self._staging, KINDS):
                shutil.rmtree(folder, ignore_errors=True)
        self._sum_up()
        self._merged.added = list(self._new)
        self._merged.weightless = [unit for unit in self._units if self._lacks_weights(unit)]
        return self._merged

    def _occupied(self, unit: str) -> bool:
        folder = self._root / unit
        return folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))

    def _digest(self, name: str) -> str | None:
        """Of a file as it will be here, as far as it is known; None where there is none."""
        if name in self._sources:
            return self._sources[name].files[name]["sha256"]
        path = self._root / name
        return digest_of(path) if path.is_file() else None

    def _difference(self, unit: str, differing: Sequence[str]) -> str:
        """In words what is otherwise here."""
        names = [name.removeprefix(f"{unit}/") for name in differing]
        if "settings.yaml" in names:
            return "is of other settings, code or data"
        if unit not in self._new and not (self._root / unit / "metrics.json").is_file():
            return "has not ended here"
        return f"is the same trial with other files: {listed(names, 'some are missing')}"

    def _check_weights(self, bundle: Bundle, lacking: Sequence[str]) -> None:
        """Weights for a run that is here must be those that its metrics.json names."""
        for name in lacking:
            path = self._root / name
            if path.name == WEIGHTS:
                meant = read_metrics(path.parent)["files"].get(WEIGHTS)
                if meant != bundle.files[name]:
                    raise bundle.fault(f"{name} in it is not the model of that run")

    def _check_room(self) -> None:
        """Raise `NoRoom` where a disk cannot hold what is to be unpacked there: also where sizes are made up."""
        for kind in KINDS:
            needed = sum(
                source.files[name]["bytes"] for name, source in self._sources.items() if name.startswith(f"{kind}/")
            )
            place = next(one for one in (self._root / kind, self._root) if one.exists())
            if needed > (free := shutil.disk_usage(place).free):
                raise NoRoom(
                    f"The {kind} of these bundles take {needed:,} bytes, and {place} has {free:,} free. Nothing was "
                    "merged. Make room, or merge bundles without --models."
                )

    def _staging(self, kind: str) -> Path:
        return self._root / kind / self._pipeline / STAGING

    def _staged(self, name: str) -> Path:
        return self._staging(name.partition("/")[0]) / name

    def _unpack(self) -> None:
        """All files that are to come, and of whole folders what their readers say of them."""
        for folder in map(self._staging, KINDS):
            remove(folder)  # of a merge that was killed
        for name, bundle in self._sources.items():
            bundle.copy(name, self._staged(name))
        for unit, bundle in self._new.items():
            if fault := unfit(self._staged(unit)):
                raise bundle.fault(f"{unit} in it {fault}")
            if unit.startswith("runs/") and (lie := self._lie(unit)):
                raise bundle.fault(f"{unit} in it is the run of {lie}")

    def _lie(self, unit: str) -> str | None:
        """What a run's settings say it is, where that is another than its folder says."""
        settings = read_record(self._staged(unit) / "settings.yaml", SETTINGS)
        meant = f"runs/{settings['pipeline']}/{settings['benchmark']}/seed-{settings['seed']}"
        return shown(meant) if meant != unit else None

    def _place(self, unit: str) -> None:
        coming = [name for name in self._sources if name.startswith((f"{unit}/", f"{unit}{JOURNAL}"))]
        kind, pipeline, slug = unit.split("/")[:3]
        with only_writer(self._root / kind / pipeline / slug, "merge"):
            if unit in self._new:
                coming = [name for name in coming if name.endswith(JOURNAL)]
            for name in coming:
                os.rename(self._staged(name), self._root / name)
            if unit in self._new:
                (self._root / unit).parent.mkdir(parents=True, exist_ok=True)
                try:
                    os.rename(self._staged(unit), self._root / unit)
                except OSError as error:
                    if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                        raise
                    raise Conflict(f"{unit} was written here meanwhile. Run the command again.") from None

    def _sum_up(self) -> None:
        """What the seeds of each benchmark come to, where all that are here have ended."""
        for folder in {(self._root / unit).parent for unit in self._units if unit.startswith("runs/")}:
            with only_writer(folder, "merge"), suppress(BrokenRecord, FileNotFoundError):
                write_summary(folder, folders_below(folder))

    def _lacks_weights(self, unit: str) -> bool:
        folder = self._root / unit
        runs = [folder] if unit.startswith("runs/") else folder.glob("final/*/seed-*/")
        return any(not read_run(run, digests=False).has_weights for run in runs)


def _may_lack(name: str) -> bool:
    return name.endswith((f"/{WEIGHTS}", JOURNAL))
