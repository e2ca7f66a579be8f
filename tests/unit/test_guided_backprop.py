"""What classifiers look at: guided gradients and maps by hand, and the identity of the class activation map."""

import fake_runs as fake
import keras
import numpy as np
import pytest
import toys
from keras import layers, ops

from archbench.architectures.activity import activations, called_as
from archbench.figures.looks import looks
from archbench.probes.guided_backprop import NoClassifier, _guided, explain, guided_backprop, last_map
from archbench.probes.slopes import by_tensors
from archbench.probes.subject import Subject
from archbench.records.probe_folder import read_probe, write_probe


def _two_layers():
    """Rectified numbers of one pixel, twice: h = relu(W x), s = relu(V h)."""
    given = keras.Input((1, 2, 1))
    hidden = ops.relu(layers.Dense(2, use_bias=False)(layers.Flatten()(given)))
    return keras.Model(given, ops.relu(layers.Dense(2, use_bias=False)(hidden)))


def test_guided_gradients_are_those_of_the_paper_by_hand():
    """x = (2, 1), W = ((1, -1), (1, 3)): before the first rectifier (3, 1); V = ((-1, 0), (4, 1)) gives (1, 1).

    Of the first score dh = (-1, 4), of which guidance keeps (0, 4): by x it is W (0, 4) = (-4, 12).
    """
    model = _two_layers()
    model.set_weights([np.array([[1.0, -1], [1, 3]]), np.array([[-1.0, 0], [4, 1]])])
    x = np.array([2, 1], "float32").reshape(1, 1, 2, 1)
    with called_as([(one, _guided(one.call)) for one in activations(model)]):
        (slope,) = by_tensors(lambda given: ops.sum(model(given[0])[:, 0]), [x])
    assert slope.ravel().tolist() == [-4, 12]


def _averaged():
    """A convolution, the mean of each map, and a dense layer."""
    given = keras.Input((6, 5, 2))
    maps = ops.relu(layers.Conv2D(4, 3, padding="same")(given))
    return keras.Model(given, layers.Dense(3)(layers.GlobalAveragePooling2D()(maps)))


def test_of_a_mean_and_a_dense_layer_grad_cam_is_the_class_activation_map():
    """Selvaraju et al., section 3: alpha_k is then the weight of the class divided by the number of places."""
    keras.utils.set_random_seed(3)
    model = _averaged()
    pictures = np.random.default_rng(0).normal(size=(4, 6, 5, 2)).astype("float32")
    found = explain(model, pictures)
    kernel, bias, dense, shift = model.get_weights()
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))  # (n, 6, 5, channel, 3, 3)
    maps = np.maximum(np.einsum("nhwcij,ijck->nhwk", windows, kernel) + bias, 0)
    scores = maps.mean(axis=(1, 2)) @ dense + shift
    label = scores.argmax(axis=-1)
    assert found["label"].tolist() == label.tolist()
    expected = np.maximum(np.einsum("nhwk,nk->nhw", maps, dense[:, label].T) / 30, 0)
    np.testing.assert_allclose(found["cam"], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["score"], scores.max(axis=-1), rtol=1e-4)
    assert found["guided"].shape == pictures.shape
    again = explain(model, pictures)
    np.testing.assert_array_equal(found["cam"], again["cam"])  # the network is as it was


def test_the_last_map_is_no_pooling_and_has_places():
    given = x = keras.Input((8, 8, 1))
    x = kept = layers.Conv2D(2, 3, padding="same", name="kept")(x)
    x = layers.MaxPooling2D(2)(kept)
    x = layers.Conv2D(3, 4, name="single")(x)
    model = keras.Model(given, layers.Flatten()(x))
    assert last_map(model).name == "kept"


def test_every_network_has_its_arrays_which_the_folder_keeps_and_the_figure_shows(tmp_path):
    changes = {"augmentation": [], "parts": {}}
    subjects = [Subject(arm, toys.settings(**changes, seed=n), toys.stripes(), tmp_path) for n, arm in enumerate("ab")]
    found = guided_backprop(iter(subjects), examples=3)
    assert found["scores"].groupby("arm").size().to_dict() == {"a": 3, "b": 3}
    seen = found["looks"]
    assert seen["guided_1"].shape == seen["pictures_1"].shape == (3, 16, 16, 1)
    assert seen["cam_0"].ndim == 3
    settings = {"id": "0", "pipeline": "p", "name": "n", "probe": {"name": "x"}, "trained": False}
    write_probe(tmp_path / "n", {**settings, "networks": {}, "datasets": {}}, fake.machine(), found, 1.0)
    read = read_probe(tmp_path / "n")
    kept = read.arrays("looks")
    assert set(kept) == set(seen)
    np.testing.assert_array_equal(kept["cam_1"], seen["cam_1"])
    assert set(read.tables) == {"scores"}
    assert len(looks(found["scores"], kept).axes) == 2 * 3 * 3


def test_what_gives_no_scores_to_classes_is_refused(tmp_path):
    subject = Subject("vae", toys.settings(**toys.VAE), toys.stripes(), tmp_path)
    with pytest.raises(NoClassifier, match="vae gives no score"):
        guided_backprop(iter([subject]))
