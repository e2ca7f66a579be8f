"""Examples as a page shows them: pictures with their boxes and masks, texts, numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from archbench.datasets.card import Card
from archbench.datasets.columns import Arrays
from archbench.datasets.tokens import decode

SIDE = 128
"""Pixels that the longer side of a small picture has at least, and at most three times as many."""
COLORS = ((230, 80, 40), (40, 130, 230), (60, 170, 70), (190, 90, 200), (220, 170, 30), (40, 180, 180), (150, 110, 80))
TOKENS = "tokens"
FRAMES = 3
"""Of a video that are shown: the first, the middle one, the last."""
WORDS, NUMBERS = 60, 12
"""Of a text, and of a row of numbers, that are shown."""


@dataclass(frozen=True)
class Example:
    """One example of a page."""

    place: str
    """Its split and row."""
    told: str
    """Its labels."""
    pictures: Sequence[np.ndarray] = ()
    """uint8 (height, width, 3), masks in color over them: one, two of a pair, or frames of a video; else none."""
    boxes: Sequence[tuple[int, Sequence[float]]] = ()
    """On the first picture, the number of its class, or its own where there are none, and [top, left, bottom, right]
    in pixels."""
    text: str = ""
    """What is no picture, in words and numbers."""

    @property
    def uri(self) -> str | None:
        """All of it as one picture, a data URI no larger than a page needs; None of what is no picture."""
        return _uri(whole(self)) if self.pictures else None


def is_picture(card: Card) -> bool:
    """Whether the input is pictures (height, width, 1 or 3)."""
    return _pixels(card) == 3


def _pixels(card: Card) -> int:
    """The axes of an input of pictures, 3, or of videos, 4; else 0."""
    kept = card.arrays[card.input]
    pixels = len(kept["shape"]) in (3, 4) and kept["shape"][-1] in (1, 3) and kept["dtype"] == "uint8"
    return len(kept["shape"]) if pixels else 0


def inputs(card: Card) -> list[str]:
    """The input, and of pictures every other one of its size, as the second of a pair."""
    kept = card.arrays[card.input]
    others = [name for name, one in card.arrays.items() if is_picture(card) and name != card.input and one == kept]
    return [card.input, *others]


def example(card: Card, arrays: Arrays, split: str, row: int) -> Example:
    """One example with all that its data set tells of it."""
    place, told = f"{split} {row}", _labels(card, arrays, row)
    if not _pixels(card):
        read = TOKENS if TOKENS in arrays else card.input  # where letters are read, too
        return Example(place, told, text=_text(card, np.asarray(arrays[read][row])))
    images = [np.asarray(arrays[name][row]) for name in inputs(card)]
    if not is_picture(card):
        (frames,) = images
        images = [frames[at] for at in np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).astype(int)]
    images = [np.repeat(one, 3, axis=-1) if one.shape[-1] == 1 else one for one in images]
    if "mask" in arrays:
        images[0] = _shaded(images[0], np.asarray(arrays["mask"][row]), card.void.get("mask", -1))
    if "masks" in arrays:
        for number, mask in enumerate(np.asarray(arrays["masks"][row])):
            images[0] = _shaded(images[0], mask * (number + 1), -1)
    return Example(place, told, images, _boxes(arrays, row) if "boxes" in arrays else ())


def _labels(card: Card, arrays: Arrays, row: int) -> str:
    """Its classes by name, and what is to be foretold."""
    told = []
    for name, classes in card.classes.items():
        value = np.asarray(arrays[name][row]) if name in arrays else None
        if value is None:
            continue
        if value.ndim == 0:
            told.append(classes[int(value)] if value >= 0 else "no label")
        elif name == "box_label":
            told.append(", ".join(sorted({classes[kind] for kind in value.tolist() if kind >= 0})) or "nothing")
        elif value.shape == (len(classes),):
            told.append(", ".join(sorted(classes[kind] for kind in np.flatnonzero(value == 1))) or "nothing")
    for name in ("target", "same"):
        if name in arrays:
            value = np.asarray(arrays[name][row])
            words = card.vocabulary and value.dtype.kind == "i"
            told.append(_text(card, value) if words else f"{name} {np.array2string(value, precision=3)}")
    return "; ".join(dict.fromkeys(told))


def whole(shown: Example) -> Image.Image:
    """Its pictures side by side, small ones larger, with boxes."""
    drawn = [Image.fromarray(one) for one in shown.pictures]
    scale = _scale(drawn[0].size)
    drawn = [one.resize((one.width * scale, one.height * scale), Image.Resampling.NEAREST) for one in drawn]
    pen = ImageDraw.Draw(drawn[0])
    for kind, box in shown.boxes:
        top, left, bottom, right = (side * scale for side in box)
        pen.rectangle((left, top, right - 1, bottom - 1), outline=COLORS[kind % len(COLORS)], width=2)
    sheet = Image.new("RGB", (sum(one.width for one in drawn) + 4 * (len(drawn) - 1), drawn[0].height), "white")
    for number, one in enumerate(drawn):
        sheet.paste(one, (number * (one.width + 4), 0))
    return sheet


def _scale(size: tuple[int, int]) -> int:
    return max(1, round(SIDE / max(size)))


def _shaded(pixels: np.ndarray, mask: np.ndarray, void: int) -> np.ndarray:
    """Classes above 0 in colors over the picture; what is void in black."""
    colors = np.array([(0, 0, 0), *COLORS], np.uint8)
    number = np.where(mask == 0, 0, (mask.astype(int) - 1) % len(COLORS) + 1)
    over = colors[np.where(mask == void, 0, number)]
    return np.where((mask != 0)[..., None], pixels * 0.5 + over * 0.5, pixels).astype(np.uint8)


def _boxes(arrays: Arrays, row: int) -> list[tuple[int, list[float]]]:
    """Those that hold an object."""
    boxes = np.asarray(arrays["boxes"][row]).tolist()
    kinds = np.asarray(arrays["box_label"][row]).tolist() if "box_label" in arrays else range(len(boxes))
    together = zip(kinds, boxes, strict=True)
    return [(kind, box) for kind, box in together if kind >= 0 and box[2] > box[0] and box[3] > box[1]]


def _uri(image: Image.Image) -> str:
    image.thumbnail((3 * SIDE, 3 * SIDE))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def _text(card: Card, value: np.ndarray) -> str:
    if card.vocabulary:
        return _said(value.reshape(-1)[:WORDS].tolist(), card.vocabulary)
    flat = value.reshape(-1)
    more = f", and {flat.size - NUMBERS:,} more" if flat.size > NUMBERS else ""
    return ", ".join(f"{number:.4g}" for number in flat[:NUMBERS].tolist()) + more


def _said(tokens: Sequence[int], vocabulary: Sequence[str]) -> str:
    """Tokens as a text: words with spaces between them, characters without."""
    words = any(len(word) > 2 for word in vocabulary[4:50])
    if not words or any("▁" in word for word in vocabulary):
        return decode(tokens, vocabulary)
    return " ".join(vocabulary[token] for token in tokens if token)
