"""Optimizers whose step fits each weight tensor as a whole: its norm, its sign, its singular values."""

from __future__ import annotations

import keras
from keras import ops

from archbench.optimizers import optimizer
from archbench.options import Fraction, Inside, NonNegative, Positive


class _Layerwise(keras.optimizers.Optimizer):
    """An optimizer whose weight decay is a part of its own step."""

    def _apply_weight_decay(self, variables):
        """Nothing: Keras would decay the weights apart from the step."""

    def _decay(self, variable):
        """The strength of the decay of a kernel; 0 for a bias or a normalization's weight."""
        return ops.cast(self.weight_decay if self._use_weight_decay(variable) else 0.0, variable.dtype)


def _norm(tensor):
    return ops.sqrt(ops.sum(ops.square(tensor)))


def _ratio(above, below):
    """`above` / `below` where both are above 0, else 1: weights that start at 0 would never move otherwise."""
    both = ops.logical_and(above > 0, below > 0)
    return ops.where(both, above / ops.where(both, below, 1.0), 1.0)


@keras.saving.register_keras_serializable("archbench")
class LARS(_Layerwise):
    """Momentum with a rate for each tensor, in proportion to the norm of its weights over that of its gradient."""

    def __init__(self, learning_rate=0.1, momentum=0.9, weight_decay=5e-4, trust=1e-3, name="lars", **options):
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay, name=name, **options)
        self.momentum, self.trust = momentum, trust

    def build(self, variables):
        """Make the velocities."""
        if not self.built:
            super().build(variables)
            self._velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        """Move `variable` by its velocity."""
        cast = lambda value: ops.cast(value, variable.dtype)  # noqa: E731
        gradient, decay = cast(gradient), self._decay(variable)
        weights, rate = ops.convert_to_tensor(variable), cast(learning_rate)
        if self._use_weight_decay(variable):
            norm = _norm(weights)
            trusted = _ratio(cast(self.trust) * norm, _norm(gradient) + decay * norm)
        else:
            trusted = 1.0
        slot = self._velocities[self._get_variable_index(variable)]
        velocity = cast(self.momentum) * slot + rate * trusted * (gradient + decay * weights)
        self.assign(slot, velocity)
        self.assign_sub(variable, velocity)

    def get_config(self):
        """The options that rebuild it."""
        return super().get_config() | {"momentum": self.momentum, "trust": self.trust}


@optimizer(
    "lars",
    source="You, Gitman and Ginsburg 2017, arXiv:1708.03888, algorithm 1",
    smoke={"learning_rate": 0.2, "trust": 0.05, "weight_decay": 0.0},
    numbers=("momentum", "weight_decay", "trust"),
)
def lars(
    *, learning_rate: Positive = 0.1, momentum: Fraction = 0.9, weight_decay: NonNegative = 5e-4, trust: Positive = 1e-3
) -> keras.Optimizer:
    """LARS: v <- m v + rate l (g + decay w), w <- w - v, with l = trust |w| / (|g| + decay |w|) for each tensor.

    Biases and normalization weights take l = 1 and no decay, as in the authors' code; so do weights that are all 0,
    which the formula would never move. Keras has no LARS.
    """
    return LARS(learning_rate, momentum, weight_decay, trust)


@keras.saving.register_keras_serializable("archbench")
class LAMB(_Layerwise):
    """Adam with a rate for each tensor, in proportion to the norm of its weights over that of its step."""

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-6,
        weight_decay=0.01,
        phi_low=0.0,
        phi_high=None,
        name="lamb",
        **options,
    ):
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay, name=name, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.phi_low, self.phi_high = phi_low, phi_high

    def build(self, variables):
        """Make the means of g and of g^2."""
        if not self.built:
            super().build(variables)
            self._means, self._squares = self.add_optimizer_variables(variables, ["mean", "square"])

    def update_step(self, gradient, variable, learning_rate):
        """Move `variable` by Adam's step and its decay, both scaled by the trust ratio."""
        cast = lambda value: ops.cast(value, variable.dtype)  # noqa: E731
        index, step = self._get_variable_index(variable), cast(self.iterations + 1)
        mean, square = self._means[index], self._squares[index]
        gradient, beta_1, beta_2 = cast(gradient), cast(self.beta_1), cast(self.beta_2)
        self.assign(mean, beta_1 * mean + (1 - beta_1) * gradient)
        self.assign(square, beta_2 * square + (1 - beta_2) * ops.square(gradient))
        root = ops.sqrt(square / (1 - ops.power(beta_2, step)))
        weights = ops.convert_to_tensor(variable)
        move = mean / (1 - ops.power(beta_1, step)) / (root + self.epsilon) + self._decay(variable) * weights
        trusted = _ratio(self._phi(_norm(weights)), _norm(move)) if self._use_weight_decay(variable) else 1.0
        self.assign_sub(variable, cast(learning_rate) * trusted * move)

    def _phi(self, norm):
        """A tensor's norm between the two limits."""
        low = ops.maximum(norm, self.phi_low)
        return low if self.phi_high is None else ops.minimum(low, self.phi_high)

    def get_config(self):
        """The options that rebuild it."""
        names = ("beta_1", "beta_2", "epsilon", "phi_low", "phi_high")
        return super().get_config() | {name: getattr(self, name) for name in names}


