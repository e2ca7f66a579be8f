"""How well networks fit what they train on, by depth: deeper plain nets fit it worse, residual ones do not.

He, Zhang, Ren, Sun 2015, arXiv:1512.03385, sections 1 and 4.2, figures 1 and 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from archbench.architectures.activity import operations
from archbench.architectures.parted import whole
from archbench.architectures.profile import profile
from archbench.options import Count, Epochs
from archbench.probes import probe
from archbench.probes.subject import Subject
from archbench.training.program import Program
from archbench.training.split import Split, open_split

RESIDENT_BYTES = 2**28


@probe("degradation", source="He et al. 2015, arXiv:1512.03385, sections 1 and 4.2")
def degradation(
    subjects: Iterator[Subject], *, examples: Count = 1024, epochs: Epochs = (0,)
) -> dict[str, pd.DataFrame]:
    """The loss on training data, and the error where there is one, by depth and with shortcuts or without.

    In inference mode, on the first `examples` of the training split, after each of `epochs` of training, where 0 is
    before the first: for networks of finished runs, which are trained already, 0 alone. A row a network and epoch:
    `depth` is the most layers with weights on one path, `shortcuts` whether anything is added up, `loss` the mean loss
    without penalties, and `error` 1 less the mean accuracy, missing where the task has none.
    """
    rows: list[dict[str, Any]] = []
    for subject in subjects:
        first, count = subject.first(examples)
        learner = subject.learner()
        depth = profile(whole(learner.parts), learner.task.calls()).depth
        kinds = {type(one).__name__ for part in learner.parts.values() for one in operations(part)}
        known = {"depth": depth, "shortcuts": "Add" in kinds}
        batch = subject.settings["batch_size"]
        split = open_split(
            Program(learner, xla=False), first, batch_size=min(batch, count), resident_bytes=RESIDENT_BYTES, group=None
        )
        rows += subject.followed(learner, epochs, lambda: [{**known, **_means(split, batch)}])  # noqa: B023
    return {"networks": pd.DataFrame(rows)}


def _means(split: Split, batch_size: int) -> dict[str, float]:
    scores, _ = split.scores(batch_size, predicted=False)
    return {"loss": scores["loss"], "error": 1 - scores["accuracy"] if "accuracy" in scores else np.nan}
