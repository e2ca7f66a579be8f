"""Initial weights that look at nothing but a given number."""

import keras

from archbench.blocks.layouts import PLAIN, Layout
from archbench.initializers import initializer


@initializer("zeros", source="the textbook counterexample: every unit of a layer gets the same gradient")
def zeros(layout: Layout = PLAIN) -> keras.initializers.Initializer:
    """All weights zero: units of a layer never become different."""
    return keras.initializers.Zeros()


@initializer("small_normal", source="Krizhevsky, Sutskever, Hinton 2012, NIPS, section 5: N(0, 0.01^2)")
def small_normal(layout: Layout = PLAIN, *, deviation: float = 0.01) -> keras.initializers.Initializer:
    """A Gaussian of fixed deviation, whatever the layer's size."""
    return keras.initializers.RandomNormal(stddev=deviation)
