"""Every preprocessing: right by hand, fitted on training examples alone, and saved inside the model."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from archbench.datasets import store
from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.preprocessing import PREPROCESSING
from archbench.preprocessing._statistics import NothingToScale

ENTRIES = {entry.name: entry for entry in PREPROCESSING}
FIELDS = {"name": "toy", "source": "", "licence": "", "input": "image", "class_names": ()}
RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(40, 256, (20, 4, 5, 3)).astype("uint8")
PICTURES[:, 1:, :, 2] //= 4  # neither channels nor places are alike


def _apply(name: str, card: Card, inputs: np.ndarray) -> np.ndarray:
    layer = PREPROCESSING.build(name, card)
    inputs = inputs.astype("float32")
    return np.asarray(keras.ops.convert_to_numpy(layer(inputs))) if layer else inputs


def _card(array: np.ndarray, kind: str = "image") -> Card:
    arrays = {kind: {"shape": list(array.shape[1:]), "dtype": str(array.dtype)}}
    return Card("toy", "", "", kind, arrays, {"train": len(array)}, statistics=store.statistics(array))


EXPECTED = {
    "none": lambda x, t: x,
    "mean_image": lambda x, t: x - t.mean(axis=0),
    "channel_mean": lambda x, t: x - t.mean(axis=(0, 1, 2)),
    "standardize": lambda x, t: (x - t.mean(axis=(0, 1, 2))) / t.std(axis=(0, 1, 2)),
    "rescale": lambda x, t: (x - t.min()) / (t.max() - t.min()),
}


def test_every_preprocessing_has_an_expected_value():
    assert set(EXPECTED) == set(ENTRIES)


@pytest.mark.parametrize("name", EXPECTED)
def test_value_on_unseen_pictures(name):
    train, unseen = PICTURES[:12].astype("float64"), PICTURES[12:].astype("float64")
    found = _apply(name, _card(PICTURES[:12]), unseen)
    np.testing.assert_allclose(found, EXPECTED[name](unseen, train), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", EXPECTED)
def test_is_saved_inside_the_model(name, tmp_path):
    raw = keras.Input(PICTURES.shape[1:])
    layer = PREPROCESSING.build(name, _card(PICTURES[:12])) or keras.layers.Identity()
    model = keras.Model(raw, layer(raw))
    model.save(tmp_path / "model.keras")
    expected = EXPECTED[name](PICTURES[12:].astype("float64"), PICTURES[:12].astype("float64"))
    found = keras.models.load_model(tmp_path / "model.keras").predict_on_batch(PICTURES[12:].astype("float32"))
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5, atol=1e-4)


def _splits(train: np.ndarray, validation: np.ndarray, test: np.ndarray) -> dict:
    return {"train": {"image": train}, "validation": {"image": validation}, "test": {"image": test}}


@pytest.mark.parametrize("name", EXPECTED)
def test_validation_and_test_data_do_not_leak(name, tmp_path):
    found = []
    for other in (PICTURES[12:], np.full((8, 4, 5, 3), 255, "uint8")):
        store.write(tmp_path / "toy", FIELDS, _splits(PICTURES[:12], other[:4], other[4:]))
        card = store.load(tmp_path / "toy").card
        found.append((card.statistics, _apply(name, card, PICTURES[:3])))
    assert found[0][0] == found[1][0]
    assert (found[0][1] == found[1][1]).all()
    store.write(tmp_path / "toy", FIELDS, _splits(PICTURES[8:], PICTURES[:4], PICTURES[4:8]))
    assert store.load(tmp_path / "toy").card.statistics != found[0][0]  # but training data do count


@pytest.mark.parametrize("name", [name for name in EXPECTED if name != "none"])
def test_every_fold_has_its_own_statistics(name):
    for fold in range(4):
        held_out = np.arange(20) % 4 == fold
        train, unseen = PICTURES[~held_out], PICTURES[held_out]
        expected = EXPECTED[name](unseen.astype("float64"), train.astype("float64"))
        card = replace(_card(PICTURES), statistics=store.statistics(train))
        np.testing.assert_allclose(_apply(name, card, unseen), expected, rtol=1e-5, atol=1e-4)


def test_a_prepared_folder_without_its_mean_image_is_damaged(tmp_path):
    store.write(tmp_path / "toy", FIELDS, _splits(PICTURES[:12], PICTURES[12:16], PICTURES[16:]))
    (tmp_path / "toy" / "mean_image.npy").unlink()
    with pytest.raises(store.DamagedStore, match=r"mean_image.npy is missing.*dvc repro -f prepare@toy"):
        store.load(tmp_path / "toy")


def test_features_and_sequences():
    features = RANDOM.normal(3, 2, (30, 2)).astype("float32")
    found = _apply("channel_mean", _card(features, "features"), features)
    np.testing.assert_allclose(found, features - features.mean(axis=0), atol=1e-5)
    with pytest.raises(UserError, match=r"for pictures, and the data set 'toy' holds sequence of shape \(6, 2\)"):
        PREPROCESSING.build("mean_image", _card(np.zeros((3, 6, 2), "float32"), "sequence"))


@pytest.mark.parametrize("name", ENTRIES)
def test_takes_no_options(name):
    with pytest.raises(UserError, match="no option 'axis'"):
        PREPROCESSING.build({"name": name, "axis": 1}, _card(PICTURES))


def test_half_precision_networks_still_read_whole_numbers_exactly():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for name in ("mean_image", "channel_mean"):
            pictures = np.stack([np.zeros((4, 5, 3)), np.full((4, 5, 3), 254), np.full((4, 5, 3), 255)])
            found = _apply(name, _card(pictures.astype("uint8")), pictures)
            assert found.dtype == "float32"
            assert (found[2] - found[1] == 1).all()
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", ["standardize", "channel_mean", "rescale"])
def test_tokens_are_not_scaled(name):
    tokens = Card("prose", "", "", "tokens", {"tokens": {"shape": [None], "dtype": "int32"}}, {"train": 3})
    with pytest.raises(NothingToScale, match=r"'prose' holds tokens.*Give its benchmark `preprocessing: none`"):
        PREPROCESSING.build(name, tokens)
