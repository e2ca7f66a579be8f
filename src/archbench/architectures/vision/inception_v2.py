"""Inception v2 (BN-Inception).

Ioffe, Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
2015, arXiv:1502.03167, figure 5, with the widths of the released weights; a later paper gave the name Inception v2
to another net. Differs from the paper: He's initial weights, because it names none; a plain 7 by 7
convolution first, where a later release factored it by depth; moving averages at inference, where the authors
computed the statistics anew. Poolings that halve make ceil(side / 2) of a side, as the convolutions beside them do;
on an odd side both pad it at both ends, as TensorFlow's release of the net does.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.blocks.inception import check_modules, scaled
from archbench.options import Depths, Side, Width
from archbench.parts import Parts

STAGES = (
    ((64, 64, 64, 64, 96, "average", 32), (64, 64, 96, 64, 96, "average", 64)),
    (
        (224, 64, 96, 96, 128, "average", 128),
        (192, 96, 128, 96, 128, "average", 128),
        (160, 128, 160, 128, 160, "average", 128),
        (96, 128, 192, 160, 192, "average", 128),
    ),
    ((352, 192, 320, 160, 224, "average", 128), (352, 192, 320, 192, 224, "max", 128)),
)
"""Modules 3a, 3b, 4a to 4d, 5a, 5b: channels of 1x1, of 3x3 behind its reduction, of two 3x3 behind theirs, the
kind of pooling and the channels after it."""

REDUCTIONS = ((128, 160, 64, 96), (128, 192, 192, 256))
"""Modules 3c and 4e, which halve the map: channels of 3x3 behind its reduction, of two 3x3 behind theirs."""

PAPER = Parts(normalization="batch")


@architecture(
    "inception_v2",
    source="Ioffe, Szegedy 2015, arXiv:1502.03167, figure 5",
    task="classification",
    minimum=lambda modules, stem_stride, **_: stem_stride * 2 ** (1 + len(modules)),
    paper_input=(224, 224, 3),
    paper_outputs=1000,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"modules": (1, 1), "width": 8, "stem_stride": 1},
    smoke_input=(12, 12, 3),
)
def inception_v2(
    image,
    outputs: int,
    *,
    modules: Depths = (2, 4, 2),
    width: Width = 64,
    stem_stride: Side = 2,
    conv_bias: bool = False,
    parts: Parts = PAPER,
):
    """GoogLeNet with batch normalization after every convolution and two 3 by 3 in the place of each 5 by 5.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `modules` counts those of each
    stage, from its first; between stages stands one that halves the map. `width` is the channels of the
    stem, and the others follow in the paper's proportion. `conv_bias` gives convolutions the bias that the
    released weights have beside the normalization's shift.
    """
    check_modules("inception_v2", modules, STAGES)

    def unit(x, channels: int, size: int, stride: int = 1):
        return parts.conv_unit(x, scaled(channels, width), size, stride, bias=conv_bias)

    x = _halve(unit(image, 64, 7, stem_stride))
    x = _halve(unit(unit(x, 64, 1), 192, 3))  # (batch, 28, 28, 192) at 224 pixels
    for stage, count in enumerate(modules):
        if stage > 0:
            x = _reduction(x, REDUCTIONS[stage - 1], unit)
        for channels in STAGES[stage][:count]:
            x = _inception(x, channels, unit)
    x = layers.GlobalAveragePooling2D()(x)  # (batch, 1024)
    return parts.dense(parts.drop(x), outputs)


def _halve(x):
    """Overlapping max pooling, 3 by 3 at stride 2, of a side to ceil(side / 2)."""
    return layers.MaxPooling2D(3, 2, padding="same")(x)


def _inception(x, channels: tuple, unit):
    one, three_reduced, three, double_reduced, double, kind, pooled = channels
    pooling = {"average": layers.AveragePooling2D, "max": layers.MaxPooling2D}[kind]
    branches = [
        unit(x, one, 1),
        unit(unit(x, three_reduced, 1), three, 3),
        unit(unit(unit(x, double_reduced, 1), double, 3), double, 3),
        unit(pooling(3, 1, padding="same")(x), pooled, 1),
    ]
    return layers.Concatenate()(branches)


def _reduction(x, channels: tuple[int, ...], unit):
    three_reduced, three, double_reduced, double = channels
    branches = [
        unit(unit(x, three_reduced, 1), three, 3, 2),
        unit(unit(unit(x, double_reduced, 1), double, 3), double, 3, 2),
        _halve(x),
    ]
    return layers.Concatenate()(branches)
