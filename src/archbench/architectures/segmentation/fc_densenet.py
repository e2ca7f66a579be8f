"""FC-DenseNet, the Tiramisu: dense blocks on the way down and on the way up again.

Jégou, Drozdzal, Vazquez, Romero, Bengio, "The One Hundred Layers Tiramisu: Fully Convolutional DenseNets for Semantic
Segmentation", 2016, arXiv:1611.09326, figures 1 and 2, tables 1 and 2. What the paper leaves open (biases, 3 by 3
transposed convolutions without padding whose surplus rows are cut off) is as in the authors' code. Differs from the
paper: its table 2 prints 880, 1072, 800 and 368 maps where its own rules, the authors' code and this file make 896,
1088, 816 and 384.
"""

from typing import Any

from keras import layers

from archbench.architectures import architecture
from archbench.layers.crop import crop
from archbench.options import Depths, Width
from archbench.parts import Parts

PAPER = Parts(normalization="batch", initializer="he_uniform", dropout=0.2)


@architecture(
    {
        "fc_densenet56": {"blocks": (4, 4, 4, 4, 4, 4), "growth": 12},
        "fc_densenet67": {"blocks": (5, 5, 5, 5, 5, 5), "growth": 16},
        "fc_densenet103": {"blocks": (4, 5, 7, 10, 12, 15), "growth": 16},
    },
    source="Jégou et al. 2016, arXiv:1611.09326, table 2",
    task="segmentation",
    minimum=lambda blocks, **_: 2 ** (len(blocks) - 1),
    paper_input=(224, 224, 3),
    paper_outputs=11,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"blocks": (2, 1, 2), "growth": 4, "stem_width": 6},
    smoke_input=(8, 8, 3),
)
def fc_densenet(
    image,
    outputs: int,
    *,
    blocks: Depths,
    growth: Width,
    stem_width: Width = 48,
    parts: Parts = PAPER,
):
    """FC-DenseNet: a dense block at every resolution, going down and going up.

    `image` (batch, height, width, channel) to logits (batch, height, width, `outputs`), one for each pixel. `blocks`
    counts the layers of the blocks going down, the last of them at the coarsest resolution; those going up mirror the
    others. A layer adds `growth` channels. Going up, only what a block itself has made is enlarged, without what it
    read.
    """
    *going_down, coarsest = blocks
    x, skips = parts.conv(image, stem_width, 3), []
    for count in going_down:
        x, _ = _dense_block(x, count, growth, parts)
        skips.append(x)
        x = layers.MaxPooling2D(2)(_layer(x, x.shape[-1], 1, parts))
    _, made = _dense_block(x, coarsest, growth, parts)
    for count, skip in zip(reversed(going_down), reversed(skips), strict=True):
        x = made[0] if len(made) == 1 else layers.concatenate(made)
        x = parts.layer(layers.Conv2DTranspose, x.shape[-1], 3, 2)(x)
        x = layers.concatenate([crop(x, skip.shape[1:3]), skip])
        x, made = _dense_block(x, count, growth, parts)
    return parts.conv(x, outputs, 1)


def _dense_block(x, count: int, growth: int, parts: Parts) -> tuple[Any, list]:
    """`x` with the maps of `count` layers, each of which reads all before it, and these new maps alone."""
    made = []
    for _ in range(count):
        made.append(_layer(x, growth, 3, parts))
        x = layers.concatenate([x, made[-1]])
    return x, made


def _layer(x, width: int, size: int, parts: Parts):
    """Normalization, activation, convolution, dropout."""
    return parts.drop(parts.conv(parts.act(parts.norm(x)), width, size))
