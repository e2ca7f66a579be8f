"""Options of tasks that score classes, held against the catalogue of losses when params.yaml is read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator

from archbench.errors import UserError
from archbench.losses import LOSSES


class NotOverScores(UserError):
    """A loss that does not compare class scores with labels."""


def _check_over_scores(spec: str | dict[str, Any]) -> str | dict[str, Any]:
    entry, _ = LOSSES.resolve(spec)
    if entry.facts.get("over") != "scores":
        fit = ", ".join(loss.name for loss in LOSSES if loss.facts.get("over") == "scores")
        raise NotOverScores(f"The loss {entry.name!r} does not compare class scores with labels. These do: {fit}.")
    return spec


ScoreLoss = Annotated[str | dict[str, Any], AfterValidator(_check_over_scores)]
"""The name of a loss over class scores, or `{name: ..., option: ...}`; raises `NotOverScores` for any other."""
