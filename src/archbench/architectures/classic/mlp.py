"""Multilayer perceptron.

Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323, 1986. Differs from the
paper: rectified units instead of logistic ones, and He's initial weights.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.options import Widths
from archbench.parts import Parts

PAPER = Parts()


@architecture(
    "mlp",
    source="Rumelhart, Hinton, Williams 1986, Nature 323",
    task="classification",
    minimum=1,
    paper_input=(28, 28, 1),
    paper_outputs=10,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"units": (16, 8)},
    smoke_input=(4, 4, 1),
)
def mlp(x, outputs: int, *, units: Widths = (512, 512), parts: Parts = PAPER):
    """Multilayer perceptron: dense layers of `units` units each.

    `x` (batch, ...) of any shape to logits (batch, `outputs`).
    """
    x = layers.Flatten()(x)
    for width in units:
        x = parts.drop(parts.dense_unit(x, width))
    return parts.dense(x, outputs)