@optimizer(
    "lamb",
    source="You et al. 2019, arXiv:1904.00962, algorithm 2",
    smoke={"learning_rate": 0.01, "weight_decay": 0.0},
    numbers=("beta_1", "beta_2", "weight_decay"),
)
def lamb(
    *,
    learning_rate: Positive = 0.001,
    beta_1: Fraction = 0.9,
    beta_2: Fraction = 0.999,
    epsilon: Positive = 1e-6,
    weight_decay: NonNegative = 0.01,
    phi_low: NonNegative = 0.0,
    phi_high: Positive | None = None,
) -> keras.Optimizer:
    """LAMB: w <- w - rate phi(|w|) / |r + decay w| (r + decay w) for each tensor, r = m / (sqrt(v) + epsilon).

    phi(z) = min(max(z, phi_low), phi_high); without limits phi(z) = z, as in the authors' code, after which biases and
    normalization weights take Adam's step, without ratio or decay. Mends Keras's Lamb, which decays outside the ratio.
    """
    return LAMB(learning_rate, beta_1, beta_2, epsilon, weight_decay, phi_low, phi_high)


@optimizer(
    "lion",
    source="Chen et al. 2023, arXiv:2302.06675, algorithm 2",
    smoke={"learning_rate": 0.002, "weight_decay": 0.0},
    numbers=("beta_1", "beta_2", "weight_decay"),
)
def lion(
    *, learning_rate: Positive = 1e-4, beta_1: Inside = 0.9, beta_2: Fraction = 0.99, weight_decay: NonNegative = 0.01
) -> keras.Optimizer:
    """Lion: w <- w - rate (sign(beta_1 m + (1 - beta_1) g) + decay w), then m <- beta_2 m + (1 - beta_2) g.

    Rates 3 to 10 times below AdamW's and decays as much above are the paper's advice; Keras's defaults are a rate of
    0.001 and no decay. Biases and normalization weights do not decay.
    """
    return keras.optimizers.Lion(learning_rate, beta_1=beta_1, beta_2=beta_2, weight_decay=weight_decay)


@keras.saving.register_keras_serializable("archbench")
class Muon(keras.optimizers.Muon):
    """`keras.optimizers.Muon` that is told which matrices take AdamW's step, and decays all kernels alike.

    Keras's goes by names: it takes every layer whose name has "embedding" in it for one.
    """

    _left_to_adamw: frozenset = frozenset()

    def leave_to_adamw(self, variables):
        """Let `variables` take AdamW's step, as whatever is no matrix does. Before `build`, which makes the slots."""
        self._left_to_adamw = frozenset(map(self._var_key, variables))

    def _should_use_adamw(self, variable):
        return len(variable.shape) != 2 or self._var_key(variable) in self._left_to_adamw

    def _apply_weight_decay(self, variables):
        keras.optimizers.Optimizer._apply_weight_decay(self, variables)


@optimizer(
    "muon",
    source="Jordan 2024, github.com/KellerJordan/Muon; Liu et al. 2025 (Moonlight), arXiv:2502.16982",
    smoke={"learning_rate": 0.05, "weight_decay": 0.0},
    numbers=("momentum", "adam_beta_1", "adam_beta_2", "weight_decay"),
)
def muon(
    *,
    learning_rate: Positive = 0.001,
    momentum: Fraction = 0.95,
    adam_beta_1: Fraction = 0.9,
    adam_beta_2: Fraction = 0.999,
    weight_decay: NonNegative = 0.1,
) -> keras.Optimizer:
    """Muon: m <- momentum m + g, w <- w - rate (0.2 sqrt(max(rows, columns)) O(g + momentum m) + decay w).

    O sets every singular value of a matrix to about 1 by five Newton-Schulz steps X <- aX + b(XX')X + c(XX')^2 X. The
    factor is Moonlight's, which makes Adam's rates and decays fit. As both sources say, embeddings, all output layers
    and whatever is no matrix take AdamW's step: training tells it which they are, from the network. A first matrix that
    reads numbers is a hidden one here. Jordan's code also flattens the kernels of convolutions, Keras's leaves them to
    AdamW. Mends Keras's, whose AdamW has a decay apart, and which takes in the output.
    """
    return Muon(
        learning_rate,
        momentum=momentum,
        adam_beta_1=adam_beta_1,
        adam_beta_2=adam_beta_2,
        weight_decay=weight_decay,
        adam_weight_decay=weight_decay,
        epsilon=1e-8,
    )
