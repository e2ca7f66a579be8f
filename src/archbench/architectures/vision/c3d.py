"""C3D.

Tran, Bourdev, Fergus, Torresani, Paluri, "Learning Spatiotemporal Features with 3D Convolutional Networks", 2014,
arXiv:1412.0767, section 3.3 and figure 3. Differs from the paper: He's initial weights.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.catalogue import WrongOption
from archbench.options import Depths, Width
from archbench.parts import Parts

WIDTHS = (1, 2, 4, 8, 8)
"""Channels of the five stages, in units of the first."""

PAPER = Parts(dropout=0.5)


@architecture(
    "c3d",
    source="Tran et al. 2014, arXiv:1412.0767, section 3.3",
    task="classification",
    minimum=lambda convs, **_: 2 ** (len(convs) - 1),
    paper_input=(16, 112, 112, 3),
    paper_outputs=487,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"convs": (1, 1), "width": 4, "dense_width": 16},
    smoke_input=(4, 8, 8, 1),
)
def c3d(
    video,
    outputs: int,
    *,
    convs: Depths = (1, 1, 2, 2, 2),
    width: Width = 64,
    dense_width: Width = 4096,
    parts: Parts = PAPER,
):
    """C3D: stages of 3 by 3 by 3 convolutions, each ended by max pooling, then two wide dense layers.

    `video` (batch, frame, height, width, channel) to logits (batch, `outputs`). `convs` counts the convolutions of
    each stage, at most five; `width` is the channels of the first, and the later ones follow in the paper's
    proportion. The first pooling leaves the frames alone, so that motion is not merged too early.
    """
    if not 1 <= len(convs) <= len(WIDTHS):
        raise WrongOption(f"c3d: convs has {len(convs)} stages, {list(convs)}. It may have 1 to {len(WIDTHS)}.")
    x = video
    for stage, count in enumerate(convs):
        for _ in range(count):
            x = parts.conv_unit(x, WIDTHS[stage] * width, 3)
        # Sizes are rounded up, as in the authors' Caffe: 7 pixels become 4.
        x = layers.MaxPooling3D((1, 2, 2) if stage == 0 else 2, padding="same")(x)
    x = layers.Flatten()(x)  # (batch, 8192) of 16 frames of 112 pixels
    for _ in range(2):
        x = parts.drop(parts.dense_unit(x, dense_width))
    return parts.dense(x, outputs)
