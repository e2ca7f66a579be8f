"""Initial weights that look at nothing but a given number."""

import keras

from archbench.initializers import initializer


@initializer("zeros", source="the textbook counterexample: every unit of a layer gets the same gradient")
def zeros() -> keras.initializers.Initializer:
    """All weights zero: units of a layer never become different."""
    return keras.initializers.Zeros()


@initializer("small_normal", source="Krizhevsky, Sutskever, Hinton 2012, NIPS, section 5: N(0, 0.01^2)")
def small_normal(*, deviation: float = 0.01) -> keras.initializers.Initializer:
    """A Gaussian of fixed deviation, whatever the layer's size."""
    return keras.initializers.RandomNormal(stddev=deviation)


@initializer("orthogonal", source="Saxe, McClelland, Ganguli 2013, arXiv:1312.6120")
def orthogonal(*, gain: float = 1.0) -> keras.initializers.Initializer:
    """A random orthogonal matrix times `gain`; deviation gain / sqrt(n) on an n by n matrix."""
    return keras.initializers.Orthogonal(gain=gain)
