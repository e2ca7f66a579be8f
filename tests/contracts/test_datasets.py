"""What every data set keeps: published sizes, sound arrays, deterministic splits, facts a reader needs."""

import csv
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from archbench.catalogue import WrongOption
from archbench.datasets import DATASETS, _fetch, store
from archbench.datasets.columns import concatenate
from archbench.datasets.derived import is_derived
from archbench.datasets.prepare import prepare
from archbench.preprocessing import PREPROCESSING

GOLDEN = list(csv.DictReader(Path(__file__).parents[1].joinpath("golden", "datasets.csv").open(newline="")))
LOCAL = [entry.name for entry in DATASETS if entry.facts["kind"] in ("embedded", "generated")]
DIVIDED = [name for name in LOCAL if not DATASETS[name].facts.get("same_splits")]
DERIVED = [entry.name for entry in DATASETS if entry.facts["kind"] == "derived"]
DOWNLOADS = [entry.name for entry in DATASETS if entry.facts["kind"] == "download"]
KINDS_OF_ARRAYS = {
    "image": (4, "uint8"),
    "features": (2, "float32"),
    "sequence": (3, "float32"),
    "label": (1, "int32"),
    "target": (2, "float32"),
    "labels": (2, "int32"),
    "present": (2, "uint8"),
    "boxes": (3, "float32"),
    "proposals": (3, "float32"),
    "box_label": (2, "int32"),
    "mask": (3, "uint8"),
    "instances": (3, "uint8"),
    "landmarks": (4, "float32"),
    "count": (1, "int32"),
    "color": (1, "int32"),
    "video": (5, "uint8"),
    "group": (1, "int32"),
    "singles": (5, "uint8"),
    "planted": (1, "bool"),
    "content": (4, "uint8"),
    "style": (4, "uint8"),
    "other": (4, "uint8"),
    "same": (1, "uint8"),
    "other_label": (1, "int32"),
    "fold": (1, "int32"),
    "trial": (1, "int32"),
}
"""Array -> its number of axes, examples included, and its type."""
TOKENS = (2, "int32")
"""The same, of every array of a data set of texts, but for those that are numbers of an example."""
OF_TEXTS = {"label": (1, "int32"), "follows": (1, "int32"), "times": (1, "float32"), "letters": (3, "int32")}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Name -> the folder of the data set in its smoke size, prepared once."""
    root = tmp_path_factory.mktemp("prepared")
    folders = {}

    def get(name):
        if name not in folders:
            folders[name] = root / name
            prepare_smoke(name, folders[name], get)
        return folders[name]

    return get


def prepare_smoke(name, folder, get, seed=0):
    """Prepare a data set in its smoke size; of a derived one, `get` gives the folder of what it is made from."""
    options = dict(DATASETS[name].facts["smoke"])
    of = options.pop("of", None)
    return prepare({"name": name, **options}, name, folder, folder.parent / "raw", seed, of and store.load(get(of)))


@pytest.mark.parametrize("entry", DATASETS, ids=lambda entry: entry.name)
def test_every_entry_tells_source_licence_kind_and_size(entry):
    assert entry.source
    assert entry.facts["licence"]
    assert entry.facts["kind"] in ("embedded", "generated", "derived", "download", "manual", "own")
    assert is_derived(entry) == (entry.facts["kind"] == "derived") == ("of" in entry.facts.get("smoke", {}))
    known = any(file.size for file in _fetch.published(entry.name))
    assert (entry.facts["bytes"] > 0) == (entry.facts["kind"] == "download" and known)
    assert entry.what


def test_published_sizes_cover_all_that_is_not_made_here():
    generated = {entry.name for entry in DATASETS if entry.facts["kind"] in ("generated", "derived", "own")}
    assert {row["dataset"] for row in GOLDEN} == {entry.name for entry in DATASETS} - generated
    assert all(row["source"] for row in GOLDEN)


@pytest.mark.parametrize("row", [row for row in GOLDEN if row["part"] == "all"], ids=lambda row: row["dataset"])
def test_embedded_data_have_their_published_sizes(row, tmp_path):
    raw = DATASETS.build(row["dataset"], tmp_path)
    array = raw.train[raw.input]
    assert array.shape == (int(row["examples"]), *map(int, row["shape"].split()))
    if row["class_counts"]:
        assert np.bincount(raw.train["label"]).tolist() == [int(count) for count in row["class_counts"].split()]
    assert list(tmp_path.iterdir()) == []  # nothing is downloaded


@pytest.mark.parametrize("name", DOWNLOADS)
def test_downloads_have_several_facts_and_a_checksum_each(name):
    files = _fetch.published(name)
    assert files
    for file in files:
        assert re.fullmatch(r"sha256:[0-9a-f]{64}|sha1:[0-9a-f]{40}|md5:[0-9a-f]{32}", file.hash)
        assert all(url.startswith(("https://", "http://")) and url.endswith(file.name) for url in file.urls)
        assert file.size is None or file.size > 0
        assert file.licence
        assert file.source
    assert DATASETS[name].facts["bytes"] == sum(file.size or 0 for file in files)


@pytest.mark.parametrize("entry", DATASETS, ids=lambda entry: entry.name)
def test_what_a_data_set_declares_agrees_with_what_is_published(entry):
    """Sizes and shapes that plans are made with before a data set is here; the files are among the published."""
    rows = {row["part"]: row for row in GOLDEN if row["dataset"] == entry.name}
    if entry.facts["kind"] in ("download", "manual"):
        declared = entry.facts["contains"](**entry.options)
        for part in ("train", "test"):
            assert declared[part] == int(rows[part]["examples"])
            shape = [None if side == "any" else int(side) for side in rows[part]["shape"].split()]
            assert declared["arrays"][declared["input"]]["shape"] == shape
            counts = rows[part]["class_counts"]
            if counts.endswith("each"):
                assert declared["classes"] * int(counts.split()[0]) == declared[part]
            elif counts:
                assert len(counts.split()) == declared["classes"]
                assert sum(map(int, counts.split())) == declared[part]
    if "files" in entry.facts:
        published = [file.name for file in _fetch.published(entry.name)]
        chosen = entry.facts["files"](**entry.options)
        assert set(chosen) <= set(published)
        assert len(chosen) == len(set(chosen)) > 0


@pytest.mark.parametrize("name", LOCAL + DERIVED)
def test_arrays_are_what_the_card_and_the_convention_say(prepared, name):
    data = store.load(prepared(name))
    for arrays in data.splits.values():
        for key, array in arrays.items():
            kind = OF_TEXTS.get(key, TOKENS) if data.card.vocabulary else KINDS_OF_ARRAYS[key]
            assert (array.ndim, str(array.dtype)) == kind
            assert np.isfinite(array).all()
        for label in data.card.classes:
            assert np.asarray(arrays[label]).min() >= 0
            assert np.asarray(arrays[label]).max() < len(data.card.classes[label])
        assert {data.card.strata, data.card.group} - {None} <= arrays.keys()
    assert data.card.input_shape == data.splits["train"][data.card.input].shape[1:]
    store.verify(prepared(name))


@pytest.mark.parametrize("name", LOCAL + DERIVED)
def test_preparing_again_gives_the_same_bytes_and_another_seed_others(prepared, name, tmp_path):
    first = store.load(prepared(name)).card
    assert prepare_smoke(name, tmp_path / name, prepared) == first
    if name in DIVIDED:  # a derived one has the splits of what it is made from
        assert prepare_smoke(name, tmp_path / "other", prepared, seed=1).sha256 != first.sha256


@pytest.mark.parametrize("name", sorted(set(LOCAL) - set(DIVIDED)))
def test_splits_that_are_to_be_the_same_are(prepared, name):
    data = store.load(prepared(name))
    assert "every split" in data.card.source
    for arrays in data.splits.values():
        assert {key: np.asarray(array).tolist() for key, array in arrays.items()} == {
            key: np.asarray(array).tolist() for key, array in data.splits["train"].items()
        }


@pytest.mark.parametrize("name", DIVIDED)
def test_splits_share_nothing_and_lose_nothing(prepared, name):
    """Every example of the loader is in exactly one split, as often as the loader has it."""
    raw = DATASETS.build({"name": name, **DATASETS[name].facts["smoke"]}, prepared(name))
    splits = store.load(prepared(name)).splits
    together, whole = (
        np.asarray(column).reshape(len(column), -1)
        for column in (concatenate([splits[split][raw.input] for split in splits]), raw.train[raw.input])
    )
    np.testing.assert_array_equal(*(rows[np.lexsort(rows.T)] for rows in (together, whole)))
    sizes = store.load(prepared(name)).card.split_sizes
    assert sizes["validation"] == sizes["test"] == round(0.15 * len(whole))


@pytest.mark.parametrize("name", DIVIDED)
def test_unknown_options_are_answered(name, tmp_path):
    with pytest.raises(WrongOption, match="validation"):
        prepare({"name": name, "validatoin": 0.1}, name, tmp_path / name, tmp_path)


@pytest.mark.parametrize("name", LOCAL)
def test_examples_of_one_group_stay_in_one_split(prepared, name):
    data = store.load(prepared(name))
    if data.card.group is None:
        assert name not in ("overlapping_digits", "moving_digits")
        return
    groups = [set(np.asarray(arrays[data.card.group]).tolist()) for arrays in data.splits.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))
    if name == "overlapping_digits":
        assert [len(group) for group in groups] == [14, 3, 3]


def test_the_default_shares_of_validation_and_test(tmp_path):
    """15 % each, as the plans say: of 1,797 digits 269.55, rounded, and the rest to train with."""
    card = prepare("digits", "digits", tmp_path / "digits", tmp_path / "raw")
    assert card.split_sizes == {"train": 1797 - 2 * 270, "validation": 270, "test": 270}


def test_adding_marks_one_step_in_each_half_and_adds_them():
    raw = DATASETS.build({"name": "adding", "length": 11, "examples": 5000}, None)
    values, markers = raw.train["sequence"][..., 0], raw.train["sequence"][..., 1]
    assert set(np.unique(markers)) == {0, 1}
    assert (markers[:, :5].sum(axis=1) == 1).all()
    assert (markers[:, 5:].sum(axis=1) == 1).all()
    assert (markers.sum(axis=0) > 0).all()
    assert 0 <= values.min() < values.max() <= 1
    np.testing.assert_allclose(raw.train["target"][:, 0], (values * markers).sum(axis=1), rtol=1e-6)
    assert abs(np.mean((raw.train["target"] - 1) ** 2) - 1 / 6) < 0.01


def test_copying_asks_for_what_it_showed_after_each_delay():
    options = {"delays": [3, 8], "symbols": 4, "length": 2, "examples": 400}
    raw = DATASETS.build({"name": "copying", **options}, None)
    assert raw.official.keys() == {"delay_3", "delay_8"}
    assert raw.class_names == ("a", "b", "c", "d")
    mark = 5
    delays = set()
    for arrays in (raw.train, raw.official["delay_3"], raw.official["delay_8"]):
        assert arrays["sequence"].shape[1:] == (12, 6)
        assert (arrays["sequence"].sum(axis=-1) == 1).all()
        shown, labels = arrays["sequence"].argmax(axis=-1), arrays["labels"]
        assert (shown[:, 9] == mark).all()
        assert ((shown == mark).sum(axis=1) == 1).all()
        assert (labels[:, :10] == -1).all()
        asked, said = np.where(labels >= 0), np.where(shown < 4)
        np.testing.assert_array_equal(labels[asked], shown[said])
        waits = (asked[1] - said[1]).reshape(-1, 2) - 2
        assert (waits[:, 0] == waits[:, 1]).all()
        delays.add(tuple(np.unique(waits[:, 0], return_counts=True)[1].tolist()))
        if arrays is not raw.train:
            assert len(np.unique(waits)) == 1
        else:
            assert np.unique(waits).tolist() == [3, 8]
        assert np.bincount(labels[asked]).min() > 0.15 * labels[asked].size
    assert (200, 200) in delays
    alone = DATASETS.build({"name": "copying", "delays": [1], "length": 1, "examples": 5}, None)
    assert not alone.official
    assert alone.train["sequence"].argmax(axis=-1)[:, 1:].tolist() == [[9, 8]] * 5


def test_digits_enlarged_keep_their_pixels():
    """Three times as large, the middle of each block of nine is the pixel itself, the rest lies between two."""
    small = DATASETS.build("digits", None).train["image"]
    large = DATASETS.build({"name": "digits", "size": 24}, None).train["image"].astype(int)
    assert large.shape == (1797, 24, 24, 1)
    exact = small * (255 / 16)
    np.testing.assert_allclose(large[:, 1::3, 1::3], exact, atol=0.51, rtol=0)
    between = exact[:, :, :-1] * 2 / 3 + exact[:, :, 1:] / 3
    np.testing.assert_allclose(large[:, 1::3, 2:-1:3], between, atol=1.01, rtol=0)
    assert small.max() == 16
    assert DATASETS.build({"name": "digits", "size": 32}, None).train["image"].shape == (1797, 32, 32, 1)


# --- preprocessing, fitted on the training split


@pytest.mark.parametrize("name", LOCAL)
def test_standardized_training_data_have_mean_zero_and_deviation_one(prepared, name):
    data = store.load(prepared(name))
    if data.card.vocabulary:
        return  # tokens are no quantities
    x = np.asarray(data.splits["train"][data.card.input])
    y = np.asarray(PREPROCESSING.build("standardize", data.card)(x), np.float64).reshape(-1, x.shape[-1])
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(y.std(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize("name", LOCAL)
def test_rescaled_training_data_span_zero_to_one(prepared, name):
    data = store.load(prepared(name))
    if data.card.vocabulary:
        return  # tokens are no quantities
    x = np.asarray(data.splits["train"][data.card.input])
    y = np.asarray(PREPROCESSING.build("rescale", data.card)(x))
    axes = None if x.ndim == 4 else tuple(range(x.ndim - 1))
    np.testing.assert_allclose(y.min(axis=axes), 0, atol=1e-5)
    np.testing.assert_allclose(y.max(axis=axes), 1, atol=1e-5)


def test_what_never_changes_does_not_become_infinite(tmp_path):
    features = np.array([[1, 7], [2, 7], [3, 7]], np.float32)
    fields = {"name": "flat", "source": "s", "licence": "l", "input": "features", "class_names": ()}
    card = store.write(tmp_path / "flat", fields, {key: {"features": features} for key in store.SPLITS})
    unseen = np.array([[2, 9]], np.float32)
    np.testing.assert_allclose(PREPROCESSING.build("standardize", card)(unseen), [[0, 2]], atol=1e-6)
    np.testing.assert_allclose(PREPROCESSING.build("rescale", card)(unseen), [[0.5, 2]], atol=1e-6)


@pytest.mark.parametrize("name", ["standardize", "rescale"])
@pytest.mark.parametrize("data", ["digits", "iris"])
def test_saved_models_load_in_safe_mode(prepared, tmp_path, name, data):
    loaded = store.load(prepared(data))
    x = np.asarray(loaded.splits["test"][loaded.card.input][:5])
    image = keras.Input(x.shape[1:], dtype=str(x.dtype))
    model = keras.Model(image, PREPROCESSING.build(name, loaded.card)(image))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(model(x)))


def test_preprocessing_stays_float32_under_mixed_precision(prepared):
    card = store.load(prepared("balloons")).card
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layers = [PREPROCESSING.build(name, card) for name in ("standardize", "rescale")]
    finally:
        keras.config.set_dtype_policy(before)
    steps = np.stack([np.full((1, 3), 254, np.uint8), np.full((1, 3), 255, np.uint8)])[:, None]
    for layer in layers:
        low, high = np.asarray(layer(steps), np.float64)
        assert (high > low).all()


def test_none_is_no_layer(prepared):
    assert PREPROCESSING.build("none", store.load(prepared("iris")).card) is None
