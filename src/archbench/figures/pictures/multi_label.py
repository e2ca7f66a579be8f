"""Several labels an example: how often each was found, and examples with what was missed or imagined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from archbench.figures.gallery import LETTERS, RIGHT, WRONG, Picture, class_names, displayable, grid, is_image, show
from archbench.figures.pictures import picture
from archbench.figures.style import figure, shorten

SHOWN = 16
"""Examples in the gallery."""


@picture("multi_label", source="archbench")
def multi_label(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Recall and precision of each class over the kept test examples, and a gallery where the input is a picture."""
    truth, guess = (predictions[f"{kind}_present"].astype(bool) for kind in ("target", "prediction"))
    names = class_names(predictions, truth.shape[1])
    return [_bars(truth, guess, names), *_gallery(predictions["input"], truth, guess, names)]


def _bars(truth: np.ndarray, guess: np.ndarray, names: Sequence[str]) -> Picture:
    hits = (truth & guess).sum(axis=0)
    drawn = figure(1.6 + 0.45 * len(names), 2.6)
    axes = drawn.subplots()
    places = np.arange(len(names))
    for shift, label, total in ((-0.2, "recall", truth.sum(axis=0)), (0.2, "precision", guess.sum(axis=0))):
        axes.bar(places + shift, hits / np.maximum(total, 1), width=0.4, label=label)
    axes.set(ylim=(0, 1), ylabel="share", xticks=places)
    axes.set_xticklabels([shorten(name, 14) for name in names], rotation=90 if max(map(len, names)) > 3 else 0)
    axes.legend(loc="lower right")
    caption = (
        f"Of the {len(truth)} test examples that the run kept: the share of each class that was found (recall), and of "
        "what was called so that truly is (precision)."
    )
    return Picture("labels", drawn, caption)


def _gallery(inputs: np.ndarray, truth: np.ndarray, guess: np.ndarray, names: Sequence[str]) -> list[Picture]:
    inputs = inputs[:SHOWN]
    if not is_image(inputs) or not len(inputs):
        return []
    drawn, places = grid(len(inputs), columns=8, side=1.0, room=0.3)
    for axes, image, true, said in zip(places, displayable(inputs), truth, guess, strict=False):
        wrong = (true != said).any()
        lines = (
            (f"✗ {labels_of(said, names)}", f"is {labels_of(true, names)}")
            if wrong
            else (f"✓ {labels_of(true, names)}",)
        )
        title = "\n".join(shorten(line, LETTERS) for line in lines)
        show(axes, image, title=title, color=WRONG if wrong else RIGHT)
    caption = f"The first {len(inputs)} kept test examples: ✓ all classes right, ✗ the answer, then the truth."
    return [Picture("gallery", drawn, caption)]


def labels_of(present: np.ndarray, names: Sequence[str]) -> str:
    """The names of the classes that are `present` (class,), short enough for a title."""
    return shorten(" ".join(names[place] for place in np.flatnonzero(present)) or "none", 16)
