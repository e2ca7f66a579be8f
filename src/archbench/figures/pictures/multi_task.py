"""Several labels of one example: how often each head is right, and examples with every answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from archbench.figures.gallery import LETTERS, RIGHT, WRONG, Picture, displayable, grid, is_image, show
from archbench.figures.pictures import picture
from archbench.figures.pictures.multi_label import labels_of
from archbench.figures.style import figure, shorten

SHOWN = 16
"""Examples in the gallery."""


@picture("multi_task", source="archbench")
def multi_task(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The share of right answers of each head over the kept test examples, and a gallery of pictures."""
    heads = [name.removeprefix("target_") for name in predictions if name.startswith("target_")]
    right = {
        head: _right(predictions[f"target_{head}"], predictions[f"prediction_{head}"]) for head in heads
    }  # head -> (example,)
    return [_bars(right), *_gallery(predictions, heads, right)]


def _right(truth: np.ndarray, guess: np.ndarray) -> np.ndarray:
    same = truth == guess
    return same if same.ndim == 1 else same.all(axis=1)


def _bars(right: Mapping[str, np.ndarray]) -> Picture:
    drawn = figure(3.6, 0.9 + 0.35 * len(right))
    axes = drawn.subplots()
    axes.barh(list(right), [answers.mean() for answers in right.values()])
    axes.set(xlim=(0, 1), xlabel="share of examples answered right")
    axes.invert_yaxis()
    count = len(next(iter(right.values())))
    caption = (
        f"Of the {count} test examples that the run kept: the share that each head answers right, sets as a whole."
    )
    return Picture("answers", drawn, caption)


def _gallery(
    predictions: Mapping[str, np.ndarray], heads: Sequence[str], right: Mapping[str, np.ndarray]
) -> list[Picture]:
    inputs = predictions["input"][:SHOWN]
    if not is_image(inputs) or not len(inputs):
        return []
    drawn, places = grid(len(inputs), columns=8, side=1.0, room=0.12 + 0.12 * len(heads))
    for place, (axes, image) in enumerate(zip(places, displayable(inputs), strict=True)):
        lines = [shorten(_line(predictions, head, place, bool(right[head][place])), LETTERS) for head in heads]
        good = all(right[head][place] for head in heads)
        show(axes, image, title="\n".join(lines), color=RIGHT if good else WRONG)
    caption = f"The first {len(inputs)} kept test examples, a line a head: ✓ right, ✗ the answer (the truth)."
    return [Picture("gallery", drawn, caption)]


def _line(predictions: Mapping[str, np.ndarray], head: str, place: int, good: bool) -> str:
    truth, guess = (_said(predictions, head, predictions[f"{kind}_{head}"][place]) for kind in ("target", "prediction"))
    return f"✓ {truth}" if good else f"✗ {guess} ({truth})"


def _said(predictions: Mapping[str, np.ndarray], head: str, value: np.ndarray) -> str:
    """A label in words, as far as the run recorded its names."""
    names = predictions.get("class_names" if head in ("present", "label") else f"{head}_names")
    if names is None:
        return str(value.tolist())
    return labels_of(value, names.tolist()) if value.ndim else str(names[int(value)])
