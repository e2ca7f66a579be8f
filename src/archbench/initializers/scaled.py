"""Initial weights whose deviation depends on how many inputs and outputs a unit has.

Gaussians are plain, as in the papers; Keras's own `he_normal` and `lecun_normal` truncate theirs.
"""

import math

import keras
from keras.initializers import VarianceScaling

from archbench.initializers import initializer


@initializer("lecun_1998", source="LeCun, Bottou, Bengio, Haffner 1998, Proc. IEEE 86(11), appendix A")
def lecun_1998() -> keras.initializers.Initializer:
    """Uniform in +-2.4 / inputs; deviation 2.4 / (sqrt(3) * inputs)."""
    return FanInUniform(numerator=2.4)


@initializer(
    {"inverse_sqrt": {}, "lecun_normal": {}},
    source="LeCun, Bottou, Orr, Muller 1998, Efficient BackProp, section 4.6",
)
def inverse_sqrt() -> keras.initializers.Initializer:
    """Gaussian of deviation 1 / sqrt(inputs)."""
    return VarianceScaling(1.0, "fan_in", "untruncated_normal")


@initializer("xavier_uniform", source="Glorot, Bengio 2010, AISTATS, equation 16")
def xavier_uniform() -> keras.initializers.Initializer:
    """Uniform in +-sqrt(6 / (inputs + outputs)); deviation sqrt(2 / (inputs + outputs))."""
    return VarianceScaling(1.0, "fan_avg", "uniform")


@initializer("xavier_normal", source="Glorot, Bengio 2010, AISTATS, equation 12")
def xavier_normal() -> keras.initializers.Initializer:
    """Gaussian of deviation sqrt(2 / (inputs + outputs))."""
    return VarianceScaling(1.0, "fan_avg", "untruncated_normal")


@initializer("he_normal", source="He, Zhang, Ren, Sun 2015, arXiv:1502.01852, equation 10")
def he_normal() -> keras.initializers.Initializer:
    """Gaussian of deviation sqrt(2 / inputs)."""
    return VarianceScaling(2.0, "fan_in", "untruncated_normal")


@initializer("he_uniform", source="He, Zhang, Ren, Sun 2015, arXiv:1502.01852, equation 10, as a uniform")
def he_uniform() -> keras.initializers.Initializer:
    """Uniform in +-sqrt(6 / inputs); deviation sqrt(2 / inputs)."""
    return VarianceScaling(2.0, "fan_in", "uniform")


@keras.saving.register_keras_serializable("archbench")
class FanInUniform(keras.initializers.Initializer):
    """Uniform in +-`numerator` / inputs, the inputs being every axis of the kernel but the last."""

    def __init__(self, numerator: float, seed: int | None = None):
        self.numerator = numerator
        self.seed = seed

    def __call__(self, shape, dtype=None):
        """Weights of `shape`."""
        limit = self.numerator / math.prod(shape[:-1])
        return keras.random.uniform(shape, -limit, limit, dtype=dtype, seed=self.seed)

    def get_config(self):
        """The arguments of the constructor."""
        return {"numerator": self.numerator, "seed": self.seed}
