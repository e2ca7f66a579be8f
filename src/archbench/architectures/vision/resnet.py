"""ResNet for ImageNet.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, section 4.1,
with projection where the shape changes (option B). Differs from the paper: moving averages for the
statistics of batch normalization, where the authors computed exact ones after training.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.parts import Parts

FACTS = {
    "source": "He, Zhang, Ren, Sun 2015, arXiv:1512.03385, table 1",
    "task": "classification",
    "inputs": "image",
    "minimum": lambda blocks, **_: 2 ** (len(blocks) + 1),
    "paper_input": (224, 224, 3),
    "paper_outputs": 1000,
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
    "smoke": {"blocks": (1, 1), "width": 4},
    "smoke_input": (16, 16, 3),
}

PAPER = Parts(normalization="batch")


@architecture({"resnet18": {"blocks": (2, 2, 2, 2)}, "resnet34": {"blocks": (3, 4, 6, 3)}}, **FACTS)
def basic_resnet(
    image,
    outputs: int,
    *,
    blocks: tuple[int, ...],
    width: int = 64,
    conv_bias: bool = False,
    parts: Parts = PAPER,
):
    """ResNet of blocks with two 3 by 3 convolutions.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `blocks` counts the blocks of each
    stage; `width` is the channels of the first stage, doubled at each later one.
    """

    def block(x, channels: int, stride: int):
        y = parts.act(parts.conv_norm(x, channels, 3, stride, bias=conv_bias))
        y = parts.conv_norm(y, channels, 3, bias=conv_bias)
        return _add(x, y, stride, conv_bias, parts)

    return _resnet(image, outputs, block, blocks, width, conv_bias, parts)


@architecture(
    {
        "resnet50": {"blocks": (3, 4, 6, 3)},
        "resnet101": {"blocks": (3, 4, 23, 3)},
        "resnet152": {"blocks": (3, 8, 36, 3)},
    },
    **FACTS,
)
def bottleneck_resnet(
    image,
    outputs: int,
    *,
    blocks: tuple[int, ...],
    width: int = 64,
    stride_in_1x1: bool = True,
    conv_bias: bool = False,
    parts: Parts = PAPER,
):
    """ResNet of bottleneck blocks: 1 by 1, 3 by 3 and 1 by 1 convolutions, the last four times as wide.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). A stage halves its maps in the
    first 1 by 1 convolution, as the paper does, or with `stride_in_1x1` false in the 3 by 3 one, as most
    code since. `conv_bias` gives convolutions the bias that keras.applications has and the paper has not.
    """

    def block(x, channels: int, stride: int):
        first, second = (stride, 1) if stride_in_1x1 else (1, stride)
        y = parts.act(parts.conv_norm(x, channels, 1, first, bias=conv_bias))
        y = parts.act(parts.conv_norm(y, channels, 3, second, bias=conv_bias))
        y = parts.conv_norm(y, 4 * channels, 1, bias=conv_bias)
        return _add(x, y, stride, conv_bias, parts)

    return _resnet(image, outputs, block, blocks, width, conv_bias, parts)


def _resnet(image, outputs: int, block, blocks: tuple[int, ...], width: int, conv_bias: bool, parts: Parts):
    x = parts.act(parts.conv_norm(image, width, 7, 2, bias=conv_bias))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for stage, count in enumerate(blocks):
        for index in range(count):
            halves = stage > 0 and index == 0
            x = parts.act(block(x, width * 2**stage, 2 if halves else 1))
    x = layers.GlobalAveragePooling2D()(x)  # (batch, channel)
    return parts.dense(parts.drop(x), outputs)


def _add(x, y, stride: int, conv_bias: bool, parts: Parts):
    """`x` plus `y`; `x` goes through a projection where the block changed its shape."""
    if x.shape[1:] != y.shape[1:]:
        x = parts.conv_norm(x, y.shape[-1], 1, stride, bias=conv_bias)
    return layers.add([x, y])
