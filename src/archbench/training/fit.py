"""The training loop: epochs over compiled chunks of steps, one loop for every task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.schedules.horizon import Factor
from archbench.tasks.base import Task
from archbench.training.checkpoint import Progress
from archbench.training.full_batch import FullBatch, only
from archbench.training.health import PREFIX
from archbench.training.pieces import told
from archbench.training.program import Program
from archbench.training.split import Split

MOMENTA = ("optimizer.momentum", "optimizer.beta_1")
"""The numbers that a schedule of the momentum changes."""


class Diverged(Exception):
    """A loss that is NaN or infinite, with the optimizer step that met it."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"the {what} was NaN or infinite at step {step}")
        self.step = step


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train."""

    seed: int
    epochs: int
    batch_size: int
    factor: Factor
    """The schedule: factors on the optimizer's learning rate and momentum at each step."""
    numbers: Mapping[str, float]
    """The tunable numbers but the learning rate, by their keys in params.yaml."""
    steps_per_epoch: int
    steps_per_call: int
    step_examples: int
    """Training examples that a step reads, at least."""
    full_batch: bool = False
    """Whether a step is taken on all the data, and not on a batch."""
    patience: int | None = None
    least_gain: float = 0.0

    def paces(self, rate: float, epoch: int, scores: Sequence[float]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The learning rate (step,) of an epoch, counted from 0, and every other number (step,) by its key.

        `rate` is the initial rate; `scores` are the validation scores of the epochs done, the lower the better.
        """
        per_epoch = self.steps_per_epoch
        steps = np.arange(epoch * per_epoch, (epoch + 1) * per_epoch, dtype=float)
        momentum = self.factor.momentum(steps)
        numbers = {
            name: value * (momentum if name in MOMENTA else np.ones(per_epoch)) for name, value in self.numbers.items()
        }
        return rate * self.factor(steps, scores), numbers


def fit(
    program: Program,
    recipe: Recipe,
    training: Split,
    validation: Split,
    progress: Progress,
    *,
    after_epoch: Callable[[Progress], None],
    after_call: Callable[[Progress], None] = lambda progress: None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train from `progress` to the end of `recipe`, and leave the best epoch's weights in the model.

    `after_epoch` sees the progress after each epoch, to record it; it may set `model.stop_training`. `after_call` sees
    it after every call of the compiled program within an epoch. `callbacks` are Keras's own; their
    `on_train_batch_end` is called once a compiled call, with the number of its last step. Raises `Diverged`, and
    `OutOfMemory` with what would fit.
    """
    with told(program, training, recipe.batch_size, recipe.steps_per_call, recipe.numbers):
        learner = program.learner
        learner.model.stop_training = False
        learner.model.optimizer = learner.optimizer  # where Keras's callbacks look for it
        watchers = keras.callbacks.CallbackList(list(callbacks), model=learner.model)
        watchers.on_train_begin()
        compile_seconds = 0.0 if over(recipe, progress) else _compile(program, recipe, training, validation)
        while not (over(recipe, progress) or learner.model.stop_training):
            watchers.on_epoch_begin(progress.epoch)
            row = _epoch(program, recipe, training, validation, progress, compile_seconds, watchers, after_call)
            compile_seconds = 0.0
            if take_row(learner.task, recipe, progress, row):
                with learner.averaged():
                    progress.best_weights = [np.array(ops.convert_to_numpy(v)) for v in learner.model.variables]
            watchers.on_epoch_end(progress.epoch - 1, row)
            after_epoch(progress)
        watchers.on_train_end()
        learner.model.optimizer = None  # the optimizer is no part of the saved model
        for variable, value in zip(learner.model.variables, progress.best_weights, strict=True):
            variable.assign(value)


def over(recipe: Recipe, progress: Progress) -> bool:
    """Whether the epochs are done, or the patience is spent; a resumed run asks the same before its first epoch."""
    spent = recipe.patience is not None and progress.epoch - progress.best_epoch >= recipe.patience
    return progress.epoch >= recipe.epochs or (progress.epoch > 0 and spent)


def past_scores(task: Task, progress: Progress) -> list[float]:
    """The validation scores of the epochs done, the lower the better, as a schedule reads them."""
    sign = -1.0 if task.maximize else 1.0
    return [sign * row[f"validation_{task.monitor}"] for row in progress.history]


def check_finite(task: Task, scores: Mapping[str, float], step: int) -> None:
    """Raise `Diverged` at `step` where what training is judged by is NaN or infinite."""
    for name in ("loss", task.monitor):
        if not math.isfinite(scores[name]):
            raise Diverged(step, f"validation {name}")


def _compile(program: Program, recipe: Recipe, training: Split, validation: Split) -> float:
    """Seconds to compile the programs: of each feed a chunk of no steps, and one batch of answers, before their use."""
    start, learner = time.perf_counter(), program.learner
    carried = [np.array(ops.convert_to_numpy(variable)) for variable in learner.carried.values()]
    if recipe.full_batch:
        FullBatch(program, only(training.feeds), recipe.batch_size).compile(recipe.numbers)
    else:
        for data, chunk, _ in training.first_chunks(recipe.seed, recipe.batch_size, recipe.steps_per_call):
            program.train(data, chunk, 0, np.zeros(len(chunk)), recipe.numbers)
    validation.answer("predictions" if learner.task.predict_every else "losses", recipe.batch_size)
    for variable, value in zip(learner.carried.values(), carried, strict=True):  # of an epoch that is taken up
        variable.assign(value)
    return time.perf_counter() - start


def _epoch(
    program: Program,
    recipe: Recipe,
    training: Split,
    validation: Split,
    progress: Progress,
    compile_seconds: float,
    watchers: keras.callbacks.CallbackList,
    after_call: Callable[[Progress], None],
) -> dict[str, float]:
    """One epoch of training, or what `progress` leaves of it, and one evaluation, as a row of the history."""
    learner, task = program.learner, program.learner.task
    first_step = progress.epoch * recipe.steps_per_epoch
    rate = float(ops.convert_to_numpy(learner.optimizer.learning_rate))
    rates, numbers = recipe.paces(rate, progress.epoch, past_scores(task, progress))
    within = progress.within or {
        "calls": 0,
        "steps": 0,
        "sums": {},
        "moved": -int(ops.convert_to_numpy(learner.optimizer.iterations)),
        "compile_seconds": 0.0,
        "input_seconds": 0.0,
        "step_seconds": 0.0,
    }
    within["compile_seconds"] += compile_seconds
    sums, done, logs = within["sums"], within["steps"], {}
    mark = time.perf_counter()
    for count, call in _calls(program, recipe, training, progress.epoch, rates, numbers, within):
        start = time.perf_counter()
        within["input_seconds"] += start - mark
        watchers.on_train_batch_begin(done)
        logs = call()
        done += int(logs["steps"])
        if not logs["finite"]:
            raise Diverged(first_step + done, "training loss")
        for name, value in logs.items():
            if not name.startswith(PREFIX):
                sums[name] = sums.get(name, 0.0) + value * count
        mark = time.perf_counter()
        within["step_seconds"] += mark - start
        within["calls"], within["steps"] = within["calls"] + 1, done
        watchers.on_train_batch_end(done - 1, {"loss": logs["loss"]})
        if done < recipe.steps_per_epoch:
            progress.within = within
            after_call(progress)
    progress.within = {}
    start = time.perf_counter()
    with learner.averaged():
        scores = judge_epoch(task, validation, recipe, progress)
    evaluation_seconds = time.perf_counter() - start
    check_finite(task, scores, first_step + done)
    apart = ("steps", "finite", "gradient_norm", "weight_norm")
    moved = within["moved"] + int(ops.convert_to_numpy(learner.optimizer.iterations))
    return {
        "epoch": progress.epoch + 1,
        "step": first_step + done,
        "learning_rate": float(rates[-1]),
        **{f"train_{name}": value / done for name, value in sums.items() if name not in apart},
        **{f"validation_{name}": value for name, value in scores.items()},
        "gradient_norm": logs["gradient_norm"],
        "weight_norm": logs["weight_norm"],
        **{name: value for name, value in logs.items() if name.startswith(PREFIX)},
        **({"skipped_steps": done - moved} if learner.scales_loss else {}),
        "compile_seconds": within["compile_seconds"],
        "input_seconds": within["input_seconds"],
        "step_seconds": within["step_seconds"],
        "evaluation_seconds": evaluation_seconds,
    }


def _calls(
    program: Program,
    recipe: Recipe,
    training: Split,
    epoch: int,
    rates: np.ndarray,
    numbers: Mapping[str, np.ndarray],
    within: Mapping[str, Any],
) -> Iterator[tuple[int, Callable[[], dict[str, float]]]]:
    """The calls of the compiled program that make an epoch, or what is left `within` one, each with its steps."""
    if recipe.full_batch:
        yield len(rates), partial(FullBatch(program, only(training.feeds), recipe.batch_size).train, rates, numbers)
        return
    done, called = within["steps"], within["calls"]
    for data, chunk, count in training.chunks(recipe.seed, epoch, recipe.batch_size, recipe.steps_per_call, called):
        padded = lambda values: np.pad(values[done : done + count], (0, len(chunk) - count))  # noqa: B023, E731
        at_steps = {name: padded(values) for name, values in numbers.items()}
        watched = done + count == len(rates)
        yield count, partial(program.train, data, chunk, count, padded(rates), at_steps, watched=watched)
        done += count


def judge_epoch(task: Task, validation: Split, recipe: Recipe, progress: Progress) -> dict[str, float]:
    """The scores of the validation split after an epoch; NaN for those that are not taken in this one."""
    predicted = task.predict_every > 0 and progress.epoch % task.predict_every == 0
    scores, _ = validation.scores(recipe.batch_size, predicted=predicted)
    before = progress.history[-1] if progress.history and not predicted else {}
    known = (name.removeprefix("validation_") for name in before if name.startswith("validation_"))
    return {**dict.fromkeys(known, math.nan), **scores}


def take_row(task: Task, recipe: Recipe, progress: Progress, row: Mapping[str, float]) -> bool:
    """Add an epoch's row to the progress, and say whether its validation score is the best so far."""
    progress.history.append(row)
    progress.epoch += 1
    score = row[f"validation_{task.monitor}"]
    gain = score - progress.best_score if task.maximize else progress.best_score - score
    if progress.best_epoch and not gain > recipe.least_gain:
        return False
    progress.best_epoch, progress.best_score = progress.epoch, score
    progress.best_validation = {
        name.removeprefix("validation_"): value for name, value in row.items() if name.startswith("validation_")
    }
    return True
