"""Options of tasks that score classes, held against the catalogue of losses when params.yaml is read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator

from archbench.errors import UserError
from archbench.losses import LOSSES


class NotOverScores(UserError):
    """A loss that does not compare class scores with labels."""


Spec = str | dict[str, Any]


def _check_over_scores(spec: Spec) -> Spec:
    return _check(spec, ("scores",))


def _check_over_maps(spec: Spec) -> Spec:
    return _check(spec, ("scores", "maps"))


def _check(spec: Spec, over: tuple[str, ...]) -> Spec:
    entry, _ = LOSSES.resolve(spec)
    if entry.facts.get("over") not in over:
        fit = ", ".join(loss.name for loss in LOSSES if loss.facts.get("over") in over)
        raise NotOverScores(f"The loss {entry.name!r} does not compare class scores with labels. These do: {fit}.")
    return spec


ScoreLoss = Annotated[Spec, AfterValidator(_check_over_scores)]
"""The name of a loss over class scores, or `{name: ..., option: ...}`; raises `NotOverScores` for any other."""
MapLoss = Annotated[Spec, AfterValidator(_check_over_maps)]
"""That, or a loss that compares whole maps of them."""
