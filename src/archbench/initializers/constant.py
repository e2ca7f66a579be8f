"""Initial weights that look at nothing but a given number."""

import keras

from archbench.initializers import initializer
from archbench.layers.layouts import PLAIN, Layout
from archbench.options import Positive


@initializer("zeros", source="the textbook counterexample: every unit of a layer gets the same gradient")
def zeros(layout: Layout = PLAIN) -> keras.initializers.Initializer:
    """All weights zero: units of a layer never become different."""
    return keras.initializers.Zeros()


@initializer("small_normal", source="Krizhevsky, Sutskever, Hinton 2012, NIPS, section 5: N(0, 0.01^2)")
def small_normal(layout: Layout = PLAIN, *, deviation: Positive = 0.01) -> keras.initializers.Initializer:
    """A Gaussian of fixed deviation, whatever the layer's size."""
    return keras.initializers.RandomNormal(stddev=deviation)


@initializer("small_uniform", source="Zaremba, Sutskever, Vinyals 2014, arXiv:1409.2329, section 4.1: [-0.05, 0.05]")
def small_uniform(layout: Layout = PLAIN, *, bound: Positive = 0.05) -> keras.initializers.Initializer:
    """Uniform from -`bound` to `bound`, whatever the layer's size."""
    return keras.initializers.RandomUniform(-bound, bound)


@initializer(
    "truncated_normal",
    source="Abadi et al. 2016, arXiv:1603.04467: TensorFlow's truncated_normal, with the 0.1 of the code of "
    "Sabour, Frosst, Hinton 2017, arXiv:1710.09829",
)
def truncated_normal(layout: Layout = PLAIN, *, deviation: Positive = 0.1) -> keras.initializers.Initializer:
    """A Gaussian of fixed `deviation` whose draws beyond two deviations are drawn anew.

    What is left has 0.88 times that deviation.
    """
    return keras.initializers.TruncatedNormal(stddev=deviation)
