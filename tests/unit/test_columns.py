"""Columns of every kind: what is read, padded and taken is what was put in, also from disk; damage is named."""

import os
from dataclasses import replace

import numpy as np
import pytest

from archbench.datasets import _storage, store
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import EmptySplit
from archbench.datasets.columns import Misfit, Ragged, Runs, concatenate, lengths, take
from archbench.datasets.folds import fold
from archbench.datasets.prepare import _splits
from archbench.datasets.store import DamagedStore, Prepared

LENGTHS = {
    "uneven": [3, 0, 1, 5, 2],
    "first and last empty": [0, 4, 0],
    "one example": [4],
    "one empty example": [0],
    "all empty": [0, 0, 0],
    "all of one row": [1, 1, 1],
}
TAILS = {"tokens": ((), np.int32, 0), "labels": ((), np.int32, -1), "boxes": ((4,), np.float32, 0)}
SIZE = (5, 7)


def examples_of(counts, tail=(), dtype=np.int32):
    """Examples with so many rows; no value is a pad."""
    values = np.random.default_rng(0).integers(1, 100, (sum(counts), *tail)).astype(dtype)
    return np.split(values, np.cumsum(counts)[:-1])


def masks_of(counts):
    """Examples with so many masks, among them a full and an empty one."""
    random = np.random.default_rng(1)
    masks = [(random.random((count, *SIZE)) < random.random((count, 1, 1))).astype(np.uint8) for count in counts]
    for one in masks:
        one[:1], one[1:2] = 1, 0
    return masks


def padded(examples, pad, width=None):
    """By hand: every example filled up at its end to the longest, or to `width`."""
    width = max(map(len, examples), default=0) if width is None else width
    rows = [[*one, *[np.full(one.shape[1:], pad)] * (width - len(one))] for one in examples]
    shape = (len(examples), width, *examples[0].shape[1:])
    return np.array(rows, examples[0].dtype).reshape(shape)


def ragged(name):
    """A maker of columns with the tail, type and pad of that name: the column, its examples, its pad."""
    tail, dtype, pad = TAILS[name]
    return lambda counts, **o: (
        Ragged.of(examples_of(counts, tail, dtype), pad, **o),
        examples_of(counts, tail, dtype),
        pad,
    )


KINDS = {
    **{name: ragged(name) for name in TAILS},
    "masks": lambda counts, **options: (Runs.of(masks_of(counts), SIZE, **options), masks_of(counts), 0),
}


@pytest.fixture(params=LENGTHS)
def counts(request):
    return LENGTHS[request.param]


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def on_disk(column, folder):
    """The column after it was written and opened again."""
    folder.mkdir(exist_ok=True)
    saved = _storage.save(folder, "x", column)
    np.testing.assert_array_equal(np.asarray(saved), np.asarray(column))
    return _storage.opened(folder, "x", _storage.described(column), len(column))


def assert_holds(column, examples, pad, width=None):
    """Every way to ask for rows of the column gives those of the examples, padded to the longest asked for."""
    last = len(examples) - 1
    assert (len(column), column.dtype, column.shape[0]) == (len(examples), examples[0].dtype, len(examples))
    assert column.shape[1:] == (width, *examples[0].shape[1:])
    assert lengths(column).tolist() == [len(one) for one in examples]
    whole = padded(examples, pad, width)
    assert column.nbytes == whole.nbytes
    np.testing.assert_array_equal(np.asarray(column), whole)
    np.testing.assert_array_equal(np.asarray(column, "float64"), whole.astype("float64"))
    for number, one in enumerate(examples):
        np.testing.assert_array_equal(column[number], padded([one], pad, width)[0])
    for rows in ([last, 0, last], [0], [], np.arange(len(examples))[::-1]):
        rows = np.asarray(rows, int)
        chosen = [examples[row] for row in rows]
        expected = padded(chosen, pad, width) if chosen else whole[:0, : width or 0]
        for found in (column[rows], np.asarray(take(column, rows)), take(column, rows)[:]):
            assert found.dtype == column.dtype
            np.testing.assert_array_equal(found, expected)
    odd = np.arange(len(examples)) % 2 == 1
    np.testing.assert_array_equal(column[1:], column[np.arange(1, len(examples))])
    np.testing.assert_array_equal(column[odd], column[np.flatnonzero(odd)])
    twice = column.take(np.arange(len(examples))[::-1]).take(np.arange(len(examples))[:1])
    np.testing.assert_array_equal(twice[:], padded(examples[last:], pad, width))
    with pytest.raises(IndexError):
        column[len(examples)]


