"""What pictures of predictions are drawn from: a few examples as they were read, compared and answered."""

from __future__ import annotations

import numpy as np

from archbench.datasets.card import Card
from archbench.tasks.base import Arrays
from archbench.training.split import Split


def picture_arrays(card: Card, split: Split, predictions: Arrays, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The examples `rows` of a split, in their order, with what its task tells of the whole of it.

    `predictions` are those of all its examples.
    """
    arrays = {
        "input" if name == card.input else f"input_{name}": np.asarray(column[rows])
        for name, column in split.read.items()
    }
    arrays |= {f"shown_{name}": value for name, value in split.show(rows).items()}
    arrays |= {f"whole_{name}": value for name, value in split.task.kept(split.arrays, predictions).items()}
    arrays["row"] = rows
    for name in ("class_names", "vocabulary"):
        if names := getattr(card, name):
            arrays[name] = np.array(names)
    arrays |= {f"{name}_names": np.array(names) for name, names in card.label_names.items() if name in predictions}
    for kind, values in (("target", split.arrays), ("prediction", predictions)):
        for name, value in values.items():
            arrays[f"{kind}_{name}"] = np.asarray(value[rows])
            if value.ndim == 1 or (value.ndim == 2 and value.shape[1] == 1):
                arrays[f"all_{kind}_{name}"] = np.asarray(value)
    return arrays
