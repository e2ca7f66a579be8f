"""Fast R-CNN and Faster R-CNN on VGG-16: one map of the picture, from which every region is read.

Girshick, "Fast R-CNN", 2015, arXiv:1504.08083, section 2; Ren, He, Girshick, Sun, "Faster R-CNN", 2015,
arXiv:1506.01497, section 3; layers as in the authors' VGG16 models. Differs from the papers: nothing is frozen, as for
a net that no other one has trained before; pooling rounds odd sides up, as in `vgg`.
"""

from __future__ import annotations

import keras
from keras import layers

from archbench.architectures import architecture
from archbench.architectures.vision.vgg import trunk
from archbench.blocks.two_stages import STARTS, proposals, verdict
from archbench.layers.regions import RATIOS
from archbench.options import Depths, Grids, Side, Width
from archbench.parts import Parts

PAPER = Parts(dropout=0.5, initializer_of=STARTS)
VGG16 = (2, 2, 3, 3, 3)
"""The convolutions of its stages; the last is not pooled, so that a cell of the map is 16 pixels."""
FACTS = {
    "minimum": lambda convs, **_: 2 ** len(convs),
    "paper_input": (600, 1000, 3),
    "paper_outputs": 20,
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
    "smoke_input": (32, 32, 3),
}
GIVEN = {"pooling": "roi_pool", "head_delta": 1.0, "iou_threshold": 0.3}
"""What both papers have of a region: Fast R-CNN, section 2, and the authors' configurations."""


@architecture(
    "fast_rcnn",
    source="Girshick 2015, arXiv:1504.08083, section 2",
    task="proposal_detection",
    smoke={"convs": (1, 1), "width": 4, "pool": (2,), "dense_width": 16},
    task_options={**GIVEN, "sampled_regions": 64, "background_from": 0.1},
    **FACTS,
)
def fast_rcnn(
    image,
    outputs: int,
    *,
    convs: Depths = VGG16,
    width: Width = 64,
    pool: Grids = (7,),
    dense_width: Width = 4096,
    parts: Parts = PAPER,
) -> dict[str, keras.Model]:
    """Two networks: `features` of the picture, and the `head` that judges regions.

    `features`: `image` (batch, height, width, channel) to a map (batch, row, column, channel), that of the last
    convolution of VGG.
    `head`: of a region a grid (batch, side, side, channel) for every side of `pool` to `classes` (batch, 1 +
    `outputs`), logits of which the first is that of no object, and `deltas` (batch, 1 + `outputs`, 4).

    Several sides are the pyramid of SPP-net (He et al. 2014, arXiv:1406.4729): 6, 3, 2 and 1 are its 50 bins. `convs`
    and `width` are those of `vgg`.
    """
    features = _features(image, convs, width, parts)
    return {"features": features, "head": _head(features, pool, outputs, dense_width, parts)}


@architecture(
    "faster_rcnn_vgg16",
    source="Ren et al. 2015, arXiv:1506.01497, section 3",
    task="region_detection",
    smoke={"convs": (1, 1), "width": 4, "pool": 2, "channels": 8, "dense_width": 16},
    task_options={
        **GIVEN,
        "anchor_scale": (8.0, 16.0, 32.0),
        "across_the_border": False,
        "proposals": 300,
        "sampled_regions": 128,
    },
    **FACTS,
)
def faster_rcnn_vgg16(
    image,
    outputs: int,
    *,
    convs: Depths = VGG16,
    width: Width = 64,
    scales: Width = 3,
    channels: Width = 512,
    pool: Side = 7,
    dense_width: Width = 4096,
    parts: Parts = PAPER,
) -> dict[str, keras.Model]:
    """Three networks: those of Fast R-CNN, and between them the `rpn` that proposes regions.

    `rpn`: the map to `objectness` (batch, anchor) and `deltas` (batch, anchor, 4), over rows, columns,
    `scales` and ratios. `channels` are those of its one hidden convolution.
    """
    features = _features(image, convs, width, parts)
    given = keras.Input(features.output.shape[1:])
    said = proposals([given], channels, scales * len(RATIOS), parts, logits=2)
    return {
        "features": features,
        "rpn": keras.Model(given, said, name="rpn"),
        "head": _head(features, (pool,), outputs, dense_width, parts),
    }


def _features(image, convs: Depths, width: int, parts: Parts) -> keras.Model:
    maps, _ = trunk(image, convs, width, parts)
    return keras.Model(image, maps[f"conv{len(convs)}_{convs[-1]}"], name="features")


def _head(features: keras.Model, pool: Grids, outputs: int, dense_width: int, parts: Parts) -> keras.Model:
    """The two wide layers of VGG, then the verdict."""
    grids = [keras.Input((side, side, features.output.shape[-1])) for side in pool]
    flat = [layers.Flatten()(grid) for grid in grids]
    x = layers.concatenate(flat) if len(flat) > 1 else flat[0]
    for _ in range(2):
        x = parts.drop(parts.dense_unit(x, dense_width))
    return keras.Model(grids if len(grids) > 1 else grids[0], verdict(x, outputs, parts), name="head")
