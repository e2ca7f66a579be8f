"""What a bottleneck saves: two 3 by 3 convolutions against a 1 by 1, a 3 by 3 and a 1 by 1 on fewer channels.

He, Zhang, Ren, Sun 2015, arXiv:1512.03385, figure 5.
"""

from __future__ import annotations

import math
from typing import Annotated

import keras
import pandas as pd
from pydantic import Field

from archbench.architectures.kernels import kernels
from archbench.architectures.profile import profile
from archbench.blocks.residual import EXPANSION, Residual
from archbench.options import Side
from archbench.parts import Parts
from archbench.probes import probe

Inner = Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(min_length=1, max_length=64)]


@probe("bottleneck_cost", source="He et al. 2015, arXiv:1512.03385, figure 5")
def bottleneck_cost(*, widths: Inner = (16, 32, 64, 128), size: Side = 14) -> dict[str, pd.DataFrame]:
    """Weights and multiply-adds of both blocks, by formula and built, on maps of `size` pixels a side.

    A row a block and a number of `channels`, which both blocks read and make: four times each of `widths`, those within
    a bottleneck. `weights` is by the formula: 2 (9 C^2), and C C/4 + 9 (C/4)^2 + C/4 C; `weights_built` and
    `multiply_adds` are those of the kernels of the block that is built; `times_fewer` is how many times fewer weights
    than those of the two convolutions these are: 16.94 with a bottleneck of any width.
    """
    rows = []
    for inner in widths:
        count = EXPANSION * inner
        pair = 2 * 9 * count**2
        formulas = {"basic": (count, pair), "bottleneck": (inner, count * inner + 9 * inner**2 + inner * count)}
        for block, (width, weights) in formulas.items():
            made = _built(block, count, width, size)
            rows.append(
                {
                    "channels": count,
                    "block": block,
                    "weights": weights,
                    "weights_built": sum(math.prod(kernel.shape) for kernel in kernels(made)),
                    "multiply_adds": profile(made).multiply_adds,
                    "times_fewer": pair / weights,
                }
            )
    return {"blocks": pd.DataFrame(rows)}


def _built(block: str, channels: int, width: int, size: int) -> keras.Model:
    given = keras.Input((size, size, channels))
    return keras.Model(given, Residual(block, "projection", Parts())(given, width))
