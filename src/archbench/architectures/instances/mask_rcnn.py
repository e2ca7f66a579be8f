"""Mask R-CNN on a feature pyramid of a ResNet: Faster R-CNN, and a mask for each of its regions.

He, Gkioxari, Dollar, Girshick, "Mask R-CNN", 2017, arXiv:1703.06870, section 3 and figure 4 (right); layers as in
torchvision's maskrcnn_resnet50_fpn. Differs from the paper: as `faster_rcnn_fpn`; there is a mask of no object, which
nothing reads, as there is a box.
"""

from __future__ import annotations

import keras
from keras import layers

from archbench.architectures import architecture
from archbench.architectures.detection.faster_rcnn_fpn import PAPER, faster_rcnn_fpn
from archbench.blocks.residual import Block
from archbench.options import Depth, Depths, Side, Width
from archbench.parts import Parts


@architecture(
    "mask_rcnn",
    source="He et al. 2017, arXiv:1703.06870, section 3",
    task="instance_segmentation",
    minimum=lambda blocks, **_: 2 ** (len(blocks) + 1),
    paper_input=(800, 1333, 3),
    paper_outputs=80,
    swaps=("activation", "normalization", "initializer", "regularizer"),
    smoke={
        "block": "basic",
        "blocks": (1, 1),
        "width": 4,
        "channels": 8,
        "hidden": 16,
        "pool": 3,
        "mask_pool": 4,
        "mask_depth": 1,
    },
    smoke_input=(32, 32, 3),
)
def mask_rcnn(
    image,
    outputs: int,
    *,
    block: Block = "bottleneck",
    blocks: Depths = (3, 4, 6, 3),
    width: Width = 64,
    channels: Width = 256,
    pool: Side = 7,
    hidden: Width = 1024,
    mask_pool: Side = 14,
    mask_depth: Depth = 4,
    parts: Parts = PAPER,
) -> dict[str, keras.Model]:
    """Four networks: `features`, `rpn` and `head` as those of `faster_rcnn_fpn`, and `mask`.

    `mask`: a region (batch, `mask_pool`, `mask_pool`, `channels`) to logits (batch, 2 `mask_pool`, 2 `mask_pool`, 1 +
    `outputs`), a mask for each class, after `mask_depth` convolutions.
    """
    networks = faster_rcnn_fpn(
        image,
        outputs,
        block=block,
        blocks=blocks,
        width=width,
        channels=channels,
        pool=pool,
        hidden=hidden,
        parts=parts,
    )
    region = keras.Input((mask_pool, mask_pool, channels))
    return {**networks, "mask": keras.Model(region, _masks(region, outputs, mask_depth, parts), name="mask")}


def _masks(region, outputs: int, depth: int, parts: Parts):
    x = region
    for _ in range(depth):
        x = parts.act(parts.conv(x, region.shape[-1], 3))
    x = parts.act(parts.layer(layers.Conv2DTranspose, region.shape[-1], 2, 2)(x))
    return parts.conv(x, 1 + outputs, 1)
