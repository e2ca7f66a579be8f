"""Prepared folders: whole or refused, and statistics by hand."""

import json

import numpy as np
import pytest

from archbench.datasets import _storage, store
from archbench.datasets._raw import Raw
from archbench.datasets._split import EmptySplit, split
from archbench.datasets.prepare import prepare
from archbench.datasets.store import DamagedStore
from archbench.errors import UserError

FIELDS = {
    "name": "toy",
    "source": "made up",
    "licence": "CC0",
    "input": "features",
    "class_names": ("no", "yes"),
    "labels": ("label",),
}


def toy():
    """Two features; training values 1, 3, 5 and 10, 10, 10; other splits hold wild values."""
    wild = np.full((2, 2), 1e6, np.float32)
    return {
        "train": {
            "features": np.array([[1, 10], [3, 10], [5, 10]], np.float32),
            "label": np.array([0, 1, 1], np.int32),
        },
        "validation": {"features": wild, "label": np.array([0, 0], np.int32)},
        "test": {"features": wild, "label": np.array([0, 1], np.int32)},
    }


@pytest.fixture
def folder(tmp_path):
    store.write(tmp_path / "toy", FIELDS, toy())
    return tmp_path / "toy"


def test_what_is_written_is_what_is_read(folder):
    prepared = store.load(folder)
    for name, arrays in toy().items():
        for key, array in arrays.items():
            read = prepared.splits[name][key]
            assert isinstance(read, np.memmap)
            assert read.dtype == array.dtype
            np.testing.assert_array_equal(read, array)
    assert prepared.card.arrays == {
        "features": {"shape": [2], "dtype": "float32"},
        "label": {"shape": [], "dtype": "int32"},
    }
    assert prepared.card.split_sizes == {"train": 3, "validation": 2, "test": 2}
    assert prepared.card.label_counts == {
        "label": {
            "train": {"known": 3, "classes": [1, 2]},
            "validation": {"known": 2, "classes": [2, 0]},
            "test": {"known": 2, "classes": [1, 1]},
        }
    }
    assert prepared.card.class_names == ("no", "yes")
    assert store.verify(folder) == prepared.card
    assert list(folder.parent.iterdir()) == [folder]


def test_statistics_are_of_the_training_split_alone(folder):
    statistics = store.load(folder).card.statistics
    assert statistics["mean"] == [3, 10]
    np.testing.assert_allclose(statistics["deviation"], [(8 / 3) ** 0.5, 0])
    assert statistics["minimum"] == [1, 10]
    assert statistics["maximum"] == [5, 10]


def test_statistics_of_so_many_pictures_that_their_sums_are_longer_than_64_bits():
    """40,000 pictures of 32 pixels a side, half black and half white: mean and deviation are 127.5."""
    image = np.broadcast_to(np.uint8([0, 255]).repeat(16)[:, None], (40_000, 32, 32, 1))
    statistics = store.statistics(image)
    assert statistics["mean"] == statistics["deviation"] == [127.5]
    assert statistics["mean_image"][0][15:17] == [[0.0], [255.0]]


def test_statistics_in_pieces_equal_those_in_one(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), np.uint8)
    monkeypatch.setattr(_storage, "CHUNK", 100)
    statistics = store.statistics(image)
    np.testing.assert_allclose(statistics["mean"], image.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(statistics["deviation"], image.std(axis=(0, 1, 2)), rtol=1e-12)
    assert statistics["maximum"] == image.max(axis=(0, 1, 2)).tolist()


def test_deviation_survives_a_large_mean():
    column = np.array([[1e6], [1e6 + 1], [1e6 + 2]], np.float32)
    np.testing.assert_allclose(store.statistics(column)["deviation"], [(2 / 3) ** 0.5], rtol=1e-9)


def test_digest_tells_content_names_types_and_shapes_apart():
    changes = [
        lambda s: s["test"]["label"].__setitem__(0, 1),
        lambda s: s["train"].update(other=s["train"].pop("label")),
        lambda s: s["train"].update(label=s["train"]["label"].astype(np.uint32)),
        lambda s: s["train"].update(features=s["train"]["features"].reshape(2, 3)),
        lambda s: s.update(validation=s["test"], test=s["validation"]),
    ]
    digests = [store.digest(toy())]
    for change in changes:
        splits = toy()
        change(splits)
        digests.append(store.digest(splits))
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("split", store.SPLITS)
def test_digest_hangs_on_every_array_of_every_split(split):
    for name in ("features", "label"):
        changed = toy()
        changed[split][name] = changed[split][name] + 1
        assert store.digest(changed) != store.digest(toy()), name


def edit_card(folder, **fields):
    card = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**card, **fields}))


def save(folder, array, **options):
    np.save(folder / "train" / "features.npy", array, **options)


