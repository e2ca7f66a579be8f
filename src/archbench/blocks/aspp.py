"""Atrous spatial pyramid pooling: what is around a position, looked at in windows of several sizes.

Chen, Papandreou, Schroff, Adam, "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017,
arXiv:1706.05587, section 3.3 and figure 5; with separable convolutions Chen et al. 2018, arXiv:1802.02611, section 3.1.
"""

from collections.abc import Sequence
from typing import Any

from keras import layers

from archbench.blocks.separable import separable_unit
from archbench.parts import Parts


def aspp(x, width: int, rates: Sequence[int], separable: bool, parts: Parts):
    """`x` (batch, height, width, channel) to `width` channels, by positions and by all of the map.

    Side by side: a convolution of 1 by 1, one of 3 by 3 for each dilation in `rates`, and the mean of the map, which is
    given to every position. All are joined and brought to `width` channels again.
    """
    branches = [parts.conv_unit(x, width, 1)]
    branches += [unit(x, width, rate, separable, parts) for rate in rates]
    mean = parts.conv_unit(layers.GlobalAveragePooling2D(keepdims=True)(x), width, 1)
    branches.append(layers.UpSampling2D(x.shape[1:3])(mean))
    return parts.drop(parts.conv_unit(layers.concatenate(branches), width, 1))


def unit(x, width: int, rate: int, separable: bool, parts: Parts) -> Any:
    """A convolution of 3 by 3, whole or `separable`, with normalization and activation."""
    if separable:
        return separable_unit(x, width, rate, parts)
    return parts.conv_unit(x, width, 3, dilation=rate)
