"""Siamese network.

Koch, Zemel, Salakhutdinov, "Siamese neural networks for one-shot image recognition", ICML deep learning workshop 2015,
figure 4. Differs from the paper: He's initial weights, biases of 0, and one learning rate for all layers.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import keras
from keras import layers, ops
from pydantic import Field

from archbench.architectures import architecture
from archbench.options import Side, Width
from archbench.parts import Parts

PAPER = Parts()
WIDTHS, SIZES = (64, 128, 128, 256), (10, 7, 4, 4)
Few = Annotated[tuple[Width, ...], Field(min_length=1, max_length=16)]
Sides = Annotated[tuple[Side, ...], Field(min_length=1, max_length=16)]
TINY = 1e-6
"""What two equal zeros of an embedding are divided by."""


def least(*, sizes: Sequence[int], **_: object) -> int:
    """The fewest pixels a side that leave one for the last convolution."""
    side = 1
    for number, size in enumerate(reversed(sizes)):
        side = (side if number == 0 else 2 * side) + size - 1
    return side


@architecture(
    "siamese",
    source="Koch, Zemel, Salakhutdinov 2015, ICML deep learning workshop, figure 4",
    task="verification",
    minimum=least,
    paper_input=(105, 105, 1),
    paper_outputs=1,
    swaps=("activation", "normalization", "initializer", "regularizer"),
    smoke={"widths": (4, 6), "sizes": (3, 3), "dense_width": 16},
    smoke_input=(12, 12, 1),
)
def siamese(
    image,
    other,
    outputs: int,
    *,
    widths: Few = WIDTHS,
    sizes: Sides = SIZES,
    dense_width: Width = 4096,
    difference: Literal["absolute", "chi_square"] | None = "absolute",
    parts: Parts = PAPER,
):
    """Siamese network: one embedding for both pictures of a pair, and a weighted sum of how far its units differ.

    Part `embedding`: `image` (batch, height, width, channel), or `other`, to (batch, `dense_width`) units in [0, 1].
    Part `head`: two of them to logits (batch, `outputs`) of being of one class, from |a - b| or (a - b)^2 / (a + b);
    without a `difference` there is no head. `widths` and `sizes` are those of the convolutions, with pooling between.
    """
    vector = ops.sigmoid(parts.dense(trunk(image, widths, sizes, parts), dense_width))
    embedding = keras.Model(image, vector, name="embedding")
    if difference is None:
        return {"embedding": embedding}
    first, second = (keras.Input((dense_width,), name=name) for name in ("first", "second"))
    apart = ops.abs(first - second)
    if difference == "chi_square":
        apart = ops.square(apart) / ops.maximum(first + second, TINY)
    head = keras.Model([first, second], parts.dense(apart, outputs), name="head")
    return {"embedding": embedding, "head": head}


def trunk(image, widths: Sequence[int], sizes: Sequence[int], parts: Parts):
    """Convolutions without borders, each but the last pooled to half: (batch, unit)."""
    x = image
    for number, (width, size) in enumerate(zip(widths, sizes, strict=True), 1):
        x = parts.conv_unit(x, width, size, padding="valid")
        x = layers.MaxPooling2D(2)(x) if number < len(widths) else x
    return layers.Flatten()(x)
