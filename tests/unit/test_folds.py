"""k-fold cross-validation: every example held out once, classes in proportion, nothing of a fold in its statistics."""

from dataclasses import replace

import numpy as np
import pytest
import toys
from sklearn.model_selection import StratifiedGroupKFold

from archbench.datasets import _split, store
from archbench.datasets._split import EmptySplit
from archbench.datasets.folds import TooManyFolds, fold
from archbench.datasets.prepare import prepare
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


# Groups


def _grouped(groups, seed=0):
    """The stripes with a `group` that crosses their splits: some groups of many examples, many of few."""
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.full(groups, 0.7))
    splits = {
        name: {**arrays, "group": random.choice(groups, len(arrays["label"]), p=shares).astype("int32")}
        for name, arrays in PREPARED.splits.items()
    }
    arrays = {**PREPARED.card.arrays, "group": {"shape": [], "dtype": "int32"}}
    card = replace(PREPARED.card, arrays=arrays, group="group")
    return Prepared(card, splits)


@pytest.mark.parametrize("groups", [7, 30, 80])
def test_no_group_is_in_two_folds(groups):
    data, seen = _grouped(groups), []
    both = np.concatenate([data.splits[split]["group"] for split in ("train", "validation")])
    for number in range(5):
        cut, again = (fold(data, number, 5).splits for _ in range(2))
        held_out, rest = (cut[split]["group"] for split in ("validation", "train"))
        assert len(held_out)
        assert not set(held_out) & set(rest)
        np.testing.assert_array_equal(np.sort(np.concatenate([held_out, rest])), np.sort(both))
        np.testing.assert_array_equal(again["validation"]["image"], cut["validation"]["image"])
        seen += set(held_out)
    assert sorted(seen) == sorted(set(both))


@pytest.mark.parametrize("groups", [12, 40, 300])
def test_folds_of_whole_groups_hold_sizes_and_classes_as_evenly_as_those_of_scikit_learn(groups):
    """By the mean over twenty draws of how far folds are from a fifth of each class, and of all."""
    ours, theirs = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        group = random.choice(groups, 600, p=random.dirichlet(np.full(groups, 0.7)))
        label = random.choice(5, 600, p=[0.5, 0.2, 0.15, 0.1, 0.05])
        number = _split.deal(group, [0.2] * 5, np.random.default_rng(0), label)
        masks = [number == place for place in range(5)]
        witness = [np.isin(np.arange(600), rows) for _, rows in StratifiedGroupKFold(5).split(group, label, group)]
        for found, folds in ((ours, masks), (theirs, witness)):
            content = np.array([np.bincount(label[mask], minlength=5) for mask in folds])
            content = np.column_stack([content, content.sum(axis=1)])
            found.append(np.abs(content - content.mean(axis=0)).mean())
    assert np.mean(ours) <= np.mean(theirs)


def test_groups_of_one_example_each_are_split_as_if_there_were_none():
    label = np.repeat([0, 1, 2], [50, 30, 20])
    chosen = _split.split(100, {"validation": 0.2, "test": 0.1}, 0, label, np.random.default_rng(0).permutation(100))
    assert {name: np.bincount(label[rows]).tolist() for name, rows in chosen.items()} == {
        "train": [35, 21, 14],
        "validation": [10, 6, 4],
        "test": [5, 3, 2],
    }


def test_no_group_is_in_two_splits_and_another_seed_deals_others():
    random = np.random.default_rng(1)
    group, label = random.integers(0, 60, 500), random.integers(0, 4, 500)
    first, again, other = (
        _split.split(500, {"validation": 0.15, "test": 0.15}, seed, label, group) for seed in (0, 0, 1)
    )
    assert sorted(np.concatenate(list(first.values()))) == list(range(500))
    parts = [set(group[rows]) for rows in first.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 60
    for name, share in {"train": 0.7, "validation": 0.15, "test": 0.15}.items():
        np.testing.assert_array_equal(first[name], again[name])
        assert set(first[name]) != set(other[name])
        assert np.abs(np.bincount(label[first[name]]) - share * np.bincount(label)).max() <= 4  # groups are of eight


def test_too_few_groups_are_refused():
    with pytest.raises(TooManyFolds, match="8 folds need as many groups of examples, but 'stripes' has 7"):
        fold(_grouped(7), 0, 8)
    with pytest.raises(EmptySplit, match="The 2 groups of examples that must stay together cannot be divided into"):
        _split.split(100, {"validation": 0.2, "test": 0.2}, 0, group=np.arange(100) % 2)


@pytest.mark.parametrize("name", ["overlapping_digits", "moving_digits"])
def test_the_folds_of_a_data_set_keep_the_promise_of_its_groups(tmp_path, name):
    spec = {"name": name, "examples": 200, "size": 16}
    prepare(spec, name, tmp_path / name, tmp_path / "raw")
    for number in range(3):
        splits = fold(store.load(tmp_path / name), number, 3).splits
        groups = [set(splits[split]["group"].tolist()) for split in ("train", "validation", "test")]
        assert all(groups)
        assert sum(map(len, groups)) == len(set.union(*groups))
