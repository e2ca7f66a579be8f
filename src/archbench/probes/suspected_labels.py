"""Labels that are likely wrong, found by confident learning.

Northcutt, Jiang, Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70,
arXiv:1911.00068; in the implementation of the authors, cleanlab. Each example is judged by a network that was trained
on others (k-fold cross-validation), so that none has learnt the label that it doubts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import keras
import numpy as np
import pandas as pd
from pydantic import Field

from archbench.datasets.folds import fold, numbered, together
from archbench.datasets.mislabelled import PLANTED
from archbench.probes import Found, probe
from archbench.probes.subject import Subject
from archbench.tasks.base import Task
from archbench.training.build import build_task
from archbench.training.checkpoint import Progress
from archbench.training.fit import fit
from archbench.training.run import Workbench, inference

LABEL = "label"
SHOWN = 24
"""Suspects of a network that are kept for pictures."""


@probe("suspected_labels", source="Northcutt, Jiang, Chuang 2021, JAIR 70, arXiv:1911.00068", trainings="folds")
def suspected_labels(subjects: Iterator[Subject], *, folds: Annotated[int, Field(ge=2, le=20)] = 4) -> Found:
    """Training and validation examples whose label is likely wrong, the least credible first.

    Each network is trained `folds` times as a benchmark is; the fold that is held out chooses the epoch. `suspects` has
    a row an example that confident learning doubts: its split and row, its label, the likeliest class, and how likely
    the network takes the label to be; `planted` says whether it is one of those that the data set made wrong, where it
    tells. `summary` counts: with `planted` labels, recall is the share of them that is found, and precision the
    share of the suspects that are such. Raises `TaskMismatch` where an example is not of one class.
    """
    from cleanlab.filter import find_label_issues  # seconds of scikit-learn, which listing the probes need not wait for

    summary, suspects, pictures = [], [], {}
    for subject in subjects:
        card = subject.prepared.card
        _check(subject)
        both = together(subject.prepared)
        likely = held_out(subject, folds)
        label = np.asarray(both[LABEL])
        rows = find_label_issues(label, likely, return_indices_ranked_by="self_confidence", n_jobs=1)
        guess, whose = likely.argmax(axis=1), {"arm": subject.arm, "seed": subject.seed}
        planted = np.asarray(both[PLANTED]) if PLANTED in both else None
        summary.append({**whose, **counts(len(label), rows, planted), "agreement": (guess == label).mean()})
        training, names = card.split_sizes["train"], card.class_names
        for row in rows:
            is_training = row < training
            suspects.append(
                {
                    **whose,
                    "split": "train" if is_training else "validation",
                    "row": row if is_training else row - training,
                    "label": names[label[row]],
                    "likeliest": names[guess[row]],
                    "credibility": likely[row, label[row]],
                    "planted": None if planted is None else bool(planted[row]),
                }
            )
        if f"suspects-{subject.arm}" not in pictures and len(rows):
            shown = rows[:SHOWN]
            pictures[f"suspects-{subject.arm}"] = {
                "input": np.asarray(both[card.input][shown]),
                "class_names": np.array(names),
                "row": shown,
                "target_label": label[shown],
                "prediction_label": guess[shown],
                "all_target_label": label,
                "all_prediction_label": guess,
            }
    return {"summary": pd.DataFrame(summary), "suspects": pd.DataFrame(suspects, columns=COLUMNS), **pictures}


COLUMNS = ("arm", "seed", "split", "row", "label", "likeliest", "credibility", "planted")


def counts(examples: int, rows: np.ndarray, planted: np.ndarray | None) -> dict[str, float]:
    """How many are suspected, and where wrong labels were planted, how many of these and of what share."""
    found = {"examples": examples, "suspected": len(rows)}
    if planted is None:
        return found
    right = int(planted[rows].sum())
    return {
        **found,
        "planted": int(planted.sum()),
        "found": right,
        "recall": right / planted.sum() if planted.any() else np.nan,
        "precision": right / len(rows) if len(rows) else np.nan,
    }


def held_out(subject: Subject, folds: int) -> np.ndarray:
    """How likely each class is (example, class), by the network that was not trained on the example.

    Training examples come first, then those for validation.
    """
    number_of = numbered(subject.prepared, folds)
    likely = np.empty((len(number_of), len(subject.prepared.card.class_names)), "float64")
    for number in range(folds):
        bench = Workbench(subject.settings, fold(subject.prepared, number, folds), subject.runs)
        recipe = bench.start(subject.settings)
        progress = Progress(subject.settings["id"])
        fit(bench.program, recipe, bench.training, bench.validation, progress, after_epoch=_go_on)
        model = inference(bench.program.learner.model, bench.task)
        outputs = model.predict(np.asarray(bench.prepared.splits["validation"][bench.card.input]), verbose=0)
        likely[number_of == number] = keras.ops.convert_to_numpy(bench.task.probabilities(outputs))
    return likely


def _go_on(progress: Progress) -> None:
    """Nothing of the training is recorded."""


def _check(subject: Subject) -> None:
    """Raise `TaskMismatch` where the answers are not probabilities of the classes of an example."""
    task = build_task(subject.settings, subject.prepared.card)
    if type(task).probabilities is Task.probabilities:
        task.probabilities(None)
