"""Initial weights whose deviation depends on how many inputs and outputs a unit has.

Gaussians are plain, as in the papers; Keras's own `he_normal` and `lecun_normal` truncate theirs, and take every kernel
for one of a dense layer or a plain convolution. "Inputs" are the weights that lead to one unit, "outputs" those that
start from one input, as the kernel's `Layout` counts them.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.initializers import initializer
from archbench.layers.layouts import PLAIN, Layout, layout_from

DEVIATIONS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "lecun_1998": lambda inputs, outputs: 2.4 / (math.sqrt(3) * inputs),
        "inverse_sqrt": lambda inputs, outputs: np.sqrt(1 / inputs),
        "xavier": lambda inputs, outputs: np.sqrt(2 / (inputs + outputs)),
        "he": lambda inputs, outputs: np.sqrt(2 / inputs),
    }
)
"""Rule -> deviation of the weights of a unit."""


@initializer("lecun_1998", source="LeCun, Bottou, Bengio, Haffner 1998, Proc. IEEE 86(11), appendix A")
def lecun_1998(layout: Layout = PLAIN) -> keras.initializers.Initializer:
    """Uniform in +-2.4 / inputs; deviation 2.4 / (sqrt(3) * inputs)."""
    return Scaled("lecun_1998", layout, uniform=True)


@initializer(
    {"inverse_sqrt": {}, "lecun_normal": {}},
    source="LeCun, Bottou, Orr, Muller 1998, Efficient BackProp, section 4.6",
)
def inverse_sqrt(layout: Layout = PLAIN) -> keras.initializers.Initializer:
    """Gaussian of deviation 1 / sqrt(inputs)."""
    return Scaled("inverse_sqrt", layout)


@initializer("xavier_uniform", source="Glorot, Bengio 2010, AISTATS, equation 16")
def xavier_uniform(layout: Layout = PLAIN) -> keras.initializers.Initializer:
    """Uniform in +-sqrt(6 / (inputs + outputs)); deviation sqrt(2 / (inputs + outputs))."""
    return Scaled("xavier", layout, uniform=True)


@initializer("xavier_normal", source="Glorot, Bengio 2010, AISTATS, equation 12")
def xavier_normal(layout: Layout = PLAIN) -> keras.initializers.Initializer:
    """Gaussian of deviation sqrt(2 / (inputs + outputs))."""
    return Scaled("xavier", layout)


@initializer("he_normal", source="He, Zhang, Ren, Sun 2015, arXiv:1502.01852, equation 10")
def he_normal(layout: Layout = PLAIN) -> keras.initializers.Initializer:
    """Gaussian of deviation sqrt(2 / inputs)."""
    return Scaled("he", layout)


@initializer("he_uniform", source="He, Zhang, Ren, Sun 2015, arXiv:1502.01852, equation 10, as a uniform")
def he_uniform(layout: Layout = PLAIN) -> keras.initializers.Initializer:
    """Uniform in +-sqrt(6 / inputs); deviation sqrt(2 / inputs)."""
    return Scaled("he", layout, uniform=True)


@keras.saving.register_keras_serializable("archbench")
class Scaled(keras.initializers.Initializer):
    """Gaussian or `uniform` weights of mean 0 and the deviation of a `rule` for a kernel of this `layout`."""

    def __init__(self, rule: str, layout: Layout = PLAIN, *, uniform: bool = False, seed: int | None = None) -> None:
        self.rule, self.layout, self.uniform, self.seed = rule, layout_from(layout), uniform, seed
        bound = math.sqrt(3)  # of the uniform numbers of deviation 1
        self.draw = (
            keras.initializers.RandomUniform(-bound, bound, seed=seed)
            if uniform
            else keras.initializers.RandomNormal(0.0, 1.0, seed=seed)
        )

    def __call__(self, shape, dtype=None):
        """Weights of `shape`."""
        weights = self.draw(shape, dtype)
        return weights * ops.cast(DEVIATIONS[self.rule](*self.layout.fans(shape)), weights.dtype)

    def get_config(self):
        """The arguments of the constructor."""
        layout = keras.saving.serialize_keras_object(self.layout)
        return {"rule": self.rule, "layout": layout, "uniform": self.uniform, "seed": self.seed}
