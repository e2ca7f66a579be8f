"""Detection: true and predicted boxes over the picture, what is found and what is not, and the anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from archbench.figures.detections import draw_anchors, grouped_bars, kind_legend, precision_curves
from archbench.figures.gallery import LARGEST_SIDE, Picture, class_names, displayable, first_and_worst, grid, show
from archbench.figures.pictures import picture
from archbench.metrics.detection_errors import KINDS, SURE, TOTALS

SHOWN = 8
DRAWN = (
    f"Dashed: true boxes. Solid: predicted boxes with a score of at least {SURE:g} (others count in the scores all the "
    "same), the score at their corner. The colour is the kind."
)


WORST = (
    "The {shown} worst of all {whole} test examples, by the number of objects not found (IoU 0.5) and of wrong "
    f"detections with a score of at least {SURE:g}, which stands above each."
)
"""Which examples a gallery of the worst shows."""
DETECTORS = ("detection", "region_detection", "proposal_detection", "proposal_classification", "proposal_svm")
"""The tasks whose answers are boxes."""


@picture({name: {} for name in DETECTORS}, source="archbench")
def detection(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The first test examples and the worst, precision over recall, mistakes by kind, and anchors."""
    pictures = first_and_worst(predictions, SHOWN, _boxes, "boxes", f"{WORST} {DRAWN}", f". {DRAWN}")
    return [*pictures, *told(predictions, "", "boxes"), *anchors(predictions)]


def told(predictions: Mapping[str, np.ndarray], prefix: str, what: str) -> list[Picture]:
    """Precision over recall of each class and the mistakes by kind, of `boxes` or `masks`; of a run that told them."""
    whole = {name: predictions.get(f"whole_{prefix}{name}") for name in ("kinds", "precision", "error_gains")}
    if whole["kinds"] is None or not len(whole["kinds"]):
        return []
    names = class_names(predictions, int(whole["kinds"].max()) + 1)
    examples, objects = len(predictions["whole_mistakes"]), int(predictions[f"whole_{prefix}size_objects"][0])
    of_all = f"all {examples} test examples, which have {objects} objects"
    curves = {names[kind]: precision for kind, precision in zip(whole["kinds"], whole["precision"].T, strict=True)}
    counts = predictions[f"whole_{prefix}error_counts"]
    heads = [f"{name.replace('_', ' ')} ({count})" for name, count in zip((*KINDS, *TOTALS), counts, strict=True)]
    gains = pd.DataFrame([whole["error_gains"]], index=[what], columns=heads)
    return [
        Picture(
            f"{prefix}precision",
            precision_curves(curves),
            f"Precision over recall of {what} at an IoU of 0.5, over {of_all}: the best precision at that recall or a "
            "higher one. Behind each class: its average precision, the area below.",
        ),
        Picture(
            f"{prefix}mistakes",
            grouped_bars(gains, "mAP@0.5 won"),
            f"Mistakes of {what} by kind over {of_all}, their number in brackets, and how much mAP@0.5 would grow if "
            "those of a kind were made good: each for itself, so they do not add up (TIDE).",
        ),
    ]


def anchors(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The anchors of each map over the first picture; none where the network has none."""
    laid = predictions.get("whole_anchors", np.zeros((0, 4)))
    if not len(laid):
        return []
    inputs = predictions["input"][:1]
    size, scale = inputs.shape[1:3], -(-max(inputs.shape[1:3]) // LARGEST_SIDE)
    cells = np.unique(laid[:, :2], axis=0)
    drawn, places = grid(len(cells), columns=4, side=1.8, room=0.15)
    for axes, cell in zip(places, cells, strict=True):
        own = laid[(laid[:, :2] == cell).all(axis=1)]
        cell_words = " x ".join(f"{side:g}" for side in cell)
        show(axes, displayable(inputs)[0], title=f"cells of {cell_words} pixels: {len(own)} anchors")
        draw_anchors(axes, own, size, scale)
    caption = (
        f"The {len(laid)} anchors, map by map, laid on the cell (grey) in the middle of the first test example; every "
        "other cell has the same. What sticks out of the picture is cut off."
    )
    return [Picture("anchors", drawn, caption)]


def _boxes(predictions: Mapping[str, np.ndarray], rows: Sequence[int], name: str, caption: str) -> Picture:
    """The kept examples `rows`, true and predicted boxes over each."""
    inputs = predictions["input"]
    images = displayable(inputs[rows])
    scale = -(-max(inputs.shape[1:3]) // LARGEST_SIDE)
    labels = predictions["target_box_label"], predictions["prediction_label"]
    kinds = class_names(predictions, int(max(label.max(initial=0) for label in labels)) + 1)
    drawn, places = grid(len(images), columns=4, side=1.8, room=0.15)
    for axes, image, row in zip(places, images, rows, strict=True):
        title = f"mistakes: {predictions['whole_mistakes'][predictions['row'][row]]:g}" if name == "worst" else ""
        show(axes, image, title=title)
        for box, kind in zip(predictions["target_boxes"][row], labels[0][row], strict=True):
            if kind >= 0:
                draw_box(axes, box / scale, int(kind), dashed=True)
        said = (predictions["prediction_boxes"][row], labels[1][row], predictions["prediction_score"][row])
        for box, kind, score in zip(*said, strict=True):
            if kind >= 0 and score >= SURE:
                draw_box(axes, box / scale, int(kind), score=float(score))
    kind_legend(drawn, kinds)
    return Picture(name, drawn, caption)


def draw_box(axes: Axes, box: np.ndarray, kind: int, *, dashed: bool = False, score: float | None = None) -> None:
    """One box [top, left, bottom, right] in shown pixels, in the colour of its kind."""
    palette = sns.color_palette("colorblind")
    color = palette[kind % len(palette)]
    top, left, bottom, right = (float(side) for side in box)
    style = {"linestyle": (0, (3, 2)), "linewidth": 1.0} if dashed else {"linestyle": "-", "linewidth": 1.4}
    corner = (left - 0.5, top - 0.5)
    axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, edgecolor=color, **style))
    if score is not None:
        badge = {"facecolor": color, "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
        axes.text(*corner, f"{score:.2f}", fontsize=5, color="white", bbox=badge, va="bottom", clip_on=True)
