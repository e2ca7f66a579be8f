"""Optimizers that scale each weight's step by the history of its gradients."""

from __future__ import annotations

import keras
from keras import ops

from archbench.optimizers import optimizer
from archbench.options import Fraction, Negative, NonNegative, Positive


@optimizer(
    "adagrad",
    source="Duchi, Hazan and Singer 2011, Adaptive Subgradient Methods, JMLR 12",
    smoke={"learning_rate": 0.5},
    numbers=(),
)
def adagrad(*, learning_rate: Positive = 0.01) -> keras.Optimizer:
    """Adagrad: G <- G + g^2, w <- w - rate g / (sqrt(G) + 1e-7), with G starting at 0 as in the paper.

    Keras starts G at 0.1 and adds its 1e-7 under the root, which stops gradients below 3e-4; 1e-14 there is the
    paper's 1e-7 beside it.
    """
    return keras.optimizers.Adagrad(learning_rate, initial_accumulator_value=0.0, epsilon=1e-14)


@optimizer(
    "adadelta",
    source="Zeiler 2012, arXiv:1212.5701, algorithm 1",
    smoke={"rho": 0.9, "epsilon": 1e-3},
    numbers=("rho",),
)
def adadelta(*, learning_rate: Positive = 1.0, rho: Fraction = 0.95, epsilon: Positive = 1e-6) -> keras.Optimizer:
    """Adadelta: the step is RMS(past steps) / RMS(gradients) g; the paper has no rate, which is 1 (Keras: 0.001)."""
    return keras.optimizers.Adadelta(learning_rate, rho=rho, epsilon=epsilon)


@optimizer(
    "rmsprop",
    source="Tieleman and Hinton 2012, Coursera lecture 6.5",
    smoke={"learning_rate": 0.01},
    numbers=("rho",),
)
def rmsprop(*, learning_rate: Positive = 0.001, rho: Fraction = 0.9, epsilon: Positive = 1e-7) -> keras.Optimizer:
    """RMSprop: s <- rho s + (1 - rho) g^2, w <- w - rate g / sqrt(s + epsilon)."""
    return keras.optimizers.RMSprop(learning_rate, rho=rho, epsilon=epsilon)


@optimizer(
    "adam",
    source="Kingma and Ba 2014, arXiv:1412.6980, section 2",
    smoke={"learning_rate": 0.05},
    numbers=("beta_1", "beta_2"),
)
def adam(
    *, learning_rate: Positive = 0.001, beta_1: Fraction = 0.9, beta_2: Fraction = 0.999, epsilon: Positive = 1e-8
) -> keras.Optimizer:
    """Adam: w <- w - rate m / (sqrt(v) + epsilon) with bias-corrected means m of g and v of g^2.

    Keras adds epsilon before the correction of v: the "epsilon hat" form at the end of the paper's section 2. Its
    default is 1e-7, the paper's 1e-8.
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
    learning_rate: Positive = 0.001,
    beta_1: Fraction = 0.9,
    beta_2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NonNegative = 0.01,
) -> keras.Optimizer:
    """AdamW: Adam's step, and apart from it w <- w - rate decay w; biases and normalization weights do not decay.

    The paper decays these too, and multiplies the decay by the schedule but not by the initial rate; here as in Keras
    and PyTorch the rate multiplies it, which only rescales `weight_decay`. Keras's default of it is 0.004.
    """
    return keras.optimizers.AdamW(
        learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, weight_decay=weight_decay
    )


@keras.saving.register_keras_serializable("archbench")
class Nadam(keras.optimizers.Optimizer):
    """Adam with Nesterov's momentum, under the momentum schedule of its paper."""

    def __init__(self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-8, name="nadam", **options):
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables):
        """Make the means of g and g^2, and the product of the momenta so far of each weight."""
        if self.built:
            return
        super().build(variables)
        self._means, self._squares = self.add_optimizer_variables(variables, ["mean", "square"])
        self._products = [self.add_variable((), "ones", "float32", name="product") for _ in variables]

    def update_step(self, gradient, variable, learning_rate):
        """Move `variable` by the mean looked ahead, over the root of the mean square."""
        index = self._get_variable_index(variable)
        mean, square, product = self._means[index], self._squares[index], self._products[index]
        step = ops.cast(self.iterations + 1, "float32")
        now, soon = self._momentum(step), self._momentum(step + 1.0)
        so_far = product * now
        self.assign(product, so_far)
        cast = lambda value: ops.cast(value, variable.dtype)  # noqa: E731
        gradient, beta_1, beta_2 = cast(gradient), cast(self.beta_1), cast(self.beta_2)
        self.assign(mean, beta_1 * mean + (1 - beta_1) * gradient)
        self.assign(square, beta_2 * square + (1 - beta_2) * ops.square(gradient))
        ahead = cast(soon / (1 - so_far * soon)) * mean + cast((1 - now) / (1 - so_far)) * gradient
        root = ops.sqrt(square / (1 - ops.power(beta_2, cast(step))))
        self.assign_sub(variable, cast(learning_rate) * ahead / (root + self.epsilon))

    def _momentum(self, step):
        """The momentum mu of a step, counted from 1."""
        return ops.cast(self.beta_1, "float32") * (1.0 - 0.5 * ops.power(0.96, step / 250.0))

    def get_config(self):
        """The options that rebuild it."""
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


