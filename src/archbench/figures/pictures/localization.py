"""Localization: the true and the predicted box of the one object of a picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.figures.detections import kind_legend
from archbench.figures.gallery import LARGEST_SIDE, RIGHT, WRONG, Picture, class_names, displayable, grid, show
from archbench.figures.pictures import picture
from archbench.figures.pictures.detection import draw_box

SHOWN = 12


@picture("localization", source="archbench")
def localization(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """True boxes dashed, predicted boxes solid, coloured by kind, with the probability that there is an object."""
    inputs = predictions["input"][:SHOWN]
    images = displayable(inputs)
    scale = -(-max(inputs.shape[1:3]) // LARGEST_SIDE)
    truth, said = predictions["target_box_label"][:, 0], predictions["prediction_label"]
    kinds = class_names(predictions, int(max(truth.max(initial=0), said.max(initial=0))) + 1)
    drawn, places = grid(len(images), columns=6, side=1.2, room=0.18)
    for place, axes in enumerate(places):
        presence = float(predictions["prediction_presence"][place])
        mistaken = (presence > 0.5) != (truth[place] >= 0)
        show(axes, images[place], title=f"object: {presence:.0%}", color=WRONG if mistaken else RIGHT)
        if truth[place] >= 0:
            draw_box(axes, predictions["target_boxes"][place, 0] / scale, int(truth[place]), dashed=True)
        if presence > 0.5:
            draw_box(axes, predictions["prediction_boxes"][place] / scale, int(said[place]))
    kind_legend(drawn, kinds)
    caption = (
        f"The first {len(images)} test examples, with the probability that there is an object, red where that is "
        "wrong. Dashed: the true box. Solid: the predicted one, where an object is more likely than none. The colour "
        "is the kind."
    )
    return [Picture("boxes", drawn, caption)]
