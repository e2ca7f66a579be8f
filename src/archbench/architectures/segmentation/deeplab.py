"""DeepLab with one dilated window, or with several whose scores are summed.

Version 1 (LargeFOV): Chen, Papandreou, Kokkinos, Murphy, Yuille, "Semantic Image Segmentation with Deep Convolutional
Nets and Fully Connected CRFs", 2014, arXiv:1412.7062, sections 3.1 and 4. Version 2 (ASPP): the same authors,
"DeepLab", 2016, arXiv:1606.00915, section 3 and table 3 (ASPP-L). Differ from the papers: scores are enlarged to the
image before the loss, where the papers shrink the mask to the scores; He's initial weights, where they start from a
classifier; of several scales the joined scores alone have a loss. Poolings of the VGG round as PyTorch's: sides of a
multiple of 8 and one more, such as the papers' 321 and 513, are the same under Caffe's rule.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import keras
from keras import layers
from pydantic import Field

from archbench.architectures import architecture
from archbench.architectures.vision import resnet, vgg
from archbench.blocks.residual import Block, Residual
from archbench.layers.bilinear import Bilinear
from archbench.layers.dense_crf import DenseCRF
from archbench.layers.pooling import max_pool
from archbench.options import Depths, OutputStride, Part, Positive, Rates, Width
from archbench.parts import Parts

Iterations = Annotated[int, Field(ge=0, le=100)]
"""Of mean field in a CRF; 0: no CRF. The papers have 10."""
Scales = Annotated[tuple[Part, ...], Field(min_length=1, max_length=8)]
"""Sizes of an image, as shares of its own."""

APPEARANCE = (5.0, 50.0, 0.15)
"""From the ranges that the papers search (1412.7062, section 5.1): 5, 50 pixels, and 10 of 255 levels, which are that
many units of a standardized image."""
SMOOTHNESS = (3.0, 3.0)
"""As in the papers."""

VGG_PARTS = Parts(dropout=0.5)
RESNET_PARTS = Parts(normalization="batch")

FACTS = {
    "task": "segmentation",
    "minimum": lambda output_stride, **_: output_stride,
    "paper_input": (513, 513, 3),
    "paper_outputs": 21,
    "smoke_input": (16, 16, 3),
}
VGG_FACTS = {
    **FACTS,
    "paper_input": (321, 321, 3),
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
}
VGG_SMOKE = {"convs": (1, 1, 1, 1), "width": 4, "dense_width": 16, "crf": 2}


@architecture(
    {"deeplab_v2_vgg16": {"rates": (6, 12, 18, 24)}},
    source="Chen et al. 2016, arXiv:1606.00915",
    smoke={**VGG_SMOKE, "rates": (1, 2)},
    **VGG_FACTS,
)
@architecture(
    {"deeplab_v1": {"rates": (12,)}},
    source="Chen et al. 2014, arXiv:1412.7062",
    smoke={**VGG_SMOKE, "rates": (2,)},
    **VGG_FACTS,
)
def deeplab_vgg(
    image,
    outputs: int,
    *,
    rates: Rates,
    output_stride: OutputStride = 8,
    convs: Depths = (2, 2, 3, 3, 3),
    width: Width = 64,
    dense_width: Width = 1024,
    crf: Iterations = 0,
    appearance: tuple[Positive, Positive, Positive] = APPEARANCE,
    smoothness: tuple[Positive, Positive] = SMOOTHNESS,
    parts: Parts = VGG_PARTS,
):
    """DeepLab on VGG: its last poolings keep their maps' size, and dilated windows take the place of its head.

    `image` (batch, height, width, channel) to logits (batch, height, width, `outputs`). For each of `rates` a
    convolution of 3 by 3 with that dilation and one of 1 by 1, both of `dense_width`, and the scores; these are summed.
    `convs` and `width` are those of the VGG, whose last map is the image over `output_stride`. `crf` iterations of a
    dense CRF, outside of training, move the borders to where colors change: `appearance` is its weight, deviation in
    pixels, and deviation of color in the units of the image as the network reads it; `smoothness` its weight and
    deviation in pixels.
    """
    _, x = vgg.trunk(image, convs, width, parts, _overlapping, output_stride)
    scores = []
    for rate in rates:
        y = parts.drop(parts.conv_unit(x, dense_width, 3, dilation=rate))
        y = parts.drop(parts.conv_unit(y, dense_width, 1))
        scores.append(parts.conv(y, outputs, 1))
    return _refined(_enlarged(_summed(scores), image, output_stride), image, crf, appearance, smoothness)


@architecture(
    "deeplab_v2",
    source="Chen et al. 2016, arXiv:1606.00915",
    swaps=("activation", "normalization", "initializer", "regularizer"),
    smoke={"blocks": (1, 1, 1), "width": 4, "rates": (1, 2), "scales": (0.5, 1.0)},
    **FACTS,
)
def deeplab_v2(
    image,
    outputs: int,
    *,
    rates: Rates = (6, 12, 18, 24),
    output_stride: OutputStride = 8,
    block: Block = "bottleneck",
    blocks: Depths = (3, 4, 23, 3),
    width: Width = 64,
    stem_pool: bool = True,
    scales: Scales = (1.0,),
    crf: Iterations = 0,
    appearance: tuple[Positive, Positive, Positive] = APPEARANCE,
    smoothness: tuple[Positive, Positive] = SMOOTHNESS,
    parts: Parts = RESNET_PARTS,
):
    """DeepLab v2 on a ResNet: scores of several dilated windows, summed.

    `image` (batch, height, width, channel) to logits (batch, height, width, `outputs`). One convolution of 3 by 3 makes
    scores for each of `rates`. `block`, `blocks` and `width` are those of the ResNet, whose last map is the image over
    `output_stride`, and whose stem halves once alone without `stem_pool`. The image is read at each of `scales`, with
    the same weights, and the largest of the scores counts: the paper has also (0.5, 0.75, 1.0). `crf`, `appearance` and
    `smoothness` as in `deeplab_vgg`.
    """
    residual = Residual(block, "projection", parts)
    strides = resnet.strides_of(blocks)
    x = residual.finish(resnet.trunk(image, residual, width, strides, output_stride, stem_pool=stem_pool)[-1])
    scores = _summed([parts.conv(x, outputs, 3, dilation=rate) for rate in rates])
    return _refined(_at_scales(image, scores, output_stride, scales), image, crf, appearance, smoothness)


def _overlapping(x, size: int, stride: int):
    """The maxima of windows of 3 by 3 instead of those of `size`, which keep a map's size where `stride` is 1."""
    return max_pool(x, 3, stride, border=1)


def _summed(scores: Sequence[Any]) -> Any:
    return layers.add(scores) if len(scores) > 1 else scores[0]


def _at_scales(image, scores, stride: int, scales: Sequence[float]):
    """The largest of what the net from `image` to `scores` says of the image at each of `scales`, at its full size."""
    net = keras.Model(image, scores)
    found = []
    for scale in scales:
        if scale == 1.0:
            found.append(_enlarged(scores, image, stride))
        else:
            sides = [round(scale * (side - 1)) + 1 for side in image.shape[1:3]]
            shrunk = Bilinear(*sides, step=scale)(image)
            found.append(_enlarged(net.call(shrunk), image, stride / scale))  # the same layers once more
    return layers.maximum(found) if len(found) > 1 else found[0]


def _enlarged(scores, image, step: float):
    return Bilinear(*image.shape[1:3], step=step)(scores)


def _refined(
    logits,
    image,
    iterations: int,
    appearance: tuple[float, float, float],
    smoothness: tuple[float, float],
):
    return DenseCRF(iterations, appearance, smoothness)(logits, image) if iterations else logits
