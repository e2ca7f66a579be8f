"""ResNet for ImageNet, with normalization after the convolutions or before them.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, section 4.1, with
projection where the channels change (option B); "Identity Mappings in Deep Residual Networks", 2016,
arXiv:1603.05027, for the pre-activated blocks. The stem of a pre-activated net, too, normalizes and activates before it
pools: the appendix of the second paper has the first activation right after the first convolution, and so has
fb.resnet.torch. Differs from the papers: moving averages for the statistics of batch normalization, where the authors
computed exact ones after training.

keras.applications differs from the papers too. Its ResNet has a bias in every convolution (`conv_bias`). Its
ResNetV2 has one in those that no normalization follows (`conv_bias`), halves the maps in the last block of a stage
(`stride_in_last_block`), there in the 3 by 3 convolution (`stride_in_1x1` false), and its shortcut then takes every
second pixel. No option has the stem of that net, which pools inside a border of zeros before it normalizes.
"""

from collections.abc import Sequence
from typing import Any

from keras import layers

from archbench.architectures import architecture
from archbench.blocks.residual import Block, Residual
from archbench.catalogue import WrongOption
from archbench.layers.atrous import atrous
from archbench.layers.pooling import max_pool
from archbench.options import Depths, Width
from archbench.parts import Parts

FACTS = {
    "task": "classification",
    "minimum": lambda blocks, **_: 2 ** (len(blocks) + 1),
    "paper_input": (224, 224, 3),
    "paper_outputs": 1000,
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
    "smoke": {"blocks": (1, 1), "width": 4},
    "smoke_input": (16, 16, 3),
}

PAPER = Parts(normalization="batch")

SIZES = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}


@architecture(
    {f"preact_resnet{depth}": {"block": f"preact_{kind}", "blocks": blocks} for depth, (kind, blocks) in SIZES.items()},
    source="He, Zhang, Ren, Sun 2016, arXiv:1603.05027; stages of arXiv:1512.03385, table 1",
    **FACTS,
)
@architecture(
    {f"resnet{depth}": {"block": kind, "blocks": blocks} for depth, (kind, blocks) in SIZES.items()},
    source="He, Zhang, Ren, Sun 2015, arXiv:1512.03385, table 1",
    **FACTS,
)
def resnet(
    image,
    outputs: int,
    *,
    block: Block,
    blocks: Depths,
    width: Width = 64,
    stride_in_1x1: bool = True,
    stride_in_last_block: bool = False,
    conv_bias: bool = False,
    parts: Parts = PAPER,
):
    """ResNet of basic or bottleneck blocks, pre-activated or not.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `blocks` counts the blocks of each stage;
    `width` is the channels of the first stage, doubled at each later one. A stage after the first halves its maps,
    and in a bottleneck the first 1 by 1 convolution does, as in the paper, or with `stride_in_1x1` false the 3 by 3
    one, as in most code since. `stride_in_last_block` has the last block of every stage but the last do it instead.
    """
    residual = Residual(block, "projection", parts, conv_bias, stride_in_1x1)
    x = trunk(image, residual, width, strides_of(blocks, stride_in_last_block))[-1]
    x = layers.GlobalAveragePooling2D()(residual.finish(x))  # (batch, channel)
    return parts.dense(parts.drop(x), outputs)


def trunk(
    image,
    residual: Residual,
    width: int,
    strides: Sequence[Sequence[int]],
    output_stride: int | None = None,
    grid: Sequence[int] | None = None,
    stem_pool: bool = True,
) -> list[Any]:
    """The stem and the stages: the last map of each stage, of `width` channels doubled at each later one.

    `strides` are those of every block of every stage. Where a halving would make the maps smaller than the image over
    `output_stride`, it is left out, and what comes after it dilated. `grid` holds a factor for each block of the last
    stage, with which its dilations are multiplied. Raises `WrongOption` where it has more or fewer. Without `stem_pool`
    the stem has its convolution alone, and all maps are twice as large.
    """
    if grid is not None and len(grid) != len(strides[-1]):
        raise WrongOption(
            f"multi_grid is {list(grid)}: a factor for each of {len(grid)} blocks, but the last stage has "
            f"{len(strides[-1])}. Give as many factors as blocks, 1 for a block whose dilation stays."
        )
    x = residual.parts.conv_unit(image, width, 7, 2, bias=residual.bias)
    if stem_pool:
        x = max_pool(x, 3, 2, border=1)
    steps = iter(atrous([one for stage in strides for one in stage], output_stride, done=stem_stride(stem_pool)))
    maps = []
    for stage, of_blocks in enumerate(strides):
        factors = grid if grid is not None and stage == len(strides) - 1 else [1] * len(of_blocks)
        for index, factor in enumerate(factors):
            stride, until, after = next(steps)
            rates = (factor * until, factor * after)
            x = residual(x, width * 2**stage, stride, first=stage == index == 0, rates=rates)
        maps.append(x)
    return maps


def stem_stride(pool: bool) -> int:
    """What the first convolution and, where it is there, the pooling after it divide the image's sides by."""
    return 4 if pool else 2


def strides_of(blocks: Depths, last: bool = False) -> list[list[int]]:
    """The stride of every block of every stage: 2 in the first block of a stage, or with `last` in the one before."""
    strides = [[1] * count for count in blocks]
    for stage in range(1, len(blocks)):
        if last:
            strides[stage - 1][-1] = 2
        else:
            strides[stage][0] = 2
    return strides
