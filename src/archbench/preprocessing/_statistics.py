"""What a preprocessing is fitted to."""

from __future__ import annotations

import numpy as np

from archbench.datasets.card import Card
from archbench.errors import UserError


class NothingToScale(UserError):
    """A preprocessing of data that have no means and deviations, as tokens."""


def statistic(card: Card, name: str) -> np.ndarray:
    """A number for each channel or feature of the training split; raises `NothingToScale`."""
    if name not in card.statistics:
        raise NothingToScale(
            f"The data set {card.name!r} holds {card.input}, which are names and not amounts: they have no {name} to "
            "scale by. Give its benchmark `preprocessing: none` in params.yaml."
        )
    return np.asarray(card.statistics[name])
