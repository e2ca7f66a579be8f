"""Every window of a picture, cut out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops


def windows(image: Any, size: tuple[int, int], stride: int) -> Any:
    """Windows of `size` (height, width) of `image` (batch, height, width, channel), `stride` pixels apart.

    (batch, row, column, height of a window, its width, channel), from the first pixel on; what does not fill a last
    window is left out.
    """
    tops, lefts = (
        np.arange(0, whole - side + 1, stride)[:, None] + np.arange(side)
        for whole, side in zip(image.shape[1:3], size, strict=True)
    )
    cut = ops.take(ops.take(image, tops, axis=1), lefts, axis=3)  # (batch, row, height, column, width, channel)
    return ops.transpose(cut, (0, 1, 3, 2, 4, 5))
