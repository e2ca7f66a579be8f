"""Optimizers that scale each weight's step by the history of its gradients."""

from __future__ import annotations

import keras

from archbench.optimizers import optimizer
from archbench.optimizers.numbers import Decay, Mean, Rate


@optimizer(
    "adagrad",
    source="Duchi, Hazan and Singer 2011, Adaptive Subgradient Methods, JMLR 12",
    smoke={"learning_rate": 0.5},
    numbers=(),
)
def adagrad(*, learning_rate: Rate = 0.01) -> keras.Optimizer:
    """Adagrad: G <- G + g^2, w <- w - rate g / sqrt(G), with G starting at 0 as in the paper (Keras: 0.1)."""
    return keras.optimizers.Adagrad(learning_rate, initial_accumulator_value=0.0)


@optimizer(
    "adadelta",
    source="Zeiler 2012, arXiv:1212.5701, algorithm 1",
    smoke={"rho": 0.9, "epsilon": 1e-3},
    numbers=("rho",),
)
def adadelta(*, learning_rate: Rate = 1.0, rho: Mean = 0.95, epsilon: Rate = 1e-6) -> keras.Optimizer:
    """Adadelta: the step is RMS(past steps) / RMS(gradients) g; the paper has no rate, which is 1 (Keras: 0.001)."""
    return keras.optimizers.Adadelta(learning_rate, rho=rho, epsilon=epsilon)


@optimizer(
    "rmsprop",
    source="Tieleman and Hinton 2012, Coursera lecture 6.5",
    smoke={"learning_rate": 0.01},
    numbers=("rho",),
)
def rmsprop(*, learning_rate: Rate = 0.001, rho: Mean = 0.9, epsilon: Rate = 1e-7) -> keras.Optimizer:
    """RMSprop: s <- rho s + (1 - rho) g^2, w <- w - rate g / sqrt(s + epsilon)."""
    return keras.optimizers.RMSprop(learning_rate, rho=rho, epsilon=epsilon)


@optimizer(
    "adam",
    source="Kingma and Ba 2014, arXiv:1412.6980, section 2",
    smoke={"learning_rate": 0.05},
    numbers=("beta_1", "beta_2"),
)
def adam(
    *, learning_rate: Rate = 0.001, beta_1: Mean = 0.9, beta_2: Mean = 0.999, epsilon: Rate = 1e-8
) -> keras.Optimizer:
    """Adam: w <- w - rate m / (sqrt(v) + epsilon) with bias-corrected means m of g and v of g^2.

    Keras adds epsilon before the correction of v: the "epsilon hat" form at the end of the paper's section 2.
    """
    return keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@optimizer(
    "adamw",
    source="Loshchilov and Hutter 2017, arXiv:1711.05101, algorithm 2",
    smoke={"learning_rate": 0.05, "weight_decay": 1e-6},
    numbers=("beta_1", "beta_2", "weight_decay"),
)
def adamw(
    *,
    learning_rate: Rate = 0.001,
    beta_1: Mean = 0.9,
    beta_2: Mean = 0.999,
    epsilon: Rate = 1e-8,
    weight_decay: Decay = 0.01,
) -> keras.Optimizer:
    """AdamW: Adam's step, and apart from it w <- w - rate decay w; biases and normalization weights do not decay."""
    built = keras.optimizers.AdamW(
        learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, weight_decay=weight_decay
    )
    built.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return built
