"""How long stages take and what their models need on disk: from earlier runs where there are any, else estimated."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Literal

from archbench.architectures.network import outline
from archbench.architectures.parted import parts_of
from archbench.architectures.profile import Profile, profile
from archbench.asked import Asked
from archbench.cli.calibration import slowness
from archbench.cli.data import Data
from archbench.config import Config, ConfigError, Study
from archbench.errors import UserError
from archbench.project import Folders
from archbench.resolve import Plan, arm_benchmark, check_batch, resolve_benchmark, resolve_probe
from archbench.results.durations import FILE, durations, network, networks, read_durations
from archbench.results.machines import other_processors
from archbench.tasks import TASKS
from archbench.training import machine
from archbench.training.fitted import architecture_spec

LAYER_SECONDS = 0.094
"""Tracing, compiling and saving, for every layer of every run.

This and the next three: least squares, relative, over the 74 benchmarks of the full pipeline that train, on two cores
of an AMD EPYC; 84 % of them come out within a factor of 1.5, their sum at 0.87 of what it was.
"""
STEP_SECONDS = 3.9e-4
"""What any optimizer step costs beside its arithmetic."""
MULTIPLY_ADD_SECONDS = 1.2e-10
"""Of one core, forward and backward, for every multiply-add of an example."""
ACTIVATION_SECONDS = 2.4e-9
"""Of one core, for every byte of an example's activations: what reading and writing them costs."""
FORWARD_SHARE = 1 / 3
"""Of a step: what an example costs that is only scored, as each of the validation split is after every epoch."""
GPU_SPEEDUP = 100
"""An accelerator's arithmetic beside one core's."""
START_SECONDS = {"sources": 8.0, "prepare": 5.0, "train": 10.0, "sweep": 40.0, "probe": 15.0, "report": 60.0}
"""Imports and writing, which the seconds in a run folder do not hold; for `sources` and `report` all there is."""
PRUNED_SHARE = 0.7
"""What a study takes of its budget of epochs, as its pruner stops some of its trials."""
DOWNLOAD_BYTES_A_SECOND = 5e6
WEIGHT_BYTES = 4
CHECKPOINT_COPIES = 4
"""A checkpoint holds weights, best weights, and the optimizer's slots."""


@dataclass(frozen=True)
class Cost:
    """What a stage takes; `seconds` is None where nothing is known."""

    seconds: float | None
    basis: Literal["measured", "estimated", "unknown"]


UNKNOWN = Cost(None, "unknown")


