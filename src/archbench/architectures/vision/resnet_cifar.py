"""ResNet for 32 by 32 images, and the plain nets it is compared with.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, section 4.2; "Identity
Mappings in Deep Residual Networks", 2016, arXiv:1603.05027, for the pre-activated nets. Differs from the papers: none
known.
"""

from typing import Annotated

from keras import layers
from pydantic import Field

from archbench.architectures import architecture
from archbench.blocks.residual import Block, Residual, Shortcut
from archbench.options import Depth, Widths
from archbench.parts import Parts

DEPTHS = {"resnet": (20, 32, 44, 56, 110), "plain": (20, 56)}
"""The residual nets of table 6, and the two plain ones of figure 1, where the deeper does worse."""

PAPER = Parts(normalization="batch")

FACTS = {
    "task": "classification",
    "minimum": lambda widths, **_: 2 ** (len(widths) - 1),
    "paper_input": (32, 32, 3),
    "paper_outputs": 10,
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
    "smoke": {"blocks": 1, "widths": (4, 8)},
    "smoke_input": (8, 8, 3),
}


@architecture(
    {
        "preact_resnet110": {"block": "preact_basic", "blocks": 18, "shortcut": "padding"},
        "preact_resnet164": {"block": "preact_bottleneck", "blocks": 18, "shortcut": "projection"},
    },
    source="He, Zhang, Ren, Sun 2016, arXiv:1603.05027, tables 2 and 4",
    **FACTS,
)
@architecture(
    {
        f"{kind}{depth}": {"block": "basic", "blocks": (depth - 2) // 6, "shortcut": shortcut}
        for kind, shortcut in (("resnet", "padding"), ("plain", "none"))
        for depth in DEPTHS[kind]
    },
    source="He, Zhang, Ren, Sun 2015, arXiv:1512.03385, section 4.2 and table 6",
    **FACTS,
)
def resnet_cifar(
    image,
    outputs: int,
    *,
    block: Block,
    blocks: Depth,
    shortcut: Shortcut,
    widths: Annotated[Widths, Field(min_length=1)] = (16, 32, 64),
    stride_in_1x1: bool = True,
    parts: Parts = PAPER,
):
    """ResNet for small images, pre-activated or not, and its plain twin without shortcuts.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `blocks` counts the blocks in each stage, so
    that three stages of basic blocks make a net of 6 * `blocks` + 2 layers, and of bottlenecks 9 * `blocks` + 2.
    `widths` are the channels of each stage, of which a bottleneck makes four times as many.
    """
    residual = Residual(block, shortcut, parts, stride_in_1x1=stride_in_1x1)
    x = parts.conv_unit(image, widths[0], 3)
    for stage, width in enumerate(widths):
        for index in range(blocks):
            x = residual(x, width, 2 if stage > 0 and index == 0 else 1, first=stage == index == 0)
    x = layers.GlobalAveragePooling2D()(residual.finish(x))  # (batch, channel)
    return parts.dense(parts.drop(x), outputs)