DAMAGE = {
    "no card": (lambda f: (f / "dataset.json").unlink(), "never prepared or only half"),
    "half a card": (lambda f: (f / "dataset.json").write_text('{"name": "to'), "cannot be read"),
    "empty card": (lambda f: (f / "dataset.json").write_text("{}"), "it should hold"),
    "a list": (lambda f: (f / "dataset.json").write_text("[1]"), "it should hold"),
    "odd arrays": (lambda f: edit_card(f, arrays={"features": {"shape": 3}}), "cannot be read"),
    "missing array": (lambda f: (f / "test" / "label.npy").unlink(), "test/label.npy is missing"),
    "wrong shape": (lambda f: save(f, np.zeros((3, 3), np.float32)), r"holds float32 \(3, 3\), its card says"),
    "too few": (lambda f: save(f, np.zeros((2, 2), np.float32)), r"float32 \(2, 2\)"),
    "wrong type": (lambda f: save(f, np.zeros((3, 2))), "holds float64"),
    "pickle": (lambda f: save(f, np.array([[1, {}]] * 3, object), allow_pickle=True), "cannot be read"),
    "truncated": (
        lambda f: (f / "train" / "features.npy").write_bytes((f / "train" / "features.npy").read_bytes()[:-4]),
        "train/features.npy cannot be read",
    ),
    "empty file": (lambda f: (f / "train" / "features.npy").write_bytes(b""), "cannot be read"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_folder_is_refused_with_the_command_that_helps(folder, damage):
    harm, says = DAMAGE[damage]
    harm(folder)
    with pytest.raises(DamagedStore, match=says) as failure:
        store.load(folder)
    assert isinstance(failure.value, UserError)
    assert "dvc repro -f prepare@toy" in str(failure.value)


def test_a_changed_byte_is_found_by_verify(folder):
    features = np.load(folder / "train" / "features.npy")
    features[1, 1] += 1
    save(folder, features)
    store.load(folder)
    with pytest.raises(DamagedStore, match="sha256"):
        store.verify(folder)


def test_failed_write_leaves_what_was_there(folder):
    before = store.verify(folder)
    splits = toy()
    splits["test"]["label"] = np.array([object()])
    with pytest.raises((ValueError, TypeError)):
        store.write(folder, FIELDS, splits)
    assert store.verify(folder) == before
    assert list(folder.parent.iterdir()) == [folder]


def test_writing_again_replaces(folder):
    splits = toy()
    splits["train"]["extra"] = np.zeros(3, np.float32)
    splits["validation"]["extra"] = splits["test"]["extra"] = np.zeros(2, np.float32)
    store.write(folder, FIELDS, splits)
    assert "extra" in store.load(folder).card.arrays
    del splits["train"]["extra"]
    store.write(folder, FIELDS, toy())
    assert not (folder / "train" / "extra.npy").exists()


# --- splits


def test_splits_are_disjoint_complete_and_stratified():
    label = np.repeat([0, 1, 2], [600, 300, 100])
    parts = split(1000, {"validation": 0.2, "test": 0.1}, seed=5, strata=label)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(1000))
    assert {name: np.bincount(label[rows]).tolist() for name, rows in parts.items()} == {
        "train": [420, 210, 70],
        "validation": [120, 60, 20],
        "test": [60, 30, 10],
    }


def test_classes_that_do_not_divide_evenly_stay_within_one():
    label = np.random.default_rng(1).integers(0, 7, 333)
    parts = split(333, {"validation": 0.15, "test": 0.15}, seed=0, strata=label)
    for rows in parts.values():
        expected = np.bincount(label) * len(rows) / 333
        assert np.abs(np.bincount(label[rows], minlength=7) - expected).max() <= 1.01


def test_splits_follow_the_seed():
    label = np.arange(100) % 4
    first, same, other = (split(100, {"validation": 0.2, "test": 0.2}, seed, label) for seed in (3, 3, 4))
    assert all((first[name] == same[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)


def test_without_labels_splits_are_shuffled():
    rows = split(1000, {"validation": 0.2}, seed=0)["validation"]
    assert len(rows) == 200
    assert 400 < rows.mean() < 600
    assert (np.diff(rows) < 0).any()


def test_empty_splits_are_refused():
    with pytest.raises(EmptySplit, match="at least one example"):
        split(5, {"validation": 0.05, "test": 0.4}, seed=0)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"name": "iris", "validation": 0.6, "test": 0.5}, "leave nothing to train on"),
        ({"name": "iris", "validation": 0}, "validation cannot be 0. .* greater than 0"),
        ({"name": "iris", "test": 1.0}, "test cannot be 1.0. .* less than 1"),
        ({"name": "iris", "test": "0.1"}, "test cannot be '0.1'"),
        ({"name": "mnist", "validation": True}, "validation cannot be True"),
    ],
)
def test_impossible_fractions_are_refused_before_a_download(tmp_path, spec, says):
    with pytest.raises(UserError, match=says):
        prepare(spec, "x", tmp_path / "x", tmp_path / "raw")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("train", "classes", "says"),
    [
        ({"features": np.zeros((3, 2)), "label": np.zeros(2, int)}, ("a",), "same number"),
        ({"features": np.zeros((0, 2)), "label": np.zeros(0, int)}, ("a",), "at least one"),
        ({"features": np.zeros((3, 2)), "label": np.array([0, 1, 2])}, ("a", "b"), "do not fit 2"),
        ({"features": np.zeros((3, 2)), "label": np.array([0, -2, 0])}, ("a", "b"), "from -2"),
        ({"label": np.zeros(3, int)}, ("a",), "'features'"),
    ],
)
def test_a_loader_cannot_hand_over_arrays_that_do_not_fit(train, classes, says):
    with pytest.raises(ValueError, match=says):
        Raw("s", "l", "features", train, 0.1, 0.1, class_names=classes, labels=("label",))