def test_what_is_read_is_what_was_put_in(kind, counts, tmp_path):
    column, examples, pad = kind(counts)
    assert_holds(column, examples, pad)
    assert_holds(on_disk(column, tmp_path / "x"), examples, pad)


def test_rows_taken_in_any_order_and_more_than_once_are_written_as_such(kind, counts, tmp_path, monkeypatch):
    monkeypatch.setattr(_storage, "CHUNK", 8)  # pieces of one example
    column, examples, pad = kind(counts)
    rows = np.random.default_rng(2).integers(0, len(examples), 7)
    assert_holds(on_disk(column.take(rows), tmp_path / "x"), [examples[row] for row in rows], pad)


def test_a_declared_width_is_kept(kind, counts, tmp_path):
    column, examples, pad = kind(counts, longest=6)
    assert_holds(column, examples, pad, 6)
    assert_holds(on_disk(column, tmp_path / "x"), examples, pad, 6)
    if max(counts):
        with pytest.raises(Misfit, match=f"An example has {max(counts)} rows, more than the {max(counts) - 1}"):
            kind(counts, longest=max(counts) - 1)


def test_columns_are_put_together(kind, counts):
    column, examples, pad = kind(counts)
    other, others, _ = kind([2, 0])
    rows = np.arange(len(examples))[::-1]
    assert_holds(concatenate([column.take(rows), other, column]), [*examples[::-1], *others, *examples], pad)
    wide = [kind(counts, longest=width)[0] for width in (5, 9)]
    assert concatenate(wide).shape[1] == 9
    assert concatenate([wide[0], column]).shape[1] is None


def test_the_digest_hangs_on_content_order_lengths_pad_and_width(kind):
    def digest(column):
        return store.digest({"train": {"x": column}})

    column, _, _ = kind([3, 0, 2])
    found = [column, column.take(np.array([2, 1, 0])), column.take(np.array([0, 1])), kind([2, 1, 2])[0]]
    found += [kind([3, 0, 2], longest=4)[0]]
    if isinstance(column, Ragged):
        found += [Ragged(column.values + 1, column.offsets, column.pad), Ragged(column.values, column.offsets, 7)]
    assert len(set(map(digest, found))) == len(found)
    assert digest(column.take(np.arange(3))) == digest(column)


@pytest.mark.parametrize(
    ("offsets", "says"),
    [
        ([], "rise from 0 to 4"),
        ([0, 3], "rise from 0 to 4"),
        ([1, 4], "rise from 0 to 4"),
        ([0, 3, 2, 4], "rise from 0 to 4"),
        ([0, 5], "rise from 0 to 4"),
    ],
)
def test_offsets_that_lead_nowhere_are_refused(offsets, says):
    with pytest.raises(Misfit, match=says):
        Ragged(np.zeros(4), np.array(offsets, np.int64))


def test_masks_of_another_size_are_refused():
    with pytest.raises(Misfit, match="needs the size"):
        Runs.of([np.zeros((1, 7, 5))], SIZE)


def test_runs_are_the_lengths_of_zeros_and_ones_in_turn():
    """By hand: 0 1 1 / 1 0 0, and a mask that begins with ones begins with no zeros."""
    masks = np.array([[[0, 1, 1], [1, 0, 0]], [[1, 1, 1], [1, 1, 0]], [[0, 0, 0], [0, 0, 0]]])
    column = Runs.of([masks], (2, 3))
    assert [code[: len(code)].tolist() for code in map(column.codes.__getitem__, range(3))] == [
        [1, 3, 2],
        [0, 5, 1],
        [6],
    ]


# in a prepared data set


FIELDS = {"name": "toy", "source": "made up", "licence": "CC0", "input": "tokens", "class_names": ("no", "yes")}
FIELDS |= {"labels": ("label", "tags"), "strata": "label"}


def arrays_of(counts):
    """Examples of tokens with a tag each, boxes of a declared width, masks, and a class."""
    return {
        "tokens": Ragged.of(examples_of(counts)),
        "tags": Ragged.of([one % 2 for one in examples_of(counts)], pad=-1),
        "boxes": Ragged.of(examples_of(counts, (4,), np.float32), longest=9),
        "masks": Runs.of(masks_of(counts), SIZE),
        "label": np.arange(len(counts), dtype=np.int32) % 2,
    }


SIZES = {"train": [3, 0, 1, 5, 2, 4], "validation": [2, 3], "test": [1, 4], "train_dev": [0, 2, 1]}


def toy():
    return {split: arrays_of(counts) for split, counts in SIZES.items()}


@pytest.fixture
def folder(tmp_path):
    store.write(tmp_path / "toy", FIELDS, toy())
    return tmp_path / "toy"


