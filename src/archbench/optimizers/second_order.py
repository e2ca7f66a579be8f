"""Quasi-Newton descent on all the data: L-BFGS."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from archbench.optimizers import optimizer
from archbench.options import Count, Positive

LEAST_CURVATURE = 1e-8
"""The least cosine between a step and the change of the gradient along it for the pair to be kept."""


@keras.saving.register_keras_serializable("archbench")
class LBFGS(keras.optimizers.Optimizer):
    """The memory of L-BFGS: the last pairs of a step and of how the gradient changed along it.

    `archbench.training.full_batch` moves the weights; the pairs are variables, so a checkpoint holds them.
    """

    def __init__(self, learning_rate=1.0, pairs=10, iterations_per_epoch=5, name="lbfgs", **options):
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.pairs, self.iterations_per_epoch = pairs, iterations_per_epoch

    def build(self, variables):
        """Make room for the pairs, each of all weights in a row; the newest stand last."""
        if self.built:
            return
        super().build(variables)
        size = sum(int(np.prod(variable.shape)) for variable in variables)
        self._steps = self.add_variable((self.pairs, size), name="steps")
        self._changes = self.add_variable((self.pairs, size), name="changes")
        self._kept = self.add_variable((), dtype="int32", name="kept")

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """The two-loop recursion: minus the inverse Hessian, as the pairs tell it, times `gradient` (weight,).

        Without a pair it is the gradient's own direction, of length 1.
        """
        kept = int(ops.convert_to_numpy(self._kept))
        if kept == 0:
            return -gradient / max(np.linalg.norm(gradient), np.finfo(np.float64).tiny)
        steps, changes = (
            ops.convert_to_numpy(v)[self.pairs - kept :].astype(np.float64) for v in (self._steps, self._changes)
        )
        rhos = 1.0 / np.sum(steps * changes, axis=1)
        q, alphas = gradient.astype(np.float64), np.zeros(kept)
        for i in reversed(range(kept)):
            alphas[i] = rhos[i] * (steps[i] @ q)
            q = q - alphas[i] * changes[i]
        q = q / (rhos[-1] * (changes[-1] @ changes[-1]))
        for i in range(kept):
            q = q + (alphas[i] - rhos[i] * (changes[i] @ q)) * steps[i]
        return -q

    def remember(self, step: np.ndarray, change: np.ndarray) -> None:
        """Keep a pair (weight,), and let go of the oldest; one along which the gradient does not rise is not kept."""
        if step @ change <= LEAST_CURVATURE * np.linalg.norm(step) * np.linalg.norm(change):
            return
        for variable, row in ((self._steps, step), (self._changes, change)):
            rows = ops.convert_to_numpy(variable)
            variable.assign(np.concatenate([rows[1:], row[None].astype(rows.dtype)]))
        self._kept.assign(min(int(ops.convert_to_numpy(self._kept)) + 1, self.pairs))

    def forget(self) -> None:
        """Let go of all pairs."""
        self._kept.assign(0)

    def get_config(self):
        """The options that rebuild it."""
        return super().get_config() | {"pairs": self.pairs, "iterations_per_epoch": self.iterations_per_epoch}


@optimizer(
    "lbfgs",
    source="Nocedal 1980; Liu and Nocedal 1989; Nocedal and Wright 2006, Numerical Optimization, algorithms 7.4, 7.5",
    smoke={},
    numbers=(),
    full_batch=True,
)
def lbfgs(*, learning_rate: Positive = 1.0, pairs: Count = 10, iterations_per_epoch: Count = 5) -> keras.Optimizer:
    """L-BFGS: the two-loop recursion over the last `pairs` pairs, and a strong-Wolfe line search on all training data.

    The search (SciPy's, c1 = 1e-4, c2 = 0.9) tries the rate times the direction first. An epoch is
    `iterations_per_epoch` iterations, and a schedule counts these as steps; each takes a pass over the data for every
    length tried. `batch_size` is how many examples a chunk of a pass holds. Keras has no L-BFGS.
    """
    return LBFGS(learning_rate, pairs, iterations_per_epoch)
