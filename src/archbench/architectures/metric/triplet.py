"""Embedding on the unit sphere, for triplets.

Schroff, Kalenichenko, Philbin, "FaceNet: a unified embedding for face recognition and clustering", 2015,
arXiv:1503.03832, figure 2: a deep network, L2 normalization, and the triplet loss. Differs from the paper: the deep
network is the convolutions of `siamese`, in place of a network of Zeiler and Fergus or of inception modules.
"""

import keras
from keras import layers

from archbench.architectures import architecture
from archbench.architectures.metric.siamese import SIZES, WIDTHS, Few, Sides, least, trunk
from archbench.parts import Parts

PAPER = Parts()


@architecture(
    "triplet",
    source="Schroff, Kalenichenko, Philbin 2015, arXiv:1503.03832, figure 2",
    task="triplets",
    minimum=least,
    paper_input=(105, 105, 1),
    paper_outputs=128,
    swaps=("activation", "normalization", "initializer", "regularizer"),
    smoke={"widths": (4, 6), "sizes": (3, 3)},
    smoke_input=(12, 12, 1),
)
def triplet(image, other, outputs: int, *, widths: Few = WIDTHS, sizes: Sides = SIZES, parts: Parts = PAPER):
    """Embedding on the unit sphere: `image` (batch, height, width, channel), or `other`, to (batch, `outputs`).

    `widths` and `sizes` are those of the convolutions, with pooling between; the part is called `embedding`.
    """
    vector = parts.dense(trunk(image, widths, sizes, parts), outputs)
    return {"embedding": keras.Model(image, layers.UnitNormalization()(vector), name="embedding")}
