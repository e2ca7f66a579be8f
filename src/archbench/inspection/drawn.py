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
WORDS, NUMBERS = 60, 12
"""Of a text, and of a row of numbers, that are shown."""


@dataclass(frozen=True)
class Example:
    """One example of a page."""

    place: str
    """Its split and row."""
    told: str
    """Its labels."""
    picture: str | None
    """As a data URI; None of what is no picture."""
    text: str = ""


def is_picture(card: Card) -> bool:
    """Whether the input is pictures (height, width, 1 or 3)."""
    kept = card.arrays[card.input]
    return len(kept["shape"]) == 3 and kept["shape"][-1] in (1, 3) and kept["dtype"] == "uint8"


def example(card: Card, arrays: Arrays, split: str, row: int) -> Example:
    """One example with all that its data set tells of it."""
    told, value = _labels(card, arrays, row), arrays[card.input][row]
    if is_picture(card):
        return Example(f"{split} {row}", told, uri(_picture(card, arrays, row, np.asarray(value))))
    return Example(f"{split} {row}", told, None, _text(card, np.asarray(value)))


def _labels(card: Card, arrays: Arrays, row: int) -> str:
    """Its classes by name, and what numbers are to be foretold."""
    told = []
    for name, classes in card.classes.items():
        value = np.asarray(arrays[name][row])
        if value.ndim == 0:
            told.append(classes[int(value)] if value >= 0 else "no label")
        elif name == "box_label":
            told.append(", ".join(sorted({classes[kind] for kind in value.tolist() if kind >= 0})) or "nothing")
    for name in ("target", "same"):
        if name in arrays:
            told.append(f"{name} {np.array2string(np.asarray(arrays[name][row]), precision=3)}")
    return "; ".join(told)


def _picture(card: Card, arrays: Arrays, row: int, pixels: np.ndarray) -> Image.Image:
    """The picture, and the other one beside it where there are two, with boxes and masks."""
    images = [pixels] + ([np.asarray(arrays["other"][row])] if "other" in arrays else [])
    drawn = [Image.fromarray(one[..., 0] if one.shape[-1] == 1 else one).convert("RGB") for one in images]
    if "mask" in arrays:
        drawn[0] = _shaded(drawn[0], np.asarray(arrays["mask"][row]), card.void.get("mask", -1))
    if "masks" in arrays:
        for number, mask in enumerate(np.asarray(arrays["masks"][row])):
            drawn[0] = _shaded(drawn[0], mask * (number + 1), -1)
    scale = _scale(drawn[0].size)
    drawn = [one.resize((one.width * scale, one.height * scale), Image.Resampling.NEAREST) for one in drawn]
    if "boxes" in arrays:
        labels = np.asarray(arrays["box_label"][row]) if "box_label" in arrays else None
        _outlined(drawn[0], np.asarray(arrays["boxes"][row]) * scale, labels)
    whole = Image.new("RGB", (sum(one.width for one in drawn) + 4 * (len(drawn) - 1), drawn[0].height), "white")
    for number, one in enumerate(drawn):
        whole.paste(one, (number * (one.width + 4), 0))
    return whole


def _scale(size: tuple[int, int]) -> int:
    return max(1, round(SIDE / max(size)))


def _shaded(image: Image.Image, mask: np.ndarray, void: int) -> Image.Image:
    """Classes above 0 in colors over the picture; what is void in black."""
    colors = np.array([(0, 0, 0), *COLORS], np.uint8)
    number = np.where(mask == 0, 0, (mask.astype(int) - 1) % len(COLORS) + 1)
    over = colors[np.where(mask == void, 0, number)]
    pixels = np.asarray(image)
    mixed = np.where((mask != 0)[..., None], pixels * 0.5 + over * 0.5, pixels)
    return Image.fromarray(mixed.astype(np.uint8))


def _outlined(image: Image.Image, boxes: np.ndarray, labels: np.ndarray | None) -> None:
    pen = ImageDraw.Draw(image)
    for number, (top, left, bottom, right) in enumerate(boxes.tolist()):
        kind = number if labels is None else int(labels[number])
        if kind >= 0 and right > left and bottom > top:
            pen.rectangle((left, top, right - 1, bottom - 1), outline=COLORS[kind % len(COLORS)], width=2)


def uri(image: Image.Image) -> str:
    """A picture as a data URI, no larger than a page needs."""
    image = image.copy()
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
