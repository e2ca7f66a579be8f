"""Sequence regression: predicted against true values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seaborn as sns

from archbench.figures.gallery import Picture
from archbench.figures.pictures import picture
from archbench.figures.style import figure

POINTS = 500
"""Points drawn at most: more would hide each other and fill the page's files."""


@picture("sequence_regression", source="archbench")
def sequence_regression(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Every test example as a point; a perfect network puts them all on the diagonal."""
    whole = "all_target_target" in predictions and "all_prediction_target" in predictions
    names = ("all_target_target", "all_prediction_target") if whole else ("target_target", "prediction_target")
    truth, guess = (predictions[name].ravel()[:POINTS] for name in names)
    drawn = figure(4.0, 3.8)
    axes = drawn.subplots()
    sns.scatterplot(x=truth, y=guess, s=14, alpha=0.5, linewidth=0, ax=axes)
    finite = np.concatenate([truth, guess])[np.isfinite(np.concatenate([truth, guess]))]
    ends = [finite.min(initial=0), finite.max(initial=1)]
    axes.plot(ends, ends, color="#3b3b3b", linewidth=1, linestyle="--")
    axes.set(xlabel="true value", ylabel="predicted value")
    caption = (
        f"Predicted against true values of the first {len(truth)} test values. On the dashed line they are equal; a "
        "flat cloud is a network that answers with a constant."
    )
    return [Picture("scatter", drawn, caption)]
