"""DeepLab v3+: the pyramid of DeepLab v3, and a decoder that brings finer maps to it.

Chen, Zhu, Papandreou, Schroff, Adam, "Encoder-Decoder with Atrous Separable Convolution for Semantic Image
Segmentation", 2018, arXiv:1802.02611, sections 3.1 and 3.2, figures 2 and 4; dropout of 0.1 as in the authors' code.
Differs from the paper: He's initial weights, where the authors start from a classifier. The ResNet has the multi-grid
of DeepLab v3, whose encoder this is; Xception has none, as section 4.3 says.
"""

from typing import Annotated, Any

from keras import layers
from pydantic import Field

from archbench.architectures import architecture
from archbench.architectures.segmentation.deeplab_v3 import PAPER, rates_at
from archbench.architectures.vision.resnet import stem_stride, strides_of, trunk
from archbench.blocks.aligned_xception import aligned_xception
from archbench.blocks.aspp import aspp, unit
from archbench.blocks.residual import Block, Residual
from archbench.layers.bilinear import Bilinear
from archbench.options import Depth, Depths, OutputStride, Rates, Width
from archbench.parts import Parts

XCEPTION_STRIDE = 4
"""How many times smaller than the image the finer map of Xception is."""

FACTS = {
    "source": "Chen et al. 2018, arXiv:1802.02611",
    "task": "segmentation",
    "minimum": lambda output_stride, **_: output_stride,
    "paper_input": (513, 513, 3),
    "paper_outputs": 21,
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
    "smoke_input": (16, 16, 3),
}
SMOKE = {"channels": 8, "fine_channels": 4, "rates": (1, 2), "output_stride": 8}

Three = tuple[Width, Width, Width]
"""The channels of a block of Xception."""


@architecture("deeplab_v3_plus", smoke={**SMOKE, "blocks": (1, 1, 1), "width": 4, "multi_grid": (2,)}, **FACTS)
def deeplab_v3_plus(
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
    fine_channels: Width = 48,
    separable: bool = False,
    parts: Parts = PAPER,
):
    """DeepLab v3+ on a ResNet: the pyramid's map, enlarged and joined to the first stage's, then scores of the two.

    `image` (batch, height, width, channel) to logits (batch, height, width, `outputs`). `output_stride`, `block`,
    `blocks`, `width`, `stem_pool`, `multi_grid`, `rates` and `channels` as in `deeplab_v3`. The finer map is brought to
    `fine_channels` first. With `separable` the convolutions of 3 by 3 in pyramid and decoder are separable ones.
    """
    residual = Residual(block, "projection", parts)
    fine, *_, x = trunk(image, residual, width, strides_of(blocks), output_stride, multi_grid, stem_pool)
    x = aspp(residual.finish(x), channels, rates_at(rates, output_stride), separable, parts)
    strides = output_stride, stem_stride(stem_pool)
    return _decoded(x, fine, image, outputs, strides, channels, fine_channels, separable, parts)


@architecture(
    "deeplab_v3_plus_xception65",
    smoke={**SMOKE, "stem": (4, 4), "entry": (4, 4, 8), "middle": 1, "exits": ((8, 8, 8), (8, 8, 8))},
    **FACTS,
)
def deeplab_v3_plus_xception(
    image,
    outputs: int,
    *,
    output_stride: OutputStride = 16,
    stem: tuple[Width, Width] = (32, 64),
    entry: Annotated[tuple[Width, ...], Field(min_length=2, max_length=8)] = (128, 256, 728),
    middle: Depth = 16,
    exits: tuple[Three, Three] = ((728, 1024, 1024), (1536, 1536, 2048)),
    rates: Rates = (6, 12, 18),
    channels: Width = 256,
    fine_channels: Width = 48,
    separable: bool = True,
    parts: Parts = PAPER,
):
    """DeepLab v3+ on the modified aligned Xception, in which a map of the second block is the finer one.

    `image` (batch, height, width, channel) to logits (batch, height, width, `outputs`). `stem`, `entry`, `middle` and
    `exits` are as in `aligned_xception`, the others as in `deeplab_v3_plus`.
    """
    fine, x = aligned_xception(image, stem, entry, middle, exits, output_stride, parts)
    x = aspp(x, channels, rates_at(rates, output_stride), separable, parts)
    strides = output_stride, XCEPTION_STRIDE
    return _decoded(x, fine, image, outputs, strides, channels, fine_channels, separable, parts)


def _decoded(
    x,
    fine,
    image,
    outputs: int,
    strides: tuple[int, int],
    channels: int,
    fine_channels: int,
    separable: bool,
    parts: Parts,
) -> Any:
    """Logits for every pixel of `image` from the pyramid's map `x` and the finer one, at `strides` (figure 2)."""
    coarse_stride, fine_stride = strides
    fine = parts.conv_unit(fine, fine_channels, 1)
    x = Bilinear(*fine.shape[1:3], step=coarse_stride / fine_stride)(x)
    x = layers.concatenate([x, fine])
    for _ in range(2):
        x = unit(x, channels, 1, separable, parts)
    return Bilinear(*image.shape[1:3], step=fine_stride)(parts.conv(x, outputs, 1))
