"""SPP-net: a classifier whose dense layers read a spatial pyramid, so that pictures may have any size and shape.

He, Zhang, Ren, Sun, "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition", 2014,
arXiv:1406.4729, sections 2 and 3.1: ZF-5 (table 1), whose last pooling becomes a pyramid of 50 bins. Differs from the
paper: the trunk is that of our `zfnet`, which normalizes after its poolings across maps, as ZF-5 does, and leaves no
border around the second convolution; one size of pictures, as a benchmark has one.
"""

from archbench.architectures import architecture
from archbench.architectures.vision.zfnet import PAPER, trunk
from archbench.layers.pyramid_pooling import SpatialPyramidPooling2D
from archbench.options import Grids, Side, Width
from archbench.parts import Parts


def minimum(strides, **_) -> int:
    """The side that leaves one pixel: 2 before the second pooling."""
    first, second = strides
    pooled = 5 + second
    return 7 + (2 * pooled - 1) * first - 2


@architecture(
    "sppnet",
    source="He et al. 2014, arXiv:1406.4729, section 3.1",
    task="classification",
    minimum=minimum,
    paper_input=(224, 224, 3),
    paper_outputs=1000,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"widths": (8, 12, 12, 12, 12), "dense_width": 32, "strides": (1, 1), "bins": (2, 1)},
    smoke_input=(22, 20, 3),
)
def sppnet(
    image,
    outputs: int,
    *,
    widths: tuple[Width, Width, Width, Width, Width] = (96, 256, 384, 384, 256),
    dense_width: Width = 4096,
    strides: tuple[Side, Side] = (2, 2),
    bins: Grids = (6, 3, 2, 1),
    parts: Parts = PAPER,
):
    """ZFNet with a pyramid of grids of `bins` a side in the place of its last pooling.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). The other options are those of `zfnet`.
    """
    x = SpatialPyramidPooling2D(bins)(trunk(image, widths, strides, parts))  # (batch, 12800)
    for _ in range(2):
        x = parts.drop(parts.act(parts.dense(x, dense_width)))
    return parts.dense(x, outputs)
