"""Activations that pass positive values and damp negative ones."""

from keras import layers, ops
from keras.initializers import Constant

from archbench.activations import activation
from archbench.options import NonNegative, Share


@activation("relu", source="Nair, Hinton 2010, Rectified linear units improve restricted Boltzmann machines")
def relu(x):
    """The rectifier: f(x) = max(x, 0)."""
    return ops.relu(x)


@activation("leaky_relu", source="Maas, Hannun, Ng 2013, Rectifier nonlinearities improve acoustic models")
def leaky_relu(x, *, slope: Share = 0.01):
    """A rectifier with a small slope below zero: f(x) = max(x, slope * x).

    The paper's slope is 0.01, darknet's is 0.1, and Keras's own defaults are 0.2 and 0.3.
    """
    return ops.leaky_relu(x, negative_slope=slope)


@activation("relu6", source="Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10; arXiv:1704.04861")
def relu6(x):
    """A rectifier with a ceiling: f(x) = min(max(x, 0), 6)."""
    return ops.relu6(x)


@activation("prelu", source="He, Zhang, Ren, Sun 2015, arXiv:1502.01852, equation 1")
def prelu(x, *, slope: Share = 0.25):
    """A rectifier that learns its slope below zero: f(x) = max(x, 0) + a min(x, 0), one a for each channel.

    a starts at `slope`, the paper's 0.25, and is shared over positions; Keras's own layer starts at 0 and has an a
    for every position.
    """
    shared = list(range(1, len(x.shape) - 1))
    return layers.PReLU(alpha_initializer=Constant(slope), shared_axes=shared or None)(x)


@activation("elu", source="Clevert, Unterthiner, Hochreiter 2015, arXiv:1511.07289")
def elu(x, *, alpha: NonNegative = 1.0):
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


@activation("selu", source="Klambauer, Unterthiner, Mayr, Hochreiter 2017, arXiv:1706.02515, equation 2")
def selu(x):
    """The self-normalizing ELU: f(x) = 1.0507 x above zero, 1.0507 * 1.6733 (exp(x) - 1) below.

    The constants keep mean 0 and variance 1 from layer to layer where weights start as `lecun_normal`.
    """
    return ops.selu(x)


@activation("mish", source="Misra 2019, arXiv:1908.08681, equation 1")
def mish(x):
    """f(x) = x * tanh(log(1 + exp(x)))."""
    return x * ops.tanh(ops.softplus(x))


@activation("softplus", source="Dugas, Bengio, Belisle, Nadeau, Garcia 2000, NIPS, equation 3")
def softplus(x):
    """The smooth rectifier: f(x) = log(1 + exp(x))."""
    return ops.softplus(x)
