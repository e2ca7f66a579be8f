"""Architectures that are fitted on the host, all at once, instead of by gradients: nearest neighbors, R-CNN's SVMs.

Their entry has the fact `fit`, a function `(parts, arrays, seed)` that sets the weights of the parts of the network
from training data: `arrays` are those of the task, `group` where the data set has groups, and what the network reads,
under the names of the builder's parameters.
"""

from __future__ import annotations

import math
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
    return "fit" in ARCHITECTURES[settings["architecture"]["name"]].facts


def architecture_spec(settings: Mapping[str, Any], card: Card) -> Mapping[str, Any]:
    """The architecture of a trial, which is told what its data set decides, where it has such an option.

    One that reads tokens, how many there are in the `vocabulary`; one that keeps its training `examples`, their number,
    or that of the `positions` in all of them.
    """
    spec, sizes = settings["architecture"], {}
    if card.vocabulary:
        sizes["vocabulary"] = len(card.vocabulary)
    if is_fitted(settings):
        examples = card.split_sizes["train"]
        sizes |= {"examples": examples, "positions": examples * math.prod(filter(None, card.input_shape))}
    return {**spec, **{name: size for name, size in sizes.items() if name in ARCHITECTURES[spec["name"]].options}}


def one_step(recipe: Recipe, examples: int) -> Recipe:
    """`recipe` as a single step that reads every training example."""
    return replace(recipe, epochs=1, step_examples=examples, patience=None)


def fit_at_once(
    architecture: str,
    program: Program,
    recipe: Recipe,
    training: Split,
    validation: Split,
    progress: Progress,
    *,
    after_epoch: Callable[[Progress], None],
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Let the architecture's own `fit` set the weights, and record it as one epoch of one step.

    Called as `fit` is, with the architecture's name before. The history has the columns of every run; there is no
    learning rate and no gradient, so these are 0.
    """
    if progress.epoch:  # resumed after it was fitted: the checkpoint holds all
        return
    learner = program.learner
    watchers = keras.callbacks.CallbackList(list(callbacks), model=learner.model)
    watchers.on_train_begin()
    watchers.on_epoch_begin(0)
    start = time.perf_counter()
    entry = ARCHITECTURES[architecture]
    arrays = _arrays(learner, training, entry.positional)
    input_seconds, start = time.perf_counter() - start, time.perf_counter()
    entry.facts["fit"](learner.parts, arrays, recipe.seed)
    step_seconds, start = time.perf_counter() - start, time.perf_counter()
    predicted = learner.task.predict_every > 0  # else a loss chooses, and test examples alone are predicted
    train_scores, _ = training.scores(recipe.batch_size, predicted=predicted)
    scores, _ = validation.scores(recipe.batch_size, predicted=predicted)
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


def _arrays(learner: Learner, split: Split, names: Sequence[str]) -> dict[str, np.ndarray]:
    """What `fit` is given of a split."""
    (feed,) = split.feeds
    groups = {} if split.group is None else {"group": split.group}
    pieces = [
        learner.read({name: feed.arrays[name][first : first + HOST_BATCH] for name in learner.task.reads()})
        for first in range(0, split.examples, HOST_BATCH)
    ]
    read = {
        parameter: np.concatenate([ops.convert_to_numpy(piece[name]) for piece in pieces])
        for parameter, name in zip(names, learner.task.reads(), strict=False)  # the last parameter is the outputs
    }
    return {**split.arrays, **groups, **read}
