"""Denoising autoencoder.

Vincent, Larochelle, Bengio, Manzagol, "Extracting and composing robust features with denoising autoencoders", ICML
2008; Vincent et al. 2010, JMLR 11: an affine encoder with logistic units, and a decoder of the transposed weights.
Differs from the papers: weights start by Glorot's rule.
"""

import keras
from keras import layers

from archbench.architectures import architecture
from archbench.layers.corruption import Corruption, Noise
from archbench.layers.transposed_dense import TransposedDense
from archbench.options import Fraction, Width
from archbench.parts import Parts

PAPER = Parts(activation="sigmoid", initializer="xavier_normal")


@architecture(
    "denoising_autoencoder",
    source="Vincent et al. 2008, ICML; 2010, JMLR 11",
    task="reconstruction",
    minimum=1,
    paper_input=(28, 28, 1),
    paper_outputs=1,
    swaps=("activation", "initializer", "regularizer"),
    smoke={"hidden": 16},
    smoke_input=(4, 4, 1),
)
def denoising_autoencoder(
    x, outputs: int, *, hidden: Width = 500, noise: Noise = "masking", amount: Fraction = 0.25, parts: Parts = PAPER
):
    """Denoising autoencoder: a spoilt input to `hidden` units, and back to the input as it was, by tied weights.

    Part `encoder`: `x` (batch, ..., channel) to `code` (batch, `hidden`), and `seen`, what it was made of: `x` itself,
    but in training and where a split is evaluated with `noise` (see `layers.corruption`). Part `decoder`: a code to
    Bernoulli logits (batch, ..., `outputs`), where `x` has so many channels.
    """
    seen = Corruption(noise, amount)(x)
    dense = parts.layer(layers.Dense, hidden)
    answers = {"code": parts.act(dense(layers.Flatten()(seen))), "seen": seen}
    code = keras.Input((hidden,), name="code")
    logits = layers.Reshape(tuple(x.shape[1:]))(TransposedDense(dense)(code))
    return {"encoder": keras.Model(x, answers, name="encoder"), "decoder": keras.Model(code, logits, name="decoder")}
