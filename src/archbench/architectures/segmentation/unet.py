"""U-Net.

Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
arXiv:1505.04597, figure 1. Differs from the paper: none known; the paper gives no rate for its drop-out "at
the end of the contracting path", 0.5 is that of the authors' code.
"""

from keras import layers, ops

from archbench.architectures import architecture
from archbench.architectures.sizes import InputMismatch
from archbench.layers.crop import crop
from archbench.options import Stages, Width
from archbench.parts import Parts

PAPER = Parts(dropout=0.5)


def smallest_input(padding: str, depth: int, **_) -> int:
    """The smallest side that `depth` halvings and their convolutions leave something of, or that mirrors far enough."""
    if padding == "same":
        return 2**depth
    valid = next(side for side in range(1, 2 ** (depth + 4)) if _output_side(side, depth) > 0)
    return valid if padding == "valid" else (valid - _output_side(valid, depth) + 2**depth) // 2 + 1


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
    its center; with `padding` "same" it has the image's size. With "mirror", too: convolutions are valid, and the image
    is first extended as in the paper's figure 2, by its mirror images. `width` is the channels of the first stage,
    `depth` counts the halvings.
    """
    _check(image.shape[1:], depth, padding)
    size = image.shape[1:3]
    if padding == "mirror":
        image = ops.pad(image, [(0, 0), *(_borders(side, depth) for side in size), (0, 0)], mode="reflect")
    x, skips, padding = image, [], "same" if padding == "same" else "valid"
    for stage in range(depth):
        x = _two_convs(x, width * 2**stage, padding, parts)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = parts.drop(_two_convs(x, width * 2**depth, padding, parts))
    for stage in reversed(range(depth)):
        x = parts.layer(layers.Conv2DTranspose, width * 2**stage, 2, 2)(x)
        x = layers.concatenate([crop(skips[stage], x.shape[1:3]), x])
        x = _two_convs(x, width * 2**stage, padding, parts)
    return crop(parts.conv(x, outputs, 1), [min(sides) for sides in zip(size, x.shape[1:3], strict=True)])


def _two_convs(x, width: int, padding: str, parts: Parts):
    for _ in range(2):
        x = parts.conv_unit(x, width, 3, padding=padding)
    return x


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


def _borders(side: int, depth: int) -> tuple[int, int]:
    """The pixels before and after `side` with which valid convolutions make a map of at least `side` pixels."""
    whole = next(one for one in range(side, side + 2 ** (depth + 4)) if _output_side(one, depth) >= side)
    return (whole - side) // 2, whole - side - (whole - side) // 2


def _fits(side: int, depth: int, padding: str) -> bool:
    return padding == "mirror" or (side % 2**depth == 0 if padding == "same" else _output_side(side, depth) > 0)


def _check(input_shape, depth: int, padding: str) -> None:
    if padding not in ("same", "valid", "mirror"):
        raise InputMismatch(f'unet: padding is {padding!r}. It must be "valid", as in the paper, "mirror" or "same".')
    for side in input_shape[:2]:
        if not _fits(side, depth, padding):
            near = [n for n in range(max(1, side - 2**depth), side + 2**depth + 1) if _fits(n, depth, padding)]
            raise InputMismatch(
                f"unet with depth {depth} and {padding} padding cannot halve a side of {side} pixels "
                f"{depth} times without a remainder. The nearest sizes it reads are: {', '.join(map(str, near))}."
            )
