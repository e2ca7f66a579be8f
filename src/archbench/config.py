"""params.yaml as frozen models that refuse strangers: every default stands here, every value is checked here."""

from __future__ import annotations

import difflib
import importlib
import json
import math
import os
import re
from collections.abc import Collection, Mapping
from itertools import product
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from archbench import dialect, recipes
from archbench.errors import MOST_MISTAKES, SHOWN_CHARACTERS, UserError, listed, short, shown, together
from archbench.options import Count, Fraction, Inside, NonNegative, Positive, Seed, saved_network

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")


class ConfigError(UserError):
    """A params.yaml that cannot be run as it stands."""


class Model(BaseModel):
    """Frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


Slug = Annotated[str, Field(pattern=rf"^{SLUG.pattern}$", max_length=100)]
"""Names files and folders, alone and beside another; a name of a file has 255 bytes at most."""
MOST = 1_000
"""Benchmarks of a file, seeds of a benchmark, arms of all studies."""


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("a seed stands twice, but every seed is one run")
    return seeds


Seeds = Annotated[tuple[Seed, ...], Field(strict=False, min_length=1, max_length=MOST), AfterValidator(_distinct)]


class Named(BaseModel):
    """An entry of a catalogue with its options: `adam`, or `{name: adam, beta_1: 0.95}`."""

    model_config = ConfigDict(frozen=True, extra="allow")
    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def spec(self) -> dict[str, Any]:
        """The name and the options as one mapping, as `Catalogue.build` takes them."""
        return self.model_dump()


class DataSet(Named):
    """A data set with its options, as `Named`."""

    of: Slug | None = None
    """The data set of this params.yaml that it is made from, where its loader makes it from another."""

    @property
    def spec(self) -> dict[str, Any]:
        """The name and the options as one mapping, without `of`."""
        return self.model_dump(exclude={"of"})


class Clip(Model):
    """Gradient clipping: the one given of a limit on each value, each tensor's norm, or the norm of all."""

    value: Positive | None = None
    norm: Positive | None = None
    global_norm: Positive | None = None

    @model_validator(mode="after")
    def _just_one(self) -> Clip:
        given = [limit for limit in (self.value, self.norm, self.global_norm) if limit is not None]
        if len(given) != 1:
            raise ValueError("clip takes exactly one of value, norm and global_norm")
        return self


class Average(Model):
    """An exponential moving average of the weights, which is what is scored and saved."""

    decay: Inside
    """What the average keeps of itself at a step; the rest comes from the weights after the step."""


class EarlyStopping(Model):
    """Stop after `patience` epochs without a validation score better by more than `least_gain`."""

    patience: Count
    least_gain: NonNegative = 0.0


class PartsChange(Model):
    """What to swap inside an architecture; a part that is not named, or null, stays the paper's.

    Null takes back what a recipe has, or a study's base, and so may stand for any network. What takes a piece away is
    a value of its own: `none`, or 0 for `dropout`.
    """

    activation: Named | None = None
    normalization: Named | None = None
    initializer: Named | None = None
    regularizer: Named | None = None
    dropout: Fraction | None = None
    spatial_dropout: bool | None = None
    """Whether dropout takes whole channels, Tompson et al. 2014, arXiv:1411.4280."""

    @property
    def changes(self) -> dict[str, Any]:
        """The parts that are given, as specs."""
        return self.model_dump(exclude_none=True)


def _pieces(given: Any) -> Any:
    """What may stand at `micro_batch`, told in one message."""
    counted = isinstance(given, int) and not isinstance(given, bool) and given >= 1
    if not (counted or given in ("auto", None)):
        raise ValueError("micro_batch takes a whole number from 1 on, or auto")
    return given


MicroBatch = Annotated[Count | Literal["auto"], BeforeValidator(_pieces)]
"""Examples whose gradient is taken at once, where a batch does not fit in memory; `auto` finds how many fit."""


