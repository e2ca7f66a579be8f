"""Landmarks: an AlexNet whose last layer says coordinates.

Toshev, Szegedy, "DeepPose: Human Pose Estimation via Deep Neural Networks", 2013, arXiv:1312.4659, section 3.1: the
first stage, which sees the whole picture and gives two numbers a joint, fourteen joints in the LSP data. Differs from
the paper: its input has 227 pixels, as that of our `alexnet`, because 220 do not give the 55 by 55 map of its figure 2;
its later stages, which look again at a joint's surroundings, are left out.
"""

from dataclasses import replace

from archbench.architectures import architecture
from archbench.architectures.vision.alexnet import LAST_MAP, alexnet
from archbench.architectures.vision.alexnet import PAPER as ALEXNET
from archbench.options import Side, Width
from archbench.parts import Parts

PAPER = replace(ALEXNET, dropout=0.6)


@architecture(
    "landmarks",
    source="Toshev, Szegedy 2013, arXiv:1312.4659, section 3.1",
    task="landmarks",
    minimum=lambda stem, **_: stem[0] + (LAST_MAP - 1) * stem[1],
    paper_input=(227, 227, 3),
    paper_outputs=28,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"widths": (8, 8, 12, 12, 8), "dense_width": 16, "stem": (5, 1)},
    smoke_input=(20, 20, 3),
)
def landmarks(
    image,
    outputs: int,
    *,
    widths: tuple[Width, Width, Width, Width, Width] = (96, 256, 384, 384, 256),
    dense_width: Width = 4096,
    groups: Width = 2,
    stem: tuple[Side, Side] = (11, 4),
    parts: Parts = PAPER,
):
    """An AlexNet with other numbers in its last layer.

    `image` (batch, height, width, channel) to (batch, `outputs`); the options are those of `alexnet`.
    """
    return alexnet(image, outputs, widths=widths, dense_width=dense_width, groups=groups, stem=stem, parts=parts)
