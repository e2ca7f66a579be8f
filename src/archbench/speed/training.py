"""Training: whole epochs of our loop against `keras.Model.fit` with the same network, data and steps."""

from __future__ import annotations

import math
import time

import keras
import numpy as np

from archbench.speed.pairs import interleave, row
from archbench.speed.workshop import Site, TrialSettings, cifar_like, digits, workbench
from archbench.training.build import build_learner
from archbench.training.checkpoint import Progress
from archbench.training.fit import fit
from archbench.training.run import Workbench

LENET = {"architecture": "lenet5", "batch_size": 32}
RESNET = {"architecture": "resnet20", "batch_size": 128}
LEAST_EPOCHS = 3
RESNET_STEPS = 4
"""Steps in an epoch of ResNet-20: one takes about a second on two cores."""


class OurFit:
    """Training as `archbench train` does it, evaluation after each epoch included, without files."""

    def __init__(self, bench: Workbench, settings: TrialSettings, epochs: int) -> None:
        self._bench = bench
        self._settings = {**settings, "epochs": epochs}
        self.history: list[dict[str, float]] = []
        """One row an epoch of the last run."""

    def __call__(self) -> float:
        """Train from fresh weights; training images a second."""
        recipe = self._bench.start(self._settings)
        progress = Progress(self._settings["id"])
        parts = self._bench.program, recipe, self._bench.training, self._bench.validation
        start = time.perf_counter()
        fit(*parts, progress, after_epoch=lambda progress: None)
        seconds = time.perf_counter() - start
        self.history = progress.history
        return self._bench.training.examples * recipe.epochs / seconds


class PlainFit:
    """`compile` and `fit` with Keras's defaults on NumPy arrays: same network, optimizer, batches and epochs."""

    def __init__(self, bench: Workbench, settings: TrialSettings, epochs: int) -> None:
        self._learner = build_learner(settings, bench.card, bench.task, settings["seed"])
        self._fresh = self._learner.read_state()
        self._learner.model.compile(
            optimizer=self._learner.optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        self._batch_size, self._epochs = settings["batch_size"], epochs
        self.train, self._validation = (_arrays(bench, name) for name in ("train", "validation"))
        self.history: dict[str, list[float]] = {}
        """Keras's own history of the last run."""

    @property
    def steps(self) -> int:
        """Optimizer steps of the last run."""
        return int(keras.ops.convert_to_numpy(self._learner.optimizer.iterations))

    def __call__(self) -> float:
        """Train from fresh weights; training images a second."""
        self._learner.write_state(self._fresh)
        start = time.perf_counter()
        fitted = self._learner.model.fit(
            *self.train,
            batch_size=self._batch_size,
            epochs=self._epochs,
            validation_data=self._validation,
            verbose=0,
        )
        seconds = time.perf_counter() - start
        self.history = fitted.history
        return len(self.train[0]) * self._epochs / seconds


def lenet5(site: Site, size: int) -> list[dict]:
    """LeNet-5 on digits at `size` pixels, batch 32."""
    prepared = digits(size, LENET["batch_size"], site.folder)
    bench, settings = workbench(LENET, prepared)
    epochs = enough_epochs(bench, settings, site.options.minimum_seconds)
    pair = interleave(OurFit(bench, settings, epochs), PlainFit(bench, settings, epochs), site.options.repeats)
    name = "lenet5-digits" if size == 32 else f"lenet5-digits-{size}px"
    return [row(name, "images/s", pair, _note(bench, f"{size} px, batch 32, {epochs} epochs"))]


def resnet20(site: Site) -> list[dict]:
    """ResNet-20 on random images of 32x32x3, batch 128."""
    batch = RESNET["batch_size"]
    bench, settings = workbench(RESNET, cifar_like(RESNET_STEPS * batch, batch, site.folder))
    pair = interleave(OurFit(bench, settings, 1), PlainFit(bench, settings, 1), site.options.repeats)
    return [row("resnet20-cifar", "images/s", pair, _note(bench, f"32x32x3, batch 128, {RESNET_STEPS} steps"))]


def enough_epochs(bench: Workbench, settings: TrialSettings, seconds: float) -> int:
    """How many epochs of our side last about `seconds`; at least `LEAST_EPOCHS`."""
    trial_run = OurFit(bench, settings, LEAST_EPOCHS)
    trial_run()  # compiles
    fastest = max(trial_run() for _ in range(3))  # other work on the machine only makes it slower
    return max(LEAST_EPOCHS, math.ceil(seconds * fastest / bench.training.examples))


def _arrays(bench: Workbench, split: str) -> tuple[np.ndarray, np.ndarray]:
    arrays = bench.prepared.splits[split]
    return np.asarray(arrays[bench.card.input], "float32"), np.asarray(arrays["label"])


def _note(bench: Workbench, what: str) -> str:
    return f"{what}, evaluation after each; baseline: keras.Model.fit; our program with{'' if bench.xla else 'out'} XLA"
