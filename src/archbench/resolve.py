"""From params.yaml to trials: every name looked up, every default filled in, every mistake found before work starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from archbench import code, tuning
from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import swapped_parts
from archbench.architectures.scale import describe_scale
from archbench.augmentations import AUGMENTATIONS
from archbench.catalogue import Entry
from archbench.config import Benchmark, Changes, Choices, Config, ConfigError, Probe, Space, Study, check_name
from archbench.datasets import derived
from archbench.datasets.card import Card
from archbench.errors import UserError, listed, shown
from archbench.expected import expected_gains, expected_scores
from archbench.losses import LOSSES
from archbench.mistakes import Mistake, Mistakes, MistakesAt, mistakes_of
from archbench.optimizers import OPTIMIZERS
from archbench.parts import CATALOGUES, WrongParts
from archbench.preprocessing import PREPROCESSING
from archbench.probes import PROBES, SUBJECTS
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.start import check_start
from archbench.tasks import TASKS
from archbench.tasks.base import Task
from archbench.training import devices, full_batch, pieces
from archbench.training.numbers import program_key
from archbench.training.start import describe_source

SETTINGS_FROM_TRAINING = (
    "xla", "precision", "preprocessing", "augmentation", "optimizer", "schedule",
    "epochs", "batch_size", "clip", "early_stopping", "average", "micro_batch", "devices",
)  # fmt: skip
LEFT_OUT = ("average", "micro_batch", "devices")
"""Of these what stands nowhere unless it is asked for: all others keep the settings, and so the ids, that they had."""
BASE = "base"
"""What the network of a probe without arms is called."""


@dataclass(frozen=True)
class Plan:
    """One benchmark with every setting resolved and every name checked."""

    pipeline: str
    slug: str
    settings: Mapping[str, Any]
    """All that decides the result, nested, but for the seed, the code and the data."""
    seeds: tuple[int, ...]
    words: str | None = None
    """What the benchmark itself says of its scale."""
    chosen: tuple[str, ...] = ()
    """The modules of what the trials of an arm may choose in place of the settings."""

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
        task_options = {**entries["task"].options, **settings["task"]}
        if "loss" in task_options:
            entries["loss"] = LOSSES.resolve(task_options["loss"])[0]
        architecture = entries["architecture"]
        if "parts" in architecture.options:
            parts = swapped_parts(architecture, settings["parts"])
            for part, catalogue in CATALOGUES.items():
                entries[part] = catalogue.resolve(getattr(parts, part))[0]
        return entries

    @cached_property
    def code_files(self) -> list:
        """The source files that the result depends on."""
        own = (entry.module for entry in self.entries.values())
        return code.files_of(["archbench.training.run", *own, *self.chosen])

    def trial_settings(
        self, seed: int, dataset_sha256: str, runs: Path | None = None, shape: Sequence[int] | None = None
    ) -> dict[str, Any]:
        """The settings of one seed, with their `id`: the hash of settings, code, data and the weights it starts from.

        `runs` is the folder of the pipeline's runs, needed where weights are another's; raises `NoStart`. `shape`
        is that of one input, which belongs to the scale; the scale only describes, and so is no part of the id.
        """
        settings = {
            "pipeline": self.pipeline,
            "benchmark": self.slug,
            "seed": seed,
            **self.settings,
            "backend": keras.backend.backend(),
            "dataset_sha256": dataset_sha256,
            "code_sha256": code.digest(self.code_files),
        }
        if "start" in settings:
            settings["start"] = describe_source(settings["start"], seed, runs)
        identity = identify({**settings, "scale": None})
        return {"id": identity, **settings, "scale": describe_scale(settings["architecture"], shape, self.words)}


@dataclass(frozen=True)
class ProbePlan:
    """One probe with every name checked."""

    pipeline: str
    slug: str
    entry: Entry
    options: Mapping[str, Any]
    plans: Mapping[str, Plan]
    """Arm, or benchmark, -> the network that it looks into."""
    trained: bool
    """Whether these are networks of finished runs."""

    @property
    def datasets(self) -> set[str]:
        """Those that it reads."""
        return {plan.settings["dataset"] for plan in self.plans.values()}

    @cached_property
    def code_files(self) -> list:
        """The source files that the result depends on."""
        files = {path for plan in self.plans.values() for path in plan.code_files}
        return sorted(files.union(code.files_of(["archbench.probes.run", self.entry.module])))

    @property
    def own(self) -> dict[str, Any]:
        """All that decides the result, but for the code and the data."""
        return {
            "probe": {"name": self.entry.name, **self.options},
            "trained": self.trained,
            "networks": {arm: {"seeds": list(plan.seeds), **plan.settings} for arm, plan in self.plans.items()},
        }

    def trials(self, cards: Mapping[str, Card], runs: Path) -> dict[str, list[dict[str, Any]]]:
        """Arm, or benchmark, -> the settings of each seed; `cards` by the slugs of the data sets. Raises `NoStart`."""
        return {
            arm: [
                plan.trial_settings(seed, card.sha256, runs, card.input_shape)
                for card in (cards[plan.settings["dataset"]],)
                for seed in plan.seeds
            ]
            for arm, plan in self.plans.items()
        }

    def settings(self, digests: Mapping[str, str | None]) -> dict[str, Any]:
        """All that decides the result, with its `id`; `digests` are those of the data sets by their slugs."""
        settings = {
            "pipeline": self.pipeline,
            "name": self.slug,
            **self.own,
            "datasets": {slug: digests[slug] for slug in sorted(self.datasets)},
            "backend": keras.backend.backend(),
            "code_sha256": code.digest(self.code_files),
        }
        return {"id": identify(settings), **settings}


def identify(settings: Any) -> str:
    """Sixteen hexadecimal digits that change with any setting."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def resolve_all(config: Config) -> dict[str, Plan]:
    """Every benchmark of `config`, checked; raises `ConfigError` naming the key of each mistake."""
    check_all(config)
    return {slug: resolve(config, slug) for slug in config.benchmarks}


