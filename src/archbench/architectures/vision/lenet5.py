"""LeNet-5 as it is built today.

LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE
86(11), 1998. Differs from the paper, as nearly all later LeNet-5s do: C3 sees all six maps, pooling is a
plain average without parameters, tanh is not scaled, the output is a dense layer read by a softmax, weights
are Glorot's. `lenet5_1998` is the paper's own form.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.options import Width, Widths
from archbench.parts import Parts

GLOROT = Parts(activation="tanh", initializer="xavier_uniform")


@architecture(
    "lenet5",
    source="LeCun, Bottou, Bengio, Haffner 1998, Proc. IEEE 86(11), in its later, simplified form",
    task="classification",
    minimum=16,
    paper_input=(32, 32, 1),
    paper_outputs=10,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"maps": (4, 6), "units": (16, 12)},
    smoke_input=(16, 16, 1),
)
def lenet5(
    image,
    outputs: int,
    *,
    maps: tuple[Width, Width] = (6, 16),
    units: Widths = (120, 84),
    parts: Parts = GLOROT,
):
    """LeNet-5, modern form: two convolutions with average pooling, three dense layers.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). At 32 pixels C5, a convolution in
    the paper, sees its whole input and is the first of the dense `units`.
    """
    x = image
    for width in maps:
        x = parts.conv_unit(x, width, 5, padding="valid")
        x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)  # (batch, 400) at 32 pixels
    for width in units:
        x = parts.drop(parts.dense_unit(x, width))
    return parts.dense(x, outputs)
