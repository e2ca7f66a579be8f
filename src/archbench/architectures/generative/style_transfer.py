"""Style transfer: a picture that is trained, and the maps of a VGG which judge it.

Gatys, Ecker, Bethge, "A Neural Algorithm of Artistic Style", 2015, arXiv:1508.06576. Maps are read after their ReLU, as
the paper's Caffe overwrites what stands before it. Differs from the paper: its VGG is scaled to a mean activation of 1,
which changes no map but by a factor; here the weights are those that the benchmark starts from.
"""

from __future__ import annotations

from typing import Annotated, Literal

import keras
from pydantic import Field

from archbench.architectures import architecture
from archbench.architectures.vision.vgg import trunk
from archbench.catalogue import WrongOption
from archbench.errors import listed
from archbench.layers.picture import Picture
from archbench.layers.pooling import average_pool_ceil, max_pool_ceil
from archbench.options import Depths, Width
from archbench.parts import Parts

PAPER = Parts()
POOLINGS = {"average": average_pool_ceil, "max": max_pool_ceil}
Maps = Annotated[tuple[str, ...], Field(min_length=1, max_length=16)]
"""Convolutions by stage and place: `conv4_2` is the second of the fourth stage."""


@architecture(
    "style_transfer",
    source="Gatys, Ecker, Bethge 2015, arXiv:1508.06576",
    task="style_transfer",
    minimum=1,
    paper_input=(224, 224, 3),
    paper_outputs=3,
    swaps=("activation", "normalization", "initializer"),
    smoke={"convs": (1, 2), "width": 4, "content_maps": ("conv2_2",), "style_maps": ("conv1_1", "conv2_1")},
    smoke_input=(8, 8, 3),
)
def style_transfer(
    content,
    style,
    outputs: int,
    *,
    convs: Depths = (2, 2, 4, 4, 4),
    width: Width = 64,
    pooling: Literal["average", "max"] = "average",
    content_maps: Maps = ("conv4_2",),
    style_maps: Maps = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"),
    parts: Parts = PAPER,
) -> dict[str, keras.Model]:
    """Two networks: `features`, the trunk of a VGG that does not train, and `picture`, whose only weight is a picture.

    `features`: any of `content`, `style` and the picture, (batch, height, width, channel), to `content` and `style`,
    lists of the maps that `content_maps` and `style_maps` name. `picture`: `content` to the picture, as large as it,
    with its `outputs` channels. `convs` and `width` are those of the VGG whose weights `start` takes; the default is
    VGG-19. Average pooling is the paper's, and has the weights of max pooling.
    """
    maps, _ = trunk(content, convs, width, parts, POOLINGS[pooling])
    unknown = [name for name in (*content_maps, *style_maps) if name not in maps]
    if unknown:
        raise WrongOption(
            f"style_transfer: a VGG of convs {list(convs)} has no {listed(unknown)}. It has {listed(maps)}."
        )
    chosen = {"content": [maps[name] for name in content_maps], "style": [maps[name] for name in style_maps]}
    features = keras.Model(content, chosen, name="features")
    features.trainable = False
    made = Picture(dtype="float32", name="picture")(content)
    return {"features": features, "picture": keras.Model(content, made, name="picture")}
