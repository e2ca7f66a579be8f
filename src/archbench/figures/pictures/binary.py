"""Binary decisions: the confusion matrix and examples, as in classification."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.figures.gallery import Picture
from archbench.figures.pictures import picture
from archbench.figures.pictures.classification import classification


@picture("binary", source="archbench")
def binary(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Confusion matrix of the whole test split, and a gallery where the input is a picture."""
    return classification(predictions)