def test_a_folder_holds_columns_of_every_kind_in_splits_of_any_name(folder):
    data = store.load(folder)
    store.verify(folder)
    assert data.card.split_sizes == {"train": 6, "validation": 2, "test": 2, "train_dev": 3}
    assert list(data.splits) == list(SIZES)
    for split, arrays in toy().items():
        for name, column in arrays.items():
            found = data.splits[split][name]
            assert (found.shape, found.dtype) == (column.shape, column.dtype)
            np.testing.assert_array_equal(np.asarray(found), np.asarray(column))
    assert data.card.arrays["tokens"] == {"shape": [None], "dtype": "int32", "storage": "ragged", "pad": 0}
    assert data.card.arrays["tags"]["pad"] == -1
    assert data.card.arrays["boxes"]["shape"] == [9, 4]
    assert data.card.arrays["masks"] == {"shape": [None, *SIZE], "dtype": "uint8", "storage": "runs"}
    assert data.card.input_shape == (None,)
    assert data.card.sha256 == store.digest(data.splits) == store.digest(toy())


def test_every_tag_is_counted_and_no_padding(folder):
    counts = store.load(folder).card.label_counts
    assert counts["label"]["train_dev"] == {"known": 3, "classes": [2, 1]}
    for split, lengths_ in SIZES.items():
        ones = sum(int((one % 2).sum()) for one in examples_of(lengths_))
        assert counts["tags"][split] == {"known": sum(lengths_), "classes": [sum(lengths_) - ones, ones]}


def test_tokens_have_no_statistics_and_uneven_features_have_those_of_their_rows_alone(folder):
    assert store.load(folder).card.statistics == {}
    steps = Ragged.of([np.array([[1, 10], [3, 10]], np.float32), np.zeros((0, 2), np.float32), [[5, 10]]], pad=99)
    found = store.statistics(steps)
    assert found["mean"] == [3, 10]
    np.testing.assert_allclose(found["deviation"], [(8 / 3) ** 0.5, 0])
    assert (found["minimum"], found["maximum"]) == ([1, 10], [5, 10])
    assert "mean_image" not in found


FILES = [
    *(f"train/tokens.{part}.npy" for part in ("values", "offsets")),
    *(f"train_dev/masks.{part}.npy" for part in ("runs", "masks", "offsets")),
]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", ["deleted", "emptied", "cut", "longer", "of another type", "pickled"])
def test_a_damaged_file_of_a_column_is_named(folder, file, damage):
    path = folder / file
    array = np.load(path)
    if damage == "deleted":
        path.unlink()
    elif damage == "emptied":
        path.write_bytes(b"")
    elif damage == "cut":
        os.truncate(path, path.stat().st_size - 4)
    elif damage == "longer":
        np.save(path, np.concatenate([array, array[-1:]]))
    elif damage == "of another type":
        np.save(path, array.astype(np.float64))
    else:
        np.save(path, array.astype(object), allow_pickle=True)
    stem = file.rpartition(".npy")[0].rpartition(".")[0]
    with pytest.raises(DamagedStore, match=rf"{stem}\.\w+\.npy .*dvc repro -f prepare@toy"):
        store.load(folder)


@pytest.mark.parametrize(("file", "fits"), [(FILES[1], FILES[0]), (FILES[3], FILES[2]), (FILES[4], FILES[3])])
def test_offsets_that_fall_are_found_when_the_folder_is_opened(folder, file, fits):
    offsets = np.load(folder / file)
    np.save(folder / file, np.array([*offsets[:1], offsets[-1] + 1, *offsets[2:]]))
    with pytest.raises(DamagedStore, match=f"{file.partition('/')[2]} does not fit {fits.partition('/')[2]}: Offsets"):
        store.load(folder)


@pytest.mark.parametrize("file", FILES)
def test_a_flipped_byte_is_found_by_verify(folder, file):
    content = bytearray((folder / file).read_bytes())
    content[-8 if "runs" not in file and "values" not in file else -1] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(DamagedStore, match=file):
        store.verify(folder)


@pytest.mark.parametrize("missing", ["train", "validation", "test"])
def test_the_splits_that_training_needs_must_be_there(folder, missing, tmp_path):
    splits = {name: arrays for name, arrays in toy().items() if name != missing}
    if missing == "train":
        with pytest.raises(KeyError):
            store.write(tmp_path / "other", FIELDS, splits)
        return
    store.write(tmp_path / "other", FIELDS, splits)
    with pytest.raises(DamagedStore, match="its splits or its input are not those"):
        store.load(tmp_path / "other")


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".", "a.b"])
def test_names_that_would_leave_the_folder_are_refused(folder, tmp_path, name):
    train = {"label": np.zeros(4, np.int32)}
    for part in ({"official": {"test": train, name: train}, "train": train}, {"train": {**train, name: np.zeros(4)}}):
        with pytest.raises(ValueError, match=r"named by letters|same arrays"):
            Raw("s", "l", "label", validation_fraction=0.5, **{"official": {"test": part["train"]}, **part})


