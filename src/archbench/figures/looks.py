"""What classifiers look at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.gallery import displayable, grid, is_image, show


def looks(scores: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Three rows a network: its pictures, guided back-propagation, and Grad-CAM over the pictures.

    `scores` and `arrays` as `guided_backprop` gives them; of pictures of other than 1 or 3 channels the first is shown.
    """
    numbers = list(dict.fromkeys(scores["network"]))
    columns = int(scores.groupby("network").size().max())
    drawn, places = grid(3 * len(numbers) * columns, columns=columns)
    for row, number in enumerate(numbers):
        own = scores[scores["network"] == number]
        pictures, guided, cam = (arrays[f"{kind}_{number}"] for kind in ("pictures", "guided", "cam"))
        shown = [_shown(pictures), np.concatenate([_shown(one[None]) for one in guided])]
        for place, (_, told) in enumerate(own.iterrows()):
            at = [places[(3 * row + kind) * columns + place] for kind in range(3)]
            show(at[0], shown[0][place], title=f"{told['arm']}: {told['label']}"[:22])
            show(at[1], shown[1][place])
            show(at[2], shown[0][place])
            height, width = shown[0].shape[1:3]
            at[2].imshow(cam[place], cmap="inferno", alpha=0.6, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    return drawn


def _shown(images: np.ndarray) -> np.ndarray:
    return displayable(images if is_image(images) else images[..., :1])
