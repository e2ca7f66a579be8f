"""Several trials of an arm in one vectorised program: they differ in numbers, so one step moves them all.

Only on the JAX backend, whose `vmap` makes one program of many. The trials must share their program and the order of
their examples; a trial that ends early keeps its place until the others are done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.trial import TrialState

from archbench.errors import UserError
from archbench.sweeps.benches import Benches
from archbench.training.build import Settings
from archbench.training.fit import Recipe, epoch_order
from archbench.training.full_batch import is_full_batch
from archbench.training.numbers import learning_rate, program_key
from archbench.training.run import Workbench

Asked = tuple[optuna.Trial, Settings]


class NotSideBySide(UserError):
    """Trials that cannot share one vectorised program."""


@dataclass
class _Place:
    """One trial among those that train together."""

    trial: optuna.Trial
    recipe: Recipe
    rate: float
    scores: list[float] = field(default_factory=list)
    state: TrialState | None = None
    """How it ended; None while it trains."""


def run_side_by_side(study: optuna.Study, asked: Sequence[Asked], benches: Benches) -> None:
    """Train the trials together, each pruned on its own, and tell Optuna how each ended."""
    settings = [one for _, one in asked]
    alike = all(program_key(one) == program_key(settings[0]) for one in settings)
    if not alike or settings[0]["early_stopping"] or is_full_batch(settings[0]["optimizer"]):
        raise NotSideBySide(
            "Trials side by side must share one program of mini-batches and run all their epochs: tune no number that "
            "changes shapes or layers, stop none early, and take no optimizer of whole epochs. Set side_by_side: 1 in "
            "the study."
        )
    start = time.perf_counter()
    bench = benches.get(settings[0])
    places = [_Place(trial, bench.start(one), learning_rate(one)) for trial, one in asked]
    _train(bench, places, bench.program.learner.read_state())
    seconds = (time.perf_counter() - start) / len(places)
    best = max if bench.task.maximize else min
    for place in places:
        place.trial.set_user_attr("seconds", seconds)
        place.trial.set_user_attr("epochs_run", len(place.scores))
        complete = place.state == TrialState.COMPLETE
        study.tell(place.trial, best(place.scores) if complete else None, state=place.state)


def _train(bench: Workbench, places: Sequence[_Place], fresh: Sequence[np.ndarray]) -> None:
    """All epochs of all trials, from one fresh state."""
    together, recipe = bench.program.side_by_side(), places[0].recipe
    values = [np.repeat(value[None], len(places), axis=0) for value in fresh]
    for epoch in range(recipe.epochs):
        order = epoch_order(recipe.seed, epoch, bench.training.feed.examples, recipe.batch_size)
        rates, numbers = _paces(bench, places, epoch)
        finite, done = np.ones(len(places), bool), 0
        for data, chunk, count in bench.training.feed.chunks(order, recipe.steps_per_call):
            here = {name: _filled(value[:, done : done + count], len(chunk)) for name, value in numbers.items()}
            now = _filled(rates[:, done : done + count], len(chunk))
            values, logs = together.train_side_by_side(values, data, chunk.astype(np.int32), np.int32(count), now, here)
            finite &= logs["finite"] > 0
            done += count
        _judge(bench, places, finite, _scores(bench, together, values, recipe.batch_size), epoch + 1)
        if all(place.state for place in places):
            return


def _paces(bench: Workbench, places: Sequence[_Place], epoch: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The learning rates (trial, step) of an epoch, and every other number (trial, step)."""
    sign, examples = (-1.0 if bench.task.maximize else 1.0), bench.training.feed.examples
    own = [place.recipe.paces(place.rate, epoch, examples, [sign * s for s in place.scores]) for place in places]
    names = own[0][1]
    return np.array([rates for rates, _ in own]), {
        name: np.array([numbers[name] for _, numbers in own]) for name in names
    }


def _filled(values: np.ndarray, length: int) -> np.ndarray:
    """`values` (trial, step) with zeros behind them, to `length` steps: a compiled program has one shape."""
    return np.pad(values, ((0, 0), (0, length - values.shape[1]))).astype(np.float32)


def _scores(bench: Workbench, together, values, least_batch: int) -> list[float]:
    """The validation score of every trial."""
    feed = bench.validation.feed
    batches = [
        together.predict_side_by_side(values, data, rows.astype(np.int32)) for data, rows in feed.batches(least_batch)
    ]
    whole = {name: np.concatenate([batch[name] for batch in batches], axis=1) for name in batches[0]}
    predictions = {name: value for name, value in whole.items() if not name.startswith("loss/")}
    return [
        bench.task.scores(
            bench.validation.targets, {name: value[number][: feed.examples] for name, value in predictions.items()}
        )[bench.task.monitor]
        if np.isfinite(whole["loss/loss"][number]).all()
        else math.nan
        for number in range(len(whole["loss/loss"]))
    ]


def _judge(bench: Workbench, places: Sequence[_Place], finite: np.ndarray, scores: Sequence[float], epoch: int) -> None:
    """Report an epoch of each trial that still trains, and end those that diverged, are hopeless or are done."""
    for place, healthy, score in zip(places, finite, scores, strict=True):
        if place.state:
            continue
        if not healthy or not math.isfinite(score):
            place.trial.set_user_attr(
                "diverged_at_step", epoch * (bench.training.feed.examples // place.recipe.batch_size)
            )
            place.state = TrialState.FAIL
            continue
        place.scores.append(float(score))
        place.trial.report(score, epoch)
        if epoch == place.recipe.epochs:
            place.state = TrialState.COMPLETE
        elif place.trial.should_prune():
            place.state = TrialState.PRUNED