class Training(Model):
    """How every benchmark trains unless it says otherwise."""

    xla: Literal["auto", "on", "off"] = "auto"
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    preprocessing: Named = Named(name="standardize")
    augmentation: tuple[Named, ...] = Field(default=(), strict=False, max_length=MOST)
    optimizer: Named = Named(name="adam")
    schedule: Named = Named(name="constant")
    epochs: Count = 10
    batch_size: Count = 32
    clip: Clip | None = None
    early_stopping: EarlyStopping | None = None
    average: Average | None = None
    micro_batch: MicroBatch | None = None
    devices: Count | None = None
    """Of this machine, that share every batch of a network; on JAX. By default one."""
    resident_megabytes: Count = 1024
    """Training data up to this size are kept on the device; larger ones stream from their files."""
    steps_per_call: Count = 100
    """Optimizer steps in one call of the compiled program, at most: how often progress shows."""
    checkpoint_seconds: Positive = 30.0
    """Least time between two checkpoints; work since the last one is done again after a kill."""
    tracking_seconds: Positive = 20.0
    """The longest that a run waits for the tracking server at its end."""


def _recipes(info: ValidationInfo) -> Mapping[str, Any]:
    """The recipes of the params.yaml that is being read, without what is wrong in them."""
    return (info.context or {}).get("recipes", {})


Recipes = Annotated[tuple[Slug, ...], Field(strict=False, max_length=recipes.MOST), BeforeValidator(recipes.listed)]


