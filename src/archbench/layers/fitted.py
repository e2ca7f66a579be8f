"""Dense layers that are fitted at once, not by gradients: linear SVMs, and ridge regression of boxes.

Girshick et al. 2013, arXiv:1311.2524, section 2.3 and appendix C; numbers that the paper leaves open are those of the
authors' code. Differs from it: ridge regression leaves the intercept alone, and its targets are not whitened.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from keras import layers

TYPICAL_NORM = 20.0
"""What features are scaled to in the mean, so that the cost of an SVM and the strength of a ridge suit every net."""
INTERCEPT, POSITIVE_WEIGHT = 10.0, 2.0
"""The constant feature whose weight is an SVM's bias; how much more an object counts than background."""


class Line(NamedTuple):
    """A linear function, or several side by side."""

    kernel: np.ndarray
    """(feature,), or (feature, output)."""
    bias: np.ndarray
    """A number, or (output,)."""


def svm(objects: np.ndarray, background: np.ndarray, cost: float, seed: int) -> Line:
    """The linear SVM that tells `objects` (example, feature) from `background` (example, feature).

    It minimises |w|^2 / 2 + (b / 10)^2 / 2 + `cost` sum of c max(0, 1 - y (w x + b)), where y is 1 and c 2 of an
    object, and y -1 and c 1 of background.
    """
    from sklearn.svm import LinearSVC  # half a second, which every process that looks up a name would pay

    examples = np.concatenate([objects, background]).astype("float64")
    signs = np.repeat([1, -1], [len(objects), len(background)])
    solver = LinearSVC(
        loss="hinge",
        C=cost,
        intercept_scaling=INTERCEPT,
        class_weight={1: POSITIVE_WEIGHT},
        max_iter=100_000,
        random_state=seed,
    )
    solver.fit(examples, signs)
    return Line(solver.coef_[0], solver.intercept_[0])


def ridge(features: np.ndarray, targets: np.ndarray, strength: float) -> Line:
    """Ridge regression of `targets` (example, output) on `features` (example, feature), equation 5.

    It minimises the sum of squared errors and `strength` |w|^2 of the kernel.
    """
    features, targets = features.astype("float64"), targets.astype("float64")
    middle, mean = features.mean(axis=0), targets.mean(axis=0)
    features = features - middle
    squares = features.T @ features + strength * np.eye(features.shape[1])
    kernel = np.linalg.solve(squares, features.T @ (targets - mean))
    return Line(kernel, mean - middle @ kernel)


def typical_scale(features: np.ndarray) -> float:
    """What brings `features` (example, feature) to their typical norm in the mean."""
    return TYPICAL_NORM / max(float(np.linalg.norm(features, axis=-1).mean()), 1e-12)


@keras.saving.register_keras_serializable("archbench")
class Fitted(layers.Dense):
    """A weighted sum of the features for each output, and a bias, all 0 until they are kept.

    `strength` is what it is fitted with: the cost of an SVM, or the strength of a ridge.
    """

    def __init__(self, units: int, strength: float, **options) -> None:
        super().__init__(units, **{"kernel_initializer": "zeros", **options})
        self.strength = strength

    def keep(self, outputs: int | slice, line: Line) -> None:
        """Let these outputs be those of `line`."""
        kernel, bias = (np.array(keras.ops.convert_to_numpy(weight)) for weight in (self.kernel, self.bias))
        kernel[:, outputs], bias[outputs] = line
        self.kernel.assign(kernel)
        self.bias.assign(bias)

    def get_config(self):
        """The arguments of the constructor."""
        return {**super().get_config(), "strength": self.strength}
