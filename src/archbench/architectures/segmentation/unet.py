"""U-Net.

Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
arXiv:1505.04597, figure 1. Differs from the paper: none known; the paper gives no rate for its drop-out "at
the end of the contracting path", 0.5 is that of the authors' code.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.architectures.sizes import InputMismatch
from archbench.options import Stages, Width
from archbench.parts import Parts

PAPER = Parts(dropout=0.5)


def smallest_input(padding: str, depth: int, **_) -> int:
    """The smallest side that `depth` halvings and their convolutions leave something of."""
    if padding == "same":
        return 2**depth
    return next(side for side in range(1, 2 ** (depth + 4)) if _output_side(side, depth) > 0)


@architecture(
    "unet",
    source="Ronneberger, Fischer, Brox 2015, arXiv:1505.04597",
    task="segmentation",
    minimum=smallest_input,
    paper_input=(572, 572, 1),
    paper_outputs=2,
    swaps=("activation", "normalization", "initializer", "regularizer", "dropout"),
    smoke={"width": 4, "depth": 2, "padding": "same"},
    smoke_input=(8, 8, 3),
)
def unet(
    image,
    outputs: int,
    *,
    width: Width = 64,
    depth: Stages = 4,
    padding: str = "valid",
    parts: Parts = PAPER,
):
    """U-Net: a contracting path, an expanding path, and the maps of the one joined to those of the other.

    `image` (batch, height, width, channel) to logits (batch, height, width, `outputs`), one for each pixel.
    With the paper's "valid" convolutions the map is smaller than the image (572 to 388 pixels) and shows
    its center; with `padding` "same" it has the image's size. `width` is the channels of the first stage,
    `depth` counts the halvings.
    """
    _check(image.shape[1:], depth, padding)
    x, skips = image, []
    for stage in range(depth):
        x = _two_convs(x, width * 2**stage, padding, parts)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = parts.drop(_two_convs(x, width * 2**depth, padding, parts))
    for stage in reversed(range(depth)):
        x = parts.layer(layers.Conv2DTranspose, width * 2**stage, 2, 2)(x)
        x = layers.concatenate([_crop_like(skips[stage], x), x])
        x = _two_convs(x, width * 2**stage, padding, parts)
    return parts.conv(x, outputs, 1)


def _two_convs(x, width: int, padding: str, parts: Parts):
    for _ in range(2):
        x = parts.conv_unit(x, width, 3, padding=padding)
    return x


def _crop_like(skip, x):
    """The center of `skip`, as large as `x`."""
    rows, columns = (skip.shape[axis] - x.shape[axis] for axis in (1, 2))
    if rows == columns == 0:
        return skip
    return layers.Cropping2D(((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)))(skip)


def _output_side(side: int, depth: int) -> int:
    """The side of the map that valid convolutions make of `side`; 0 where a halving leaves a remainder."""
    for _ in range(depth):
        side -= 4
        if side <= 0 or side % 2:
            return 0
        side //= 2
    side -= 4
    for _ in range(depth):
        side = 2 * side - 4
        if side <= 0:
            return 0
    return side


def _fits(side: int, depth: int, padding: str) -> bool:
    return side % 2**depth == 0 if padding == "same" else _output_side(side, depth) > 0


def _check(input_shape, depth: int, padding: str) -> None:
    if padding not in ("same", "valid"):
        raise InputMismatch(f'unet: padding is {padding!r}. It must be "valid", as in the paper, or "same".')
    for side in input_shape[:2]:
        if not _fits(side, depth, padding):
            near = [n for n in range(max(1, side - 2**depth), side + 2**depth + 1) if _fits(n, depth, padding)]
            raise InputMismatch(
                f"unet with depth {depth} and {padding} padding cannot halve a side of {side} pixels "
                f"{depth} times without a remainder. The nearest sizes it reads are: {', '.join(map(str, near))}."
            )
