"""How translations are said: beams of several widths, what they cost, who is to blame for errors, and long sentences.

Sutskever, Vinyals, Le 2014, arXiv:1409.3215, sections 3.2 and 3.8. The analysis of errors is the optimization
verification test of Ng 2018, "Machine Learning Yearning", chapters 44 and 45.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from archbench.datasets.columns import lengths, take
from archbench.errors import UserError
from archbench.metrics.beam_errors import beam_error_analysis
from archbench.metrics.intervals import bleu_interval, share_interval
from archbench.metrics.texts import bleu
from archbench.metrics.tokens import matches
from archbench.options import Count
from archbench.probes import probe
from archbench.probes.subject import Subject
from archbench.tasks.translation import Translation
from archbench.training import machine
from archbench.training.program import Program
from archbench.training.split import open_split

Beams = Annotated[tuple[Annotated[int, Field(ge=1, le=256)], ...], Field(min_length=1, max_length=32)]
"""Widths of a beam."""
GROUPS = 5
"""Of test sentences by the length of their source, with as many in each."""


class NotTranslation(UserError):
    """A network that says no sequences, where a probe looks at how they are said."""


@probe("decoding", source="Sutskever et al. 2014, arXiv:1409.3215; Ng 2018, Machine Learning Yearning, chapter 44")
def decoding(
    subjects: Iterator[Subject], *, widths: Beams = (1, 2, 4, 8), examples: Count | None = None
) -> dict[str, pd.DataFrame]:
    """What translations of the test split score with beams of several `widths`, what they cost, and what goes wrong.

    Of the first `examples`, by default all. `widths` has a row a network, seed and width: `score` is `metric`, BLEU
    where words are said and otherwise the share of exact matches, and from `low` to `high` its 95 % interval over
    sentences, of BLEU by the bootstrap and of a share by Wilson's formula; `seconds` are those of an example, compiling
    not counted; of the `wrong` ones the model thinks more of the reference in `search_errors`, and not in
    `model_errors`. `lengths` has the score of the network's own width, with its interval, by the length of the source,
    in groups of as many sentences.
    """
    by_width, by_length = [], []
    for subject in subjects:
        own = dict(subject.settings["task"])
        for width in dict.fromkeys((own.get("width", 1), *widths)):
            found = _Said(subject, {**own, "width": width}, examples)
            who = {"arm": subject.arm, "seed": subject.seed}
            if width in widths:
                by_width.append({**who, "width": width, **found.summary()})
            if width == own.get("width", 1):
                by_length += [{**who, **row} for row in found.by_length()]
    return {"widths": pd.DataFrame(by_width), "lengths": pd.DataFrame(by_length)}


class _Said:
    """What one network says with one width."""

    def __init__(self, subject: Subject, task: Mapping[str, Any], examples: int | None) -> None:
        learner = subject.learner(task=task)
        if not isinstance(learner.task, Translation):
            raise NotTranslation(
                f"The probe decoding looks at how translations are said, and {subject.arm} does {task['name']}. "
                "Name benchmarks with the task translation in its runs."
            )
        self.task: Translation = learner.task
        xla, _ = machine.use_xla(subject.settings["xla"], learner.model)
        test = subject.prepared.splits["test"]
        count = min(examples or len(test["source"]), len(test["source"]))
        arrays = {name: take(column, np.arange(count)) for name, column in test.items()}
        size = subject.settings["batch_size"]
        split = open_split(Program(learner, xla), arrays, batch_size=size, resident_bytes=0, group=None)
        split.answer("predictions", size)  # compiles
        begun = time.perf_counter()
        found = split.answer("predictions", size)
        self.seconds = (time.perf_counter() - begun) / count
        self.target, self.said = split.arrays["target"], found["said"]
        self.source_lengths = lengths(arrays["source"])
        nats = found["loss/nats" if "loss/nats" in found else "loss/loss"] * found["loss/weight"]
        self.right = matches(self.target, self.said)
        self.blame = beam_error_analysis(self.right, self.task.comparable(-nats, found["loss/weight"]), found["score"])

    def summary(self) -> dict[str, Any]:
        """A row of `widths`."""
        return {
            **self._scored(np.arange(len(self.right))),
            "seconds": self.seconds,
            "wrong": int((~self.right).sum()),
            "search_errors": int(self.blame.search.sum()),
            "model_errors": int(self.blame.model.sum()),
        }

    def by_length(self) -> Iterator[dict[str, Any]]:
        """The rows of `lengths`."""
        for rows in np.array_split(np.argsort(self.source_lengths, kind="stable"), GROUPS):
            if len(rows):
                some = self.source_lengths[rows]
                yield {"shortest": int(some.min()), "longest": int(some.max()), **self._scored(rows)}

    def _scored(self, rows: np.ndarray) -> dict[str, Any]:
        if self.task.says_words:
            texts = [self.task.texts(tokens[rows]) for tokens in (self.target, self.said)]
            metric, score, (low, high) = "bleu", bleu(*texts), bleu_interval(*texts)
        else:
            right = int(self.right[rows].sum())
            metric, score, (low, high) = "exact_match", right / len(rows), share_interval(right, len(rows))
        return {"examples": len(rows), "metric": metric, "score": score, "low": low, "high": high}
