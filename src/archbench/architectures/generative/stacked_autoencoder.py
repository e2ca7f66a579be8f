"""Stacked autoencoder, one layer at a time.

Bengio, Lamblin, Popovici, Larochelle, "Greedy layer-wise training of deep networks", NIPS 2006; with noise that is to
be undone: Vincent et al. 2010, JMLR 11, section 6. Each layer is a benchmark that starts from the one before: the
layers below it stay as they are, it learns to tell what they say from a spoilt copy of that, and a last benchmark
fine-tunes a classifier (`mlp`) that starts from the whole encoder. Differs from the papers: the decoder's weights are
not tied, and start, as all do, by Glorot's rule.
"""

import keras
from keras import layers

from archbench.architectures import architecture
from archbench.architectures.generative.autoencoder import Units, picture_logits
from archbench.layers.corruption import Corruption, Noise
from archbench.options import Fraction
from archbench.parts import Parts

PAPER = Parts(activation="sigmoid", initializer="xavier_normal")


@architecture(
    "stacked_autoencoder",
    source="Bengio et al. 2006, NIPS 19; Vincent et al. 2010, JMLR 11",
    task="reconstruction",
    minimum=1,
    paper_input=(28, 28, 1),
    paper_outputs=1,
    swaps=("initializer", "regularizer"),
    smoke={"units": (16, 8)},
    smoke_input=(4, 4, 1),
)
def stacked_autoencoder(
    x,
    outputs: int,
    *,
    units: Units = (1000, 1000, 1000),
    noise: Noise = "masking",
    amount: Fraction = 0.25,
    parts: Parts = PAPER,
):
    """The last of a stack of dense layers of `units`, with the ones below it and a decoder of its own.

    Part `encoder`: `x` (batch, ..., channel) to `code` (batch, last of `units`), in training and where a split is
    evaluated from a spoilt copy of what the layers below say, which is `target`; where there are none, of `x`, and that
    copy is `seen`. Part `decoder`: a code to Bernoulli logits in the shape of the target, or of `x` with `outputs`
    channels.
    """
    *below, latent = units
    here = x
    for width in below:
        here = parts.dense_unit(layers.Flatten()(here), width)
    seen = Corruption(noise, amount)(here)
    answers = {"code": parts.dense_unit(layers.Flatten()(seen), latent)}
    answers |= {"target": here} if below else {"seen": seen}
    code = keras.Input((latent,), name="code")
    logits = parts.dense(code, below[-1]) if below else picture_logits(code, x, outputs, parts)
    return {"encoder": keras.Model(x, answers, name="encoder"), "decoder": keras.Model(code, logits, name="decoder")}
