"""Architectures that are fitted on the host, all at once, instead of by gradients: nearest neighbors.

Their entry has the fact `fitted`, their network a layer with a method `fit(inputs, labels, seed, group)`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.architectures import ARCHITECTURES
from archbench.datasets.card import Card
from archbench.training.checkpoint import Progress
from archbench.training.fit import Recipe, Split
from archbench.training.program import Learner, Program

HOST_BATCH = 1024
"""Examples that are preprocessed at once."""


def is_fitted(settings: Mapping[str, Any]) -> bool:
    """Whether the architecture of a trial is fitted at once."""
    return ARCHITECTURES[settings["architecture"]["name"]].facts.get("fitted", False)


def architecture_spec(settings: Mapping[str, Any], card: Card) -> Mapping[str, Any]:
    """The architecture of a trial; one that keeps its training examples is told how many there are."""
    spec = settings["architecture"]
    return {**spec, "examples": card.split_sizes["train"]} if is_fitted(settings) else spec


def one_step(recipe: Recipe, examples: int) -> Recipe:
    """`recipe` as a single step that reads every training example."""
    return replace(recipe, epochs=1, step_examples=examples, patience=None)


def fit_at_once(
    program: Program,
    recipe: Recipe,
    training: Split,
    validation: Split,
    progress: Progress,
    *,
    after_epoch: Callable[[Progress], None],
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Fit the layers of the network that have a `fit`, and record it as one epoch of one step.

    Called as `fit` is. The history has the columns of every run; there is no learning rate and no gradient, so these
    are 0.
    """
    if progress.epoch:  # resumed after it was fitted: the checkpoint holds all
        return
    learner = program.learner
    watchers = keras.callbacks.CallbackList(list(callbacks), model=learner.model)
    watchers.on_train_begin()
    watchers.on_epoch_begin(0)
    start = time.perf_counter()
    inputs = _preprocessed(learner, training)
    input_seconds, start = time.perf_counter() - start, time.perf_counter()
    for layer in _fittable(learner.network):
        layer.fit(inputs, training.targets["label"], recipe.seed, training.group)
    step_seconds, start = time.perf_counter() - start, time.perf_counter()
    train_scores, _ = training.scores(learner.task, 1)
    scores, _ = validation.scores(learner.task, 1)
    row = {
        "epoch": 1,
        "step": 1,
        "learning_rate": 0.0,
        **{f"train_{name}": value for name, value in train_scores.items()},
        **{f"validation_{name}": value for name, value in scores.items()},
        "gradient_norm": 0.0,
        "weight_norm": 0.0,
        "compile_seconds": 0.0,
        "input_seconds": input_seconds,
        "step_seconds": step_seconds,
        "evaluation_seconds": time.perf_counter() - start,
    }
    progress.history, progress.epoch, progress.best_epoch = [row], 1, 1
    progress.best_score, progress.best_validation = scores[learner.task.monitor], scores
    watchers.on_epoch_end(0, row)
    after_epoch(progress)
    watchers.on_train_end()


def _fittable(network: keras.Model) -> list[Any]:
    return [layer for layer in network.layers if hasattr(layer, "fit")]


def _preprocessed(learner: Learner, split: Split) -> np.ndarray:
    """Every input of `split` as the network reads it."""
    raw = split.feed.arrays[learner.task.card.input]
    parts = [
        ops.convert_to_numpy(learner.preprocess(ops.cast(raw[first : first + HOST_BATCH], "float32")))
        for first in range(0, len(raw), HOST_BATCH)
    ]
    return np.concatenate(parts)