def check_all(config: Config) -> None:
    """Raise `Mistakes` where a name or a value of `config` is wrong."""
    mistakes = list(_mistakes(config))
    if mistakes:
        raise Mistakes(mistakes)


def resolve(config: Config, slug: str) -> Plan:
    """One benchmark, by its slug in params.yaml."""
    check_name("benchmark", slug, config.benchmarks)
    return resolve_benchmark(config, f"benchmarks.{slug}", slug, config.benchmarks[slug])


def resolve_benchmark(config: Config, where: str, slug: str, benchmark: Benchmark) -> Plan:
    """A benchmark that stands at the key `where`."""
    merged = {
        name: value if (value := getattr(benchmark, name)) is not None else getattr(config.training, name)
        for name in SETTINGS_FROM_TRAINING
    }
    catalogues = (
        ("optimizer", OPTIMIZERS, merged["optimizer"]),
        ("schedule", SCHEDULES, merged["schedule"]),
        ("preprocessing", PREPROCESSING, merged["preprocessing"]),
        *((f"augmentation.{n}", AUGMENTATIONS, named) for n, named in enumerate(merged["augmentation"])),
    )
    mistakes = MistakesAt(where, lambda key: recipe_of(config, benchmark, key))
    for key, catalogue, named in catalogues:
        with mistakes.at(key):
            catalogue.resolve(named.spec)
    with mistakes.at("schedule"):
        SCHEDULES.build(merged["schedule"].spec, Horizon(1000, merged["epochs"], merged["batch_size"]))
    with mistakes.at("dataset"):
        check_name("data set", benchmark.dataset, config.datasets)
    with mistakes.at("architecture"):
        architecture, options = _architecture(benchmark)
        task = _task(benchmark, architecture)
        with mistakes.at("parts"):
            _check_parts(architecture, benchmark.parts.changes)
        with mistakes.at("task"):
            entry, task_options = TASKS.resolve(task)
            for number, named in enumerate(merged["augmentation"]):
                with mistakes.at(f"augmentation.{number}"):
                    _check_augmentation(entry, task_options, named.name)
            with mistakes.at("preprocessing"):
                _check_preprocessing(entry, merged["preprocessing"].name)
            if benchmark.keep_every and entry.build.show is Task.show:
                with mistakes.at("keep_every"):
                    raise ConfigError(f"{entry.name} shows nothing while it trains. Leave keep_every out.")
            if benchmark.expect:
                with mistakes.at("expect"):
                    expected_scores(config, slug, entry.name)
            if benchmark.beats:
                with mistakes.at("beats"):
                    expected_gains(config, slug, entry.name)
        if benchmark.start:
            with mistakes.at("start"):
                check_start(config, slug, benchmark)
    mistakes.report()
    settings = {
        "architecture": {"name": architecture.name, **options},
        "scale": describe_scale({"name": architecture.name, **options}, words=benchmark.scale),
        "dataset": benchmark.dataset,
        "task": task,
        "parts": benchmark.parts.changes,
        **{name: _plain(value) for name, value in merged.items() if value is not None or name not in LEFT_OUT},
        "resident_megabytes": config.training.resident_megabytes,
        "steps_per_call": config.training.steps_per_call,
    }
    if benchmark.keep_every:
        settings["keep_every"] = benchmark.keep_every
    if benchmark.start:  # the others keep the settings, and so the ids, that they have without it
        settings["start"] = benchmark.start.model_dump(mode="json", by_alias=True, exclude_none=True)
    with mistakes.at("optimizer"):
        full_batch.check(settings)
    with mistakes.at("micro_batch"):
        pieces.check(settings)
    with mistakes.at("devices"):
        devices.check(settings)
    mistakes.report()
    return Plan(config.pipeline, slug, settings, benchmark.seeds or config.seeds, benchmark.scale)


