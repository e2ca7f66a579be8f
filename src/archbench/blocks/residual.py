"""The four residual blocks, and the shortcuts around them.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, figures 2 and 5;
"Identity Mappings in Deep Residual Networks", 2016, arXiv:1603.05027, figure 1 and the appendix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from keras import layers, ops

from archbench.parts import Parts

Block = Literal["basic", "bottleneck", "preact_basic", "preact_bottleneck"]
"""Two 3 by 3 convolutions, or 1 by 1, 3 by 3 and 1 by 1; normalized after each of them, or before ("preact")."""

Shortcut = Literal["projection", "padding", "none"]
"""Where a block changes the channels: a 1 by 1 convolution, or channels of zeros; "none": plain layers, no addition."""

EXPANSION = 4
"""The last convolution of a bottleneck makes this many times the channels of the others."""


@dataclass(frozen=True)
class Residual:
    """What the blocks of one network have in common.

    Every tensor is (batch, height, width, channel). `bias` gives a bias to the convolutions that have one in
    keras.applications: all of them, or in a pre-activated block those that no normalization follows.
    """

    block: Block
    shortcut: Shortcut
    parts: Parts
    bias: bool = False
    stride_in_1x1: bool = True
    """Whether a bottleneck halves its maps in its first convolution, as in the paper, or in the 3 by 3 one."""

    @property
    def preactivated(self) -> bool:
        """Whether normalization and activation stand before the convolutions."""
        return self.block.startswith("preact")

    def width_after(self, width: int) -> int:
        """The channels that a block of `width` makes."""
        return width * EXPANSION if self.block.endswith("bottleneck") else width

    def __call__(self, x, width: int, stride: int = 1, *, first: bool = False, rates: tuple[int, int] = (1, 1)):
        """The block of `width` after `x`, its maps a `stride`-th in height and width.

        `rates` are the dilations of 3 by 3 convolutions: up to and with the one that has the stride, and after it; they
        differ in a block that would halve its maps and does not (`archbench.layers.atrous`). `first` says that `x`
        comes from the stem, which normalizes and activates in the place of the first pre-activated block. Where such a
        block changes the channels, its shortcut starts after the activation.
        """
        made = self.width_after(width)
        if not self.preactivated:
            around = self._shortcut(x, made, stride)
            return self.parts.act(_sum(around, self._branch(x, width, stride, rates)))
        activated = x if first else self.parts.act(self.parts.norm(x))
        around = self._shortcut(x if x.shape[-1] == made else activated, made, stride)
        return _sum(around, self._preactivated_branch(activated, width, stride, rates))

    def finish(self, x):
        """`x` after the last block: pre-activated blocks leave the last normalization and activation to do."""
        return self.parts.act(self.parts.norm(x)) if self.preactivated else x

    def _kernels(self, width: int, stride: int, rates: tuple[int, int]) -> list[tuple[int, int, int, int]]:
        """Channels, side, stride and dilation of each convolution of a block."""
        until, after = rates
        if not self.block.endswith("bottleneck"):
            return [(width, 3, stride, until), (width, 3, 1, after)]
        if self.stride_in_1x1:
            first, second = (width, 1, stride, 1), (width, 3, 1, after)
        else:
            first, second = (width, 1, 1, 1), (width, 3, stride, until)
        return [first, second, (self.width_after(width), 1, 1, 1)]

    def _branch(self, x, width: int, stride: int, rates: tuple[int, int]):
        *inner, last = self._kernels(width, stride, rates)
        for kernel in inner:
            x = self.parts.conv_unit(x, *kernel, bias=self.bias)
        return self.parts.conv_norm(x, *last, bias=self.bias)

    def _preactivated_branch(self, x, width: int, stride: int, rates: tuple[int, int]):
        *inner, last = self._kernels(width, stride, rates)
        for kernel in inner:
            x = self.parts.conv_unit(x, *kernel)
        return self._bare(x, *last)

    def _bare(self, x, *kernel: int):
        """A convolution that no normalization follows."""
        return self.parts.conv(x, *kernel, bias=self.bias or not self.parts.normalizes)

    def _shortcut(self, x, width: int, stride: int):
        """`x` in the shape of the block's output, or None for a plain net."""
        if self.shortcut == "none":
            return None
        if x.shape[-1] == width or self.shortcut == "padding":
            return padded(x, width, stride)
        if self.preactivated:
            return self._bare(x, width, 1, stride)
        return self.parts.conv_norm(x, width, 1, stride, bias=self.bias)


def _sum(around, y):
    return y if around is None else layers.add([around, y])


def padded(x, width: int, stride: int):
    """Option A of the paper: every `stride`-th pixel, and channels of zeros up to `width`; no parameters."""
    if stride > 1:
        x = layers.MaxPooling2D(1, stride)(x)
    extra = width - x.shape[-1]
    if extra:
        x = ops.pad(x, ((0, 0), (0, 0), (0, 0), (extra // 2, extra - extra // 2)))
    return x
