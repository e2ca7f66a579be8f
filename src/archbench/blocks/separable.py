"""Depthwise separable convolution: a window for each channel, then all channels of a position.

Chollet, "Xception", 2016, arXiv:1610.02357, section 1; normalized after either of the two as in Chen, Zhu, Papandreou,
Schroff, Adam, "Encoder-Decoder with Atrous Separable Convolution", 2018, arXiv:1802.02611, sections 3.1 and 3.2.
"""

from keras import layers

from archbench.parts import Parts


def separable_norm(x, width: int, stride: int, dilation: int, parts: Parts):
    """`x` (batch, height, width, channel) to `width` channels through windows of 3 by 3, normalized twice.

    Both sides are padded alike, even where `stride` is 2, which no `dilation` above 1 goes with.
    """
    return parts.conv_norm(_depthwise_norm(x, stride, dilation, parts), width, 1)


def separable_unit(x, width: int, dilation: int, parts: Parts):
    """As `separable_norm` without a stride, and activated after either normalization."""
    return parts.conv_unit(parts.act(_depthwise_norm(x, 1, dilation, parts)), width, 1)


def _depthwise_norm(x, stride: int, dilation: int, parts: Parts):
    padding = "same"
    if stride > 1:
        x, padding = layers.ZeroPadding2D(1)(x), "valid"
    options = {"padding": padding, "dilation_rate": dilation, "use_bias": not parts.normalizes}
    return parts.norm(parts.layer(layers.DepthwiseConv2D, 3, stride, **options)(x))
