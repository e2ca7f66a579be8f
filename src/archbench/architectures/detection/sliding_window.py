"""A classifier of crops as a course has it, whose dense layers are convolutions: one pass classifies every window.

Ng, "Convolutional Neural Networks" (Coursera), week 3, "Convolutional Implementation of Sliding Windows", after
Sermanet et al. 2013, arXiv:1312.6229, section 3.5: 14 by 14 pixels, 16 filters of 5 by 5, pooling by 2, two layers of
400 units and four classes. Windows lie two pixels apart: 16 by 16 pixels hold four, 28 by 28 hold 64. As in `overfeat`
a class has its best score over all windows.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.options import Side, Width
from archbench.parts import Parts

PAPER = Parts()


def minimum(kernel, pool, window, **_) -> int:
    """The side of a window."""
    return window * pool + kernel - 1


@architecture(
    "sliding_window",
    source="Sermanet et al. 2013, arXiv:1312.6229, section 3.5; sizes as in Ng's course",
    task="classification",
    minimum=minimum,
    paper_input=(14, 14, 3),
    paper_outputs=4,
    swaps=("activation", "normalization", "initializer", "regularizer"),
    smoke={"width": 8, "dense_width": 16},
    smoke_input=(14, 14, 3),
)
def sliding_window(
    image,
    outputs: int,
    *,
    width: Width = 16,
    dense_width: Width = 400,
    kernel: Side = 5,
    pool: Side = 2,
    window: Side = 5,
    parts: Parts = PAPER,
):
    """One convolution without a border, max pooling, and dense layers that are convolutions.

    `image` (batch, height, width, channel), of any size from that of a window on, to logits (batch, `outputs`). `width`
    is the channels of the convolution of `kernel` by `kernel` pixels, `dense_width` the units of both dense layers, of
    which the first sees `window` by `window` cells of the pooled map.
    """
    x = parts.conv_unit(image, width, kernel, padding="valid")
    x = layers.MaxPooling2D(pool)(x)
    for size in (window, 1):
        x = parts.conv_unit(x, dense_width, size, padding="valid")
    scores = parts.conv(x, outputs, 1)  # (batch, row, column, output): of every window
    return layers.GlobalMaxPooling2D()(scores)
