"""Localization: the true and the predicted box of the one object of a picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.figures.detections import kind_legend
from archbench.figures.gallery import (
    LARGEST_SIDE,
    RIGHT,
    WRONG,
    Picture,
    class_names,
    displayable,
    first_and_worst,
    grid,
    show,
)
from archbench.figures.pictures import picture
from archbench.figures.pictures.detection import draw_box

SHOWN = 12


@picture("localization", source="archbench")
def localization(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The first test examples and the worst: boxes, coloured by kind, and the probability that there is an object."""
    worst = (
        "The {shown} of all {whole} test examples whose box overlaps the true one least, or where an object is missed "
        "or seen where there is none"
    )
    return first_and_worst(predictions, SHOWN, _boxes, "boxes", worst)


def _boxes(predictions: Mapping[str, np.ndarray], rows: np.ndarray, name: str, which: str) -> Picture:
    inputs = predictions["input"][rows]
    images = displayable(inputs)
    scale = -(-max(inputs.shape[1:3]) // LARGEST_SIDE)
    truth, said = predictions["target_box_label"][:, 0], predictions["prediction_label"]
    kinds = class_names(predictions, int(max(truth.max(initial=0), said.max(initial=0))) + 1)
    drawn, places = grid(len(images), columns=6, side=1.2, room=0.18)
    for axes, image, row in zip(places, images, rows, strict=True):
        presence = float(predictions["prediction_presence"][row])
        mistaken = (presence > 0.5) != (truth[row] >= 0)
        show(axes, image, title=f"object: {presence:.0%}", color=WRONG if mistaken else RIGHT)
        if truth[row] >= 0:
            draw_box(axes, predictions["target_boxes"][row, 0] / scale, int(truth[row]), dashed=True)
        if presence > 0.5:
            draw_box(axes, predictions["prediction_boxes"][row] / scale, int(said[row]))
    kind_legend(drawn, kinds)
    caption = (
        f"{which}, with the probability that there is an object, red where that is wrong. Dashed: the true box. Solid: "
        "the predicted one, where an object is more likely than none. The colour is the kind."
    )
    return Picture(name, drawn, caption)
