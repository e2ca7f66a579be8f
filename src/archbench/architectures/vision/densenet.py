"""DenseNet: every layer reads the maps of all layers before it.

Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional Networks", 2016, arXiv:1608.06993, table 1 for
ImageNet and section 3 for 32 by 32 images. Differs from the paper: none known. keras.applications has the same graph.
"""

from typing import Literal

from keras import layers

from archbench.architectures import architecture
from archbench.layers.pooling import max_pool
from archbench.options import Depths, Part, Width
from archbench.parts import Parts

BOTTLENECK = 4
"""The 1 by 1 convolution of a layer makes this many times the growth of channels."""

PAPER = Parts(normalization="batch")

FACTS = {
    "source": "Huang, Liu, van der Maaten, Weinberger 2016, arXiv:1608.06993, table 1",
    "task": "classification",
    "minimum": lambda blocks, stem, **_: 2 ** (len(blocks) + (1 if stem == "imagenet" else -1)),
    "paper_outputs": 1000,
    "paper_input": (224, 224, 3),
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
    "smoke": {"blocks": (2, 1), "growth": 4, "stem_width": 6},
    "smoke_input": (16, 16, 3),
}

CIFAR = FACTS | {
    "source": "Huang, Liu, van der Maaten, Weinberger 2016, arXiv:1608.06993, section 3 and table 2",
    "paper_outputs": 10,
    "paper_input": (32, 32, 3),
}

SIZES = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}


@architecture(
    {
        "densenet40": {
            "blocks": (12, 12, 12),
            "growth": 12,
            "stem": "cifar",
            "stem_width": 16,
            "bottleneck": False,
            "compression": 1.0,
        },
        "densenet_bc100": {"blocks": (16, 16, 16), "growth": 12, "stem": "cifar", "stem_width": 24},
    },
    **CIFAR,
)
@architecture({f"densenet{depth}": {"blocks": blocks} for depth, blocks in SIZES.items()}, **FACTS)
def densenet(
    image,
    outputs: int,
    *,
    blocks: Depths,
    growth: Width = 32,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    stem_width: Width = 64,
    bottleneck: bool = True,
    compression: Part = 0.5,
    parts: Parts = PAPER,
):
    """DenseNet, DenseNet-B with `bottleneck`, -C with a `compression` under 1, -BC with both.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `blocks` counts the layers of each dense
    block; a layer adds `growth` channels. Between blocks the maps are halved and the channels shrink to the share
    `compression`. `stem` makes `stem_width` channels: a strided 7 by 7 convolution and a pool ("imagenet"), or a 3 by
    3 convolution alone ("cifar"). Dropout, where asked for, follows each convolution but the first.
    """
    if stem == "imagenet":
        x = parts.conv_unit(image, stem_width, 7, 2)
        x = max_pool(x, 3, 2, border=1)
    else:
        x = parts.conv(image, stem_width, 3, bias=not parts.normalizes)
    for block, count in enumerate(blocks):
        if block > 0:
            x = _unit(x, max(1, int(x.shape[-1] * compression)), 1, parts)
            x = layers.AveragePooling2D(2)(x)
        for _ in range(count):
            y = _unit(x, BOTTLENECK * growth, 1, parts) if bottleneck else x
            x = layers.concatenate([x, _unit(y, growth, 3, parts)])
    x = layers.GlobalAveragePooling2D()(parts.act(parts.norm(x)))  # (batch, channel)
    return parts.dense(x, outputs)


def _unit(x, width: int, size: int, parts: Parts):
    """Normalization, activation, convolution, dropout."""
    x = parts.act(parts.norm(x))
    return parts.drop(parts.conv(x, width, size, bias=not parts.normalizes))
