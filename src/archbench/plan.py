"""From params.yaml to trials: every name looked up, every default filled in, every mistake found before work starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from archbench import code
from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import swapped_parts
from archbench.augmentations import AUGMENTATIONS
from archbench.catalogue import Catalogue, Entry
from archbench.config import Benchmark, Config, ConfigError, Study
from archbench.datasets import DATASETS
from archbench.errors import UserError
from archbench.optimizers import OPTIMIZERS
from archbench.parts import CATALOGUES, WrongParts
from archbench.preprocessing import PREPROCESSING
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.tasks import TASKS

SETTINGS_FROM_TRAINING = (
    "xla", "precision", "preprocessing", "augmentation", "optimizer", "schedule",
    "epochs", "batch_size", "clip", "early_stopping",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One benchmark with every setting resolved and every name checked."""

    pipeline: str
    slug: str
    settings: Mapping[str, Any]
    """All that decides the result, nested, but for the seed, the code and the data."""
    seeds: tuple[int, ...]

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """The catalogue entries this benchmark is made of."""
        settings = self.settings
        entries = {
            "architecture": ARCHITECTURES[settings["architecture"]["name"]],
            "task": TASKS[settings["task"]["name"]],
            "optimizer": OPTIMIZERS[settings["optimizer"]["name"]],
            "schedule": SCHEDULES[settings["schedule"]["name"]],
            "preprocessing": PREPROCESSING[settings["preprocessing"]["name"]],
        }
        for number, spec in enumerate(settings["augmentation"]):
            entries[f"augmentation {number}"] = AUGMENTATIONS[spec["name"]]
        architecture = entries["architecture"]
        if "parts" in architecture.options:
            parts = swapped_parts(architecture, settings["parts"])
            for part, catalogue in CATALOGUES.items():
                entries[part] = catalogue.resolve(getattr(parts, part))[0]
        return entries

    @cached_property
    def code_files(self) -> list:
        """The source files that the result depends on."""
        return code.files_of(["archbench.training.run", *(entry.module for entry in self.entries.values())])

    def trial_settings(self, seed: int, dataset_sha256: str) -> dict[str, Any]:
        """The settings of one seed, with their `id`: the hash of settings, code and data."""
        settings = {
            "pipeline": self.pipeline,
            "benchmark": self.slug,
            "seed": seed,
            **self.settings,
            "dataset_sha256": dataset_sha256,
            "code_sha256": code.digest(self.code_files),
        }
        return {"id": identify(settings), **settings}


def identify(settings: Any) -> str:
    """Sixteen hexadecimal digits that change with any setting."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def resolve_all(config: Config) -> dict[str, Plan]:
    """Every benchmark of `config`, checked; raises `ConfigError` naming the key of each mistake."""
    mistakes = list(_mistakes(config))
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return {slug: resolve(config, slug) for slug in config.benchmarks}


def resolve(config: Config, slug: str) -> Plan:
    """One benchmark, by its slug in params.yaml."""
    if slug not in config.benchmarks:
        raise ConfigError(f"params.yaml has no benchmark {slug!r}. It has: {', '.join(config.benchmarks) or 'none'}.")
    return resolve_benchmark(config, f"benchmarks.{slug}", slug, config.benchmarks[slug])


def resolve_benchmark(config: Config, where: str, slug: str, benchmark: Benchmark) -> Plan:
    """A benchmark that stands at the key `where`."""
    merged = {
        name: value if (value := getattr(benchmark, name)) is not None else getattr(config.training, name)
        for name in SETTINGS_FROM_TRAINING
    }
    checks = (
        ("optimizer", OPTIMIZERS, merged["optimizer"]),
        ("schedule", SCHEDULES, merged["schedule"]),
        ("preprocessing", PREPROCESSING, merged["preprocessing"]),
        *((f"augmentation.{n}", AUGMENTATIONS, named) for n, named in enumerate(merged["augmentation"])),
    )
    with _at(f"{where}.architecture"):
        architecture, options = ARCHITECTURES.resolve(benchmark.architecture.spec)
    for key, catalogue, named in checks:
        with _at(f"{where}.{key}"):
            catalogue.resolve(named.spec)
    with _at(f"{where}.schedule"):
        SCHEDULES.build(merged["schedule"].spec, Horizon(1000, merged["epochs"]))
    task = benchmark.task.spec if benchmark.task else {"name": architecture.facts["task"]}
    with _at(f"{where}.task"):
        TASKS.resolve(task)
    with _at(f"{where}.parts"):
        _check_parts(architecture, benchmark.parts.changes)
    if benchmark.dataset not in config.datasets:
        raise ConfigError(
            f"{where}.dataset: params.yaml has no data set {benchmark.dataset!r}. It has: {', '.join(config.datasets)}."
        )
    settings = {
        "architecture": {"name": architecture.name, **options},
        "scale": benchmark.scale,
        "dataset": benchmark.dataset,
        "task": task,
        "parts": benchmark.parts.changes,
        **{name: _plain(value) for name, value in merged.items()},
        "resident_megabytes": config.training.resident_megabytes,
        "steps_per_call": config.training.steps_per_call,
    }
    return Plan(config.pipeline, slug, settings, benchmark.seeds or config.seeds)


def arm_benchmark(study: Study, arm: str) -> Benchmark:
    """The base benchmark of a study with one arm's changes."""
    return study.base.model_copy(update={"optimizer": study.arms[arm].optimizer, "epochs": study.epochs})


def _mistakes(config: Config) -> Iterator[str]:
    for slug, named in config.datasets.items():
        yield from _caught(f"datasets.{slug}", DATASETS, named.spec)
    for slug in config.benchmarks:
        try:
            resolve(config, slug)
        except UserError as error:
            yield str(error)
    for slug, study in config.studies.items():
        for arm in study.arms:
            try:
                resolve_benchmark(config, f"studies.{slug}.base", slug, study.base)
                plan = resolve_benchmark(config, f"studies.{slug}.arms.{arm}", slug, arm_benchmark(study, arm))
                _check_space(f"studies.{slug}.arms.{arm}.space", plan.entries["optimizer"], study.arms[arm].space)
            except UserError as error:
                yield str(error)


def _caught(where: str, catalogue: Catalogue, spec: Mapping[str, Any]) -> Iterator[str]:
    try:
        catalogue.resolve(spec)
    except UserError as error:
        yield f"{where}: {error}"


def _check_parts(architecture: Entry, changes: Mapping[str, Any]) -> None:
    """Refuse a part that does not exist, or that this architecture has no place for."""
    if changes and "parts" not in architecture.options:
        raise WrongParts(f"{architecture.name} has no parts to swap, but was given {', '.join(changes)}.")
    if changes:
        swapped_parts(architecture, changes)


def _check_space(where: str, optimizer: Entry, space: Mapping[str, Any]) -> None:
    tunable = ("learning_rate", *optimizer.facts["numbers"])
    for number in space:
        if number not in tunable:
            raise ConfigError(
                f"{where}.{number}: {optimizer.name} has no number of this name to tune. It has: {', '.join(tunable)}."
            )


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Put the key's path in front of a user's error."""
    try:
        yield
    except UserError as error:
        raise ConfigError(f"{where}: {error}") from None


def _plain(value: Any) -> Any:
    """A config value as plain YAML: models become mappings, tuples lists."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else value
