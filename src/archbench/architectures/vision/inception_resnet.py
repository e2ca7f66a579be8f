"""Inception-ResNet v1 and v2.

Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
2016, arXiv:1602.07261, figures 10 to 20. The second version is the network that the authors released and
keras.applications has, which is not that of the figures: the stem of Inception v3 and one of its modules before 10, 20
and 10 blocks, the last of them without scale and activation, and a closing convolution to 1,536 channels.
`as_in_figures` gives the other one: the stem of Inception v4 and 5, 10 and 5 blocks. Differs from the paper: He's
initial weights; a moving average of batch normalization that keeps 0.9 of itself a step, where the authors, over
millions of steps, kept 0.9997; a scale for each stage, from the released code, where the paper says 0.1 to 0.3.
`small_stem` is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keras import layers

from archbench.architectures import architecture
from archbench.blocks.inception_stem import (
    INCEPTION_PARTS,
    PAPER_WIDTH,
    Convolutions,
    Step,
    check_blocks,
    least_side,
)
from archbench.catalogue import WrongOption
from archbench.options import Depths, Share, Width
from archbench.parts import Parts

Branches = tuple[tuple[Step, ...], ...]

SCALES = (0.17, 0.10, 0.20)
"""The share of a block's residual that is added, in each stage of the released network."""
FINAL_WIDTH = 1536
"""Channels of the closing convolution of the released second version."""

FACTS = {
    "source": "Szegedy, Ioffe, Vanhoucke, Alemi 2016, arXiv:1602.07261",
    "task": "classification",
    "minimum": least_side,
    "paper_input": (299, 299, 3),
    "paper_outputs": 1000,
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
    "smoke": {"width": 4, "blocks": (1, 1, 1), "small_stem": True},
    "smoke_input": (15, 15, 3),
}


@dataclass(frozen=True)
class Form:
    """The branches of the three kinds of block, and of the reduction after the first two."""

    blocks: tuple[Branches, Branches, Branches]
    reductions: tuple[Branches, Branches]


V1 = Form(
    blocks=(
        (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (32, 3), (32, 3))),
        (((128, 1),), ((128, 1), (128, (1, 7)), (128, (7, 1)))),
        (((192, 1),), ((192, 1), (192, (1, 3)), (192, (3, 1)))),
    ),
    reductions=(
        (((384, 3),), ((192, 1), (192, 3), (256, 3))),
        (((256, 1), (384, 3)), ((256, 1), (256, 3)), ((256, 1), (256, 3), (256, 3))),
    ),
)
V2 = Form(
    blocks=(
        (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))),
        (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))),
        (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))),
    ),
    reductions=(
        (((384, 3),), ((256, 1), (256, 3), (384, 3))),
        (((256, 1), (384, 3)), ((256, 1), (288, 3)), ((256, 1), (288, 3), (320, 3))),
    ),
)


@architecture("inception_resnet_v1", **FACTS)
def inception_resnet_v1(
    image,
    outputs: int,
    *,
    width: Width = PAPER_WIDTH,
    blocks: Depths = (5, 10, 5),
    scales: tuple[Share, ...] = SCALES,
    small_stem: bool = False,
    parts: Parts = INCEPTION_PARTS,
):
    """Inception-ResNet v1: Inception modules that add to their input, at about the cost of Inception v3.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `width` is the channels of the first
    convolution, the others follow in the paper's proportion; `blocks` counts the blocks of the three stages, and
    `scales` are the shares of a residual that they add. `small_stem` is for images of about 32 pixels.
    """
    _check("inception_resnet_v1", blocks, scales)
    net = Convolutions(parts, width, small_stem)
    x = net.stem_unit(net.stem_v3(image, last_pool=False), 256, 3, 2)
    x = _stages(net, x, V1, blocks, scales)
    return net.logits(x, outputs)


@architecture("inception_resnet_v2", **FACTS)
def inception_resnet_v2(
    image,
    outputs: int,
    *,
    width: Width = PAPER_WIDTH,
    blocks: Depths = (10, 20, 10),
    scales: tuple[Share, ...] = SCALES,
    as_in_figures: bool = False,
    small_stem: bool = False,
    parts: Parts = INCEPTION_PARTS,
):
    """Inception-ResNet v2: wider than v1, at about the cost of Inception v4.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `width` is the channels of the first
    convolution, the others follow in the paper's proportion; `blocks` counts the blocks of the three stages, and
    `scales` are the shares of a residual that they add. `as_in_figures` builds the network of the paper's figures,
    with `blocks` of 5, 10 and 5, in place of the released one. `small_stem` is for images of about 32 pixels.
    """
    _check("inception_resnet_v2", blocks, scales)
    net = Convolutions(parts, width, small_stem)
    if as_in_figures:
        return net.logits(_stages(net, net.stem_v4(image), V2, blocks, scales), outputs)
    x = _first_module(net, net.stem_v3(image))
    x = _stages(net, x, V2, (*blocks[:2], blocks[2] - 1), scales)
    x = _residual(net, x, V2.blocks[2], 1.0)
    return net.logits(net.unit(x, FINAL_WIDTH, 1), outputs)


def _check(name: str, blocks: Sequence[int], scales: Sequence[float]) -> None:
    check_blocks(name, blocks)
    if len(scales) != 3 or min(scales) <= 0:
        raise WrongOption(
            f"{name}: scales is {list(scales)}. It must hold three shares above 0, one for the blocks of each stage; "
            f"the paper's are from 0.1 to 0.3."
        )


def _stages(net: Convolutions, x, form: Form, blocks: Sequence[int], scales: Sequence[float]):
    """`x` through the three stages, each at half the size of the one before."""
    for stage, (branches, count, scale) in enumerate(zip(form.blocks, blocks, scales, strict=True)):
        if stage > 0:
            x = net.reduction(x, *form.reductions[stage - 1])
        for _ in range(count):
            x = net.parts.act(_residual(net, x, branches, scale))
    return x


def _residual(net: Convolutions, x, branches: Branches, scale: float):
    """`x` plus `scale` times the branches, which a convolution without normalization brings to its channels."""
    joined = layers.concatenate([net.chain(x, *steps) for steps in branches])
    return layers.add([x, scale * net.parts.conv(joined, x.shape[-1], 1)])


def _first_module(net: Convolutions, x):
    """The module before the blocks of the released network: to 320 channels, nothing added."""
    branches = [
        net.unit(x, 96, 1),
        net.chain(x, (48, 1), (64, 5)),
        net.chain(x, (64, 1), (96, 3), (96, 3)),
        net.pooled(x, 64),
    ]
    return layers.concatenate(branches)
