"""Local response normalization: a channel is divided by what its neighbors at the same position answer.

Krizhevsky, Sutskever, Hinton 2012, NIPS, section 3.3. With a the input, channel i and N channels:

    b_i = a_i / (k + alpha * sum of a_j^2 for j from max(0, i - n/2) to min(N - 1, i + n/2)) ^ beta

It has no weights and no statistics, so training and inference are alike. Caffe divides `alpha` by n, the
paper does not.
"""

import keras
from keras import layers, ops

from archbench.catalogue import WrongOption
from archbench.normalizations import normalization
from archbench.options import NonNegative, Positive, Width


@normalization("local_response", source="Krizhevsky, Sutskever, Hinton 2012, NIPS, section 3.3")
def local_response(
    channels: int, *, k: Positive = 2.0, n: Width = 5, alpha: NonNegative = 1e-4, beta: NonNegative = 0.75
) -> layers.Layer:
    """Each channel over a power of the energy of the `n` channels around it, at each position.

    `k` keeps the divisor from zero, `alpha` weighs the energy and `beta` is the power. `n` is odd: a channel
    and as many on either side.
    """
    if n < 1 or n % 2 == 0:
        raise WrongOption(f"local_response: n is {n}. It must be odd: a channel and as many on either side, as 5.")
    return LocalResponse(k=k, n=n, alpha=alpha, beta=beta)


@keras.saving.register_keras_serializable("archbench")
class LocalResponse(layers.Layer):
    """The formula of this file, on (batch, positions..., channel) of any rank."""

    def __init__(self, k: float, n: int, alpha: float, beta: float, **options):
        super().__init__(**options)
        self.k, self.n, self.alpha, self.beta = k, n, alpha, beta

    def call(self, x):
        """The same shape as `x`."""
        wide = ops.cast(x, "float32")  # the energy is added to k times 1e-4: half precision would round it away
        return ops.cast(wide / (self.k + self.alpha * self._energy(wide)) ** self.beta, x.dtype)

    def _energy(self, x):
        """The sum of squares over the channels around each, a window that ends at the first and last one."""
        channels, side = x.shape[-1], self.n // 2
        padded = ops.pad(ops.square(x), [(0, 0)] * (len(x.shape) - 1) + [(side, side)])
        return sum(padded[..., start : start + channels] for start in range(self.n))

    def compute_output_shape(self, input_shape):
        """The shape `call` gives."""
        return input_shape

    def get_config(self):
        """The arguments of the constructor."""
        return {**super().get_config(), "k": self.k, "n": self.n, "alpha": self.alpha, "beta": self.beta}
