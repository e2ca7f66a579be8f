"""The convolutional networks that CapsNet was compared with.

Sabour, Frosst, Hinton, "Dynamic Routing Between Capsules", 2017, arXiv:1710.09829: the baseline of section 5 for single
digits, and that of section 6.1 for two overlapping ones. Differs from the paper: its paddings are not stated, and are
those that give its parameter counts, 35.4 and 24.56 million.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.catalogue import WrongOption
from archbench.options import Side, Widths
from archbench.parts import Parts

PAPER = Parts(dropout=0.5)
WITHOUT_DROPOUT = Parts()
BASELINE = {
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
    "smoke": {"convs": (4, 6), "sizes": (3, 3), "units": (12,)},
    "smoke_input": (8, 8, 1),
}


@architecture(
    {"capsnet_baseline": {}},
    source="Sabour, Frosst, Hinton 2017, arXiv:1710.09829, section 5",
    task="classification",
    minimum=1,
    paper_input=(28, 28, 1),
    paper_outputs=10,
    **BASELINE,
)
@architecture(
    {
        "capsnet_baseline_overlapping": {
            "convs": (512, 256),
            "sizes": (9, 5),
            "units": (1024,),
            "pooling": True,
            "parts": WITHOUT_DROPOUT,
        }
    },
    source="Sabour, Frosst, Hinton 2017, arXiv:1710.09829, section 6.1",
    task="multi_label",
    minimum=lambda convs, **_: 2 ** len(convs),
    paper_input=(36, 36, 1),
    paper_outputs=10,
    **BASELINE,
)
def capsnet_baseline(
    image,
    outputs: int,
    *,
    convs: Widths = (256, 256, 128),
    sizes: tuple[Side, ...] = (5, 5, 5),
    units: Widths = (328, 192),
    pooling: bool = False,
    parts: Parts = PAPER,
):
    """The network that CapsNet was compared with: convolutions of `convs` channels, then dense layers of `units`.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). `sizes` are the sides of the kernels; with
    `pooling` every convolution is followed by 2 by 2 max pooling. Dropout acts before the last layer.
    """
    if len(convs) != len(sizes):
        raise WrongOption(
            f"capsnet_baseline: convs has {len(convs)} entries, {list(convs)}, and sizes {len(sizes)}, {list(sizes)}. "
            "Give each convolution its width and its size."
        )
    x = image
    for width, size in zip(convs, sizes, strict=True):
        x = parts.conv_unit(x, width, size)
        x = layers.MaxPooling2D(2)(x) if pooling else x
    x = layers.Flatten()(x)
    for width in units:
        x = parts.dense_unit(x, width)
    return parts.dense(parts.drop(x), outputs)