@optimizer(
    "nadam",
    source="Dozat 2016, Incorporating Nesterov Momentum into Adam, ICLR workshop",
    smoke={"learning_rate": 0.05},
    numbers=("beta_1", "beta_2"),
)
def nadam(
    *, learning_rate: Positive = 0.002, beta_1: Fraction = 0.9, beta_2: Fraction = 0.999, epsilon: Positive = 1e-8
) -> keras.Optimizer:
    """Nadam: w <- w - rate (mu' m / (1 - P mu') + (1 - mu) g / (1 - P)) / (sqrt(v) + epsilon), v bias-corrected.

    mu_t = beta_1 (1 - 0.96^(t/250) / 2) with mu' the next step's, and P the product of all mu so far. m keeps beta_1 as
    in PyTorch. Mends Keras's Nadam, whose mu has 0.96^t, without the 250.
    """
    return Nadam(learning_rate, beta_1, beta_2, epsilon)


@keras.saving.register_keras_serializable("archbench")
class Adafactor(keras.optimizers.Adafactor):
    """`keras.optimizers.Adafactor` that keeps a row and a column for a matrix: Keras keeps the whole square besides."""

    def build(self, variables):
        """Make one mean of the squares for each vector, two for each matrix or stack of matrices."""
        if self.built:
            return
        keras.optimizers.Optimizer.build(self, variables)
        self._slots = []
        for variable in variables:
            shape = tuple(variable.shape)
            shapes = [shape] if len(shape) < 2 else [shape[:-1], (*shape[:-2], shape[-1])]
            self._slots.append([self.add_variable(s, dtype=variable.dtype, name="square") for s in shapes])

    def update_step(self, gradient, variable, learning_rate):
        """Move `variable` by a clipped step in proportion to its own size."""
        step = ops.cast(self.iterations + 1, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        keep = 1.0 - ops.power(step, self.beta_2_decay)
        squares = ops.square(gradient) + self.epsilon_1
        slots = self._slots[self._get_variable_index(variable)]
        means = [squares] if len(slots) == 1 else [ops.mean(squares, axis=-1), ops.mean(squares, axis=-2)]
        for slot, mean in zip(slots, means, strict=True):
            self.assign(slot, keep * slot + (1.0 - keep) * mean)
        direction = gradient / ops.sqrt(self._square(slots))
        direction = direction / ops.maximum(1.0, _rms(direction) / self.clip_threshold)
        pace = ops.minimum(ops.cast(learning_rate, variable.dtype), 1.0 / ops.sqrt(step))
        self.assign_sub(variable, ops.maximum(self.epsilon_2, _rms(variable)) * pace * direction)

    def _square(self, slots):
        """The mean of g^2, of a matrix the product of its rows' and columns' over the mean of all."""
        if len(slots) == 1:
            return slots[0]
        rows, columns = slots
        share = rows / ops.mean(rows, axis=-1, keepdims=True)
        return ops.expand_dims(share, -1) * ops.expand_dims(columns, -2)


def _rms(x):
    return ops.sqrt(ops.mean(ops.square(x)))


@optimizer(
    "adafactor",
    source="Shazeer and Stern 2018, arXiv:1804.04235, algorithms 4 and 5",
    smoke={"learning_rate": 0.05, "epsilon_2": 0.01},
    numbers=("beta_2_decay", "epsilon_2", "clip_threshold"),
)
def adafactor(
    *,
    learning_rate: Positive = 0.01,
    beta_2_decay: Negative = -0.8,
    epsilon_2: Positive = 1e-3,
    clip_threshold: Positive = 1.0,
) -> keras.Optimizer:
    """Adafactor: w <- w - max(epsilon_2, RMS(w)) min(rate, 1/sqrt(t)) u / max(1, RMS(u) / clip_threshold).

    u = g / sqrt(v) with v the mean of g^2 + 1e-30 that keeps 1 - t^`beta_2_decay`; of a matrix only the means of its
    rows and columns are kept. Mends Keras, which also keeps the whole of v, and whose rate is 0.001.
    """
    return Adafactor(learning_rate, beta_2_decay=beta_2_decay, epsilon_2=epsilon_2, clip_threshold=clip_threshold)
