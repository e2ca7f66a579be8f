"""A part of a map, as large as another map that it is added to or joined with."""

from __future__ import annotations

from collections.abc import Sequence

from keras import layers


def crop(x, size: Sequence[int], offset: int | None = None):
    """Of `x` (batch, height, width, channel) the part of `size` (height, width) that begins `offset` pixels in.

    Without `offset` it is the centre; an odd margin is the larger one below and right.
    """
    margins = [side - wanted for side, wanted in zip(x.shape[1:3], size, strict=True)]
    before = [margin // 2 if offset is None else offset for margin in margins]
    if not any((*margins, *before)):
        return x
    return layers.Cropping2D(tuple((first, margin - first) for first, margin in zip(before, margins, strict=True)))(x)