def resolve_arm(config: Config, slug: str, arm: str) -> Plan:
    """One arm of a study, with its space checked."""
    study, where = config.studies[slug], f"studies.{slug}.arms.{arm}"
    plan = resolve_benchmark(config, where, f"{slug}/{arm}", arm_benchmark(study, arm))
    if plan.entries["architecture"].facts.get("fit"):
        giver = where if study.arms[arm].architecture else f"studies.{slug}.base"
        raise ConfigError(
            f"{giver}.architecture: {plan.entries['architecture'].name} is fitted at once, not by "
            "gradients: a study has nothing to tune in it. Choose a network that trains."
        )
    _check_one_score(config, slug, where, plan)
    chosen = _check_space(f"{where}.space", plan, study.space_of(arm))
    if study.side_by_side > 1:
        _check_side_by_side(slug, arm, plan.settings, study.space_of(arm))
    return replace(plan, chosen=chosen)


def resolve_probe(config: Config, slug: str) -> ProbePlan:
    """One probe, with all that it looks into."""
    check_name("probe", slug, config.probes)
    asked, mistakes = config.probes[slug], MistakesAt(f"probes.{slug}")
    with mistakes.at("probe"):
        entry, options = PROBES.resolve(asked.probe.spec)
        _check_subjects(entry, asked)
    with mistakes.at("runs"):
        for name in asked.runs:
            check_name("benchmark", name, config.benchmarks)
    mistakes.report()
    plans = {name: resolve(config, name) for name in asked.runs}
    if asked.base:
        for arm, changes in (asked.arms or {BASE: Changes()}).items():
            where = f"probes.{slug}.arms.{arm}" if asked.arms else f"probes.{slug}.base"
            plans[arm] = resolve_benchmark(config, where, f"{slug}/{arm}", changed(asked.base, changes))
    for arm, plan in plans.items():
        if plan.entries["architecture"].facts.get("fit"):
            raise ConfigError(
                f"probes.{slug}: {arm} is {plan.entries['architecture'].name}, which is fitted at once, not by "
                "gradients: there is nothing in it to look into. Choose a network that trains."
            )
    return ProbePlan(config.pipeline, slug, entry, options, plans, bool(asked.runs))


def _check_subjects(entry: Entry, asked: Probe) -> None:
    """Refuse a probe that has nothing to look into, or that looks into nothing and was given something."""
    given = bool(asked.base or asked.runs)
    if SUBJECTS in entry.positional and not given:
        raise ConfigError(
            f"{entry.name} looks into networks, and none is named. Give base, a benchmark that need not be trained, "
            "with arms or without; or runs, a list of benchmarks that are."
        )
    if given and SUBJECTS not in entry.positional:
        raise ConfigError(f"{entry.name} looks into no networks. Leave base, arms and runs out.")


def _check_one_score(config: Config, slug: str, where: str, plan: Plan) -> None:
    """Refuse an arm whose task is judged by another score than that of the study's first arm."""
    study = config.studies[slug]
    first = arm_benchmark(study, next(iter(study.arms)))
    task = TASKS[_task(first, ARCHITECTURES[first.architecture.name])["name"]]
    own = plan.entries["task"]
    if own.build.monitor != task.build.monitor:
        raise ConfigError(
            f"{where}.task: {own.name} is judged by {own.build.monitor}, the first arm by {task.build.monitor} "
            f"({task.name}): a study compares one score. Give base a task, or arms of one task."
        )


def arm_benchmark(study: Study, arm: str) -> Benchmark:
    """The base benchmark of a study with one arm's changes.

    The words on the size of the base's network do not go with another one.
    """
    return changed(study.base, study.arms[arm]).model_copy(update={"epochs": study.epochs})


