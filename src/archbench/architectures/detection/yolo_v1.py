"""YOLO v1.

Redmon, Divvala, Girshick, Farhadi, "You Only Look Once: Unified, Real-Time Object Detection", 2015, arXiv:1506.02640,
section 2 and figure 3. As in the paper, nothing is normalized; the authors' later yolov1.cfg normalizes every
convolution, has a locally connected layer in the place of the first dense one, and 3 boxes a cell. The square roots of
width and height are what the network says, as in the authors' code.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.architectures.sizes import InputMismatch
from archbench.options import Side, Stages, Width
from archbench.parts import Parts

STAGES = (
    ((1, 7),),
    ((3, 3),),
    ((2, 1), (4, 3), (4, 1), (8, 3)),
    (*((4, 1), (8, 3)) * 4, (8, 1), (16, 3)),
    (*((8, 1), (16, 3)) * 2, (16, 3), (16, 3)),
)
"""The convolutions between halvings: (channels in units of the first layer's, kernel size)."""

PAPER = Parts(activation={"name": "leaky_relu", "slope": 0.1}, dropout=0.5)


@architecture(
    "yolo_v1",
    source="Redmon, Divvala, Girshick, Farhadi 2015, arXiv:1506.02640",
    task="detection",
    task_options={"loss": "yolo_v1"},
    minimum=lambda stages, small_stem, **_: 2 ** (stages + (not small_stem)),
    paper_input=(448, 448, 3),
    paper_outputs=20,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"width": 2, "stages": 3, "dense_width": 16, "grid": 4},
    smoke_input=(16, 16, 3),
)
def yolo_v1(
    image,
    outputs: int,
    *,
    grid: Side = 7,
    boxes: Width = 2,
    width: Width = 64,
    dense_width: Width = 4096,
    stages: Stages = 5,
    small_stem: bool = False,
    parts: Parts = PAPER,
):
    """YOLO v1: 24 convolutions, and two dense layers that say for each cell of a grid what is there.

    `image` (batch, height, width, channel) to (batch, `grid`, `grid`, number): x, y, the roots of width and height,
    and a confidence for each of `boxes`, then a number for each of `outputs` classes.

    The paper halves the image 6 times, in 5 `stages`; fewer of them leave out the deepest, each one halving. `width`
    is the channels of the first layer, and all other convolutions follow in the paper's proportion; `dense_width` is
    the units of the first dense layer. `small_stem` begins with 3 by 3 pixels and does not move by two, for small
    images.
    """
    if not 1 <= stages <= len(STAGES):
        raise InputMismatch(f"yolo_v1: stages is {stages}. It must be 1 to {len(STAGES)}.")
    x = image
    for stage in range(stages):
        *convolutions, last = STAGES[stage]
        for channels, size in convolutions:
            x = parts.conv_unit(x, channels * width, size)
        channels, size = last
        if small_stem and stage == 0:
            x = parts.conv_unit(x, channels * width, 3)
        else:
            strides = stage in (0, len(STAGES) - 1)  # the first and the last stage halve in a convolution
            x = parts.conv_unit(x, channels * width, size, 2 if strides else 1)
        if stage < len(STAGES) - 1:
            x = layers.MaxPooling2D(2)(x)
    deepest = x.shape[-1]
    for _ in range(2):
        x = parts.conv_unit(x, deepest, 3)
    x = parts.drop(parts.dense_unit(layers.Flatten()(x), dense_width))
    numbers = 5 * boxes + outputs
    return layers.Reshape((grid, grid, numbers))(parts.dense(x, grid * grid * numbers))
