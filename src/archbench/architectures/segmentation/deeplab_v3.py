"""DeepLab v3: a pyramid of dilated windows with the mean of the map, from one set of weights at two sizes of maps.

Chen, Papandreou, Schroff, Adam, "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017,
arXiv:1706.05587, section 3; dropout of 0.1 as in the authors' code. Differs from the paper: He's initial weights, where
the authors start from a classifier.

torchvision's deeplabv3_resnet50 and 101 have the stride of a bottleneck in its 3 by 3 convolution (`stride_in_1x1`
false), no multi-grid (`multi_grid` null), one more convolution before the scores (`extra_conv`), and enlarge them as if
cells shared the image among them (`aligned` false).
"""

from archbench.architectures import architecture
from archbench.architectures.vision.resnet import strides_of, trunk
from archbench.blocks.aspp import aspp
from archbench.blocks.residual import Block, Residual
from archbench.layers.bilinear import Bilinear
from archbench.options import Depths, OutputStride, Rates, Width
from archbench.parts import Parts

RATES_AT = 16
"""The output stride for which dilations of the pyramid are given; at half of it they are twice as large."""

PAPER = Parts(normalization={"name": "batch", "momentum": 0.9997}, dropout=0.1)


@architecture(
    "deeplab_v3",
    source="Chen et al. 2017, arXiv:1706.05587",
    task="segmentation",
    minimum=lambda output_stride, **_: output_stride,
    paper_input=(513, 513, 3),
    paper_outputs=21,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"blocks": (1, 1, 1), "width": 4, "channels": 8, "rates": (1, 2), "multi_grid": (2,), "output_stride": 8},
    smoke_input=(16, 16, 3),
)
def deeplab_v3(
    image,
    outputs: int,
    *,
    output_stride: OutputStride = 16,
    block: Block = "bottleneck",
    blocks: Depths = (3, 4, 23, 3),
    width: Width = 64,
    stem_pool: bool = True,
    multi_grid: Rates | None = (1, 2, 4),
    rates: Rates = (6, 12, 18),
    channels: Width = 256,
    stride_in_1x1: bool = True,
    extra_conv: bool = False,
    aligned: bool = True,
    parts: Parts = PAPER,
):
    """DeepLab v3 on a ResNet: dilated windows and the mean of the map, joined, normalized, and scores of them.

    `image` (batch, height, width, channel) to logits (batch, height, width, `outputs`). The same weights serve at every
    `output_stride`, the image's side over that of the last map: the paper trains at 16 and tests at 8. `rates` are the
    dilations of the pyramid at 16, and as many times larger at less. `multi_grid` has a factor of dilation for each
    block of the last stage. `channels` are those of each window; `block`, `blocks`, `width` and `stride_in_1x1` are
    the ResNet's, whose stem halves once without `stem_pool`. With `extra_conv` another convolution stands before the
    scores.
    """
    residual = Residual(block, "projection", parts, stride_in_1x1=stride_in_1x1)
    x = trunk(image, residual, width, strides_of(blocks), output_stride, multi_grid, stem_pool)[-1]
    x = aspp(residual.finish(x), channels, rates_at(rates, output_stride), False, parts)
    if extra_conv:
        x = parts.conv_unit(x, channels, 3)
    return Bilinear(*image.shape[1:3], step=output_stride if aligned else None)(parts.conv(x, outputs, 1))


def rates_at(rates: Rates, output_stride: int) -> list[int]:
    """The dilations at an output stride of those which are given for one of 16."""
    return [rate * RATES_AT // output_stride for rate in rates]
