"""Faster R-CNN on a feature pyramid of a ResNet.

Ren, He, Girshick, Sun, "Faster R-CNN", 2015, arXiv:1506.01497, section 3; Lin, Dollar, Girshick, He, Hariharan,
Belongie, "Feature Pyramid Networks for Object Detection", 2016, arXiv:1612.03144, sections 3 to 5; layers as in
torchvision's fasterrcnn_resnet50_fpn. Differs from the papers: the trunk's normalizations train and nothing is frozen,
as for a net that no other one has trained before; one logit tells an object from none, where the first paper has two.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from archbench.architectures import architecture
from archbench.blocks.residual import Block, Residual
from archbench.blocks.two_stages import STARTS, proposals, verdict
from archbench.layers.pooling import max_pool
from archbench.layers.regions import RATIOS
from archbench.options import Depths, Side, Width
from archbench.parts import Parts

PAPER = Parts(normalization="batch", initializer_of=STARTS)


@architecture(
    "faster_rcnn_fpn",
    source="Ren et al. 2015, arXiv:1506.01497; Lin et al. 2016, arXiv:1612.03144",
    task="region_detection",
    minimum=lambda blocks, **_: 2 ** (len(blocks) + 1),
    paper_input=(800, 1333, 3),
    paper_outputs=80,
    swaps=("activation", "normalization", "initializer", "regularizer"),
    smoke={"block": "basic", "blocks": (1, 1), "width": 4, "channels": 8, "hidden": 16, "pool": 3},
    smoke_input=(32, 32, 3),
)
def faster_rcnn_fpn(
    image,
    outputs: int,
    *,
    block: Block = "bottleneck",
    blocks: Depths = (3, 4, 6, 3),
    width: Width = 64,
    channels: Width = 256,
    pool: Side = 7,
    hidden: Width = 1024,
    parts: Parts = PAPER,
) -> dict[str, keras.Model]:
    """Three networks: `features` of the picture, `rpn` that proposes regions, and the `head` that judges them.

    `features`: `image` (batch, height, width, channel) to a list of maps (batch, row, column, `channels`): one for each
    stage of `blocks`, a cell of the first as large as 4 pixels, of each later one twice that, and one more.
    `rpn`: these maps to `objectness` (batch, anchor) and `deltas` (batch, anchor, 4), over maps, rows, columns, ratios.
    `head`: a region (batch, `pool`, `pool`, `channels`) to `classes` (batch, 1 + `outputs`), logits of which the first
    is that of no object, and `deltas` (batch, 1 + `outputs`, 4).

    `width` is the channels of the trunk's first stage, doubled at each later one; `hidden` the units of the head.
    """
    maps = _pyramid(_trunk(image, block, blocks, width, parts), channels, parts)
    given = [keras.Input(one.shape[1:]) for one in maps]
    region = keras.Input((pool, pool, channels))
    return {
        "features": keras.Model(image, maps, name="features"),
        "rpn": keras.Model(given, proposals(given, channels, len(RATIOS), parts), name="rpn"),
        "head": keras.Model(region, _verdict(region, outputs, hidden, parts), name="head"),
    }


def _trunk(image, block: Block, blocks: Depths, width: int, parts: Parts) -> list[Any]:
    """The last map of each stage of a ResNet, in whose bottlenecks the 3 by 3 convolution halves the maps."""
    residual = Residual(block, "projection", parts, stride_in_1x1=False)
    x, found = max_pool(parts.conv_unit(image, width, 7, 2), 3, 2, border=1), []
    for stage, count in enumerate(blocks):
        for index in range(count):
            x = residual(x, width * 2**stage, 2 if stage and not index else 1, first=stage == index == 0)
        found.append(x)
    return [*found[:-1], residual.finish(x)]


def _pyramid(maps: list[Any], channels: int, parts: Parts) -> list[Any]:
    """Coarse maps brought into the finer ones, from the coarsest down (figure 3), and every second cell of that."""
    *finer, x = [parts.conv(one, channels, 1) for one in maps]
    merged = [x]
    for lateral in reversed(finer):
        x = layers.add([lateral, _enlarged(x, lateral)])
        merged.insert(0, x)
    made = [parts.conv(one, channels, 3) for one in merged]
    return [*made, layers.MaxPooling2D(1, 2)(made[-1])]


def _enlarged(x, other):
    """`x` at twice its height and width, every cell four times, cut to those of `other` where they are odd."""
    x = layers.UpSampling2D(2)(x)
    past = tuple((0, x.shape[axis] - other.shape[axis]) for axis in (1, 2))
    return layers.Cropping2D(past)(x) if any(end for _, end in past) else x


def _verdict(region, outputs: int, hidden: int, parts: Parts) -> dict[str, Any]:
    """Two layers of units, then a logit of each class and of none, and a box for each."""
    x = layers.Flatten()(region)
    for _ in range(2):
        x = parts.act(parts.dense(x, hidden))
    return verdict(x, outputs, parts)
