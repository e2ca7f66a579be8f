"""YOLO v3, on the trunk of Darknet-53.

Redmon, Farhadi, "YOLOv3: An Incremental Improvement", 2018, arXiv:1804.02767, sections 2.3 and 2.4 and table 1; the
layers between the trunk and the three maps as in the authors' yolov3.cfg. Differs from the paper: none known.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.architectures.sizes import InputMismatch, check_multiple
from archbench.layers.cells import Cells
from archbench.options import Depths, Width
from archbench.parts import Parts

MOST_HALVINGS, MAPS = 5, 3

PAPER = Parts(activation={"name": "leaky_relu", "slope": 0.1}, normalization="batch")


@architecture(
    "yolo_v3",
    source="Redmon, Farhadi 2018, arXiv:1804.02767",
    task="detection",
    task_options={"loss": "yolo_v3"},
    minimum=lambda blocks, **_: 2 ** len(blocks),
    paper_input=(416, 416, 3),
    paper_outputs=80,
    swaps=("activation", "normalization", "initializer", "regularizer"),
    smoke={"width": 4, "blocks": (1, 1, 1, 1), "anchors": 1},
    smoke_input=(16, 16, 3),
)
def yolo_v3(
    image,
    outputs: int,
    *,
    anchors: Width = 3,
    width: Width = 32,
    blocks: Depths = (1, 2, 8, 8, 4),
    parts: Parts = PAPER,
):
    """YOLO v3: Darknet-53, and maps at three of its scales, each fed by the coarser ones.

    `image` (batch, height, width, channel) to raw boxes `small`, `medium` and `large`, by the objects that they are
    for, at strides 8, 16 and 32: (batch, grid row, grid column, `anchors`, 5 + `outputs`), in which stand tx, ty, tw,
    th, the logit of objectness, and a logit for each of `outputs` classes, of which several may be right.

    `width` is the channels of the first layer, and all others follow in the paper's proportion; `blocks` are the
    residual blocks after each halving: the paper halves 5 times, and fewer numbers, 3 at least, leave out the deepest
    of the trunk, so that the cells of the three maps are smaller.
    """
    _check(image.shape[1:], blocks)
    *_, fine, middle, coarse = darknet53(image, width, blocks, parts)
    numbers = anchors * (5 + outputs)
    found, x, channels = {}, coarse, coarse.shape[-1]
    for scale, finer in (("large", middle), ("medium", fine), ("small", None)):
        channels //= 2
        for size, wide in ((1, 1), (3, 2), (1, 1), (3, 2), (1, 1)):
            x = parts.conv_unit(x, channels * wide, size)
        found[scale] = Cells(anchors)(parts.conv(parts.conv_unit(x, channels * 2, 3), numbers, 1))
        if finer is not None:
            x = layers.UpSampling2D(2)(parts.conv_unit(x, channels // 2, 1))
            x = layers.concatenate([x, finer])
    return found


def darknet53(x, width: int, blocks: tuple[int, ...], parts: Parts) -> list:
    """The maps of Darknet-53 after each of its halvings: table 1, without the pooling and the dense layer."""
    maps, x = [], parts.conv_unit(x, width, 3)
    for stage, count in enumerate(blocks, start=1):
        channels = width * 2**stage
        x = parts.conv_unit(x, channels, 3, 2)
        for _ in range(count):
            x = layers.add([x, parts.conv_unit(parts.conv_unit(x, channels // 2, 1), channels, 3)])
        maps.append(x)
    return maps


def _check(input_shape, blocks: tuple[int, ...]) -> None:
    if not MAPS <= len(blocks) <= MOST_HALVINGS:
        wanted = f"{MAPS} to {MOST_HALVINGS} numbers, one a halving"
        raise InputMismatch(f"yolo_v3: blocks is {list(blocks)}. It must be {wanted}.")
    check_multiple("yolo_v3", input_shape, 2 ** len(blocks))
