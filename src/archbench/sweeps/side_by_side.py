"""Several learners of one bench in one vectorised program: they differ in numbers, so one step moves them all.

Only on the JAX backend, whose `vmap` makes one program of many. The learners share their program, the order of their
examples and the number of their epochs; one that ends early keeps its place until the others are done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from archbench.training.build import Settings
from archbench.training.checkpoint import Progress
from archbench.training.feed import Feed
from archbench.training.fit import Diverged, Recipe, check_finite, over, past_scores, take_row
from archbench.training.run import Workbench


@dataclass
class _Lane:
    """One learner among those that train together."""

    recipe: Recipe
    rate: float
    fresh: list[np.ndarray]
    """The state it starts from."""
    progress: Progress
    diverged: Diverged | None = None
    stopped: bool = False

    @property
    def ended(self) -> bool:
        """Whether its place is only kept."""
        return self.stopped or self.diverged is not None or over(self.recipe, self.progress)


def fit_side_by_side(
    bench: Workbench,
    settings: Sequence[Settings],
    progress: Sequence[Progress],
    after_epoch: Callable[[int], bool],
) -> list[Diverged | None]:
    """As `fit` for several trials at once, each with its `progress`; returns what made each diverge.

    `after_epoch` is called with the place of a trial after each epoch of it, and says whether to stop it. The weights
    of the best epochs are not kept.
    """
    lanes = [_start(bench, one, its) for one, its in zip(settings, progress, strict=True)]
    values: Sequence[Any] = [np.stack(each) for each in zip(*(lane.fresh for lane in lanes), strict=True)]
    while going := [number for number, lane in enumerate(lanes) if not lane.ended]:
        values = _train(bench, lanes, values, epoch=lanes[going[0]].progress.epoch)
        _evaluate(bench, lanes, values)
        for number in going:
            if not lanes[number].diverged:
                lanes[number].stopped = after_epoch(number)
    return [lane.diverged for lane in lanes]


def _start(bench: Workbench, settings: Settings, progress: Progress) -> _Lane:
    """A learner with the fresh state and the recipe that it has alone."""
    recipe, learner = bench.start(settings), bench.program.learner
    return _Lane(recipe, float(ops.convert_to_numpy(learner.optimizer.learning_rate)), learner.read_state(), progress)


def _train(bench: Workbench, lanes: Sequence[_Lane], values: Sequence[Any], epoch: int) -> Sequence[Any]:
    """One epoch, counted from 0, of all learners; returns their new values."""
    training, recipe = bench.training, lanes[0].recipe
    done, first_step = 0, epoch * recipe.steps_per_epoch
    rates, numbers = _paces(bench, lanes, epoch)
    values = bench.program.learner.with_begun_streams(values)
    for data, chunk, count in training.chunks(recipe.seed, epoch, recipe.batch_size, recipe.steps_per_call):
        now = _filled(rates[:, done : done + count], len(chunk))
        here = {name: _filled(value[:, done : done + count], len(chunk)) for name, value in numbers.items()}
        values, logs = bench.program.train_side_by_side(values, data, chunk, count, now, here)
        for lane, steps, finite in zip(lanes, logs["steps"], logs["finite"], strict=True):
            if not finite and not lane.ended:
                lane.diverged = Diverged(first_step + done + int(steps), "training loss")
        done += count
    return values


def _paces(bench: Workbench, lanes: Sequence[_Lane], epoch: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The learning rates (learner, step) of an epoch, and every other number (learner, step)."""
    own = [lane.recipe.paces(lane.rate, epoch, past_scores(bench.task, lane.progress)) for lane in lanes]
    return np.array([rates for rates, _ in own]), {
        name: np.array([numbers[name] for _, numbers in own]) for name in own[0][1]
    }


def _filled(values: np.ndarray, length: int) -> np.ndarray:
    """`values` (learner, step) with zeros behind them, to `length` steps: a compiled program has one shape."""
    return np.pad(values, ((0, 0), (0, length - values.shape[1])))


def _evaluate(bench: Workbench, lanes: Sequence[_Lane], values: Sequence[Any]) -> None:
    """The validation scores of every learner that still trains, as the next row of its progress."""
    split, recipe, task = bench.validation, lanes[0].recipe, bench.task
    predicted = task.predict_every > 0
    what = "predictions" if predicted else "losses"
    learner = bench.program.learner
    values = learner.with_averages(learner.with_begun_streams(values))
    answers = [_answers(bench, what, values, feed, split.in_order(feed, recipe.batch_size)) for feed in split.feeds]
    for number, lane in enumerate(lanes):
        if lane.ended:
            continue
        own = split.together([{name: value[number] for name, value in of_feed.items()} for of_feed in answers])
        scores, _ = split.judge(own, predicted=predicted)
        try:
            check_finite(task, scores, (lane.progress.epoch + 1) * recipe.steps_per_epoch)
        except Diverged as error:
            lane.diverged = error
        else:
            row = {f"validation_{name}": value for name, value in scores.items()}
            take_row(task, lane.recipe, lane.progress, row)


def _answers(bench: Workbench, what: str, values: Sequence[Any], feed: Feed, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What every learner answers of every example of a feed, which `rows` (step, batch) hold once: (learner, example).

    Where a row is -1 the step has no more examples.
    """
    found: dict[str, np.ndarray] = {}
    for (data, local), asked in zip(feed.batches(rows), rows, strict=True):
        values, answers = bench.program.answer_side_by_side(what, values, data, local)
        there = asked >= 0
        for name, given in answers.items():
            if name not in found:
                found[name] = np.empty((len(given), feed.examples, *given.shape[2:]), given.dtype)
            found[name][:, asked[there]] = given[:, there]
    return found
