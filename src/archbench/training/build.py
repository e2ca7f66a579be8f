"""From a trial's settings to what trains: task, network, optimizer, schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from archbench.architectures.kernels import hidden_kernels, kernels
from archbench.architectures.network import build_network, outline
from archbench.architectures.parted import Network, parts_of
from archbench.augmentations.build import build_augmentation
from archbench.datasets.card import Card
from archbench.optimizers import OPTIMIZERS
from archbench.preprocessing import PREPROCESSING
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.tasks import TASKS
from archbench.tasks.base import Task
from archbench.training.fit import Recipe
from archbench.training.fitted import architecture_spec
from archbench.training.full_batch import is_full_batch, iterations_per_epoch
from archbench.training.numbers import find_constraints, find_knobs, tunable_numbers
from archbench.training.program import Average, Clip, Learner
from archbench.training.start import begin, model_file, saved_parts

Settings = Mapping[str, Any]


def build_task(settings: Settings, card: Card) -> Task:
    """The task of a trial, for a data set with this card."""
    return TASKS.build(settings["task"], card)


def build_learner(settings: Settings, card: Card, task: Task, seed: int, runs: Path | None = None) -> Learner:
    """A learner before its first step: the same settings and seed give the same weights.

    They are fresh but for those that `settings["start"]` takes from a run below `runs`.
    """
    described = architecture_spec(settings, card), task.reads(), task.outputs(), settings["parts"]
    outline(*described)  # refuses a network that is too large, before there is memory for its weights
    start = settings.get("start")
    # Loading draws random numbers, so it comes before the seed.
    theirs = saved_parts(model_file(start, seed, runs)) if start else {}
    keras.utils.set_random_seed(seed)
    with _precision(settings["precision"]):
        network = build_network(*described)
        if start:  # before the optimizer makes its slots
            begin(network, theirs, start)
        task.meet(parts_of(network))
        layer = PREPROCESSING.build(settings["preprocessing"], card)
        model = _with_preprocessing(network, layer, task)
    optimizer, clip = build_optimizer(settings), build_clip(settings)
    tell_weights(optimizer, network)
    optimizer.build(model.trainable_variables)
    return Learner(
        model=model,
        preprocess=_before(layer, task),
        parts=parts_of(network),
        task=task,
        optimizer=optimizer,
        clip=clip,
        average=_average(settings, model),
        knobs=find_knobs(settings, network, optimizer, clip),
        constraints=find_constraints(network),
        carried=_carried(task, settings["batch_size"]),
        augmentations=[build_augmentation(spec, card) for spec in settings["augmentation"]],
        randomness=keras.random.SeedGenerator(seed),
    )


def _with_preprocessing(network: keras.Model, layer: keras.Layer | None, task: Task) -> keras.Model:
    """What is saved: `network` as it answers to raw inputs, of which `layer` scales some."""
    before = _before(layer, task)
    raw = {name: keras.Input(spec.shape[1:], dtype=spec.dtype, name=name) for name, spec in task.reads().items()}
    read = [before[name](tensor) if name in before else tensor for name, tensor in raw.items()]
    if isinstance(network, Network):
        return Network(network.parts, before, name=network.name)
    inputs, read = (list(raw.values()), read) if len(raw) > 1 else (*raw.values(), *read)
    return keras.Model(inputs, network(read), name=network.name)


def _before(layer: keras.Layer | None, task: Task) -> dict[str, keras.Layer]:
    """The arrays that preprocessing scales, each with the `layer` that does."""
    return dict.fromkeys(task.scaled(), layer) if layer else {}


def _carried(task: Task, batch_size: int) -> dict[str, keras.Variable]:
    """What the task carries from batch to batch, at the beginning of a stream: zeros."""
    return {
        name: keras.Variable(np.zeros((batch_size, *shape), "float32"), trainable=False, name=name)
        for name, shape in task.carry.items()
    }


def _average(settings: Settings, model: keras.Model) -> Average | None:
    """The average of a trial's weights, which takes them in after the first step."""
    if "average" not in settings:
        return None
    kept = [keras.Variable(np.zeros(w.shape, w.dtype), trainable=False) for w in model.trainable_variables]
    return Average(settings["average"]["decay"], kept)


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


def build_recipe(settings: Settings, seed: int, examples: int, steps: int) -> Recipe:
    """How a trial trains on so many `examples`, which make `steps` batches in an epoch."""
    whole = is_full_batch(settings["optimizer"])
    steps = iterations_per_epoch(settings["optimizer"]) if whole else steps
    horizon = Horizon(steps, settings["epochs"], settings["batch_size"])
    stopping = settings["early_stopping"] or {"patience": None, "least_gain": 0.0}
    return Recipe(
        seed=seed,
        epochs=settings["epochs"],
        batch_size=settings["batch_size"],
        factor=SCHEDULES.build(settings["schedule"], horizon),
        numbers=tunable_numbers(settings),
        steps_per_epoch=steps,
        steps_per_call=settings["steps_per_call"],
        patience=stopping["patience"],
        least_gain=stopping["least_gain"],
        step_examples=examples if whole else settings["batch_size"],
        full_batch=whole,
    )


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
