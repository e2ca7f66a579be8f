"""One probe: what it looks into handed to it network by network, and its tables into its folder."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from archbench.catalogue import Entry
from archbench.datasets.store import Prepared
from archbench.probes import SUBJECTS
from archbench.probes.subject import Subject
from archbench.records.probe_folder import write_probe
from archbench.training import machine

Trials = Mapping[str, Sequence[Mapping[str, Any]]]
"""Arm, or benchmark, -> the settings of a trial for each of its seeds."""


def run_probe(
    entry: Entry, settings: Mapping[str, Any], trials: Trials, data: Mapping[str, Prepared], runs: Path, folder: Path
) -> None:
    """Run a probe and write its folder.

    `settings` are those that the folder keeps, `trials` the networks that it looks into, `data` their data sets by the
    slugs; `runs` is the folder of the pipeline's runs. Raises `NoRun`.
    """
    start = time.perf_counter()
    precisions = dict.fromkeys(trial["precision"] for own in trials.values() for trial in own)
    facts = machine.describe(
        xla=keras.backend.backend() == "jax",
        xla_rule="probes do without, but on JAX",
        precision=", ".join(precisions) or "float32",
    )
    found = look(entry, settings, trials, data, runs)
    write_probe(folder, settings, facts, found, time.perf_counter() - start)


def look(
    entry: Entry, settings: Mapping[str, Any], trials: Trials, data: Mapping[str, Prepared], runs: Path
) -> dict[str, Any]:
    """What a probe finds, as `run_probe` writes it."""
    given = [_subjects(trials, data, runs, settings["trained"])] if SUBJECTS in entry.positional else []
    options = {name: value for name, value in settings["probe"].items() if name != "name"}
    return entry(*given, **options)


def _subjects(trials: Trials, data: Mapping[str, Prepared], runs: Path, trained: bool) -> Iterator[Subject]:
    """Every network of every seed, one after the other."""
    for arm, seeds in trials.items():
        yield from (Subject(arm, settings, data[settings["dataset"]], runs, trained) for settings in seeds)
