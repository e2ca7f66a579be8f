"""Activations that pass positive values and damp negative ones."""

from keras import ops

from archbench.activations import activation


@activation("relu", source="Nair, Hinton 2010, Rectified linear units improve restricted Boltzmann machines")
def relu(x):
    """The rectifier: f(x) = max(x, 0)."""
    return ops.relu(x)


@activation("leaky_relu", source="Maas, Hannun, Ng 2013, Rectifier nonlinearities improve acoustic models")
def leaky_relu(x, *, slope: float = 0.01):
    """A rectifier with a small slope below zero: f(x) = max(x, slope * x).

    The paper's slope is 0.01, darknet's is 0.1, and Keras's own defaults are 0.2 and 0.3.
    """
    return ops.leaky_relu(x, negative_slope=slope)


@activation("elu", source="Clevert, Unterthiner, Hochreiter 2015, arXiv:1511.07289")
def elu(x, *, alpha: float = 1.0):
    """The exponential linear unit: f(x) = x above zero, alpha * (exp(x) - 1) below."""
    return ops.elu(x, alpha=alpha)


@activation(
    {"gelu": {"approximate": False}, "gelu_tanh": {"approximate": True}},
    source="Hendrycks, Gimpel 2016, arXiv:1606.08415",
)
def gelu(x, *, approximate: bool):
    """The Gaussian error linear unit: f(x) = x * Phi(x), or its tanh approximation.

    The approximation is x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))).
    """
    return ops.gelu(x, approximate=approximate)


@activation("silu", source="Elfwing, Uchibe, Doya 2017, arXiv:1702.03118; as swish, arXiv:1710.05941")
def silu(x):
    """The sigmoid-weighted linear unit: f(x) = x * sigmoid(x)."""
    return ops.silu(x)
