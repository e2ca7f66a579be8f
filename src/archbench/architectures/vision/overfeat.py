"""OverFeat: a classifier whose dense layers are convolutions, so that one pass over a picture looks at every window.

Sermanet, Eigen, Zhang, Mathieu, Fergus, LeCun, "OverFeat: Integrated Recognition, Localization and Detection using
Convolutional Networks", 2013, arXiv:1312.6229, tables 1 (fast) and 3 (accurate) and section 3.5. Of a picture that is
larger than a window every class has its best score over all windows, as in section 3.3. Differs from the paper: windows
lie as far apart as the strides say, 36 pixels, where it also moves the last pooling by single cells; biases start at 0.
"""

from __future__ import annotations

from typing import Annotated, Literal

from keras import layers
from pydantic import Field

from archbench.architectures import architecture
from archbench.options import Side, Width
from archbench.parts import Parts

Convolutions = Annotated[tuple[Width, ...], Field(min_length=3, max_length=16)]

PAPER = Parts(initializer="small_normal", dropout=0.5)
FACTS = {
    "source": "Sermanet et al. 2013, arXiv:1312.6229",
    "task": "classification",
    "paper_outputs": 1000,
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
    "smoke": {
        "widths": (8, 12, 12),
        "dense_widths": (16, 16),
        "kernels": (3, 3),
        "stride": 1,
        "pools": (2, 2, 1),
        "window": 2,
    },
    "smoke_input": (14, 14, 3),
}


def minimum(kernels, stride, pools, widths, window, padding, **_) -> int:
    """The side of a window: that which leaves `window` cells after the last pooling."""
    first, second, last = pools
    border = 2 * (len(widths) - 2) if padding == "valid" else 0
    cells = ((window * last + border) * second + kernels[1] - 1) * first
    return (cells - 1) * stride + kernels[0]


@architecture(
    {
        "overfeat_accurate": {
            "widths": (96, 256, 512, 512, 1024, 1024),
            "dense_widths": (4096, 4096),
            "kernels": (7, 7),
            "stride": 2,
            "pools": (3, 2, 3),
            "window": 5,
        }
    },
    minimum=minimum,
    paper_input=(221, 221, 3),
    **FACTS,
)
@architecture("overfeat", minimum=minimum, paper_input=(231, 231, 3), **FACTS)
def overfeat(
    image,
    outputs: int,
    *,
    widths: Convolutions = (96, 256, 512, 1024, 1024),
    dense_widths: tuple[Width, Width] = (3072, 4096),
    kernels: tuple[Side, Side] = (11, 5),
    stride: Side = 4,
    pools: tuple[Side, Side, Side] = (2, 2, 2),
    window: Side = 6,
    padding: Literal["same", "valid"] = "same",
    parts: Parts = PAPER,
):
    """OverFeat: convolutions, pooled without overlap after the first, second and last, and no layer of one size.

    `image` (batch, height, width, channel), of any size from that of a window on, to logits (batch, `outputs`).
    `widths` are the channels of the convolutions. The first two, of `kernels` a side, have no border, and the first
    moves by `stride`; all others are 3 by 3. `pools` are the sides of the poolings. The first of the dense layers, of
    `dense_widths`, is a convolution over `window` by `window` cells, and the others are of one cell.

    With "same" `padding`, the paper's, the convolutions of 3 by 3 see zeros around a map, which are around every window
    where it is cut out, and around the picture where it is not: scores of one pass are then those of windows but for
    their borders. With "valid" they are the same numbers.
    """
    x = parts.conv_unit(image, widths[0], kernels[0], stride, padding="valid")
    x = layers.MaxPooling2D(pools[0])(x)
    x = parts.conv_unit(x, widths[1], kernels[1], padding="valid")
    x = layers.MaxPooling2D(pools[1])(x)
    for width in widths[2:]:
        x = parts.conv_unit(x, width, 3, padding=padding)
    x = layers.MaxPooling2D(pools[2])(x)  # (batch, 6, 6, 1024) at 231 pixels
    for width, size in zip(dense_widths, (window, 1), strict=True):
        x = parts.drop(parts.conv_unit(x, width, size, padding="valid"))
    scores = parts.conv(x, outputs, 1)  # (batch, row, column, output): of every window
    return layers.GlobalMaxPooling2D()(scores)
