"""How long stages take and what their models need on disk: from earlier runs where there are any, else estimated."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from archbench.architectures.network import outline
from archbench.architectures.profile import Profile, profile
from archbench.cli.data import Data
from archbench.config import Config, ConfigError, Study
from archbench.errors import UserError
from archbench.plan import Plan, arm_benchmark, check_batch, resolve_benchmark
from archbench.project import Folders
from archbench.tasks import TASKS
from archbench.tracking.run_folder import read_json
from archbench.training.fitted import architecture_spec

MULTIPLY_ADDS_A_SECOND = {"cpu": 5e9, "gpu": 5e12}
"""Of one CPU core, or of an accelerator: a rate that small networks reach and large ones exceed."""
PASSES = 3
"""A training step costs as much as three forward passes."""
STEP_SECONDS = 1e-3
"""What any optimizer step costs beside its arithmetic."""
START_SECONDS = {"sources": 1.0, "prepare": 3.0, "train": 30.0, "sweep": 60.0, "speed": 600.0, "report": 30.0}
"""Imports, compilation and writing; for `speed` and `report` all there is."""
IMPORT_SECONDS = 6.0
"""What a process takes before its work starts; the seconds in a run folder do not hold it."""
DOWNLOAD_BYTES_A_SECOND = 5e6
WEIGHT_BYTES = 4
CHECKPOINT_COPIES = 4
"""A checkpoint holds weights, best weights, and the optimizer's slots."""
SAME = ("architecture", "dataset", "batch_size", "parts", "precision")
"""Settings in which an earlier run must agree for its seconds to be a measure."""


@dataclass(frozen=True)
class Cost:
    """What a stage takes; `seconds` is None where nothing is known."""

    seconds: float | None
    basis: Literal["measured", "estimated", "unknown"]


UNKNOWN = Cost(None, "unknown")


class Forecast:
    """Costs of the stages of one pipeline on this machine."""

    def __init__(self, config: Config, folders: Folders, data: Mapping[str, Data], device_kind: str) -> None:
        self._config, self._folders, self._data = config, folders, data
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._rate = MULTIPLY_ADDS_A_SECOND[device_kind] * (cores if device_kind == "cpu" else 1)
        self._profiles: dict[str, Profile] = {}

    def stage(self, name: str, plans: Mapping[str, Plan]) -> Cost:
        """The cost of a stage by its name in DVC."""
        kind, _, slug = name.partition("@")
        if kind == "prepare":
            return self._prepare(slug)
        if kind == "train":
            return self._train(plans[slug])
        if kind == "sweep":
            return self._sweep(slug, self._config.studies[slug])
        return Cost(START_SECONDS[kind.partition("-")[0]], "estimated")

    def model_bytes(self, plan: Plan) -> int | None:
        """Disk for the models of all seeds, and for the checkpoint of the one that trains."""
        size = self._profile(plan)
        if size is None:
            return None
        return size.parameters_total * WEIGHT_BYTES * (len(plan.seeds) + CHECKPOINT_COPIES)

    def _prepare(self, slug: str) -> Cost:
        seconds = self._data[slug].download_bytes / DOWNLOAD_BYTES_A_SECOND
        return Cost(START_SECONDS["prepare"] + seconds, "estimated")

    def _train(self, plan: Plan) -> Cost:
        epochs = plan.settings["epochs"] * len(plan.seeds)
        measured = _seconds_an_epoch(self._folders.runs / plan.slug, plan.settings)
        if measured is not None:
            return Cost(IMPORT_SECONDS + measured * epochs, "measured")
        work = self._seconds(plan, epochs)
        return UNKNOWN if work is None else Cost(START_SECONDS["train"] + work, "estimated")

    def _sweep(self, slug: str, study: Study) -> Cost:
        """All trials, as if none were pruned, and the final runs of every arm."""
        measured = _study_seconds(self._folders.studies / slug, study)
        if measured is not None:
            return Cost(measured, "measured")
        total = START_SECONDS["sweep"]
        for arm in study.arms:
            where = f"studies.{slug}.arms.{arm}"
            plan = resolve_benchmark(self._config, where, slug, arm_benchmark(study, arm))
            work = self._seconds(plan, study.epochs * (study.trials + len(plan.seeds)))
            if work is None:
                return UNKNOWN
            total += work
        return Cost(total, "estimated")

    def _seconds(self, plan: Plan, epochs: int) -> float | None:
        size = self._profile(plan)
        if size is None:
            return None
        card = self._data[plan.settings["dataset"]].card
        check_batch(plan.slug, plan.settings, {}, card)
        examples = card.split_sizes["train"]
        steps = max(1, examples // plan.settings["batch_size"])
        return epochs * (PASSES * size.multiply_adds * examples / self._rate + steps * STEP_SECONDS)

    def _profile(self, plan: Plan) -> Profile | None:
        """The network's cost on its data set; raises `ConfigError` where the two do not fit."""
        settings = plan.settings
        card = self._data[settings["dataset"]].card
        if card is None:
            return None
        try:
            outputs = TASKS.build(settings["task"], card).outputs()
            spec = architecture_spec(settings, card)
            key = repr((spec, settings["parts"], card.input_shape, outputs))
            if key not in self._profiles:
                model = outline(spec, card.input_shape, outputs, settings["parts"])
                self._profiles[key] = profile(model)
        except UserError as error:
            raise ConfigError(f"{plan.slug} on {settings['dataset']}: {error}") from None
        return self._profiles[key]


def _seconds_an_epoch(folder: Path, settings: Mapping[str, Any]) -> float | None:
    """The mean over finished seeds of the same network, data and batch; None where there is none."""
    found = []
    for path in sorted(folder.glob("seed-*/metrics.json")):
        metrics = read_json(path)
        before = yaml.safe_load(path.with_name("settings.yaml").read_text(encoding="utf-8"))
        if metrics["state"] == "finished" and all(before[name] == settings[name] for name in SAME):
            timings = read_json(path.with_name("timings.json"))
            found.append(timings["total_seconds"] / metrics["epochs_run"])
    return sum(found) / len(found) if found else None


def _study_seconds(folder: Path, study: Study) -> float | None:
    """Seconds of the trials and final runs of the study as it ran before, for the budget it has now."""
    if not (folder / "metrics.json").is_file():
        return None
    before = yaml.safe_load((folder / "settings.yaml").read_text(encoding="utf-8"))
    with (folder / "trials.csv").open(newline="", encoding="utf-8") as file:
        trials = [float(row["seconds"]) for row in csv.DictReader(file) if row["seconds"]]
    finals = [read_json(path)["total_seconds"] for path in folder.glob("final/*/seed-*/timings.json")]
    budget = len(study.arms) * study.trials * study.epochs
    spent = len(before["arms"]) * before["trials"] * before["epochs"]
    return START_SECONDS["sweep"] + (sum(trials) + sum(finals)) * budget / spent / study.workers


def small_spaces(config: Config) -> list[dict[str, Any]]:
    """The arms that have fewer distinct points than trials, with both numbers."""
    from archbench.sweeps.space import distinct_points  # brings Optuna with it

    found = []
    for slug, study in config.studies.items():
        for name, arm in study.arms.items():
            points = distinct_points(study.space_of(name), arm.sampler or study.sampler, study.trials)
            if points < study.trials:
                found.append({"arm": f"{slug}/{name}", "points": points, "trials": study.trials})
    return found
