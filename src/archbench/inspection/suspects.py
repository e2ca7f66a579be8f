"""Labels of validation and test examples that a trained network doubts, by confident learning.

Northcutt, Jiang, Chuang 2021, arXiv:1911.00068, as the probe `suspected_labels`; but here the network is one that is
there, so only what it was not trained on is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archbench.datasets.card import Card
from archbench.datasets.store import Prepared
from archbench.errors import UserError
from archbench.records.read import RunFolder, read_run
from archbench.tasks import TASKS
from archbench.tasks.base import Task

JUDGED = ("validation", "test")


@dataclass(frozen=True)
class Suspect:
    """One example whose label is doubted."""

    split: str
    row: int
    likeliest: str
    credibility: float
    """How likely the network takes the label to be."""


@dataclass(frozen=True)
class Suspects:
    """What one trained network doubts."""

    run: Path
    examples: int
    """That were judged."""
    found: list[Suspect]
    """The least credible first."""


def suspects(prepared: Prepared, runs: Path) -> Suspects | None:
    """Those of the best run on this very data set below `runs`; None where there is none that can tell."""
    trained = sorted(_trained(prepared.card, runs), key=_score)
    if not trained:
        return None
    from cleanlab.filter import find_label_issues

    run = trained[-1]
    label = np.concatenate([np.asarray(prepared.splits[split]["label"]) for split in JUDGED])
    likely = np.concatenate([_likely(run, prepared, split) for split in JUDGED])
    try:
        rows = find_label_issues(label, likely, return_indices_ranked_by="self_confidence", n_jobs=1)
    except ValueError:
        return None  # too few examples, or classes of which there are none
    places = [(split, row) for split in JUDGED for row in range(prepared.card.split_sizes[split])]
    names, guess = prepared.card.class_names, likely.argmax(axis=1)
    found = [Suspect(*places[row], names[guess[row]], float(likely[row, label[row]])) for row in rows]
    return Suspects(run.path, len(label), found)


def _trained(card: Card, runs: Path) -> Iterator[RunFolder]:
    """Finished runs on this data set with their weights here, whose task says how likely each class is."""
    for settings in sorted(runs.glob("*/seed-*/settings.yaml")):
        run = read_run(settings.parent, digests=False)
        if run.state != "finished" or not run.has_weights:
            continue
        if run.settings["dataset_sha256"] != card.sha256 or "label" not in card.arrays:
            continue
        try:
            task = TASKS[run.settings["task"]["name"]].build
        except UserError:
            continue  # of a plugin that is not here
        if task.probabilities is not Task.probabilities:
            yield run


def _score(run: RunFolder) -> float:
    """Better is larger."""
    score = run.metrics["scores"]["validation"].get(run.metrics["monitor"])
    return -np.inf if score is None else score if run.metrics["maximize"] else -score


def _likely(run: RunFolder, prepared: Prepared, split: str) -> np.ndarray:
    """How likely each class is (example, class)."""
    import keras

    from archbench.architectures.network import load_network

    task = TASKS.build(run.settings["task"], prepared.card)
    outputs = load_network(run.path / "model.keras").predict(
        np.asarray(prepared.splits[split][prepared.card.input]), verbose=0
    )
    return keras.ops.convert_to_numpy(task.probabilities(outputs)).astype("float64")
