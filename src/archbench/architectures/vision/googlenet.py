"""GoogLeNet (Inception v1).

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich, "Going Deeper with Convolutions",
2014, arXiv:1409.4842, table 1. The 5 by 5 branch is 5 by 5, where much later code has 3 by 3. Differs from the
paper: Glorot's initial weights, as in Caffe's release of the net, because the paper names none; an average over the
whole last map, which is the paper's 7 by 7 at 224 pixels. The window of an auxiliary head's average pooling is
5 by 5, and the whole map where that is smaller; it takes whole windows alone. Max pooling cuts its last window off at
the end of the map instead, as in Caffe's release: 28 pixels become 14, and 7 become 3.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.blocks.inception import check_modules, scaled
from archbench.layers.pooling import max_pool_ceil
from archbench.options import Depths, Side, Width
from archbench.parts import Parts

STAGES = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
"""Modules 3a to 5b: channels of 1x1, of 3x3 behind its reduction, of 5x5 behind its own, and after pooling."""

HEADS = ("4a", "4d")
"""The modules behind which an auxiliary head stands."""

PAPER = Parts(normalization="local_response", initializer="xavier_uniform", dropout=0.4)


@architecture(
    "googlenet",
    source="Szegedy et al. 2014, arXiv:1409.4842, table 1",
    task="classification",
    auxiliary_weight=0.3,
    minimum=lambda modules, stem_stride, **_: stem_stride * 2 ** (1 + len(modules)),
    paper_input=(224, 224, 3),
    paper_outputs=1000,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"modules": (1, 1), "width": 16, "dense_width": 16, "stem_stride": 1},
    smoke_input=(12, 12, 3),
)
def googlenet(
    image,
    outputs: int,
    *,
    modules: Depths = (2, 5, 2),
    width: Width = 64,
    dense_width: Width = 1024,
    stem_stride: Side = 2,
    auxiliary: bool = True,
    parts: Parts = PAPER,
):
    """Modules of four branches side by side: 1x1, 3x3 and 5x5 convolutions and pooling, joined by channel.

    `image` (batch, height, width, channel) to `{"logits", "auxiliary_4a", "auxiliary_4d"}`, each (batch,
    `outputs`); to the logits alone with `auxiliary` false. `modules` counts those of each stage, from its
    first; a head stands behind 4a and 4d where the net has them. `width` is the channels of the stem, and
    the others follow in the paper's proportion; `dense_width` is the heads' hidden layer. The normalization
    stands where the paper has its local response normalization: twice in the stem.
    """
    check_modules("googlenet", modules, STAGES)

    def unit(x, channels: int, size: int, stride: int = 1):
        return parts.act(parts.conv(x, scaled(channels, width), size, stride))

    x = parts.norm(max_pool_ceil(unit(image, 64, 7, stem_stride), 3, 2))
    x = parts.norm(unit(unit(x, 64, 1), 192, 3))  # (batch, 56, 56, 192) at 224 pixels
    made = {}
    for stage, count in enumerate(modules):
        x = max_pool_ceil(x, 3, 2)
        for letter, channels in zip("abcde"[:count], STAGES[stage], strict=False):
            x = _inception(x, channels, unit)
            name = f"{stage + 3}{letter}"
            if auxiliary and name in HEADS:
                made[f"auxiliary_{name}"] = _head(x, outputs, unit, dense_width, parts)
    x = parts.drop(layers.GlobalAveragePooling2D()(x))
    logits = parts.dense(x, outputs)
    return {"logits": logits, **made} if made else logits


def _inception(x, channels: tuple[int, ...], unit):
    one, three_reduced, three, five_reduced, five, pooled = channels
    branches = [
        unit(x, one, 1),
        unit(unit(x, three_reduced, 1), three, 3),
        unit(unit(x, five_reduced, 1), five, 5),
        unit(layers.MaxPooling2D(3, 1, padding="same")(x), pooled, 1),
    ]
    return layers.Concatenate()(branches)


def _head(x, outputs: int, unit, dense_width: Width, parts: Parts):
    """A classifier on an intermediate map, for training alone (section 5)."""
    window = tuple(min(5, side) for side in x.shape[1:3])
    x = unit(layers.AveragePooling2D(window, 3)(x), 128, 1)  # (batch, 4, 4, 128) at 224 pixels
    x = parts.act(parts.dense(layers.Flatten()(x), dense_width))
    # A layer of Keras's, whose rate stays: that of `parts.drop` is the one that is tuned.
    return parts.dense(layers.Dropout(0.7)(x) if parts.dropout else x, outputs)
