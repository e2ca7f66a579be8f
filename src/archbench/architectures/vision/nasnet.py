"""NASNet-A, whose two cells were found by search on CIFAR-10.

Zoph, Vasudevan, Shlens, Le, "Learning Transferable Architectures for Scalable Image Recognition", 2017,
arXiv:1707.07012, figure 4 and appendix A. Differs from the paper: no auxiliary classifier in training.

keras.applications pads with zeros before the strided pools of a reduction cell, so that a border of zeros takes part
in the maximum and the mean; the authors' code leaves the border out of both. `zeros_in_pools` gives the library's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from keras import layers
from pydantic import Field

from archbench.architectures import architecture
from archbench.errors import UserError
from archbench.layers.drop_path import DropPath
from archbench.options import Depth, Fraction, Stages, Width
from archbench.parts import Parts

PAPER = Parts(normalization={"name": "batch", "momentum": 0.9997, "epsilon": 0.001}, dropout=0.5)


class WrongFilters(UserError):
    """A number of filters that the cells of the stem cannot divide."""


def _least_side(stem_cells: int, stages: int, **_) -> int:
    """The smallest side that every halving makes smaller: a cell tells by it which of its inputs to halve."""
    halvings = stem_cells + stages - 1
    side = 2 ** (halvings - 1) + 1 if halvings else 1
    return 2 * side + 1 if stem_cells else side  # the first convolution is 3 by 3, strided and not padded


@architecture(
    "nasnet_mobile",
    source="Zoph, Vasudevan, Shlens, Le 2017, arXiv:1707.07012, figure 4 and table 3",
    task="classification",
    minimum=_least_side,
    paper_input=(224, 224, 3),
    paper_outputs=1000,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"stages": 2, "repeats": 1, "filters": 4, "stem_width": 4, "stem_cells": 0},
    smoke_input=(8, 8, 3),
)
def nasnet(
    image,
    outputs: int,
    *,
    stages: Stages = 3,
    repeats: Depth = 4,
    filters: Width = 44,
    stem_width: Width = 32,
    stem_cells: Annotated[int, Field(ge=0, le=10)] = 2,
    drop_path: Fraction = 0.0,
    drop_path_steps: Annotated[int, Field(ge=0)] = 0,
    zeros_in_pools: bool = False,
    parts: Parts = PAPER,
):
    """NASNet-A: `stages` of `repeats` normal cells, with a reduction cell between them.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). A path of a cell has `filters` channels in
    the first stage, twice as many in each later one; six paths make a cell, so that the paper's "4 @ 1056" is 4
    repeats of 1056 / 24 filters. The stem is a strided convolution to `stem_width` channels and `stem_cells` reduction
    cells, or, with none of them, a convolution that keeps the size, as for CIFAR-10. The rate of `drop_path`, the
    share of paths left out, grows with the cell's place in the net and over `drop_path_steps` training steps.
    """
    if filters % 2**stem_cells:
        raise WrongFilters(
            f"filters is {filters}. With {stem_cells} cells in the stem, each with half of the next, it must be a "
            f'multiple of {2**stem_cells}: "archbench show nasnet_mobile" lists the options.'
        )
    stride, padding = (2, "valid") if stem_cells else (1, "same")
    x, before = parts.conv_norm(image, stem_width, 3, stride, padding=padding), None
    plan = _plan(stages, repeats, filters, stem_cells)
    for place, (reduces, width) in enumerate(plan):
        rate = drop_path * (place + 1) / len(plan)
        cell = _Cell(width, rate, drop_path_steps, zeros_in_pools, parts)
        x, before = (cell.reduction if reduces else cell.normal)(x, x if before is None else before), x
    x = layers.GlobalAveragePooling2D()(parts.act(x))  # (batch, channel)
    return parts.dense(parts.drop(x), outputs)


def _plan(stages: int, repeats: int, filters: int, stem_cells: int) -> list[tuple[bool, int]]:
    """For each cell, whether it is a reduction cell, and its filters."""
    cells = [(True, filters // 2**halvings) for halvings in range(stem_cells, 0, -1)]
    for stage in range(stages):
        cells += [(True, filters * 2**stage)] * (stage > 0) + [(False, filters * 2**stage)] * repeats
    return cells


@dataclass(frozen=True)
class _Cell:
    """The two cells; both read the maps `x` of the cell before and the maps `before` of the one before that."""

    filters: int
    drop_rate: float
    drop_steps: int
    zeros_in_pools: bool
    parts: Parts

    def normal(self, x, before):
        """(batch, height, width, channel) to six times `filters` channels of the same size."""
        p, h = self._adjusted(before, x), self._squeezed(x)
        pairs = [
            (self._separable(h, 5), self._separable(p, 3)),
            (self._separable(p, 5), self._separable(p, 3)),
            (self._mean(h), p),
            (self._mean(p), self._mean(p)),
            (self._separable(h, 3), h),
        ]
        return layers.concatenate([p, *map(layers.add, pairs)])

    def reduction(self, x, before):
        """(batch, height, width, channel) to four times `filters` channels of half the size."""
        p = x if before is x else self._adjusted(before, x)  # no path adds `p` itself: it may have any channels
        h = self._squeezed(x)
        first = layers.add([self._separable(h, 5, 2), self._separable(p, 7, 2)])
        second = layers.add([self._strided(layers.MaxPooling2D, h), self._separable(p, 7, 2)])
        third = layers.add([self._strided(layers.AveragePooling2D, h), self._separable(p, 5, 2)])
        fourth = layers.add([second, self._mean(first)])
        fifth = layers.add([self._separable(first, 3), self._strided(layers.MaxPooling2D, h)])
        return layers.concatenate([second, third, fourth, fifth])

    def _squeezed(self, x):
        return self.parts.conv_norm(self.parts.act(x), self.filters, 1)

    def _adjusted(self, before, x):
        """`before` with the size of `x` and with `filters` channels."""
        if before.shape[1:-1] != x.shape[1:-1]:
            return self._halved(before)
        return before if before.shape[-1] == self.filters else self._squeezed(before)

    def _halved(self, x):
        """Factorized reduction: half of the channels from the even pixels, half from the odd ones."""
        x = self.parts.act(x)
        odd = layers.Cropping2D(((1, 0), (1, 0)))(layers.ZeroPadding2D(((0, 1), (0, 1)))(x))
        bias, half = not self.parts.normalizes, self.filters // 2
        halves = [self.parts.conv(layers.AveragePooling2D(1, 2)(one), half, 1, bias=bias) for one in (x, odd)]
        return self.parts.norm(layers.concatenate(halves))

    def _separable(self, x, size: int, stride: int = 1):
        """Twice activation, separable convolution, normalization; the first of them strided."""
        for step in (stride, 1):
            x = self._separable_conv(self.parts.act(x), size, step)
        return self._dropped(x)

    def _separable_conv(self, x, size: int, stride: int):
        """A window for each channel, then all channels of a position, normalized."""
        x = self.parts.layer(layers.DepthwiseConv2D, size, stride, padding="same", use_bias=False)(x)
        return self.parts.conv_norm(x, self.filters, 1)

    def _mean(self, x):
        return self._dropped(layers.AveragePooling2D(3, 1, padding="same")(x))

    def _strided(self, pool: type[layers.Layer], x):
        if not self.zeros_in_pools:
            return self._dropped(pool(3, 2, padding="same")(x))
        borders = tuple((side % 2, 1) for side in x.shape[1:-1])
        return self._dropped(pool(3, 2)(layers.ZeroPadding2D(borders)(x)))

    def _dropped(self, x):
        return DropPath(self.drop_rate, self.drop_steps)(x) if self.drop_rate else x
