"""What the later Inception nets share: convolutions in chains and branches, and the two stems.

Szegedy et al. 2015, arXiv:1512.00567, table 1; Szegedy et al. 2016, arXiv:1602.07261, figures 3 and 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keras import layers

from archbench.catalogue import WrongOption
from archbench.parts import Parts, Size

Step = tuple[int, Size]
"""Channels at the paper's width, and kernel: side, or (height, width)."""

PAPER_WIDTH = 32
"""Channels of the first convolution of every Inception net from the third on; the others are in proportion."""

LEAST_SIDE, LEAST_SIDE_SMALL = 75, 15
"""The fewest pixels a side from which seven are left for the two reductions: through a stem, a small one."""

INCEPTION_PARTS = Parts(normalization={"name": "batch", "epsilon": 1e-3, "scale": False}, dropout=0.2)
"""The papers' parts: batch normalization shifts and does not scale; a fifth of the last units is dropped."""


def least_side(small_stem: bool, **_) -> int:
    """The fewest pixels of a side, the `minimum` of an Inception net."""
    return LEAST_SIDE_SMALL if small_stem else LEAST_SIDE


def check_blocks(name: str, blocks: Sequence[int], most: Sequence[int | None] = (None, None, None)) -> None:
    """Raise `WrongOption` unless `blocks` counts the modules of three stages, 1 to `most` (None: any number)."""
    limits = [f"1 to {limit}" if limit else "1 or more" for limit in most]
    fits = len(blocks) == 3 and all(1 <= count <= (limit or count) for count, limit in zip(blocks, most, strict=True))
    if not fits:
        raise WrongOption(
            f"{name}: blocks is {list(blocks)}. It must count the modules of the three stages: {', '.join(limits)}."
        )


@dataclass(frozen=True)
class Convolutions:
    """Convolutions, normalized and activated, of an Inception net; methods take and return symbolic images."""

    parts: Parts
    width: int
    """Channels of the first convolution, `PAPER_WIDTH` in the papers."""
    small_stem: bool
    """Whether a stem halves its image once and pads it, where the papers' halve it three times and do not."""

    def wide(self, channels: int) -> int:
        """What `channels` at the paper's width are at this one, at least 1."""
        return max(1, channels * self.width // PAPER_WIDTH)

    def unit(self, x, channels: int, size: Size, stride: int = 1, *, padding: str = "same"):
        """`x` convolved to `channels`, at the paper's width; no Inception net pads where it strides."""
        padding = padding if stride == 1 else "valid"
        return self.parts.conv_unit(x, self.wide(channels), size, stride, padding=padding)

    def chain(self, x, *steps: Step, stride: int = 1):
        """`x` through `steps`, one after the other; the last has the `stride`."""
        for channels, size in steps[:-1]:
            x = self.unit(x, channels, size)
        return self.unit(x, *steps[-1], stride)

    def fork(self, x, channels: int):
        """`x` through a 1 by 3 and, beside it, a 3 by 1 convolution, each to `channels`."""
        return layers.concatenate([self.unit(x, channels, (1, 3)), self.unit(x, channels, (3, 1))])

    def pooled(self, x, channels: int):
        """The mean of each 3 by 3 neighborhood, then a 1 by 1 convolution to `channels`."""
        return self.unit(layers.AveragePooling2D(3, 1, padding="same")(x), channels, 1)

    def reduction(self, x, *branches: Sequence[Step]):
        """`x` at half the size: each branch ends in a stride of 2, and a maximum of `x` stands beside them."""
        halves = [self.chain(x, *steps, stride=2) for steps in branches]
        return layers.concatenate([*halves, layers.MaxPooling2D(3, 2)(x)])

    def stem_unit(self, x, channels: int, size: Size, stride: int = 1):
        """A convolution of a stem, unpadded; of a small stem, padded and without stride."""
        if self.small_stem:
            return self.unit(x, channels, size)
        return self.unit(x, channels, size, stride, padding="valid")

    def stem_v3(self, image, *, last_pool: bool = True):
        """The stem of Inception v3: 299 by 299 pixels to 35 by 35, 71 by 71 without `last_pool`, and 192 channels."""
        x = self._stem_start(image)
        x = layers.MaxPooling2D(3, 2)(x)
        x = self.stem_unit(x, 80, 1)
        x = self.stem_unit(x, 192, 3)
        return layers.MaxPooling2D(3, 2)(x) if last_pool and not self.small_stem else x

    def stem_v4(self, image):
        """The stem of Inception v4: 299 by 299 pixels to 35 by 35 with 384 channels."""
        x = self._stem_start(image)
        x = self.reduction(x, [(96, 3)])
        straight = self.stem_unit(self.unit(x, 64, 1), 96, 3)
        oblong = self.stem_unit(self.chain(x, (64, 1), (64, (1, 7)), (64, (7, 1))), 96, 3)
        x = layers.concatenate([straight, oblong])
        if self.small_stem:
            return layers.concatenate([self.unit(x, 192, 3), layers.MaxPooling2D(3, 1, padding="same")(x)])
        return self.reduction(x, [(192, 3)])

    def _stem_start(self, image):
        x = self.stem_unit(image, 32, 3, 2)
        x = self.stem_unit(x, 32, 3)
        return self.unit(x, 64, 3)

    def logits(self, x, outputs: int):
        """Logits (batch, `outputs`) from the means of the maps `x`, with dropout before the dense layer."""
        return self.parts.dense(self.parts.drop(layers.GlobalAveragePooling2D()(x)), outputs)