def changed(base: Benchmark, arm: Changes) -> Benchmark:
    """A benchmark with the changes of an arm; of its parts, those that the arm names, null too."""
    given = {name: getattr(arm, name) for name in Changes.model_fields}
    changes = {name: value for name, value in given.items() if value is not None and name != "parts"}
    if "architecture" in changes:
        changes.setdefault("scale", None)
    parts = base.parts.model_copy(update={part: getattr(arm.parts, part) for part in arm.parts.model_fields_set})
    changes["recipe"] = (*base.recipe, *arm.recipe)
    return base.model_copy(update={**changes, "parts": parts})


def recipe_of(config: Config, benchmark: Benchmark, key: str) -> str | None:
    """The recipe that a benchmark has the value of `key` from: the last of its own that says the same."""
    value = getattr(benchmark, key, None)
    said = [name for name in benchmark.recipe if key in config.recipes[name].model_fields_set]
    return next((name for name in reversed(said) if getattr(config.recipes[name], key) == value), None)


def check_batch(where: str, settings: Mapping[str, Any], space: Space, card: Card) -> None:
    """Raise `ConfigError` where a batch, given or tuned, is larger than the training split of `card`."""
    examples = card.split_sizes["train"]
    tuned = space.get("batch_size")
    key, sizes = ("space.batch_size", tuning.extremes(tuned)) if tuned else ("batch_size", [settings["batch_size"]])
    most = max(sizes)
    if most > examples:
        raise ConfigError(
            f"{where}.{key}: a batch of {most:g} is larger than the training split of {settings['dataset']!r}, "
            f"which has {examples} examples. Choose at most {examples}."
        )


def _mistakes(config: Config) -> Iterator[Mistake]:
    told = filter(None, (_data_mistake(config, slug) for slug in config.datasets))
    yield from (Mistake(one) for one in dict.fromkeys(told))
    for slug in config.benchmarks:
        try:
            resolve(config, slug)
        except UserError as error:
            yield from mistakes_of(error)
    for slug, study in config.studies.items():
        for arm in study.arms:
            try:
                resolve_arm(config, slug, arm)
            except UserError as error:
                yield from mistakes_of(error)
    for slug in config.probes:
        try:
            resolve_probe(config, slug)
        except UserError as error:
            yield from mistakes_of(error)
    yield from _best_mistakes(config)
    for key in ("xla", "steps"):
        for slug in getattr(config.speed, key, ()):
            try:
                check_name("benchmark", slug, config.benchmarks)
            except ConfigError as error:
                yield Mistake(f"speed.{key}: {error}")
                continue
            if ARCHITECTURES[config.benchmarks[slug].architecture.name].facts.get("fit"):
                yield Mistake(f"speed.{key}: {slug} is fitted at once, so it has no steps to measure. Leave it out.")


def _best_mistakes(config: Config) -> Iterator[Mistake]:
    """What is wrong in `report.best`: a data set that is not there, or a score that no benchmark on it is judged by."""
    for slug, scores in config.report.best.items():
        where = f"report.best.{slug}"
        try:
            check_name("data set", slug, config.datasets)
        except ConfigError as error:
            yield Mistake(f"{where}: {error}")
            continue
        judged = sorted(set(_monitors(config, slug)))
        for score in scores:
            if judged and score not in judged:
                yield Mistake(
                    f"{where}.{score}: the benchmarks on {slug} are judged by {listed(judged)}. Choose these."
                )


def _monitors(config: Config, dataset: str) -> Iterator[str]:
    """What the benchmarks on a data set are judged by, those that are sound."""
    for slug, benchmark in config.benchmarks.items():
        if benchmark.dataset == dataset:
            with suppress(UserError):
                yield resolve(config, slug).entries["task"].build.monitor


def _data_mistake(config: Config, slug: str) -> str | None:
    """What is wrong with a data set; a circle of them is one mistake."""
    try:
        derived.check(slug, config.datasets)
    except derived.Circle as error:
        return str(error)
    except UserError as error:
        return f"datasets.{slug}: {error}"
    return None


def _task(benchmark: Benchmark, architecture: Entry) -> dict[str, Any]:
    """The task that is given, or the architecture's own; where they are one, with the options of its paper."""
    facts = architecture.facts
    task = benchmark.task.spec if benchmark.task else {"name": facts["task"]}
    own = dict(facts.get("task_options", {}))
    if "auxiliary_weight" in facts:
        own["auxiliary_weight"] = facts["auxiliary_weight"]
    return {**own, **task} if task["name"] == facts["task"] else task


def _architecture(benchmark: Benchmark) -> tuple[Entry, dict[str, Any]]:
    spec = benchmark.architecture.spec
    if "parts" in spec:
        raise WrongParts(f"parts are no option of {shown(spec['name'])}: write them beside `architecture`, as `parts`.")
    return ARCHITECTURES.resolve(spec)


