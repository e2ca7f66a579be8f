"""Classification: the confusion matrix, and examples that the network got right and wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from archbench.figures.gallery import RIGHT, WRONG, Picture, class_names, displayable, grid, is_image, show, still
from archbench.figures.pictures import picture
from archbench.figures.style import figure, shades, shorten

EACH = 10
"""Right examples, and wrong ones, that a gallery shows at most."""
COUNTED_CLASSES = 20
"""With more classes than this, the numbers inside the confusion matrix would not be readable."""


@picture("classification", source="archbench")
def classification(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Confusion matrix of the whole test split, and a gallery where the input is a picture."""
    truth, guess = predictions["all_target_label"], predictions["all_prediction_label"]
    names = class_names(predictions, int(max(truth.max(), guess.max())) + 1)
    right = int((truth == guess).sum())
    matrix = Picture(
        "confusion",
        confusion_figure(confusion_matrix(truth, guess, labels=range(len(names))), names),
        f"Confusion matrix over the whole test split, n={len(truth)}, {right} right. A row is the true class, a column "
        "the predicted one; every number off the diagonal is a mistake.",
    )
    return [matrix, *_galleries(predictions, names)]


def confusion_figure(counts: np.ndarray, names: list[str]) -> Figure:
    """`counts` (true class, predicted class) as shares of the true class by colour and as numbers by text."""
    classes = len(names)
    side = max(2.8, 1.3 + 0.36 * min(classes, COUNTED_CLASSES))  # room for the words beside the bar
    drawn = figure(side + 0.6, side)
    axes = drawn.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [shorten(name, 14) for name in names] if classes <= COUNTED_CLASSES else "auto"
    sns.heatmap(
        shares,
        mask=shares == 0,
        annot=np.where(counts > 0, counts.astype(str), "") if classes <= COUNTED_CLASSES else None,
        fmt="",
        annot_kws={"fontsize": 7},
        vmin=0,
        vmax=1,
        cmap=shades("Blues"),
        square=True,
        cbar_kws={"label": "share of the true class", "shrink": 0.8},
        xticklabels=labels,
        yticklabels=labels,
        ax=axes,
        rasterized=classes > COUNTED_CLASSES,
    )
    axes.set(xlabel="predicted", ylabel="true")
    axes.tick_params(axis="y", labelrotation=0)
    axes.tick_params(axis="x", labelrotation=90 if max(map(len, names)) > 3 else 0)
    return drawn


def _galleries(predictions: Mapping[str, np.ndarray], names: list[str]) -> list[Picture]:
    inputs = still(predictions["input"])
    if not is_image(inputs) or not len(inputs):
        return []
    truth, guess = predictions["target_label"], predictions["prediction_label"]
    wrong, right = np.flatnonzero(truth != guess), np.flatnonzero(truth == guess)
    chosen = [*wrong[:EACH], *right[:EACH]]
    images = displayable(inputs)
    drawn, places = grid(len(chosen), columns=EACH, side=0.8, room=0.26)
    for axes, place in zip(places, chosen, strict=True):
        said, true = shorten(names[guess[place]], 9), shorten(names[truth[place]], 9)
        mistaken = truth[place] != guess[place]
        title = f"✗ {said}\nis {true}" if mistaken else f"✓ {true}"
        show(axes, images[place], title=title, color=WRONG if mistaken else RIGHT)
    return [
        Picture(
            "gallery",
            drawn,
            f"Test examples: {min(len(wrong), EACH)} wrong ones first (✗ with the prediction, then the true class), "
            f"then {min(len(right), EACH)} right ones (✓), out of the {len(inputs)} that the run kept.",
        )
    ]
