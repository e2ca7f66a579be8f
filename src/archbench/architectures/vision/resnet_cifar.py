"""ResNet for 32 by 32 images, and the plain nets it is compared with.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, section 4.2.
Differs from the paper: none known.
"""

from keras import layers, ops

from archbench.architectures import architecture
from archbench.parts import Parts

DEPTHS = (20, 32, 44, 56, 110)

PAPER = Parts(normalization="batch")


@architecture(
    {
        f"{kind}{depth}": {"blocks": (depth - 2) // 6, "residual": kind == "resnet"}
        for kind in ("resnet", "plain")
        for depth in DEPTHS
    },
    source="He, Zhang, Ren, Sun 2015, arXiv:1512.03385, section 4.2 and table 6",
    task="classification",
    inputs="image",
    minimum=lambda widths, **_: 2 ** (len(widths) - 1),
    paper_input=(32, 32, 3),
    paper_outputs=10,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"blocks": 1, "widths": (4, 8)},
    smoke_input=(8, 8, 3),
)
def resnet_cifar(
    image,
    outputs: int,
    *,
    blocks: int,
    residual: bool,
    widths: tuple[int, ...] = (16, 32, 64),
    parts: Parts = PAPER,
):
    """ResNet for small images, with shortcuts that have no parameters, and its plain twin without shortcuts.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `blocks` counts the blocks of two
    convolutions in each stage, so that three stages make a net of 6 * `blocks` + 2 layers.
    """
    x = parts.conv_unit(image, widths[0], 3)
    for stage, width in enumerate(widths):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            y = parts.conv_unit(x, width, 3, stride)
            y = parts.conv_norm(y, width, 3)
            x = parts.act(layers.add([_shortcut(x, width, stride), y]) if residual else y)
    x = layers.GlobalAveragePooling2D()(x)  # (batch, widths[-1])
    return parts.dense(parts.drop(x), outputs)


def _shortcut(x, width: int, stride: int):
    """Option A of the paper: every `stride`-th pixel, and channels of zeros up to `width`; no parameters."""
    if stride > 1:
        x = layers.MaxPooling2D(1, stride)(x)
    extra = width - x.shape[-1]
    if extra:
        x = ops.pad(x, ((0, 0), (0, 0), (0, 0), (extra // 2, extra - extra // 2)))
    return x