def _check_preprocessing(task: Entry, given: str) -> None:
    """Refuse a preprocessing that gives the network, and so the task, other numbers than the task is made for."""
    needed = task.facts.get("preprocessing")
    if needed is not None and given != needed:
        raise ConfigError(f"{given!r} does not go with the task {task.name!r}. Choose {needed!r}.")


def _check_augmentation(task: Entry, options: Mapping[str, Any], given: str) -> None:
    """Refuse an augmentation that changes targets in a way the task does not understand, or makes them wrong."""
    augmentation = AUGMENTATIONS[given]
    tasks = augmentation.facts.get("tasks")
    if tasks is not None and task.name not in tasks:
        raise ConfigError(f"{given!r} does not go with the task {task.name!r}. It goes with: {', '.join(tasks)}.")
    spoiled = _spoiled(task, options, augmentation)
    if spoiled:
        fit = [one.name for one in AUGMENTATIONS if "tasks" not in one.facts and not _spoiled(task, options, one)]
        raise ConfigError(
            f"{given!r} does not go with the task {task.name!r}: it changes what is seen, and the labels "
            f"{', '.join(spoiled)} would still tell of what was there before. Choose among: "
            f"{', '.join(fit) or 'none, which is []'}."
        )


def _spoiled(task: Entry, options: Mapping[str, Any], augmentation: Entry) -> list[str]:
    """The labels that the task compares with and that the augmentation can make wrong."""
    return [label for label in task.build.labels(options) if label in augmentation.facts.get("spoils", ())]


def _check_parts(architecture: Entry, changes: Mapping[str, Any]) -> None:
    """Refuse a part that does not exist, or that this architecture has no place for."""
    if changes:
        swapped_parts(architecture, changes)


def _check_space(where: str, plan: Plan, space: Space) -> tuple[str, ...]:
    """Refuse a key that the settings have no place for, and values that it cannot have.

    Returns the modules that choices are made of, beside those of the plan.
    """
    mistakes, modules = MistakesAt(where), set()
    for key, given in space.items():
        with mistakes.at(key):
            outer = next((other for other in space if key.startswith(f"{other}.")), None)
            if outer:
                raise ConfigError(f"it stands inside {outer}, which is tuned as a whole. Leave one of them out.")
            tuning.check(plan.settings, key, given)
            if key == "batch_size":
                # Of a range its first two: what divides both divides all.
                for size in given.choices if isinstance(given, Choices) else (int(given.low), int(given.low) + 1):
                    pieces.check({**plan.settings, "batch_size": size})
                    devices.check({**plan.settings, "batch_size": size})
            for value in given.choices if isinstance(given, Choices) else ():
                variant = replace(plan, settings=tuning.with_values(plan.settings, {key: value}))
                modules |= {entry.module for entry in variant.entries.values()}
    mistakes.report()
    return tuple(sorted(modules))


def _check_side_by_side(slug: str, arm: str, settings: Mapping[str, Any], space: Space) -> None:
    """Refuse trials that cannot share one vectorised program of mini-batches."""
    mistakes, alone = MistakesAt(f"studies.{slug}"), f"or studies.{slug}.side_by_side: 1"
    backend, optimizer = keras.backend.backend(), settings["optimizer"]
    with mistakes.at("side_by_side"):
        if backend != "jax":
            raise ConfigError(
                f"trials side by side need the JAX backend, and this is {backend}. Set KERAS_BACKEND=jax, {alone}."
            )
    with mistakes.at(f"arms.{arm}.optimizer"):
        if full_batch.is_full_batch(optimizer):
            raise ConfigError(
                f"{optimizer['name']} takes its steps on all data, and trials side by side take theirs on batches. "
                f"Choose an optimizer of batches, {alone}."
            )
    with mistakes.at(f"arms.{arm}.devices"):
        if settings.get("devices", 1) > 1:
            raise ConfigError(f"trials side by side share one device. Choose devices: 1, {alone}.")
    with mistakes.at(f"arms.{arm}.micro_batch"):
        if settings.get("micro_batch") == pieces.AUTO:
            raise ConfigError(f"auto tries what one trial takes. Give a number, {alone}.")
    for key, given in space.items():
        keys = [program_key(tuning.with_values(settings, {key: value})) for value in tuning.extremes(given)]
        with mistakes.at(f"arms.{arm}.space.{key}"):
            if any(other != keys[0] for other in keys):
                raise ConfigError(
                    f"trials side by side share one compiled program, and another {key} is another program. Give it "
                    f"one value, {alone}."
                )
    mistakes.report()


def _plain(value: Any) -> Any:
    """A config value as plain YAML: models become mappings, tuples lists."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else value
