"""ZFNet.

Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2013, arXiv:1311.2901, figure 3; with
`widths` of (96, 256, 512, 1024, 512) the wider net (b) of table 2. The paper states the sizes of the maps and no
paddings: those here, and poolings that round up, give its 110, 55, 26, 13 and 6 pixels. Differs from the paper:
filters whose root mean square passes 0.1 are not scaled back in training.
"""

from collections.abc import Sequence

from keras import layers

from archbench.architectures import architecture
from archbench.layers.pooling import max_pool_ceil
from archbench.options import Side, Width
from archbench.parts import Parts

PAPER = Parts(normalization="local_response", initializer="small_normal", dropout=0.5)


def minimum(strides, **_) -> int:
    """The side that leaves one pixel: 2 before the last pooling, 4 before the second."""
    first, second = strides
    pooled = 5 + 3 * second
    return 7 + (2 * pooled - 1) * first - 2


@architecture(
    "zfnet",
    source="Zeiler, Fergus 2013, arXiv:1311.2901, figure 3",
    task="classification",
    minimum=minimum,
    paper_input=(224, 224, 3),
    paper_outputs=1000,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"widths": (8, 12, 12, 12, 12), "dense_width": 32, "strides": (1, 1)},
    smoke_input=(22, 22, 3),
)
def zfnet(
    image,
    outputs: int,
    *,
    widths: tuple[Width, Width, Width, Width, Width] = (96, 256, 384, 384, 256),
    dense_width: Width = 4096,
    strides: tuple[Side, Side] = (2, 2),
    parts: Parts = PAPER,
):
    """AlexNet with a finer first layer, 7 by 7 at stride 2, and no groups.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `widths` are the channels of the
    five convolutions, `strides` those of the first two. The normalization stands where the paper has its
    contrast normalization across maps: after the first two poolings.
    """
    x = layers.Flatten()(max_pool_ceil(trunk(image, widths, strides, parts), 3, 2))  # (batch, 9216)
    for _ in range(2):
        x = parts.drop(parts.act(parts.dense(x, dense_width)))
    return parts.dense(x, outputs)


def trunk(image, widths: Sequence[int], strides: Sequence[int], parts: Parts):
    """The five convolutions, of which two are pooled: (batch, 13, 13, 256) at 224 pixels."""
    x = parts.act(parts.conv(layers.ZeroPadding2D(1)(image), widths[0], 7, strides[0], padding="valid"))
    x = parts.norm(max_pool_ceil(x, 3, 2))  # (batch, 55, 55, 96) at 224 pixels
    x = parts.act(parts.conv(x, widths[1], 5, strides[1], padding="valid"))
    x = parts.norm(max_pool_ceil(x, 3, 2))
    for width in widths[2:]:
        x = parts.act(parts.conv(x, width, 3))
    return x
