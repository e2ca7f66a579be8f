"""Bounded activations, and the identity they are compared with."""

from keras import ops

from archbench.activations import activation
from archbench.options import Positive


@activation("linear", source="identity")
def linear(x):
    """The identity: f(x) = x."""
    return x


@activation("sigmoid", source="Cybenko 1989, Approximation by superpositions of a sigmoidal function")
def sigmoid(x):
    """The logistic function: f(x) = 1 / (1 + exp(-x))."""
    return ops.sigmoid(x)


@activation("tanh", source="LeCun, Bottou, Orr, Muller 1998, Efficient BackProp, section 4.4")
def tanh(x):
    """The hyperbolic tangent: f(x) = tanh(x)."""
    return ops.tanh(x)


@activation("scaled_tanh", source="LeCun, Bottou, Bengio, Haffner 1998, Proc. IEEE 86(11), appendix A")
def scaled_tanh(x, *, amplitude: Positive = 1.7159, slope: Positive = 2 / 3):
    """LeNet's squashing function: f(x) = amplitude * tanh(slope * x), so that f(1) is about 1."""
    return amplitude * ops.tanh(slope * x)