class Changes(Model):
    """What an arm may set, and a benchmark; what is not given comes from `training`, or from a study's base."""

    architecture: Named | None = None
    scale: Annotated[str, Field(max_length=200)] | None = None
    """What is to be said beside the network's name, after the options and the input that are not its paper's."""
    task: Named | None = None
    """By default the architecture's own."""
    parts: PartsChange = PartsChange()
    xla: Literal["auto", "on", "off"] | None = None
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] | None = None
    preprocessing: Named | None = None
    augmentation: tuple[Named, ...] | None = Field(default=None, strict=False, max_length=MOST)
    optimizer: Named | None = None
    schedule: Named | None = None
    batch_size: Count | None = None
    clip: Clip | None = None
    early_stopping: EarlyStopping | None = None
    average: Average | None = None
    micro_batch: MicroBatch | None = None
    devices: Count | None = None
    recipe: Recipes = ()
    """Recipes to start from, merged left to right; the keys that stand beside it come last."""

    @model_validator(mode="before")
    @classmethod
    def _over_its_recipes(cls, value: Any, info: ValidationInfo) -> Any:
        for name in recipes.named(value):
            beyond = [key for key in _recipes(info).get(name, ()) if key not in cls.model_fields]
            if beyond:
                raise ValueError(f"the recipe {name!r} has {beyond[0]}, which is the base's: an arm takes no such key")
        return recipes.merged(value, _recipes(info))

    @field_validator("recipe")
    @classmethod
    def _known(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for name in names:
            if name not in _recipes(info):
                raise ValueError(_unknown("recipe", name, _recipes(info)).rstrip("."))
        return names


def _train(given: Any) -> Any:
    """What may stand at `train`, told in one message."""
    several = isinstance(given, list | tuple) and given and all(isinstance(part, str) for part in given)
    counted = isinstance(given, int) and not isinstance(given, bool) and given >= 1
    if not (several or counted or given in ("all", "none", "head")):
        raise ValueError("train takes all, none, head, a number of layers from 1 on, or a list of names of parts")
    return tuple(given) if several else given


class Start(Model):
    """Starting from the weights of another benchmark's finished run of the same seed, or from those of a file."""

    source: Annotated[str, Field(min_length=1, max_length=4096)] = Field(alias="from")
    """A benchmark of this params.yaml, of the same architecture unless `parts` names what is taken; or a saved network,
    whose name ends in .keras, relative to params.yaml or absolute."""
    parts: Annotated[dict[str, str], Field(min_length=1, max_length=MOST)] | None = None
    """A part of this network -> the part of the source's that it takes its weights from. By default all before the
    last layer of a network of one part, and of several parts those that both have, in the same shapes."""
    train: Annotated[str | int | tuple[str, ...], BeforeValidator(_train)]
    """What trains: `all`; `none` of the parts that were taken; the last layer with a kernel, `head`; so many of these,
    from the output; or the parts that are listed."""

    @property
    def benchmark(self) -> str | None:
        """The benchmark whose runs it starts from; None where the source is a file."""
        return None if self.file else self.source

    @property
    def file(self) -> Path | None:
        """The saved network; None where the source is a benchmark."""
        return saved_network(self.source)


class Beat(Model):
    """Another benchmark whose test score must be beaten."""

    benchmark: Slug
    by: NonNegative = 0.0
    """The least difference, in the direction that is better."""
    metric: str | None = None
    """By default the task's monitor."""


def _as_list(value: Any) -> Any:
    """One as a list of one; null, which takes back what a recipe has, as none."""
    if value is None:
        return ()
    return [value] if isinstance(value, dict) else value


def _as_bounds(value: Any) -> Any:
    """Null, which takes back what a recipe has, as none."""
    return {} if value is None else value


class Benchmark(Changes):
    """One architecture on one data set under one recipe."""

    architecture: Named
    dataset: Slug
    seeds: Seeds | None = None
    epochs: Count | None = None
    keep_every: Count | None = None
    """Epochs between two snapshots of what the task shows of a few validation examples; by default there are none."""
    start: Start | None = None
    expect: Annotated[dict[str, float], Field(max_length=MOST), BeforeValidator(_as_bounds)] = {}
    """Test score -> its least value, or its largest where less is better; the report and `archbench check` judge."""
    beats: Annotated[tuple[Beat, ...], Field(strict=False, max_length=MOST), BeforeValidator(_as_list)] = ()
    """The benchmarks that this one must beat, one or a list; judged seed by seed."""

    @model_validator(mode="before")
    @classmethod
    def _no_margin(cls, value: Any) -> Any:
        if isinstance(value, dict) and "margin" in value:
            raise ValueError(
                f"margin is written as beats now: beats: {{benchmark: NAME, by: {value['margin']}}}, where NAME is the "
                f"softmax_regression benchmark on {value.get('dataset', 'the same data')}"
            )
        return value

    @model_validator(mode="before")
    @classmethod
    def _transfer_is_start(cls, value: Any) -> Any:
        if isinstance(value, dict) and "transfer" in value:
            given = value["transfer"] if isinstance(value["transfer"], dict) else {}
            source, train = (short(str(given.get(key, other))) for key, other in (("from", "other"), ("train", "head")))
            raise ValueError(f"transfer is called start now. Write: start: {{from: {source}, train: {train}}}")
        return value


class Recipe(Benchmark):
    """A named piece of a benchmark: any of its keys."""

    architecture: Named | None = None
    dataset: Slug | None = None

    @field_validator("recipe")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if names:
            raise ValueError("a recipe starts from no other: name both where they are used, as recipe: [one, two]")
        return names


class Range(Model):
    """A tuned number: uniform, or log-uniform, between `low` and `high`; or 1 minus such a number."""

    low: float
    high: float
    log: bool = False
    one_minus: bool = False
    """Tune 1 - x on this range, as is right for beta and momentum."""
    integer: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, but low is {self.low} and high is {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a log scale needs low above 0, but low is {self.low}")
        if self.integer and (self.one_minus or not (self.low.is_integer() and self.high.is_integer())):
            raise ValueError("an integer range has whole numbers as low and high, and no one_minus")
        return self


def name_of_choice(value: Any) -> str:
    """A choice as one line of text: `relu`, `3`, `[6, 16]`; the same for what means the same to an option."""
    if isinstance(value, Mapping) and set(value) == {"name"}:
        value = value["name"]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


class Choices(Model):
    """Values of which a trial has one: numbers, names, or whatever else may stand at that key."""

    choices: Annotated[tuple[Any, ...], Field(strict=False, min_length=2, max_length=MOST)]

    @model_validator(mode="after")
    def _distinct(self) -> Choices:
        if len(self.by_name) < len(self.choices):
            raise ValueError("a choice stands twice, but each is drawn as often as any other")
        return self

    @property
    def by_name(self) -> dict[str, Any]:
        """The text by which a trial knows each choice -> the choice."""
        return {name_of_choice(value): value for value in self.choices}


def _dimension(value: Any) -> Any:
    """A range, or choices: told apart here, so that a mistake is told as one in what was meant."""
    if isinstance(value, Range | Choices):
        return value
    if not isinstance(value, dict) or "choices" not in value:
        return Range.model_validate(value)
    if len(value) > 1:
        raise ValueError("choices stand alone: what is drawn from them has no low, no high and no scale")
    return Choices.model_validate(value)


Sampler = Literal["tpe", "gp", "random", "grid", "quasi_random", "reinforce"]
Pruner = Literal["none", "median", "successive_halving", "wilcoxon"]
Dimension = Annotated[Range | Choices, BeforeValidator(_dimension)]
Space = Annotated[dict[str, Dimension], Field(max_length=100)]
"""What is tuned -> its range or its choices. A name alone is an option of the optimizer; all else stands under its key
in a benchmark, as `parts.regularizer.strength`, `parts.dropout`, `clip.norm`, `schedule.decay` or `batch_size`."""
MOST_POINTS = 1_000_000
"""Of a grid over choices, all of which are written down."""


class Arm(Changes):
    """One thing that a study compares: changes to the base benchmark, and what is tuned for it."""

    space: Space = {}
    """Added to the study's own space; the arm's range or choices win where both name one."""
    sampler: Sampler | None = None
    """In place of the study's, where samplers are what is compared."""


class Study(Model):
    """A comparison at equal budget: every arm gets the same trials, epochs and seeds."""

    base: Benchmark
    arms: Annotated[dict[Slug, Arm], Field(max_length=MOST)] = {}
    cross: dict[str, dict[Slug, Any]] = {}
    """In place of `arms`: two keys of a benchmark, each with named values; every pair is an arm, `first-second`."""
    space: Space = {}
    """What every arm tunes."""
    trials: Count
    epochs: Count
    folds: Annotated[int, Field(ge=2, le=100)] | None = None
    """A trial's score is the mean over so many folds of the training and validation examples together."""
    sampler: Sampler = "tpe"
    pruner: Pruner = "median"
    workers: Annotated[int, Field(ge=1, le=256)] = 2
    side_by_side: Count = 1
    """Trials of an arm that are asked for at once and train in one vectorised program; needs the JAX backend."""
    seed: Seed = 0
    """Seeds the sampler; every trial trains with the pipeline's first seed."""

    @model_validator(mode="before")
    @classmethod
    def _cross_the_axes(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not value.get("cross"):
            return value
        if value.get("arms"):
            raise ValueError("a study has arms or cross, and this one has both")
        return {**value, "arms": _crossed(value["cross"])}

    @model_validator(mode="after")
    def _fits_together(self) -> Study:
        if not self.arms:
            raise ValueError("there is nothing to compare: give arms, or two axes in cross")
        if self.base.expect or self.base.beats:
            raise ValueError("base takes no expect and no beats: a study compares its arms")
        if self.base.keep_every is not None:
            raise ValueError("base takes no keep_every: the trials of a study keep no snapshots")
        if self.base.start is not None:
            raise ValueError("base takes no start: the trials of a study start fresh")
        if self.base.epochs is not None:
            raise ValueError("base takes no epochs: the study gives them")
        if self.base.optimizer is not None and all(arm.optimizer for arm in self.arms.values()):
            raise ValueError("base takes no optimizer: every arm gives its own")
        for name, arm in self.arms.items():
            if not self.space_of(name):
                raise ValueError(
                    f"arms.{name} has an empty space: all its trials would be the same. Give a range for learning_rate"
                )
            _check_sampler(name, arm.sampler or self.sampler, self.space_of(name))
        if self.pruner == "wilcoxon" and self.folds is None:
            raise ValueError("the pruner wilcoxon compares trials fold by fold: give folds, or choose median")
        return self

    def space_of(self, arm: str) -> Space:
        """What the trials of `arm` choose."""
        return {**self.space, **self.arms[arm].space}

    def cell(self, arm: str) -> dict[str, str]:
        """Where `arm` stands on the axes of a crossed study: key -> the value's name."""
        cells = product(*self.cross.values()) if self.cross else ()
        return {_join(cell): dict(zip(self.cross, cell, strict=True)) for cell in cells}.get(arm, {})


def _check_sampler(arm: str, sampler: Sampler, space: Space) -> None:
    """Refuse a space that a sampler can draw nothing from."""
    chosen = {key: one for key, one in space.items() if isinstance(one, Choices)}
    ranges = [key for key in space if key not in chosen]
    if sampler == "quasi_random" and chosen:
        raise ValueError(
            f"arms.{arm} is drawn by quasi_random, which fills ranges of numbers evenly, and {next(iter(chosen))} has "
            "choices, which stand in no order. Choose random, grid, tpe, gp or reinforce"
        )
    if sampler == "reinforce" and ranges:
        raise ValueError(
            f"arms.{arm} is drawn by reinforce, which proposes choices alone, and {ranges[0]} is a range. Write it as "
            f"{ranges[0]}: {{choices: [...]}}, or choose random, grid, tpe or gp"
        )
    points = math.prod(len(one.choices) for one in chosen.values())
    if sampler == "grid" and points > MOST_POINTS:
        raise ValueError(
            f"arms.{arm} is drawn by grid, which would have {points:,} points of its choices alone, and at most "
            f"{MOST_POINTS:,} are made. Choose random, tpe, gp or reinforce"
        )


def _crossed(axes: Any) -> dict[str, Any]:
    """The arm of every pair of values of two axes."""
    if not isinstance(axes, dict) or len(axes) != 2 or not all(isinstance(v, dict) and v for v in axes.values()):
        raise ValueError("cross takes two keys of a benchmark, each with a mapping of names to values")
    count = math.prod(map(len, axes.values()))
    if count > MOST:
        raise ValueError(f"cross makes {count:,} arms, and a study has at most {MOST:,}")
    (first, second) = (f"{key}." for key in axes)
    if first.startswith(second) or second.startswith(first):
        raise ValueError("cross takes two keys of which neither stands inside the other")
    arms: dict[str, Any] = {}
    for cell in product(*axes.values()):
        arm: dict[str, Any] = {}
        for (key, values), name in zip(axes.items(), cell, strict=True):
            *path, last = key.split(".")
            place = arm
            for step in path:
                place = place.setdefault(step, {})
            place[last] = values[name]
        arms[_join(cell)] = arm
    if len(arms) < count:
        raise ValueError("cross joins the names of two values with -, and two pairs of them make one name: rename one")
    return arms


def _join(cell: tuple[str, ...]) -> str:
    return "-".join(cell)


class Probe(Model):
    """A look inside networks: fresh ones, or those of finished runs."""

    probe: Named
    base: Benchmark | None = None
    """The network that it looks into, as training would start it."""
    arms: Annotated[dict[Slug, Changes], Field(max_length=MOST)] = {}
    """Changes to the base, each another network; without arms it is the base alone."""
    runs: Annotated[tuple[Slug, ...], Field(strict=False, max_length=MOST)] = ()
    """In place of a base: the benchmarks into whose trained networks it looks."""

    @model_validator(mode="after")
    def _fits_together(self) -> Probe:
        if self.base and self.runs:
            raise ValueError("a probe looks into a base with its arms or into runs, and this one has both")
        if self.arms and not self.base:
            raise ValueError("arms change a base, and there is none")
        if self.base and self.base.start is not None:
            raise ValueError("base takes no start: to look into trained weights, name their benchmarks in runs")
        if self.base and (self.base.expect or self.base.beats or self.base.keep_every is not None):
            raise ValueError("base takes no expect, no beats and no keep_every: they are a benchmark's")
        return self


class Speed(Model):
    """The measurements of `archbench speed`."""

    repeats: Annotated[int, Field(ge=5, le=1_000)] = 5
    """Measurements of each side, taken in turn; the table holds their medians."""
    minimum_seconds: Positive = 2.0
    """How long our side of a training measurement lasts, about."""
    tracking_run_seconds: Positive = 60.0
    """How long the run lasts whose tracking is measured; it is run twice a repeat."""
    sweep_trials: Count = 6
    """Trials an arm in the measured sweep."""
    xla: Annotated[tuple[Slug, ...], Field(strict=False)] = ()
    """The benchmarks whose steps are measured with XLA and without."""
    steps: Annotated[tuple[Slug, ...], Field(strict=False)] = ()
    """The benchmarks whose steps are measured beside a bare loop, `fit`, and PyTorch where it is found."""

    @property
    def measured(self) -> tuple[str, ...]:
        """The benchmarks whose steps are measured."""
        return tuple(dict.fromkeys((*self.xla, *self.steps)))


class Compute(Model):
    """Where and how `archbench run` runs stages: no part of what comes out of them."""

    engine: Literal["local", "ray"] = "local"
    jobs: Count | None = None
    """Stages at a time at most; by default as many as there are cores, or places on Ray."""
    address: Annotated[str, Field(min_length=1)] | None = None
    """Of a running Ray; by default the one that `RAY_ADDRESS` names, or one of its own on this machine."""
    cpus_per_worker: Annotated[float, Field(ge=0.01)] = 1.0
    gpus_per_worker: NonNegative | None = None
    """On Ray; a fraction puts several workers on one GPU. By default 1 where there are any."""
    retries: Annotated[int, Field(ge=0, le=1_000)] = 2
    """How often a stage goes on whose process was killed; one that ended with an error of its own does not."""
    timeout_minutes: Annotated[float, Field(ge=0.01)] | None = None
    """A stage that runs for longer is stopped, to go on from its checkpoint the next time."""


Cost = Literal["milliseconds", "parameters", "multiply_adds", "train_seconds", "megabytes"]
"""What a network costs: the time of an answer, all numbers that it answers with, arithmetic of an example, time to
train, and the most memory that its process held."""


class SingleNumber(Model):
    """One number to rank networks by: the test score less the price of what they cost, of those within the limits."""

    price: dict[Cost, Positive] = {}
    """Cost -> how much of the score one unit of it is worth."""
    limit: dict[Cost, Positive] = {}
    """Cost -> how much of it a network may have at most."""

    @model_validator(mode="after")
    def _says_something(self) -> SingleNumber:
        if not self.price and not self.limit:
            raise ValueError("it ranks as the score does: give a price, a limit, or both")
        return self


class Report(Model):
    """What the report says of itself, and what it holds scores against."""

    title: Annotated[str, Field(max_length=200)] = "archbench"
    best: dict[Slug, Annotated[dict[str, float], Field(min_length=1, max_length=MOST)]] = {}
    """Data set -> score -> what a human, or the Bayes rule, reaches: what the diagnosis holds training scores against;
    by default what answers without error would give."""
    single_number: Annotated[dict[Slug, SingleNumber], Field(max_length=MOST)] = {}
    """Name -> a number that every board is ranked by too."""


class Config(Model):
    """A whole params.yaml."""

    pipeline: Slug
    plugins: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False, max_length=100)] = ()
    """Python files that declare entries of the catalogues, by their paths from params.yaml."""
    seeds: Seeds = (0, 1, 2)
    training: Training = Training()
    datasets: Annotated[dict[Slug, DataSet], Field(max_length=MOST)]
    recipes: Annotated[dict[Slug, Recipe], Field(max_length=MOST)] = {}
    benchmarks: Annotated[dict[Slug, Benchmark], Field(max_length=MOST)]
    studies: Annotated[dict[Slug, Study], Field(max_length=100)] = {}
    probes: Annotated[dict[Slug, Probe], Field(max_length=MOST)] = {}
    speed: Speed | None = None
    compute: Compute = Compute()
    report: Report = Report()

    def looked_into(self, probe: str) -> list[Benchmark]:
        """The benchmarks that a probe names, those of its runs, or its base. Raises `ConfigError`."""
        asked = self.probes[probe]
        for slug in asked.runs:
            check_name("benchmark", slug, self.benchmarks)
        return [self.benchmarks[slug] for slug in asked.runs] or ([asked.base] if asked.base else [])

    def augmentation_on(self, slug: str) -> list[dict[str, Any]]:
        """What the first benchmark on a data set that augments it does, each change with its options."""
        users = (one for one in self.benchmarks.values() if one.dataset == slug)
        own = (one.augmentation if one.augmentation is not None else self.training.augmentation for one in users)
        return [one.spec for one in next(filter(None, own), ())]

    @model_validator(mode="before")
    @classmethod
    def _dataset_slug_is_its_name(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("datasets"), dict):
            return value
        named = {
            slug: {"name": slug, **(options or {})} if isinstance(options, dict | None) else options
            for slug, options in value["datasets"].items()
        }
        return {**value, "datasets": named}


def read_config(path: Path) -> Config:
    """Read and check a params.yaml; raises `ConfigError` with one line for each thing that is wrong."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(dialect.MOST_CHARACTERS + 1)
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}. Run this where params.yaml is.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error.reason} at byte {error.start}. Save it as UTF-8.") from None
    try:
        values = dialect.read(text)
    except dialect.NotReadable as error:
        raise ConfigError(f"{path} is not valid YAML: {error}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold a mapping with the keys {', '.join(Config.model_fields)}.")
    here = Path.cwd()
    config = check_config(values, str(path.relative_to(here) if path.is_relative_to(here) else path))
    if config.plugins:
        # No import statement: what finds plugins is no part of what an entry does (see `code.files_of`).
        importlib.import_module("archbench.plugins").load_all(config.plugins, path.parent)
    return config


def check_config(values: dict[str, Any], where: str = "params") -> Config:
    """A mapping as a `Config`, with the shapes and types checked; names are checked by `resolve`."""
    given = values.get("recipes")
    sound = {name: _sound(piece) for name, piece in given.items()} if isinstance(given, dict) else {}
    try:
        return Config.model_validate(values, context={"recipes": sound})
    except ValidationError as error:
        problems = [p for p in error.errors(include_url=False) if not recipes.follows(p, values, sound)]
        told = [f"{where}: {_explain(problem)}" for problem in problems[:MOST_MISTAKES]]
        raise ConfigError(together(told, untold=len(problems) - len(told))) from None


def _sound(piece: Any) -> dict[str, Any]:
    """The keys of a recipe with nothing wrong in them: what is wrong is told of the recipe, not of all who use it."""
    try:
        Recipe.model_validate(piece)
    except ValidationError as error:
        wrong = {problem["loc"][0] if problem["loc"] else None for problem in error.errors()}
        return {} if None in wrong else {key: given for key, given in piece.items() if key not in wrong}
    return piece


def _explain(problem: dict[str, Any]) -> str:
    path = ".".join(short(str(part)) for part in problem["loc"] if part != "[key]")
    kind, given = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        accepted = _accepted(problem["loc"][:-1])
        near = difflib.get_close_matches(str(problem["loc"][-1]), accepted, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"{path}: unknown key.{hint} Accepted: {', '.join(accepted)}."
    if kind == "missing":
        return f"{path}: missing."
    if kind == "string_pattern_mismatch":
        return f"{path}: {shown(given)} is not a slug. Use small letters, digits, - and _."
    repeated = repr(given)
    answer = f" Given: {repeated}." if len(repeated) < SHOWN_CHARACTERS else ""  # a whole block is no help
    return f"{path}: {problem['msg'].removeprefix('Value error, ')}.{answer}"


def _accepted(path: tuple[Any, ...]) -> list[str]:
    """The keys that the model at `path` takes."""
    here: Any = Config
    for part in path:
        here = _inside(here, part)
    return [field.alias or name for model in _members(here) for name, field in model.model_fields.items()]


def _inside(annotation: Any, part: Any) -> Any:
    """The type of what stands at the key `part` of a model or of a mapping, or at that place of a tuple."""
    outer = _members(annotation)[0]
    is_model = isinstance(outer, type) and issubclass(outer, BaseModel)
    members = [one for one in get_args(outer) if one is not ...]
    return outer.model_fields[part].annotation if is_model else members[-1]


def _members(annotation: Any) -> list[Any]:
    """The types that an annotation stands for, but for None."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (UnionType, Union):
        return [member for one in get_args(annotation) if one is not NoneType for member in _members(one)]
    return [annotation]


def check_name(what: str, given: str, known: Collection[str]) -> None:
    """Raise `ConfigError` with near names where params.yaml has no such `what`."""
    if given not in known:
        raise ConfigError(_unknown(what, given, known))


def _unknown(what: str, given: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(given, known, n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"params.yaml has no {what} {shown(given)}.{hint} It has: {listed(known)}."


def with_probe(
    config: Config, kind: str, options: Mapping[str, Any], benchmark: str | None, *, trained: bool
) -> Config:
    """`config` with one more probe, called as its `kind`: of no network, or of that of a benchmark.

    Raises `ConfigError` where there is no such benchmark.
    """
    asked: dict[str, Any] = {"probe": {"name": kind, **options}}
    if benchmark is not None:
        check_name("benchmark", benchmark, config.benchmarks)
        own = config.benchmarks[benchmark]
        if trained or own.start is not None:
            asked["runs"] = [benchmark]
        else:
            asked["base"] = own.model_copy(update={"expect": {}, "beats": (), "keep_every": None})
    return config.model_copy(update={"probes": {**config.probes, kind: Probe(**asked)}})


def find_params(start: Path | None = None) -> Path:
    """The params.yaml of the folder that a command runs in."""
    path = Path(start or os.getcwd()) / "params.yaml"
    if not path.is_file():
        raise ConfigError(
            f"There is no params.yaml in {path.parent}. Change to the project's folder or pipelines/full."
        )
    return path
