"""Mean field in a fully connected CRF: against sums over pairs written out, and on pictures whose answer is known."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import outline
from archbench.architectures.profile import profile
from archbench.layers.dense_crf import DenseCRF
from backend import compiled


def _direct(logits, image, iterations, appearance, smoothness):
    """Krähenbühl, Koltun 2011, algorithm 1 for Potts, in loops over pairs; each kernel divided by its sum."""
    height, width, classes = logits.shape
    places = [(row, column) for row in range(height) for column in range(width)]

    def energies(q):
        made = np.zeros((height, width, classes))
        for here in places:
            sums = {"appearance": np.zeros(classes), "smoothness": np.zeros(classes)}
            totals = dict.fromkeys(sums, 1.0)  # its own
            for there in places:
                if here == there:
                    continue
                far = (here[0] - there[0]) ** 2 + (here[1] - there[1]) ** 2
                unlike = float(np.sum((image[here] - image[there]) ** 2))
                near = far / (2 * appearance[1] ** 2) + unlike / (2 * appearance[2] ** 2)
                kernels = {"appearance": np.exp(-near), "smoothness": np.exp(-far / (2 * smoothness[1] ** 2))}
                for name, kernel in kernels.items():
                    totals[name] += kernel
                    # the compatibility is 1 for another label: what all others have of it
                    sums[name] += kernel * (q[there].sum() - q[there])
            for name, weight in (("appearance", appearance[0]), ("smoothness", smoothness[0])):
                made[here] += weight * sums[name] / totals[name]
        return made

    def normalized(energy):
        q = np.exp(-(energy - energy.min(-1, keepdims=True)))
        return q / q.sum(-1, keepdims=True)

    q = normalized(-logits)
    for _ in range(iterations):
        q = normalized(-logits + energies(q))
    return np.log(q)


def _refined(logits, image, *options, training=False):
    layer = DenseCRF(*options)
    arrays = {"logits": logits.astype("float32"), "image": image.astype("float32")}
    found = compiled(lambda given: layer(given["logits"], given["image"], training=training), arrays)
    return ops.convert_to_numpy(found)


@pytest.mark.parametrize("iterations", [1, 2, 10])
@pytest.mark.parametrize(
    ("appearance", "smoothness"),
    [((5.0, 4.0, 0.5), (3.0, 3.0)), ((1.0, 50.0, 0.1), (0.5, 0.7)), ((2.0, 1.0, 9.0), (1e-9, 1.0))],
)
def test_it_is_the_papers_algorithm(iterations, appearance, smoothness):
    random = np.random.default_rng(0)
    logits, image = random.normal(size=(2, 5, 7, 4)), random.normal(size=(2, 5, 7, 3))
    found = _refined(logits, image, iterations, appearance, smoothness)
    for one, picture, refined in zip(logits, image, found, strict=True):
        np.testing.assert_allclose(refined, _direct(one, picture, iterations, appearance, smoothness), atol=1e-4)


def test_a_ragged_border_moves_to_where_the_color_changes():
    """A square of one color, guessed with blurred borders and a hole, on a ground of another."""
    truth = np.zeros((16, 16), int)
    truth[4:12, 5:13] = 1
    image = np.where(truth[..., None], 1.0, -1.0) + np.random.default_rng(1).normal(0, 0.05, (16, 16, 3))
    guess = np.roll(truth, 2, axis=1)
    guess[7, 8] = 0
    logits = np.eye(2)[guess] * 2.0
    assert (guess != truth).sum() > 30
    found = _refined(logits[None], image[None], 10, (5.0, 20.0, 0.2), (3.0, 1.0))[0]
    np.testing.assert_array_equal(found.argmax(-1), truth)


def test_a_pixel_like_no_other_keeps_its_own_view():
    """Nobody else has a say in it, however loudly those that there are would speak together."""
    image = np.zeros((1, 3, 3, 1))
    image[0, 1, 1] = 1000.0
    logits = np.zeros((1, 3, 3, 2))
    logits[0, 1, 1] = 0.5, 0.0
    found = _refined(logits, image, 3, (5.0, 1.0, 0.1), (1e-9, 1.0))
    np.testing.assert_allclose(found[0, 1, 1], [0.5, 0.0] - np.log(np.exp(0.5) + 1), atol=1e-5)


def test_far_colors_lose_nothing_to_rounding():
    """Numbers from 0 to 255 in a large picture: one that cancels badly would mix up neighbors."""
    random = np.random.default_rng(2)
    logits, image = random.normal(size=(1, 6, 6, 3)), random.integers(0, 256, (1, 6, 6, 3)).astype(float)
    found = _refined(logits, image, 5, (5.0, 50.0, 10.0), (3.0, 3.0))[0]
    np.testing.assert_allclose(found, _direct(logits[0], image[0], 5, (5.0, 50.0, 10.0), (3.0, 3.0)), atol=2e-3)


def test_in_training_logits_pass():
    logits = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    np.testing.assert_array_equal(_refined(logits, logits, 5, (5.0, 50.0, 0.1), (3.0, 3.0), training=True), logits)


def test_a_net_with_it_has_no_field_that_ends():
    fields = [profile(outline({"name": "deeplab_v1", "crf": n}, (64, 64, 3), 2)).receptive_field for n in (0, 1)]
    assert fields[0] is not None
    assert fields[1] is None


def test_it_is_saved_with_its_arguments():
    layer = DenseCRF(4, (5.0, 6.0, 0.7), (3.0, 2.0))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (again.iterations, again.appearance, again.smoothness) == (4, (5.0, 6.0, 0.7), (3.0, 2.0))
