"""VGG.

Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014,
arXiv:1409.1556, table 1, columns A, B, D and E. Differs from the paper: He's initial weights, where the
paper starts its deeper nets from a trained shallower one. Pooling rounds odd sides up, as in the authors' Caffe; the
paper's are even.
"""

from collections.abc import Callable
from typing import Any

from keras import layers

from archbench.architectures import architecture
from archbench.catalogue import WrongOption
from archbench.layers.atrous import atrous
from archbench.layers.pooling import max_pool_ceil
from archbench.options import Depths, Width
from archbench.parts import Parts

WIDTHS = (1, 2, 4, 8, 8)
"""Channels of the five stages, in units of the first."""

PAPER = Parts(dropout=0.5)


@architecture(
    {
        "vgg11": {"convs": (1, 1, 2, 2, 2)},
        "vgg13": {"convs": (2, 2, 2, 2, 2)},
        "vgg16": {"convs": (2, 2, 3, 3, 3)},
        "vgg19": {"convs": (2, 2, 4, 4, 4)},
    },
    source="Simonyan, Zisserman 2014, arXiv:1409.1556",
    task="classification",
    minimum=lambda convs, **_: 2 ** len(convs),
    paper_input=(224, 224, 3),
    paper_outputs=1000,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"convs": (1, 2), "width": 8, "dense_width": 16},
    smoke_input=(8, 8, 3),
)
def vgg(
    image,
    outputs: int,
    *,
    convs: Depths,
    width: Width = 64,
    dense_width: Width = 4096,
    parts: Parts = PAPER,
):
    """VGG: stages of 3 by 3 convolutions, each ended by max pooling, then two wide dense layers.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `convs` counts the convolutions of
    each stage, at most five; `width` is the channels of the first, and the later ones follow in the paper's
    proportion.
    """
    _, x = trunk(image, convs, width, parts)
    x = layers.Flatten()(x)  # (batch, 25088) at 224 pixels
    for _ in range(2):
        x = parts.drop(parts.dense_unit(x, dense_width))
    return parts.dense(x, outputs)


def trunk(
    image,
    convs: Depths,
    width: int,
    parts: Parts,
    pool: Callable = max_pool_ceil,
    output_stride: int | None = None,
) -> tuple[dict[str, Any], Any]:
    """The stages: their maps, and the last one.

    Maps are called `conv1_1` and on, each after its activation, and `pool1` and on, at the end of a stage. `pool` is
    given a map, the side of its windows and their stride: 2, or 1 where halving would make the maps smaller than the
    image over `output_stride`; the convolutions after such a pooling are dilated.
    """
    if len(convs) > len(WIDTHS):
        raise WrongOption(f"vgg: convs has {len(convs)} stages, {list(convs)}. It may have at most {len(WIDTHS)}.")
    maps, x = {}, image
    steps = atrous([2] * len(convs), output_stride)
    for stage, (count, factor, (stride, rate, _)) in enumerate(zip(convs, WIDTHS, steps, strict=False), 1):
        for number in range(1, count + 1):
            maps[f"conv{stage}_{number}"] = x = parts.conv_unit(x, factor * width, 3, dilation=rate)
        maps[f"pool{stage}"] = x = pool(x, 2, stride)
    return maps, x
