"""YOLO v2, on the trunk of Darknet-19.

Redmon, Farhadi, "YOLO9000: Better, Faster, Stronger", 2016, arXiv:1612.08242, section 2 and table 6; layers
as in the authors' yolov2-voc.cfg. Differs from the paper: the passthrough layer moves 2 by 2 pixels to
channels in reading order, where darknet's `reorg` permutes them otherwise, which a trained net cannot tell.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.architectures.sizes import InputMismatch, check_multiple
from archbench.layers.cells import Cells, SpaceToDepth
from archbench.options import Stages, Width
from archbench.parts import Parts

DARKNET19 = (
    ((1, 3),),
    ((2, 3),),
    ((4, 3), (2, 1), (4, 3)),
    ((8, 3), (4, 1), (8, 3)),
    ((16, 3), (8, 1), (16, 3), (8, 1), (16, 3)),
    ((32, 3), (16, 1), (32, 3), (16, 1), (32, 3)),
)
"""The convolutions between halvings: (channels in units of the first layer's, kernel size)."""

PAPER = Parts(activation={"name": "leaky_relu", "slope": 0.1}, normalization="batch")


@architecture(
    "yolo_v2",
    source="Redmon, Farhadi 2016, arXiv:1612.08242",
    task="detection",
    minimum=lambda stages, **_: 2**stages,
    paper_input=(416, 416, 3),
    paper_outputs=20,
    swaps=("activation", "normalization", "initializer", "regularizer"),
    smoke={"width": 2, "stages": 3, "anchors": 2},
    smoke_input=(16, 16, 3),
)
def yolo_v2(
    image,
    outputs: int,
    *,
    anchors: Width = 5,
    width: Width = 32,
    stages: Stages = 5,
    squeeze: Width | None = None,
    parts: Parts = PAPER,
):
    """YOLO v2: Darknet-19, three more convolutions, and finer maps passed through to the last of them.

    `image` (batch, height, width, channel) to raw boxes (batch, grid row, grid column, `anchors`, 5 +
    `outputs`): tx, ty, tw, th, the logit of objectness, a logit for each of `outputs` classes.

    The grid is the image over 2**`stages`: the paper halves 5 times, and fewer `stages` leave out the
    deepest of the trunk. `width` is the channels of the first layer, and all others follow in the paper's
    proportion. `squeeze` narrows the passed maps to so many channels first, as yolov2-voc.cfg does with 64;
    the paper does not.
    """
    _check(image.shape[1:], stages)
    x = image
    for stage in range(stages + 1):
        if stage:
            finer = x
            x = layers.MaxPooling2D(2)(x)
        for channels, size in DARKNET19[stage]:
            x = parts.conv_unit(x, channels * width, size)
    deepest = x.shape[-1]
    for _ in range(2):
        x = parts.conv_unit(x, deepest, 3)
    if squeeze is not None:
        finer = parts.conv_unit(finer, squeeze, 1)
    x = parts.conv_unit(layers.concatenate([SpaceToDepth()(finer), x]), deepest, 3)
    return Cells(anchors)(parts.conv(x, anchors * (5 + outputs), 1))


def _check(input_shape, stages: int) -> None:
    deepest = len(DARKNET19) - 1
    if not 1 <= stages <= deepest:
        raise InputMismatch(f"yolo_v2: stages is {stages}. It must be 1 to {deepest}, as Darknet-19 halves.")
    check_multiple("yolo_v2", input_shape, 2**stages)
