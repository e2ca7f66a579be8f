"""From a trial's settings to what trains: task, network, optimizer, schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from archbench.architectures.network import build_network
from archbench.augmentations import AUGMENTATIONS
from archbench.datasets.card import Card
from archbench.optimizers import OPTIMIZERS
from archbench.preprocessing import PREPROCESSING
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.tasks import TASKS
from archbench.tasks.base import Task
from archbench.training.fit import Recipe
from archbench.training.program import Learner

Settings = Mapping[str, Any]


def build_task(settings: Settings, card: Card) -> Task:
    """The task of a trial, for a data set with this card."""
    return TASKS.build(settings["task"], card)


def build_learner(settings: Settings, card: Card, task: Task, seed: int) -> Learner:
    """A learner with fresh weights: the same settings and seed give the same weights."""
    keras.utils.set_random_seed(seed)
    with _precision(settings["precision"]):
        network = build_network(settings["architecture"], card.input_shape, task.outputs(), settings["parts"])
        layer = PREPROCESSING.build(settings["preprocessing"], card)
        raw = keras.Input(card.input_shape, dtype="float32", name=card.input)
        model = keras.Model(raw, network(layer(raw) if layer else raw), name=network.name)
    optimizer = build_optimizer(settings)
    optimizer.build(model.trainable_variables)
    return Learner(
        model=model,
        preprocess=layer or (lambda raw: raw),
        network=network,
        task=task,
        optimizer=optimizer,
        augmentations=[AUGMENTATIONS.build(spec) for spec in settings["augmentation"]],
        randomness=keras.random.SeedGenerator(seed),
    )


def build_optimizer(settings: Settings) -> keras.Optimizer:
    """The optimizer of a trial with its clipping, and loss scaling where the precision needs it."""
    optimizer = OPTIMIZERS.build(settings["optimizer"])
    clip = settings["clip"] or {}
    optimizer.clipvalue = clip.get("value")
    optimizer.clipnorm = clip.get("norm")
    optimizer.global_clipnorm = clip.get("global_norm")
    if settings["precision"] == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def learning_rate(settings: Settings) -> float:
    """The initial learning rate of a trial."""
    return _optimizer_options(settings)["learning_rate"]


def optimizer_numbers(settings: Settings) -> dict[str, float]:
    """The optimizer's tunable numbers but the learning rate, with the values of this trial."""
    options = _optimizer_options(settings)
    return {name: float(options[name]) for name in OPTIMIZERS[settings["optimizer"]["name"]].facts["numbers"]}


def _optimizer_options(settings: Settings) -> dict[str, Any]:
    entry, options = OPTIMIZERS.resolve(settings["optimizer"])
    return {**entry.options, **options}


def build_recipe(settings: Settings, seed: int, examples: int) -> Recipe:
    """How a trial trains on so many training examples."""
    horizon = Horizon(examples // settings["batch_size"], settings["epochs"])
    stopping = settings["early_stopping"] or {"patience": None, "least_gain": 0.0}
    return Recipe(
        seed=seed,
        epochs=settings["epochs"],
        batch_size=settings["batch_size"],
        factor=SCHEDULES.build(settings["schedule"], horizon),
        numbers=optimizer_numbers(settings),
        steps_per_call=settings["steps_per_call"],
        patience=stopping["patience"],
        least_gain=stopping["least_gain"],
    )


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