# cut by `prepare`, and into folds


def test_official_parts_of_any_name_are_kept_and_shares_are_cut_from_the_training_part():
    counts = [*range(10), *range(10)]
    told = {"class_names": ("no", "yes"), **ONE_CLASS}
    official = {name: arrays_of(SIZES[name]) for name in ("train_dev", "test")}
    splits = _splits(Raw("s", "l", "tokens", arrays_of(counts), 0.2, official=official, **told), 0)
    assert list(splits) == ["train", "validation", "test", "train_dev"]
    assert splits["train_dev"] is official["train_dev"]
    assert sorted([*splits["train"]["tokens"].lengths, *splits["validation"]["tokens"].lengths]) == sorted(counts)
    assert np.bincount(splits["validation"]["label"]).tolist() == [2, 2]
    for arrays in splits.values():  # every column was cut at the same rows
        np.testing.assert_array_equal(arrays["tokens"].lengths, arrays["masks"].lengths)
        np.testing.assert_array_equal(np.asarray(arrays["tags"]) >= 0, np.asarray(arrays["tokens"]) > 0)
    whole = {**official, "validation": arrays_of([1, 2])}
    raw = Raw("s", "l", "tokens", arrays_of(counts), official=whole, **told)
    assert _splits(raw, 0)["train"] is raw.train
    with pytest.raises(EmptySplit):
        _splits(Raw("s", "l", "tokens", arrays_of([1, 2]), 0.1, official={"test": arrays_of([1])}, **told), 0)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_split_is_an_official_part_or_a_share(split):
    arrays = arrays_of([1, 2, 3])
    shares = {"validation_fraction": 0.3, "test_fraction": 0.3}
    with pytest.raises(ValueError, match=f"either an official {split} part or a {split} fraction"):
        Raw("s", "l", "tokens", arrays, **shares, official={split: arrays})
    with pytest.raises(ValueError, match=f"either an official {split} part or a {split} fraction"):
        Raw("s", "l", "tokens", arrays, **{**shares, f"{split}_fraction": None})


@pytest.mark.parametrize(
    "told", [{"strata": "kind"}, {"group": "kind"}, {"labels": ("kind",)}, {"label_names": {"kind": ()}}]
)
def test_what_a_loader_names_must_be_there(told):
    with pytest.raises(ValueError, match=r"does not hold: \['kind'\]"):
        Raw("s", "l", "tokens", arrays_of([1, 2, 3]), 0.3, 0.3, **told)


def test_folds_of_uneven_columns(folder):
    data = store.load(folder)
    seen = []
    for number in range(4):
        cut = fold(data, number, 4)
        assert cut.splits["train_dev"] is data.splits["train_dev"]
        assert cut.card.split_sizes == {"train": 6, "validation": 2, "test": 2, "train_dev": 3}
        for arrays in cut.splits.values():
            np.testing.assert_array_equal(arrays["tokens"].lengths, arrays["masks"].lengths)
            np.testing.assert_array_equal(np.asarray(arrays["tags"]) >= 0, np.asarray(arrays["tokens"]) > 0)
            assert np.asarray(arrays["boxes"]).shape == (len(arrays["label"]), 9, 4)
        assert abs(cut.splits["validation"]["label"].sum() - 1) <= 1
        known = cut.card.label_counts["tags"]
        assert known["train"]["known"] + known["validation"]["known"] == sum(SIZES["train"]) + sum(SIZES["validation"])
        seen += [tuple(row[row > 0]) for row in cut.splits["validation"]["tokens"][:]]
    whole = [tuple(one) for split in ("train", "validation") for one in examples_of(SIZES[split])]
    assert sorted(seen) == sorted(whole)


def test_nothing_but_the_card_says_what_an_array_means(folder):
    """An array called `label` or `group` that the card does not name neither stratifies nor groups a fold."""
    data = store.load(folder)
    splits = {split: {**arrays, "group": np.zeros(len(arrays["label"]))} for split, arrays in data.splits.items()}
    arrays = {**data.card.arrays, "group": {"shape": [], "dtype": "float64"}}
    named = Prepared(replace(data.card, arrays=arrays), splits)
    cut = fold(named, 0, 4)
    assert set(cut.splits["train"]["group"]) & set(cut.splits["validation"]["group"])
    silent = replace(named.card, labels=(), strata=None)
    assert fold(Prepared(silent, splits), 0, 8).card.label_counts == {}
