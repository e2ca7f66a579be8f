"""AlexNet.

Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
sections 3 and 4.2 and figure 2. Differs from the paper: its input has 227 pixels, because the 224 of the text
do not give the 55 by 55 map of figure 2; one device computes both groups of a convolution. Pooling rounds up, as in
the authors' cuda-convnet; the paper's sides leave nothing to round.
"""

from collections.abc import Sequence

from keras import layers

from archbench.architectures import architecture
from archbench.catalogue import WrongOption
from archbench.layers.grouped import GroupedConv2D
from archbench.layers.pooling import max_pool_ceil
from archbench.options import Side, Width
from archbench.parts import Parts

PAPER = Parts(normalization="local_response", initializer="small_normal", dropout=0.5)

LAST_MAP = 8
"""Pixels of the first map that leave one after three poolings: 8, 4, 2, 1."""


@architecture(
    "alexnet",
    source="Krizhevsky, Sutskever, Hinton 2012, NIPS, figure 2",
    task="classification",
    minimum=lambda stem, **_: stem[0] + (LAST_MAP - 1) * stem[1],
    paper_input=(227, 227, 3),
    paper_outputs=1000,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"widths": (8, 8, 12, 12, 8), "dense_width": 16, "stem": (5, 1)},
    smoke_input=(20, 20, 3),
)
def alexnet(
    image,
    outputs: int,
    *,
    widths: tuple[Width, Width, Width, Width, Width] = (96, 256, 384, 384, 256),
    dense_width: Width = 4096,
    groups: Width = 2,
    stem: tuple[Side, Side] = (11, 4),
    parts: Parts = PAPER,
):
    """Five convolutions, overlapping max pooling after the first, second and fifth, and two wide dense layers.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `widths` are the channels of the
    convolutions; the second, fourth and fifth are split into `groups`, as the paper split them over two GPUs.
    `stem` is the side and the stride of the first. The normalization stands where the paper has its local
    response normalization: after the activation of the first two convolutions.
    """
    _, features = trunk(image, widths, dense_width, groups, stem, parts)
    return parts.dense(features, outputs)


def trunk(image, widths: Sequence[int], dense_width: int, groups: int, stem: Sequence[int], parts: Parts):
    """All but the outputs, of which the options are those of `alexnet`: the last map, and what the dense layers say."""
    _check_groups(widths, groups)

    def conv(x, width: int, size: int, split: int = 1, bias: str = "zeros", **options):
        options = {"padding": "same", "bias_initializer": bias, **options}
        return parts.act(parts.layer(GroupedConv2D, width, size, groups=split, **options)(x))

    def dense(x):
        return parts.drop(parts.act(parts.layer(layers.Dense, dense_width, bias_initializer="ones")(x)))

    side, stride = stem
    x = parts.norm(conv(image, widths[0], side, strides=stride, padding="valid"))  # (batch, 55, 55, 96) at 227 pixels
    x = max_pool_ceil(x, 3, 2)
    x = max_pool_ceil(parts.norm(conv(x, widths[1], 5, groups, "ones")), 3, 2)
    x = conv(x, widths[2], 3)
    x = conv(x, widths[3], 3, groups, "ones")
    last = max_pool_ceil(conv(x, widths[4], 3, groups, "ones"), 3, 2)  # (batch, 6, 6, 256)
    return last, dense(dense(layers.Flatten()(last)))


def _check_groups(widths: Sequence[int], groups: int) -> None:
    """Raise `WrongOption` where a grouped convolution cannot split the channels that it reads or makes."""
    if groups < 1 or any(width % groups for width in widths):
        raise WrongOption(
            f"alexnet: {groups} groups cannot split the widths {list(widths)}. Choose widths that are a multiple of "
            f"groups, or groups: 1."
        )
