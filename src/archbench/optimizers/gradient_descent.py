"""Gradient descent, alone and with a velocity.

Polyak 1964 (momentum); Nesterov 1983 and Sutskever et al. 2013, "On the importance of initialization and momentum
in deep learning", equations 1 to 4. As in Caffe and Keras, the rate stands inside the velocity.
"""

from __future__ import annotations

import keras
from keras import ops

from archbench.optimizers import optimizer
from archbench.options import Fraction, Positive


@optimizer(
    "sgd",
    source="Robbins and Monro 1951, A Stochastic Approximation Method",
    smoke={"learning_rate": 0.1},
    numbers=(),
)
def sgd(*, learning_rate: Positive = 0.01) -> keras.Optimizer:
    """Stochastic gradient descent: w <- w - rate g."""
    return keras.optimizers.SGD(learning_rate)


@keras.saving.register_keras_serializable("archbench")
class Momentum(keras.optimizers.SGD):
    """`keras.optimizers.SGD` whose momentum may be a tensor: Keras compares it with 0 in Python."""

    def build(self, variables):
        """Make the velocities, also where momentum is 0: it may change without another trace."""
        if not self.built:
            keras.optimizers.Optimizer.build(self, variables)
            self.momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient, variable, learning_rate):
        """Move `variable` by its velocity."""
        rate = ops.cast(learning_rate, variable.dtype)
        mass = ops.cast(self.momentum, variable.dtype)
        push = rate * ops.cast(gradient, variable.dtype)
        slot = self.momentums[self._get_variable_index(variable)]
        velocity = mass * slot - push
        self.assign(slot, velocity)
        self.assign_add(variable, mass * velocity - push if self.nesterov else velocity)


@optimizer(
    {"momentum": {"nesterov": False}, "nesterov": {"nesterov": True}},
    source="Sutskever et al. 2013, equations 1 to 4; Polyak 1964; Nesterov 1983",
    smoke={"learning_rate": 0.01},
    numbers=("momentum",),
)
def momentum(*, learning_rate: Positive = 0.01, momentum: Fraction = 0.9, nesterov: bool) -> keras.Optimizer:
    """Descent with a velocity: v <- m v - rate g, w <- w + v; Nesterov's form steps by m v - rate g after that."""
    return Momentum(learning_rate, momentum=momentum, nesterov=nesterov)


@optimizer(
    "batch_gd",
    source="Cauchy 1847, Méthode générale pour la résolution des systèmes d'équations simultanées",
    smoke={"learning_rate": 0.1},
    numbers=(),
    full_batch=True,
)
def batch_gd(*, learning_rate: Positive = 0.01) -> keras.Optimizer:
    """Batch gradient descent: w <- w - rate g once an epoch, with g the gradient over all training data.

    `batch_size` is how many examples a chunk of the sum holds, which changes the memory it needs and not the step.
    """
    return keras.optimizers.SGD(learning_rate)
