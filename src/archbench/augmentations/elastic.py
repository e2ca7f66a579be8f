"""Pictures and masks deformed smoothly, as if they were drawn on rubber."""

from __future__ import annotations

from typing import Annotated, Any

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.augmentations import augmentation
from archbench.augmentations._pictures import MOVED, Augment, Batch, picture_shape
from archbench.augmentations.affine import resampled
from archbench.datasets.card import Card
from archbench.options import Positive

Grid = Annotated[int, Field(ge=2, le=64)]


@augmentation(
    "elastic",
    source="Ronneberger et al. 2015, section 3.1, arXiv:1505.04597",
    smoke={"pixels": 2.0},
    spoils=("boxes", "landmarks", *MOVED),
)
def elastic(card: Card, *, pixels: Positive = 10.0, grid: Grid = 3) -> Augment:
    """Deform an example smoothly: `grid` by `grid` of its places move, and what is between them moves along.

    The places reach from border to border; both parts of their displacement are drawn from a normal distribution of
    deviation `pixels`, and interpolated bicubically. What would come in from outside is the picture mirrored at its
    border.
    """
    height, width, _ = picture_shape(card, "elastic")
    rows, columns = bicubic(height, grid), bicubic(width, grid)

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        count = ops.shape(batch["image"])[0]
        moves = pixels * keras.random.normal((count, 2, grid, grid), seed=seed)
        moves = ops.matmul(ops.matmul(rows, moves), columns.T)  # (batch, [y, x], height, width)
        y = ops.arange(height, dtype="float32")[None, :, None] + 0.5 + moves[:, 0]
        x = ops.arange(width, dtype="float32")[None, None, :] + 0.5 + moves[:, 1]
        return resampled(batch, _mirrored(y, height), _mirrored(x, width), card.void)

    return apply


def bicubic(side: int, knots: int) -> np.ndarray:
    """What each of `knots` values, spread evenly from border to border, counts at the centre of each of `side` pixels.

    float32 (`side`, `knots`). Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing", equation 15,
    with a = -1/2; beyond the ends the last value is repeated.
    """
    places = (np.arange(side) + 0.5) / side * (knots - 1)
    weights = np.zeros((side, knots))
    for knot in range(-1, knots + 1):
        distance = np.abs(places - knot)
        near = 1.5 * distance**3 - 2.5 * distance**2 + 1
        far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
        weights[:, min(max(knot, 0), knots - 1)] += np.where(distance < 1, near, np.where(distance < 2, far, 0))
    return weights.astype("float32")


def _mirrored(places: Any, side: int) -> Any:
    """Places outside of 0 to `side` reflected at the border that they are beyond, at most once at each."""
    places = ops.abs(places)
    return ops.clip(side - ops.abs(side - places), 0, np.nextafter(np.float32(side), np.float32(0)))
