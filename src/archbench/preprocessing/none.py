"""No preprocessing at all."""

from __future__ import annotations

from archbench.datasets.card import Card
from archbench.preprocessing import preprocessor


@preprocessor("none", source="nothing to cite")
def none(card: Card) -> None:
    """The network reads the numbers as the data set holds them."""
