"""Training steps of one network on the same data: our program, the bare loop of its backend, `fit`, and PyTorch.

The bare loop is what one writes by hand for one network: a compiled function of one batch, called from Python, with the
forward pass, the gradients and the optimizer in it. It neither shuffles, nor counts, nor looks at how training goes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from archbench import resolve
from archbench.architectures.profile import profile
from archbench.datasets.derived import open_data
from archbench.speed.eager import Eager, NotInTorch, eager
from archbench.speed.pairs import interleave, row
from archbench.speed.workshop import Site, TrialSettings
from archbench.training import order
from archbench.training.build import build_learner
from archbench.training.program import BoundNet, Learner, Steps
from archbench.training.run import Workbench

LEAST, MOST = 8, 400
"""Steps of one measurement."""
SIDE, PRODUCTS = 1024, 8
"""Of the matrices whose product shows what the machine can do at most, and how many of them."""
OPTIMIZER = {"name": "adam", "learning_rate": 1e-4}
"""Of all sides, whatever a benchmark trains with: every library has it."""
PASSES = 3
"""Of a step, in multiply-adds of a forward pass: the gradients of maps and of weights take as many each."""


def table(site: Site) -> Iterator[dict]:
    """Steps a second of each benchmark named in `speed.steps`: a row against the bare loop, and one against `fit`.

    A third is against PyTorch where there is one that has the network; where not, a line says so.
    """
    for slug in site.options.steps:
        yield from _rows(site, slug)


def _rows(site: Site, slug: str) -> Iterator[dict]:
    plan = resolve.resolve(site.config, slug)
    prepared = open_data(plan.settings["dataset"], site.config.datasets, site.folders.prepared, site.folders.raw)
    settings = plan.trial_settings(plan.seeds[0], prepared.card.sha256, site.folders.runs)
    settings = {**settings, "augmentation": [], "clip": None, "start": None, "optimizer": dict(OPTIMIZER)}
    bench = Workbench(settings, prepared, site.folders.runs)
    ours = Ours(bench, settings, LEAST)
    ours()  # which compiles
    count = min(MOST, max(LEAST, math.ceil(site.options.minimum_seconds * max(ours() for _ in range(3)))))
    ours = Ours(bench, settings, count)
    batches = ours.batches()
    limit = _limit(profile(bench.program.learner.model).multiply_adds * settings["batch_size"])

    def against(other: Bare | Fit | Eager, name: str) -> dict:
        pair = interleave(ours, other, site.options.repeats)
        xla = "with" if bench.xla else "without"
        share = f"{max(pair.ours) / limit:.0%} of the pace at which this machine multiplies large matrices"
        note = f"batch {settings['batch_size']}, {count} steps, {xla} XLA; baseline: {other.what}; {share}"
        return row(f"steps-{slug}{name}", "steps/s", pair, note)

    yield against(Bare(bench, settings, batches), "")
    yield against(Fit(bench, settings, batches), "-fit")
    try:
        with eager(bench, settings, batches) as other:
            yield against(other, "-torch")
    except NotInTorch as error:
        print(f"steps-{slug}-torch: not measured: {error}", flush=True)


class Ours:
    """Our program: one call of many steps."""

    def __init__(self, bench: Workbench, settings: TrialSettings, count: int) -> None:
        self._program, self._numbers, self._count = bench.program, bench.start(settings).numbers, count
        feed = bench.training.feeds[0]
        rows = order.shuffled((0, 0), feed.examples, settings["batch_size"])
        self._order = np.resize(rows, (count, settings["batch_size"]))
        self._data, _, _ = next(iter(feed.chunks(self._order, count)))

    def batches(self) -> list[dict[str, np.ndarray]]:
        """The same batches, one by one."""
        whole = {name: keras.ops.convert_to_numpy(values) for name, values in self._data.items()}
        return [{name: values[rows] for name, values in whole.items()} for rows in self._order]

    def __call__(self) -> float:
        """Steps a second."""
        start = time.perf_counter()
        rates = np.full(self._count, OPTIMIZER["learning_rate"])
        self._program.train(self._data, self._order, self._count, rates, self._numbers)
        return self._count / (time.perf_counter() - start)


class Bare:
    """The bare loop."""

    what = "a bare loop"

    def __init__(self, bench: Workbench, settings: TrialSettings, batches: list[dict[str, np.ndarray]]) -> None:
        self.learner = build_learner(settings, bench.card, bench.task, settings["seed"])
        write = _bare_tensorflow if keras.backend.backend() == "tensorflow" else _bare_jax
        self._step, self._keep = write(self.learner, bench.xla)
        self._batches = [{name: keras.ops.convert_to_tensor(v) for name, v in batch.items()} for batch in batches]

    def __call__(self) -> float:
        """Steps a second."""
        start = time.perf_counter()
        for batch in self._batches:
            loss = self._step(batch)
        float(loss)  # waits for it
        seconds = time.perf_counter() - start
        self._keep()
        return len(self._batches) / seconds


Loop = tuple[Callable[[dict[str, Any]], Any], Callable[[], None]]
"""A step, which gives the loss of a batch, and what leaves the weights in the network, where steps hold them apart."""


def _bare_tensorflow(learner: Learner, xla: bool) -> Loop:
    import tensorflow as tf

    steps = Steps(learner)

    def step(batch: dict[str, Any]) -> Any:
        with tf.GradientTape() as tape:
            loss, _ = steps.objective(batch)
        weights = [variable.value for variable in learner.trainable]
        learner.optimizer.apply(tape.gradient(loss, weights, unconnected_gradients="zero"), learner.trainable)
        return loss

    return tf.function(step, jit_compile=xla, autograph=False), lambda: None


def _bare_jax(learner: Learner, xla: bool) -> Loop:
    import jax

    steps, optimizer, trainable = Steps(learner), learner.optimizer, learner.trainable
    chosen = {id(variable) for variable in trainable}
    others = [v for v in (*learner.model.variables, learner.randomness.state) if id(v) not in chosen]

    def objective(weights: list[Any], rest: list[Any], batch: dict[str, Any]) -> tuple[Any, list[Any]]:
        pairs = [*zip(trainable, weights, strict=True), *zip(others, rest, strict=True)]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            loss, _ = steps.objective(batch)
        return loss, [scope.get_current_value(variable) for variable in others]

    def step(weights: list[Any], rest: list[Any], slots: list[Any], batch: dict[str, Any]) -> tuple[Any, ...]:
        (loss, rest), gradients = jax.value_and_grad(objective, has_aux=True)(weights, rest, batch)
        weights, slots = optimizer.stateless_apply(slots, gradients, weights)
        return weights, rest, slots, loss

    compiled = jax.jit(step, donate_argnums=(0, 1, 2))
    held = [[jax.numpy.array(v.value) for v in group] for group in (trainable, others, optimizer.variables)]

    def call(batch: dict[str, Any]) -> Any:
        *held[:], loss = compiled(*held, batch)
        return loss

    def keep() -> None:
        for variables, values in zip((trainable, others, optimizer.variables), held, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(jax.numpy.array(value))  # a copy: the next step takes the value itself

    return call, keep


class Fit:
    """One epoch of `fit`."""

    what = "keras.Model.fit"

    def __init__(self, bench: Workbench, settings: TrialSettings, batches: list[dict[str, np.ndarray]]) -> None:
        self.learner = build_learner(settings, bench.card, bench.task, settings["seed"])
        self._model = FittedLearner(self.learner)
        self._model.compile(optimizer=self.learner.optimizer, jit_compile=bench.xla)
        self._arrays = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
        self._batch, self._count = settings["batch_size"], len(batches)

    def __call__(self) -> float:
        """Steps a second."""
        start = time.perf_counter()
        self._model.fit(self._arrays, batch_size=self._batch, shuffle=False, verbose=0)
        return self._count / (time.perf_counter() - start)


class FittedLearner(keras.Model):
    """A learner as `fit` takes it: its answer to a batch are the losses of the task."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.network, self.randomness = learner.model, learner.randomness
        self._steps = Steps(learner)

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """The losses of each example."""
        learner = self._steps.learner
        return learner.task.losses(BoundNet(learner, training), learner.read(batch), learner.randomness)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True) -> Any:
        """Their mean, as the task takes it."""
        task = self._steps.learner.task
        means = task.means(y_pred, self._steps.learner.read(x), _mean)
        return means["loss"] + sum(keras.ops.cast(value, "float32") for value in self.network.losses)


def _mean(values: Any, weight: Any = None) -> Any:
    if weight is None:
        return keras.ops.mean(values)
    weight = keras.ops.cast(weight, "float32")
    return keras.ops.sum(values * weight) / keras.ops.sum(weight)


def _limit(multiply_adds: float) -> float:
    """Steps a second, were the arithmetic of a step done as fast as this machine multiplies large matrices."""
    one = keras.ops.convert_to_tensor(np.random.default_rng(0).random((SIDE, SIDE), "float32"))
    fastest = 0.0
    for _ in range(4):
        start = time.perf_counter()
        product = one
        for _ in range(PRODUCTS):
            product = keras.ops.matmul(one, product)
        float(product[0, 0])
        fastest = max(fastest, PRODUCTS * SIDE**3 / (time.perf_counter() - start))
    return fastest / (PASSES * multiply_adds)