class Forecast:
    """Costs of the stages of one pipeline on this machine."""

    def __init__(
        self, config: Config, folders: Folders, data: Mapping[str, Data], device_kind: str, asked: Asked | None = None
    ) -> None:
        self._config, self._folders, self._data = config, folders, data
        self._asked = asked or Asked()
        self._slowness = slowness()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._speedup = GPU_SPEEDUP if device_kind == "gpu" else cores
        self.damaged: list[str] = []
        """A line for every record that could not be measured by."""
        tables = folders.reference / "tables"
        elsewhere = other_processors(tables, machine.processor())
        here = durations(folders.runs, config.benchmarks, folders.studies, config.studies, self.damaged)
        self._measured = {
            **{one.stage: (one, self._slowness if elsewhere else 1.0) for one in read_durations(tables / FILE)},
            **{one.stage: (one, 1.0) for one in here},
        }

    def stage(self, name: str, plans: Mapping[str, Plan]) -> Cost:
        """The cost of a stage by its name in DVC."""
        kind, _, slug = name.partition("@")
        if kind == "prepare":
            return self._prepare(slug)
        if kind == "train":
            return self._train(plans[slug])
        if kind == "sweep":
            return self._sweep(slug, self._config.studies[slug])
        if kind == "probe":
            return self._probe(slug)
        return Cost(self._start(kind), "estimated")

    def _start(self, kind: str) -> float:
        return START_SECONDS[kind] * self._slowness

    def model_bytes(self, plan: Plan) -> int | None:
        """Disk for the models of all seeds, and for the checkpoint of the one that trains."""
        found = self._profile(f"benchmarks.{plan.slug}", plan)
        if found is None:
            return None
        size, _ = found
        return size.parameters_total * WEIGHT_BYTES * (len(plan.seeds) + CHECKPOINT_COPIES)

    def _prepare(self, slug: str) -> Cost:
        seconds = self._data[slug].download_bytes / DOWNLOAD_BYTES_A_SECOND
        return Cost(self._start("prepare") + seconds, "estimated")

    def _train(self, plan: Plan) -> Cost:
        epochs = plan.settings["epochs"] * len(plan.seeds)
        before, factor = self._measured.get(f"train@{plan.slug}", (None, 1.0))
        if before is not None and before.work and before.network == network(plan.settings):
            return Cost(self._start("train") + factor * before.seconds * epochs / before.work, "measured")
        work = self._seconds(f"benchmarks.{plan.slug}", plan, len(plan.seeds), epochs)
        return UNKNOWN if work is None else Cost(self._start("train") + work, "estimated")

    def _sweep(self, slug: str, study: Study) -> Cost:
        """All trials and the final runs of every arm, less what is pruned; workers share the cores."""
        plans = {
            arm: resolve_benchmark(self._config, f"studies.{slug}.arms.{arm}", slug, arm_benchmark(study, arm))
            for arm in study.arms
        }
        before, factor = self._measured.get(f"sweep@{slug}", (None, 1.0))
        same = networks(study, {arm: plan.settings for arm, plan in plans.items()})
        if before is not None and before.work and before.network == same:
            budget = len(study.arms) * study.trials * study.epochs
            seconds = factor * before.seconds * budget / before.work / study.workers
            return Cost(self._start("sweep") + seconds, "measured")
        total = 0.0
        for arm, plan in plans.items():
            epochs = study.epochs * (PRUNED_SHARE * study.trials + len(plan.seeds))
            work = self._seconds(f"studies.{slug}.arms.{arm}", plan, len(plan.seeds), epochs)
            if work is None:
                return UNKNOWN
            total += work
        return Cost(self._start("sweep") + total, "estimated")

    def _probe(self, slug: str) -> Cost:
        """A compilation for every network and seed, about, and what it trains; all else is little beside that."""
        total, asked = 0.0, resolve_probe(self._config, slug)
        options = {**asked.entry.options, **asked.options}
        trainings, epochs = options.get(asked.entry.facts.get("trainings"), 0), max(options.get("epochs", (0,)))
        for plan in asked.plans.values():
            found = self._profile(f"probes.{slug}", plan)
            if found is None:
                return UNKNOWN
            _, layers = found
            total += self._slowness * LAYER_SECONDS * layers * len(plan.seeds)
            if trainings or epochs:
                runs = len(plan.seeds) * (trainings or 1)
                total += self._seconds(f"probes.{slug}", plan, runs, runs * (epochs or plan.settings["epochs"])) or 0.0
        return Cost(self._start("probe") + total, "estimated")

    def _seconds(self, where: str, plan: Plan, runs: int, epochs: float) -> float | None:
        """Seconds of so many epochs in all, in so many runs that end with a model."""
        found = self._profile(where, plan)
        if found is None:
            return None
        size, layers = found
        card = self._data[plan.settings["dataset"]].card
        check_batch(where, plan.settings, {}, card)
        batch = plan.settings["batch_size"]
        steps = max(1, card.split_sizes["train"] // batch)
        arithmetic = MULTIPLY_ADD_SECONDS * size.multiply_adds + ACTIVATION_SECONDS * size.activation_bytes
        step = STEP_SECONDS + batch * arithmetic / self._speedup
        scoring = FORWARD_SHARE * card.split_sizes["validation"] * arithmetic / self._speedup
        return self._slowness * (LAYER_SECONDS * layers * runs + epochs * (steps * step + scoring))

    def _profile(self, where: str, plan: Plan) -> tuple[Profile, int] | None:
        """The network's cost on its data set, and its layers.

        Raises `ConfigError` for the key `where` if the two do not fit.
        """
        settings = plan.settings
        card = self._data[settings["dataset"]].card
        if card is None:
            return None
        spec = architecture_spec(settings, card)

        def ask() -> dict[str, Any]:
            task = TASKS.build(settings["task"], card)
            model = outline(spec, task.reads(), task.outputs(), settings["parts"])
            layers = sum(len(part.layers) for part in parts_of(model).values())
            return {"cost": asdict(profile(model, task.calls())), "layers": layers}

        decided = repr((spec, settings["task"], settings["parts"], card))
        try:
            told = self._asked.get(f"network {sha256(decided.encode()).hexdigest()}", ask)
        except UserError as error:
            raise ConfigError(f"{where} on {settings['dataset']}: {error}") from None
        return Profile(**told["cost"]), told["layers"]


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
