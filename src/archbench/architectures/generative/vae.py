"""Variational autoencoder.

Kingma, Welling, "Auto-Encoding Variational Bayes", 2013, arXiv:1312.6114, appendix C: a Gaussian encoder
and a Bernoulli decoder of one hidden layer each. Differs from the paper: the finished model decodes the mean of the
code, not a sample; training and the evaluation of the bound decode a sample, as the bound is defined.
"""

import keras
from keras import layers, ops

from archbench.architectures import architecture
from archbench.architectures.generative.autoencoder import picture_logits
from archbench.layers.draws import normal
from archbench.options import Width
from archbench.parts import Parts

PAPER = Parts(activation="tanh", initializer="small_normal")


@architecture(
    "vae",
    source="Kingma, Welling 2013, arXiv:1312.6114, appendix C",
    task="reconstruction",
    minimum=1,
    paper_input=(28, 28, 1),
    paper_outputs=1,
    swaps=("activation", "initializer", "regularizer"),
    smoke={"hidden": 16, "latent": 4},
    smoke_input=(4, 4, 1),
)
def vae(
    x,
    outputs: int,
    *,
    hidden: Width = 500,
    latent: Width = 20,
    parts: Parts = PAPER,
):
    """Variational autoencoder: an input of any shape to a Gaussian code, and back to Bernoulli logits.

    Part `encoder`: `x` (batch, ..., channel) to `code` (batch, `latent`) and `kl`, the divergence of the code from the
    standard normal in nats (batch,). The code is a sample in training and where a split is evaluated, and in the
    finished model the mean. Part `decoder`: a code to logits (batch, ..., `outputs`).
    """
    encoded = parts.act(parts.dense(layers.Flatten()(x), hidden))
    mean, log_variance = parts.dense(encoded, latent), parts.dense(encoded, latent)
    answers = {"code": GaussianSample()(mean, log_variance), "kl": _divergence(mean, log_variance)}
    code = keras.Input((latent,), name="code")
    logits = picture_logits(parts.act(parts.dense(code, hidden)), x, outputs, parts)
    return {"encoder": keras.Model(x, answers, name="encoder"), "decoder": keras.Model(code, logits, name="decoder")}


def _divergence(mean, log_variance):
    """KL(N(mean, variance) || N(0, 1)) in nats (batch,), appendix B.

    It is -1/2 sum(1 + log variance - mean**2 - variance).
    """
    mean, log_variance = ops.cast(mean, "float32"), ops.cast(log_variance, "float32")
    return -0.5 * ops.sum(1.0 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=-1)


@keras.saving.register_keras_serializable("archbench")
class GaussianSample(layers.Layer):
    """A sample of N(mean, variance), mean + deviation * noise, with fresh noise in training, else with `noise`.

    Where that is None, as it is but for the evaluation of a split, the sample is the mean.
    """

    noise = None
    """(batch, latent), from the standard normal distribution."""

    def __init__(self, seed: int | None = None, **options):
        super().__init__(**options)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, mean, log_variance, training=False):
        """`mean` and `log_variance` (batch, latent) to a code of the same shape."""
        if training:
            noise = ops.cast(normal(ops.shape(mean), self.seed_generator), mean.dtype)
        elif self.noise is not None:
            noise = ops.cast(self.noise, mean.dtype)
        else:
            return mean
        return mean + ops.exp(0.5 * log_variance) * noise

    def compute_output_shape(self, mean_shape, log_variance_shape):
        """That of the mean."""
        return mean_shape

    def get_config(self):
        """The arguments of the constructor."""
        return {**super().get_config(), "seed": self.seed}
