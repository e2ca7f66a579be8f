"""All that was read of a pipeline's folders: what every section of its report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from archbench.config import SingleNumber
from archbench.expected import Expected
from archbench.records.probe_folder import ProbeFolder, read_probe
from archbench.records.read import HalfWritten
from archbench.records.run_folder import BrokenRecord
from archbench.results.data_sets import DataSetHere
from archbench.results.durations import Duration, durations
from archbench.results.leaderboard import Board, boards
from archbench.results.reference import Reference, read_reference
from archbench.results.runs import Run, read_runs
from archbench.results.studies import Study, read_study

SPEED_COLUMNS = ("case", "backend", "ours", "baseline", "ratio", "unit", "n", "note", "machine")


@dataclass(frozen=True)
class Options:
    """What a report must know beyond what the folders hold."""

    title: str
    seeds: Mapping[str, Sequence[int]]
    """Benchmark -> the seeds it should have, so that a missing one is noticed."""
    study_seeds: Mapping[str, Sequence[int]]
    """Study -> the seeds that its final runs should have."""
    data: Mapping[str, str | None] = field(default_factory=dict)
    """Data set -> the digest of its content as params.yaml asks for it; None where it is prepared, but otherwise, so
    that no run is of it. One that is left out is not prepared here: what its runs were made on is not known."""
    data_sets: Mapping[str, DataSetHere] = field(default_factory=dict)
    """Data set of params.yaml -> what is known of it."""
    expected: Sequence[Expected] = ()
    """What params.yaml says that test scores will be."""
    probes: Mapping[str, Path] = field(default_factory=dict)
    """Probe -> its folder."""
    best: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Data set -> score -> what a human, or the Bayes rule, reaches."""
    single_number: Mapping[str, SingleNumber] = field(default_factory=dict)
    """Name -> a number that boards are ranked by too."""
    reference: Path | None = None
    """The folder of the report that comes with the project, which need not be there."""
    known: Path | None = None
    """The file of what an earlier report asked of catalogues, which need not be there; None: nothing is kept."""
    tracked: Mapping[str, str] = field(default_factory=dict)
    """A run's folder below the project -> the address of its page in MLflow."""


@dataclass(frozen=True)
class Results:
    """A pipeline as its folders tell of it."""

    pipeline: str
    options: Options
    runs: Sequence[Run]
    """Every seed of every benchmark, in the order of params.yaml, whatever became of it."""
    studies: Sequence[Study]
    """Those that can be shown."""
    gone: Mapping[str, tuple[str, str]]
    """Of every study, probe, table of speed or reference that cannot be shown: its state, and what is known of it."""
    speed: pd.DataFrame | None
    """The rows of speed.csv, where it was measured."""
    durations: Sequence[Duration]
    probes: Sequence[ProbeFolder] = ()
    """Those that can be shown."""
    reference: Reference | None = None
    """What the report that comes with the project says, where there is one."""

    @cached_property
    def boards(self) -> list[Board]:
        """One a data set and task."""
        return boards(self.runs)

    @property
    def expected(self) -> Sequence[Expected]:
        """What params.yaml says that test scores will be."""
        return self.options.expected

    @property
    def final_runs(self) -> list[Run]:
        """The runs of the best settings of all arms of all studies."""
        return [run for study in self.studies for arm in study.arms for run in arm.runs]

    def has(self, name: str) -> bool:
        """Whether the field `name` holds something."""
        value = getattr(self, name)
        return value is not None and len(value) > 0


def gather(
    pipeline: str, benchmarks: Sequence[str], studies: Sequence[str], runs: Path, studies_folder: Path, options: Options
) -> Results:
    """Read `runs`/<benchmark>/seed-<n> and `studies_folder`/<study>; what is damaged is named as that.

    `benchmarks` and `studies` say what should be there, in the order of params.yaml. `runs`/speed.csv is read where it
    exists.
    """
    known, gone = _read_studies(studies, studies_folder, options)
    probes, unseen = _read_probes(options)
    gone |= unseen
    try:
        speed = _read_speed(runs)
    except BrokenRecord as error:
        speed, gone["speed.csv"] = None, ("damaged", error.fault)
    try:
        reference = read_reference(options.reference / "tables") if options.reference else None
    except BrokenRecord as error:
        reference, gone["the reference"] = None, ("damaged", f"{error.path.name} {error.fault}")
    return Results(
        pipeline=pipeline,
        options=options,
        runs=gather_runs(runs, benchmarks, options),
        studies=known,
        gone=gone,
        speed=speed,
        durations=durations(runs, benchmarks, studies_folder, studies, damaged=[]),  # what is damaged is a gap
        probes=probes,
        reference=reference,
    )


def gather_runs(runs: Path, benchmarks: Sequence[str], options: Options) -> list[Run]:
    """The runs of `benchmarks`; those of other data than params.yaml asks for are `stale`."""
    read = read_runs(runs, {benchmark: options.seeds[benchmark] for benchmark in benchmarks})
    return [run if run.is_of(options.data) else replace(run, state="stale") for run in read]


def _read_studies(
    names: Sequence[str], folder: Path, options: Options
) -> tuple[list[Study], dict[str, tuple[str, str]]]:
    """The studies that can be shown, and of each of the others its state and what is known of it."""
    known, gone = [], {}
    for name in names:
        try:
            study = read_study(folder / name, name, options.study_seeds[name])
        except BrokenRecord as error:
            gone[name] = ("damaged", f"{error.path.name} {error.fault}")
            continue
        if study is None:
            gone[name] = ("missing", "no trials.csv: the sweep did not end")
        elif not all(run.is_of(options.data) for arm in study.arms for run in arm.runs):
            gone[name] = ("stale", f"made on other data than params.yaml asks for now: dvc repro sweep@{name}")
        else:
            known.append(study)
    return known, gone


def _read_probes(options: Options) -> tuple[list[ProbeFolder], dict[str, tuple[str, str]]]:
    """The probes that can be shown, and of each of the others its state and what is known of it."""
    known, gone = [], {}
    for name, folder in options.probes.items():
        try:
            probe = read_probe(folder)
        except BrokenRecord as error:
            gone[f"probe {name}"] = ("damaged", f"{error.path.name} {error.fault}")
        except HalfWritten:
            gone[f"probe {name}"] = ("missing", f"no tables: dvc repro probe@{name}")
        else:
            if all(options.data.get(slug, sha256) == sha256 for slug, sha256 in probe.settings["datasets"].items()):
                known.append(probe)
            else:
                stale = f"made on other data than params.yaml asks for now: dvc repro probe@{name}"
                gone[f"probe {name}"] = ("stale", stale)
    return known, gone


def _read_speed(runs: Path) -> pd.DataFrame | None:
    path = runs / "speed.csv"
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path)
    except ValueError as error:
        raise BrokenRecord(path, f"cannot be read ({error})", "archbench speed") from error
    if lacking := [name for name in SPEED_COLUMNS if name not in table]:
        raise BrokenRecord(path, f"has no column {', '.join(lacking)}", "archbench speed")
    return table
