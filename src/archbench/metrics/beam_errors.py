"""Who is to blame where a translation is wrong: the search, or the model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Blame(NamedTuple):
    """Of every sentence (example,), at most one of the two."""

    search: np.ndarray
    """Wrong, though the model thinks more of the reference: the search did not find it."""
    model: np.ndarray
    """Wrong, and the model thinks as much of it as of the reference, or more: no wider search would help."""


def beam_error_analysis(right: np.ndarray, reference: np.ndarray, said: np.ndarray) -> Blame:
    """Compare the model's scores of the references and of what was said (example,), where that is not `right`.

    Both as the search compares them. A wrong output may be a good translation too: of several references one is known.
    """
    better = reference > said
    return Blame(~right & better, ~right & ~better)
