"""From a trial's settings to what trains: task, network, optimizer, schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from archbench.architectures.kernels import hidden_kernels, kernels
from archbench.architectures.network import build_network, outline
from archbench.augmentations import AUGMENTATIONS
from archbench.datasets.card import Card
from archbench.optimizers import OPTIMIZERS
from archbench.preprocessing import PREPROCESSING
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.tasks import TASKS
from archbench.tasks.base import Task
from archbench.training.fit import Recipe
from archbench.training.fitted import architecture_spec
from archbench.training.full_batch import is_full_batch, steps_per_epoch
from archbench.training.numbers import find_constraints, find_knobs, tunable_numbers
from archbench.training.program import Clip, Learner
from archbench.training.start import begin, model_file, saved_parts

Settings = Mapping[str, Any]


def build_task(settings: Settings, card: Card) -> Task:
    """The task of a trial, for a data set with this card."""
    return TASKS.build(settings["task"], card)


def build_learner(settings: Settings, card: Card, task: Task, seed: int, runs: Path | None = None) -> Learner:
    """A learner before its first step: the same settings and seed give the same weights.

    They are fresh but for those that `settings["start"]` takes from a run below `runs`.
    """
    described = architecture_spec(settings, card), card.input_shape, task.outputs(), settings["parts"]
    outline(*described)  # refuses a network that is too large, before there is memory for its weights
    start = settings.get("start")
    # Loading draws random numbers, so it comes before the seed.
    theirs = saved_parts(model_file(start, seed, runs)) if start else {}
    keras.utils.set_random_seed(seed)
    with _precision(settings["precision"]):
        network = build_network(*described)
        if start:  # before the optimizer makes its slots
            begin(network, theirs, start)
        layer = PREPROCESSING.build(settings["preprocessing"], card)
        raw = keras.Input(card.input_shape, dtype="float32", name=card.input)
        model = keras.Model(raw, network(layer(raw) if layer else raw), name=network.name)
    optimizer, clip = build_optimizer(settings), build_clip(settings)
    tell_weights(optimizer, network)
    optimizer.build(model.trainable_variables)
    return Learner(
        model=model,
        preprocess=layer or (lambda raw: raw),
        network=network,
        task=task,
        optimizer=optimizer,
        clip=clip,
        knobs=find_knobs(settings, network, optimizer, clip),
        constraints=find_constraints(network),
        augmentations=[AUGMENTATIONS.build(spec, card) for spec in settings["augmentation"]],
        randomness=keras.random.SeedGenerator(seed),
    )


def build_optimizer(settings: Settings) -> keras.Optimizer:
    """The optimizer of a trial, with loss scaling where the precision needs it."""
    optimizer = OPTIMIZERS.build(settings["optimizer"])
    if settings["precision"] == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def tell_weights(optimizer: keras.Optimizer, network: keras.Model) -> None:
    """Tell `optimizer`, not built yet, what the weights of `network` are to it.

    Kernels alone decay. The papers of AdamW, Lion and Muon decay every weight; practice, and the code of LARS's and
    LAMB's authors, leaves out biases, the weights of normalizations and other scales, since pulling a shift or a scale
    to 0 does not make a network simpler. Muon's own step is for the kernels of hidden layers.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    optimizer.exclude_from_weight_decay(_others(network, kernels(network)))
    if hasattr(optimizer, "leave_to_adamw"):
        optimizer.leave_to_adamw(_others(network, hidden_kernels(network)))


def _others(network: keras.Model, weights: list[keras.Variable]) -> list[keras.Variable]:
    """The trainable weights of `network` without these."""
    known = {id(weight) for weight in weights}
    return [weight for weight in network.trainable_variables if id(weight) not in known]


def build_clip(settings: Settings) -> Clip | None:
    """The clipping of a trial's gradients."""
    return next((Clip(kind, limit) for kind, limit in (settings["clip"] or {}).items()), None)


def build_recipe(settings: Settings, seed: int, examples: int) -> Recipe:
    """How a trial trains on so many training examples."""
    whole = is_full_batch(settings["optimizer"])
    steps = steps_per_epoch(settings["optimizer"], examples, settings["batch_size"])
    horizon = Horizon(steps, settings["epochs"], settings["batch_size"])
    stopping = settings["early_stopping"] or {"patience": None, "least_gain": 0.0}
    return Recipe(
        seed=seed,
        epochs=settings["epochs"],
        batch_size=settings["batch_size"],
        factor=SCHEDULES.build(settings["schedule"], horizon),
        numbers=tunable_numbers(settings),
        steps_per_call=settings["steps_per_call"],
        patience=stopping["patience"],
        least_gain=stopping["least_gain"],
        full_batch_steps=steps if whole else None,
        step_examples=examples if whole else settings["batch_size"],
    )


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
