"""Inception v3.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception Architecture for Computer Vision", 2015,
arXiv:1512.00567, with the widths of the authors' released network, which table 1 and figures 5 to 7 of the paper
leave open. Differs from the paper: He's initial weights; a moving average of batch normalization that keeps 0.9 of
itself a step, where the authors, over millions of steps, kept 0.9997. The auxiliary head counts 0.4 in the loss, as in
the authors' training code; the paper does not state it. On maps smaller than the paper's, the window and the kernel of
the auxiliary head shrink to the map. `small_stem` is ours.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.blocks.inception_stem import INCEPTION_PARTS, PAPER_WIDTH, Convolutions, check_blocks, least_side
from archbench.options import Depths, Width
from archbench.parts import Parts

POOLED = (32, 64, 64)
"""Channels of the pooled branch in each module of the first stage."""
NARROW = (128, 160, 160, 192)
"""Channels between the 7 by 1 convolutions in each module of the second stage."""


@architecture(
    "inception_v3",
    source="Szegedy et al. 2015, arXiv:1512.00567",
    task="classification",
    minimum=least_side,
    paper_input=(299, 299, 3),
    paper_outputs=1000,
    auxiliary_weight=0.4,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"width": 4, "blocks": (1, 1, 1), "small_stem": True},
    smoke_input=(15, 15, 3),
)
def inception_v3(
    image,
    outputs: int,
    *,
    width: Width = PAPER_WIDTH,
    blocks: Depths = (3, 4, 2),
    auxiliary: bool = True,
    small_stem: bool = False,
    parts: Parts = INCEPTION_PARTS,
):
    """Inception v3: modules of parallel branches, their large kernels factorized into small and oblong ones.

    `image` (batch, height, width, channel) to logits (batch, `outputs`); with `auxiliary`, to {"logits",
    "auxiliary_stage2"}, the second from a head on the second stage that helps to train it. `width` is the channels of
    the first convolution, the others follow in the paper's proportion; `blocks` counts the modules of the three
    stages, at most 3 and 4 in the first two. `small_stem` is for images of about 32 pixels.
    """
    check_blocks("inception_v3", blocks, (len(POOLED), len(NARROW), None))
    net = Convolutions(parts, width, small_stem)
    x = net.stem_v3(image)
    for channels in POOLED[: blocks[0]]:
        x = _module_a(net, x, channels)
    x = net.reduction(x, [(384, 3)], [(64, 1), (96, 3), (96, 3)])
    for narrow in NARROW[: blocks[1]]:
        x = _module_b(net, x, narrow)
    second = x
    x = net.reduction(x, [(192, 1), (320, 3)], [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)])
    for _ in range(blocks[2]):
        x = _module_c(net, x)
    logits = net.logits(x, outputs)
    if not auxiliary:
        return logits
    return {"logits": logits, "auxiliary_stage2": _auxiliary(net, second, outputs)}


def _module_a(net: Convolutions, x, pooled: int):
    """A 5 by 5 convolution, and beside it one factorized into two of 3 by 3 (figure 5)."""
    branches = [
        net.unit(x, 64, 1),
        net.chain(x, (48, 1), (64, 5)),
        net.chain(x, (64, 1), (96, 3), (96, 3)),
        net.pooled(x, pooled),
    ]
    return layers.concatenate(branches)


def _module_b(net: Convolutions, x, narrow: int):
    """7 by 7 convolutions factorized into 1 by 7 and 7 by 1 (figure 6)."""
    wide, tall = (narrow, (1, 7)), (narrow, (7, 1))
    branches = [
        net.unit(x, 192, 1),
        net.chain(x, (narrow, 1), wide, (192, (7, 1))),
        net.chain(x, (narrow, 1), tall, wide, tall, (192, (1, 7))),
        net.pooled(x, 192),
    ]
    return layers.concatenate(branches)


def _module_c(net: Convolutions, x):
    """Branches that fork into 1 by 3 and 3 by 1, for many channels on small maps (figure 7)."""
    branches = [
        net.unit(x, 320, 1),
        net.fork(net.unit(x, 384, 1), 384),
        net.fork(net.chain(x, (448, 1), (384, 3)), 384),
        net.pooled(x, 192),
    ]
    return layers.concatenate(branches)


def _auxiliary(net: Convolutions, x, outputs: int):
    """Logits from the maps of the second stage: 17 by 17, pooled to 5 by 5, convolved to one."""
    x = layers.AveragePooling2D(_at_most(5, x), 3)(x)
    x = net.unit(x, 128, 1)
    x = net.unit(x, 768, _at_most(5, x), padding="valid")
    return net.parts.dense(layers.GlobalAveragePooling2D()(x), outputs)


def _at_most(side: int, x) -> tuple[int, int]:
    height, width = x.shape[1:3]
    return min(side, height), min(side, width)
