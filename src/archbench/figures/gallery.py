"""Small pictures side by side: what the pictures of image tasks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archbench.figures.style import figure

LARGEST_SIDE = 64
"""Pixels a side that a gallery shows of a picture, so that a report stays small."""
BETWEEN = 0.06
"""Share of a place's side that is left free between two pictures."""
LETTERS = 22
"""Of a title over a place of one inch."""
RIGHT, WRONG = "#3b3b3b", "#c1440e"


@dataclass(frozen=True)
class Picture:
    """A figure with the name of its file and the sentence below it."""

    name: str
    figure: Figure
    caption: str


def still(inputs: np.ndarray) -> np.ndarray:
    """`inputs` as they are, but of videos (example, frame, height, width, channel) the middle frame."""
    return inputs[:, inputs.shape[1] // 2] if inputs.ndim == 5 else inputs


def is_image(inputs: np.ndarray) -> bool:
    """Whether `inputs` are pictures, (example, height, width, channel) with 1 or 3 channels."""
    return inputs.ndim == 4 and inputs.shape[-1] in (1, 3)


def displayable(images: np.ndarray) -> np.ndarray:
    """Pictures (example, height, width, channel) as uint8, the darkest value of them all black, the brightest white.

    Colours keep five bits a channel: half the size in the SVG, and no difference to see at this size.
    """
    step = -(-max(images.shape[1:3]) // LARGEST_SIDE)
    pixels = np.nan_to_num(images[:, ::step, ::step].astype(np.float64))
    low, high = pixels.min(initial=0.0), pixels.max(initial=0.0)
    shown = np.rint(255 * (pixels - low) / max(high - low, 1e-12)).astype(np.uint8)
    return shown if images.shape[-1] == 1 else shown & 0xF8


def grid(count: int, *, columns: int, side: float = 0.95, room: float = 0.22) -> tuple[Figure, Sequence[Axes]]:
    """A figure with `count` square places of `side` inches, `room` inches above each for a title.

    Each place is laid by number: matplotlib's search for a layout takes three times as long as all else of a gallery.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    width, height = columns * side, rows * (side + room)
    drawn = figure(width, height, layout="none")
    places = []
    for row, column in (divmod(place, columns) for place in range(count)):
        left, bottom = (column + BETWEEN / 2) * side, height - (row + 1) * (side + room) + BETWEEN / 2 * side
        inner = (1 - BETWEEN) * side
        axes = drawn.add_axes((left / width, bottom / height, inner / width, inner / height))
        axes.set_axis_off()
        places.append(axes)
    return drawn, places


def legend_under(drawn: Figure, handles: Sequence[Artist], *, columns: int = 4) -> None:
    """A legend below the places of a grid, which becomes as much higher as that takes."""
    height, below = drawn.get_figheight(), 0.12 + 0.17 * -(-len(handles) // columns)
    for axes in drawn.axes:
        place = axes.get_position()
        bottom, tall = (place.y0 * height + below) / (height + below), place.height * height / (height + below)
        axes.set_position((place.x0, bottom, place.width, tall))
    drawn.set_figheight(height + below)
    drawn.legend(handles=handles, loc="lower center", ncols=columns)


def show(axes: Axes, image: np.ndarray, *, title: str = "", color: str = RIGHT) -> None:
    """One displayable picture with sharp pixels."""
    shown = image[..., 0] if image.shape[-1] == 1 else image
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255, interpolation="none", clip_on=False)
    axes.set_title(title, fontsize=6.5, color=color, y=1.0, pad=2)  # without a `y` matplotlib looks for a free place


def worst_kept(predictions: Mapping[str, np.ndarray], most: int) -> np.ndarray:
    """Places among the kept examples of at most `most` with the most mistakes, which come first; of any at all.

    None where the run did not tell how far off each example is.
    """
    if "whole_mistakes" not in predictions:
        return np.zeros(0, int)
    mistakes = predictions["whole_mistakes"][predictions["row"]]
    order = np.argsort(-mistakes, kind="stable")[:most]
    return order[mistakes[order] > 0]


def first_and_worst(
    predictions: Mapping[str, np.ndarray],
    most: int,
    draw: Callable[[Mapping[str, np.ndarray], np.ndarray, str, str], Picture],
    name: str,
    worst: str,
    first_ends: str = "",
) -> list[Picture]:
    """At most `most` of the first examples, as `name`, and of the worst, where the run told which these are.

    `draw` takes the predictions, places among them, the picture's name, and which examples these are in words: of the
    first, which end in `first_ends`; of the worst those of `worst`, which may say how many are `{shown}` of `{whole}`.
    """
    first = np.arange(min(most, len(predictions["input"])))
    pictures = [draw(predictions, first, name, f"The first {len(first)} test examples{first_ends}")]
    if len(rows := worst_kept(predictions, most)):
        which = worst.format(shown=len(rows), whole=len(predictions["whole_mistakes"]))
        pictures.append(draw(predictions, rows, "worst", which))
    return pictures


def class_names(predictions: Mapping[str, np.ndarray], classes: int) -> list[str]:
    """The names that the run recorded, or the numbers from 0 where its data set names none."""
    named = predictions["class_names"].tolist() if "class_names" in predictions else []
    return [str(name) for name in named] or [str(number) for number in range(classes)]
