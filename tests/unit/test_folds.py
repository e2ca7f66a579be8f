"""k-fold cross-validation: every example held out once, classes in proportion, nothing of a fold in its statistics."""

import numpy as np
import pytest
import toys

from archbench.datasets.folds import TooManyFolds, fold
from archbench.datasets.store import Prepared

PREPARED = toys.stripes()


def _rows(arrays) -> list[bytes]:
    return [row.tobytes() for row in np.asarray(arrays["image"])]


def test_every_example_is_held_out_once_and_never_trains_its_own_fold():
    cut = [fold(PREPARED, number, 5).splits for number in range(5)]
    everything = sorted(_rows(PREPARED.splits["train"]) + _rows(PREPARED.splits["validation"]))
    assert sorted(row for one in cut for row in _rows(one["validation"])) == everything
    for one in cut:
        assert sorted(_rows(one["train"]) + _rows(one["validation"])) == everything
        assert one["test"] is PREPARED.splits["test"]


def test_every_fold_holds_the_classes_in_proportion():
    labels = [PREPARED.splits[split]["label"] for split in ("train", "validation")]
    whole = np.bincount(np.concatenate(labels))
    for number in range(5):
        cut = fold(PREPARED, number, 5)
        held_out, rest = (np.bincount(cut.splits[split]["label"]) for split in ("validation", "train"))
        assert np.abs(held_out - whole / 5).max() <= 1
        assert (held_out + rest == whole).all()
        assert cut.card.split_sizes == {"train": rest.sum(), "validation": held_out.sum(), "test": 20}


def test_what_a_fold_holds_out_cannot_leak_into_its_statistics():
    """Examples of the held-out fold are made enormous: the mean and the deviation of the fold stay."""
    honest = fold(PREPARED, 2, 5)
    held_out = set(_rows(honest.splits["validation"]))
    loud = {
        split: {name: np.array(array) for name, array in arrays.items()} for split, arrays in PREPARED.splits.items()
    }
    for split in ("train", "validation"):
        for row, image in enumerate(PREPARED.splits[split]["image"]):
            if np.asarray(image).tobytes() in held_out:
                loud[split]["image"][row] = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1e6
    changed = fold(Prepared(PREPARED.card, loud), 2, 5)
    assert changed.card.statistics == honest.card.statistics
    assert fold(Prepared(PREPARED.card, loud), 1, 5).card.statistics != fold(PREPARED, 1, 5).card.statistics


def test_more_folds_than_examples_are_refused():
    with pytest.raises(TooManyFolds, match="101 folds need as many examples, but 'stripes' has 100"):
        fold(PREPARED, 0, 101)
