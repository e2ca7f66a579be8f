"""The trunk of the modified aligned Xception.

Chollet, "Xception", 2016, arXiv:1610.02357; Qi et al., "Deformable Convolutional Networks: COCO Detection and
Segmentation Challenge 2017 Entry"; Chen, Zhu, Papandreou, Schroff, Adam, 2018, arXiv:1802.02611, section 3.2 and figure
4: more blocks in the middle, every pooling a separable convolution with a stride, and a normalization after every
depthwise convolution. As in the authors' code an activation stands after a depthwise convolution in the last block
alone; in the others before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import layers

from archbench.blocks.separable import separable_norm, separable_unit
from archbench.layers.atrous import atrous
from archbench.parts import Parts


def aligned_xception(
    image,
    stem: Sequence[int],
    entry: Sequence[int],
    middle: int,
    exits: Sequence[Sequence[int]],
    output_stride: int,
    parts: Parts,
) -> tuple[Any, Any]:
    """The map at a stride of 4 from within the second block, before it is activated, and the last map.

    `image` (batch, height, width, channel). `stem` are the channels of two convolutions, of which the first has a
    stride; `entry` those of three blocks or more that halve; `middle` counts blocks which keep size and channels;
    `exits` are the three channels of each of the last two blocks, of which the first halves. Blocks after as many
    halvings as make `output_stride` keep their size and are dilated.
    """
    first, second = stem
    x = parts.conv_unit(parts.conv_unit(image, first, 3, 2), second, 3)
    steps = iter(atrous([2] * len(entry) + [1] * middle + [2], output_stride, done=2))
    for place, width in enumerate(entry):
        x, inner = _block(x, [width] * 3, next(steps), parts)
        if place == 1:
            low = inner
    for _ in range(middle):
        x, _ = _block(x, [x.shape[-1]] * 3, next(steps), parts, projected=False)
    (_, _, rate) = step = next(steps)
    x, _ = _block(x, exits[0], step, parts)
    for width in exits[1]:
        x = separable_unit(x, width, rate, parts)
    return low, x


def _block(x, widths: Sequence[int], step: tuple[int, int, int], parts: Parts, projected: bool = True):
    """Three separable convolutions of `widths`, the last with the stride, and the shortcut around them.

    Also gives what the second of them made.
    """
    stride, rate, _ = step
    around = parts.conv_norm(x, widths[-1], 1, stride) if projected else x
    first, second, third = widths
    for width in (first, second):
        x = separable_norm(parts.act(x), width, 1, rate, parts)
    inner = x
    x = separable_norm(parts.act(x), third, stride, rate, parts)
    return layers.add([around, x]), inner
