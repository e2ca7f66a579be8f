"""FCN on a ResNet: scores of its last map, kept large by dilations, enlarged to the size of the picture.

Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic Segmentation", 2014, arXiv:1411.4038, on the trunk
of He et al. 2015, arXiv:1512.03385, as torchvision has it, fcn_resnet50: dilations in the place of the last two
halvings, and no finer maps. Differs from it: the auxiliary scores of the third stage are left out.
"""

from archbench.architectures import architecture
from archbench.architectures.vision.resnet import strides_of, trunk
from archbench.blocks.residual import Block, Residual
from archbench.layers.bilinear import Bilinear
from archbench.options import Depths, OutputStride, Width
from archbench.parts import Parts

SQUEEZE = 4
"""How many times fewer channels than the trunk's the hidden convolution has."""

TORCHVISION = Parts(normalization="batch", dropout=0.1)


@architecture(
    {"fcn_resnet50": {"blocks": (3, 4, 6, 3)}},
    source="Long, Shelhamer, Darrell 2014, arXiv:1411.4038; torchvision, fcn_resnet50",
    task="segmentation",
    minimum=lambda output_stride, **_: output_stride,
    paper_input=(520, 520, 3),
    paper_outputs=21,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"blocks": (1, 1, 1), "width": 4},
    smoke_input=(16, 16, 3),
)
def fcn_resnet(
    image,
    outputs: int,
    *,
    blocks: Depths,
    block: Block = "bottleneck",
    width: Width = 64,
    stem_pool: bool = True,
    output_stride: OutputStride = 8,
    parts: Parts = TORCHVISION,
):
    """FCN on a ResNet: one hidden convolution on its last map, and scores of that.

    `image` (batch, height, width, channel) to logits (batch, height, width, `outputs`). `output_stride` is the image's
    side over that of the last map; `block`, `blocks` and `width` are the ResNet's, whose stem halves once without
    `stem_pool`.
    """
    residual = Residual(block, "projection", parts, stride_in_1x1=False)
    x = residual.finish(trunk(image, residual, width, strides_of(blocks), output_stride, stem_pool=stem_pool)[-1])
    x = parts.drop(parts.conv_unit(x, x.shape[-1] // SQUEEZE, 3))
    return Bilinear(*image.shape[1:3])(parts.conv(x, outputs, 1))
