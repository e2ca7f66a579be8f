"""How many of the objects proposals find, and how well, by how many are looked at in a picture.

Hosang, Benenson, Dollar, Schiele, "What makes for effective detection proposals?", 2015, arXiv:1502.05082, section 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from archbench.options import Count
from archbench.probes import probe
from archbench.probes.subject import Subject
from archbench.tasks.base import Arrays, TaskMismatch

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""IoU at which an object counts as found, in the mean over which COCO gives average recall."""
BASE = 2
"""Numbers of proposals are its powers, and all."""

Counts = Annotated[tuple[Count, ...], Field(max_length=64)]


@probe("proposal_recall", source="Hosang et al. 2015, arXiv:1502.05082, section 4")
def proposal_recall(subjects: Iterator[Subject], *, counts: Counts = ()) -> dict[str, pd.DataFrame]:
    """Recall of the objects of the test split among the first so many proposals of a picture.

    A row a data set and a number of proposals: `recall_50` and `recall_70` are the shares of objects that a proposal
    overlaps by an IoU of 0.5 or 0.7 at least, `average_recall` their mean from 0.5 to 0.95 in steps of 0.05; `objects`
    and `pictures` are how many there are. `counts` are 1, 2, 4, ... and all, unless they are given. A data set that
    several networks read is looked at once. Raises `TaskMismatch` where one has no proposals.
    """
    seen: dict[str, pd.DataFrame] = {}
    for subject in subjects:
        card = subject.prepared.card
        if missing := [name for name in ("boxes", "box_label", "proposals") if name not in card.arrays]:
            raise TaskMismatch(
                f"The data set {card.name!r} has no {' and no '.join(missing)}, which proposal_recall looks at. Give "
                f"{subject.arm} a data set with proposals."
            )
        if card.name not in seen:
            found = recall(subject.prepared.splits["test"], counts)
            seen[card.name] = pd.DataFrame({"dataset": card.name, **found})
    return {"recall": pd.concat(seen.values(), ignore_index=True)}


def recall(split: Arrays, counts: Counts = ()) -> dict[str, list]:
    """The columns of `proposal_recall`, but for the data set, of a split with boxes and proposals."""
    boxes, label = np.asarray(split["boxes"], "float64"), np.asarray(split["box_label"])
    proposals = np.asarray(split["proposals"], "float64")
    best = np.concatenate(
        [best_overlaps(boxes[row][label[row] >= 0], proposals[row]) for row in range(len(boxes))]
    )  # (object, proposal)
    most = best.shape[1]
    chosen = [min(count, most) for count in counts] or [*BASE ** np.arange(int(np.log2(most)) + 1), most]
    rows = []
    for count in dict.fromkeys(map(int, chosen)):
        hits = (best[:, count - 1, None] >= THRESHOLDS - 1e-9).mean(axis=0)
        rows.append((count, hits[0], hits[4], hits.mean(), len(best), len(boxes)))
    names = ("proposals", "recall_50", "recall_70", "average_recall", "objects", "pictures")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def best_overlaps(boxes: np.ndarray, proposals: np.ndarray) -> np.ndarray:
    """The most that one of the first proposals overlaps each of `boxes` (object, 4): IoU (object, proposal)."""
    first = np.maximum(boxes[:, None, :2], proposals[None, :, :2])
    last = np.minimum(boxes[:, None, 2:], proposals[None, :, 2:])
    shared = np.maximum(last - first, 0).prod(axis=-1)
    area, own = ((some[:, 2:] - some[:, :2]).prod(axis=-1) for some in (boxes, proposals))
    return np.maximum.accumulate(shared / (area[:, None] + own - shared), axis=1)
