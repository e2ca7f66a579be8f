"""FCN: a VGG whose dense layers are convolutions, and whose scores are enlarged to the size of the picture.

Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic Segmentation", 2014, arXiv:1411.4038, sections 3.3,
4.1 to 4.3 and figure 3. What the paper leaves open (100 pixels around the picture, and so where maps are cut to fit)
is as in the authors' code, which also keeps every enlargement as it starts: bilinear (`learn_upsampling` false); in the
paper those by 2 are learnt. Differs from the paper: He's initial weights, where it starts from a trained VGG-16, and
FCN-16s and FCN-8s from the coarser net.
"""

from __future__ import annotations

from typing import Annotated, Literal

from keras import layers
from pydantic import Field

from archbench.architectures import architecture
from archbench.architectures.vision.vgg import trunk
from archbench.blocks.upsample import upsample
from archbench.catalogue import WrongOption
from archbench.layers.crop import crop
from archbench.options import Depths, Width
from archbench.parts import Parts

BORDER = 100
"""Pixels around the picture, of which the first convolution takes one: a window of 7 cells fits into any picture."""

Window = Annotated[int, Field(ge=1, le=7)]
Skips = Annotated[int, Field(ge=0, le=15)]

PAPER = Parts(dropout=0.5, initializer_of={"scores": "zeros"})


@architecture(
    {"fcn32s": {"skips": 0}, "fcn16s": {"skips": 1}, "fcn8s": {"skips": 2}},
    source="Long, Shelhamer, Darrell 2014, arXiv:1411.4038",
    task="segmentation",
    minimum=1,
    paper_input=(500, 500, 3),
    paper_outputs=21,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"convs": (1, 1, 1), "width": 4, "dense_width": 8, "window": 3, "padding": "same"},
    smoke_input=(12, 12, 3),
)
def fcn(
    image,
    outputs: int,
    *,
    skips: Skips,
    convs: Depths = (2, 2, 3, 3, 3),
    width: Width = 64,
    dense_width: Width = 4096,
    window: Window = 7,
    padding: Literal["valid", "same"] = "valid",
    learn_upsampling: bool = False,
    parts: Parts = PAPER,
):
    """FCN on a VGG: scores of its last map, with those of `skips` finer ones added as it is enlarged.

    `image` (batch, height, width, channel), of any size, to logits (batch, height, width, `outputs`), one for each
    pixel. `convs`, `width` and `dense_width` are those of the VGG; its first dense layer is a convolution of `window`
    by `window` cells. With "valid" `padding`, the paper's, it sees a border of zeros around the picture; with "same",
    for small pictures, there is none. `learn_upsampling` has the enlargements by 2 learn, and the last one never.
    """
    if skips >= len(convs):
        raise WrongOption(f"fcn: skips is {skips}. It must be 0 to {len(convs) - 1}: a stage before the last for each.")
    bordered = padding == "valid"
    maps, x = trunk(layers.ZeroPadding2D(BORDER - 1)(image) if bordered else image, convs, width, parts)
    for size in (window, 1):
        x = parts.drop(parts.conv_unit(x, dense_width, size, padding=padding))
    x, lead = _scores(x, outputs, parts), (window - 1) // 2 if bordered else 0
    for stage in range(len(convs) - 1, len(convs) - 1 - skips, -1):
        finer = _scores(maps[f"pool{stage}"], outputs, parts)
        x, finer, lead = _overlap(upsample(x, 2, parts if learn_upsampling else None), finer, 2 * lead - 1)
        x = layers.add([x, finer])
    stride = 2 ** (len(convs) - skips)
    first = stride // 2 - stride * lead + (BORDER - 1 if bordered else 0)
    return crop(upsample(x, stride), image.shape[1:3], first)


def _scores(x, outputs: int, parts: Parts):
    """A score a class for every cell of `x`; in the paper they all start at 0 (section 4.3)."""
    start = parts.kernel("scores")["scores_initializer"]
    return parts.layer(layers.Conv2D, outputs, 1, kernel_initializer=start)(x)


def _overlap(x, finer, lead: int):
    """`x` and `finer`, cut to where both are, and the cells that were cut off at the start of `finer`.

    The first cell of `x` lies `lead` cells after the first of `finer`, or before it.
    """
    outside, ahead = max(-lead, 0), max(lead, 0)
    size = [min(a - outside, b - ahead) for a, b in zip(x.shape[1:3], finer.shape[1:3], strict=True)]
    return crop(x, size, outside), crop(finer, size, ahead), ahead
