"""Penalties that a layer's kernel adds to the loss, summed over the kernel's weights w.

Biases and the scales of normalizations are never penalized. Every number is read when the penalty is computed, so a
tensor may stand in its attribute and be tuned without compiling again; Keras's own regularizers fix theirs.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from archbench.layers.layouts import PLAIN, Layout
from archbench.options import NonNegative, Share
from archbench.regularizers import regularizer


@regularizer("none", source="no penalty")
def none(layout: Layout = PLAIN) -> None:
    """No penalty."""


@regularizer(
    "l1",
    source="Tibshirani 1996, Regression shrinkage and selection via the lasso; "
    "proximal: Parikh, Boyd 2014, Proximal algorithms, sections 4.2 and 6.5.2",
    smoke={"strength": 0.1},
    numbers=("strength",),
)
def l1(layout: Layout = PLAIN, *, strength: NonNegative, proximal: bool = False) -> keras.Regularizer:
    """strength * sum(abs(w)): drives weights to zero.

    As a penalty its gradient, strength * sign(w), makes weights tremble around zero. With `proximal` the penalty is
    in the reported loss and not in the gradient, and each optimizer step of rate r ends with the shrinkage
    w <- sign(w) max(abs(w) - r * strength, 0) (ISTA), which makes weights zero and keeps them there.
    """
    return ProximalL1(strength) if proximal else L1(strength)


@regularizer(
    "l2",
    source="Krogh, Hertz 1991, A simple weight decay can improve generalization",
    smoke={"strength": 0.1},
    numbers=("strength",),
)
def l2(layout: Layout = PLAIN, *, strength: NonNegative) -> keras.Regularizer:
    """strength / 2 * sum(w**2), whose gradient is strength * w: the papers' weight decay under plain SGD.

    Keras's own L2 has no factor 1/2; a paper's weight decay of 1e-4 is `strength: 1e-4` here. The decay that is apart
    from the gradient is an option of optimizers, `weight_decay`.
    """
    return L2(strength)


@regularizer(
    "elastic_net",
    source="Zou, Hastie 2005, JRSS B 67(2)",
    smoke={"strength": 0.1, "ratio": 0.25},
    numbers=("strength", "ratio"),
)
def elastic_net(layout: Layout = PLAIN, *, strength: NonNegative, ratio: Share = 0.5) -> keras.Regularizer:
    """strength * (ratio * sum(abs(w)) + (1 - ratio) / 2 * sum(w**2)): l1 at ratio 1, l2 at ratio 0."""
    return ElasticNet(strength, ratio)


@keras.saving.register_keras_serializable("archbench")
class L1(keras.Regularizer):
    """strength * sum(abs(w))."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(self, weight: Any) -> Any:
        """The penalty of `weight`."""
        return _number(self.strength, weight) * ops.sum(ops.abs(weight))

    def get_config(self) -> dict[str, float]:
        """The arguments of the constructor."""
        return {"strength": self.strength}


@keras.saving.register_keras_serializable("archbench")
class ProximalL1(L1):
    """L1 whose effect is a shrinkage after each step; its penalty has no gradient."""

    def __call__(self, weight: Any) -> Any:
        """The penalty of `weight`, to be reported."""
        return ops.stop_gradient(super().__call__(weight))

    def after_step(self, weight: Any, rate: Any) -> Any:
        """`weight` after an optimizer step of rate `rate`, each component shrunk towards zero by rate * strength."""
        shrunk = ops.abs(weight) - _number(rate, weight) * _number(self.strength, weight)
        return ops.sign(weight) * ops.maximum(shrunk, 0.0)


@keras.saving.register_keras_serializable("archbench")
class L2(keras.Regularizer):
    """strength / 2 * sum(w**2)."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(self, weight: Any) -> Any:
        """The penalty of `weight`."""
        return _number(self.strength, weight) / 2 * ops.sum(ops.square(weight))

    def get_config(self) -> dict[str, float]:
        """The arguments of the constructor."""
        return {"strength": self.strength}


@keras.saving.register_keras_serializable("archbench")
class ElasticNet(keras.Regularizer):
    """strength * (ratio * sum(abs(w)) + (1 - ratio) / 2 * sum(w**2))."""

    def __init__(self, strength: float, ratio: float) -> None:
        self.strength, self.ratio = strength, ratio

    def __call__(self, weight: Any) -> Any:
        """The penalty of `weight`."""
        ratio = _number(self.ratio, weight)
        penalty = ratio * ops.sum(ops.abs(weight)) + (1 - ratio) / 2 * ops.sum(ops.square(weight))
        return _number(self.strength, weight) * penalty

    def get_config(self) -> dict[str, float]:
        """The arguments of the constructor."""
        return {"strength": self.strength, "ratio": self.ratio}


def _number(value: Any, like: Any) -> Any:
    """A number, or the scalar tensor in its place, in the type of `like`."""
    return ops.cast(value, like.dtype)
