"""Maxout perceptron.

Goodfellow, Warde-Farley, Mirza, Courville, Bengio, "Maxout Networks", 2013, arXiv:1302.4389, section 5.1: the
permutation-invariant network for MNIST. Differs from the paper: initial weights are Gaussian with a deviation of 0.01,
where the authors' are uniform in +-0.005; columns are not held to a norm unless the regularizer does it.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.options import Fraction, Widths
from archbench.parts import Parts

PAPER = Parts(activation={"name": "maxout", "pieces": 5}, initializer="small_normal", dropout=0.5)


@architecture(
    "maxout_mlp",
    source="Goodfellow et al. 2013, arXiv:1302.4389, section 5.1",
    task="classification",
    minimum=1,
    paper_input=(28, 28, 1),
    paper_outputs=10,
    swaps=("activation", "initializer", "regularizer", "dropout"),
    smoke={"units": (8, 8), "input_dropout": 0.0},
    smoke_input=(4, 4, 1),
)
def maxout_mlp(
    x,
    outputs: int,
    *,
    units: Widths = (240, 240),
    input_dropout: Fraction = 0.2,
    parts: Parts = PAPER,
):
    """Maxout perceptron: each unit is the largest of five weighted sums.

    `x` (batch, ...) of any shape to logits (batch, `outputs`). `input_dropout` is the share of the input's values that
    is dropped in training; the dropout of the parts acts on the units.
    """
    # Keras's own layer: the rate of the hidden units may be tuned, this one is the architecture's.
    x = layers.Dropout(input_dropout)(layers.Flatten()(x))
    for width in units:
        x = parts.drop(parts.dense_unit(x, width))
    return parts.dense(x, outputs)
