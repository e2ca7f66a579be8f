"""Inception v4.

Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
2016, arXiv:1602.07261, figures 3 to 9 and table 1. Differs from the paper: He's initial weights; a moving average of
batch normalization that keeps 0.9 of itself a step, where the authors, over millions of steps, kept 0.9997; in the stem
1 by 7 before 7 by 1, as the authors released it, where figure 3 has the other order. Batch normalization scales, as in
the copies that are most used; the authors' own did not (`parts: {normalization: {name: batch, scale: false}}`).
`small_stem` is ours.
"""

from dataclasses import replace

from keras import layers

from archbench.architectures import architecture
from archbench.blocks.inception_stem import INCEPTION_PARTS, PAPER_WIDTH, Convolutions, check_blocks, least_side
from archbench.options import Depths, Width
from archbench.parts import Parts

PAPER = replace(INCEPTION_PARTS, normalization={"name": "batch", "epsilon": 1e-3})


@architecture(
    "inception_v4",
    source="Szegedy, Ioffe, Vanhoucke, Alemi 2016, arXiv:1602.07261",
    task="classification",
    minimum=least_side,
    paper_input=(299, 299, 3),
    paper_outputs=1000,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"width": 2, "blocks": (1, 1, 1), "small_stem": True},
    smoke_input=(15, 15, 3),
)
def inception_v4(
    image,
    outputs: int,
    *,
    width: Width = PAPER_WIDTH,
    blocks: Depths = (4, 7, 3),
    small_stem: bool = False,
    parts: Parts = PAPER,
):
    """Inception v4: the modules of Inception v3 made uniform, deeper and wider, with a branched stem.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `width` is the channels of the first
    convolution, the others follow in the paper's proportion; `blocks` counts the modules of the three stages.
    `small_stem` is for images of about 32 pixels.
    """
    check_blocks("inception_v4", blocks)
    net = Convolutions(parts, width, small_stem)
    x = net.stem_v4(image)
    for _ in range(blocks[0]):
        x = _module_a(net, x)
    x = net.reduction(x, [(384, 3)], [(192, 1), (224, 3), (256, 3)])
    for _ in range(blocks[1]):
        x = _module_b(net, x)
    x = net.reduction(x, [(192, 1), (192, 3)], [(256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3)])
    for _ in range(blocks[2]):
        x = _module_c(net, x)
    return net.logits(x, outputs)


def _module_a(net: Convolutions, x):
    """3 by 3 convolutions, one and two in a row (figure 4)."""
    branches = [
        net.unit(x, 96, 1),
        net.chain(x, (64, 1), (96, 3)),
        net.chain(x, (64, 1), (96, 3), (96, 3)),
        net.pooled(x, 96),
    ]
    return layers.concatenate(branches)


def _module_b(net: Convolutions, x):
    """1 by 7 and 7 by 1 convolutions, one pair and two (figure 5)."""
    branches = [
        net.unit(x, 384, 1),
        net.chain(x, (192, 1), (224, (1, 7)), (256, (7, 1))),
        net.chain(x, (192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
        net.pooled(x, 128),
    ]
    return layers.concatenate(branches)


def _module_c(net: Convolutions, x):
    """Branches that fork into 1 by 3 and 3 by 1 (figure 6)."""
    branches = [
        net.unit(x, 256, 1),
        net.fork(net.unit(x, 384, 1), 256),
        net.fork(net.chain(x, (384, 1), (448, (3, 1)), (512, (1, 3))), 256),
        net.pooled(x, 256),
    ]
    return layers.concatenate(branches)
