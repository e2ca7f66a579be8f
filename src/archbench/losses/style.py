"""What a picture shows, and how it is painted: distances between the maps of a network.

Gatys, Ecker, Bethge 2015, "A Neural Algorithm of Artistic Style", arXiv:1508.06576.
"""

from __future__ import annotations

import math
from typing import Any

from keras import ops


def content(made: Any, wanted: Any) -> Any:
    """Half the squared distance of two maps (batch, height, width, channel), summed: (batch,). Equation 1."""
    return ops.sum(ops.square(made - wanted), axis=(1, 2, 3)) / 2


def gram(maps: Any) -> Any:
    """The products of channels, summed over positions: (batch, height, width, channel) to (batch, channel, channel).

    Equation 3.
    """
    flat = ops.reshape(maps, (-1, math.prod(maps.shape[1:3]), maps.shape[3]))
    return ops.matmul(ops.transpose(flat, (0, 2, 1)), flat)


def style(made: Any, wanted: Any) -> Any:
    """The squared distance of two maps' Gram matrices over 4 N^2 M^2, for N channels of M positions: (batch,).

    Equation 4.
    """
    positions, channels = math.prod(made.shape[1:3]), made.shape[3]
    return ops.sum(ops.square(gram(made) - gram(wanted)), axis=(1, 2)) / (2.0 * channels * positions) ** 2
