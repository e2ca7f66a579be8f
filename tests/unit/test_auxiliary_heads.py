"""Auxiliary heads: weighed into the loss of classification, and gone at inference."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import build_network, outline
from archbench.architectures.profile import profile
from archbench.catalogue import WrongOption
from archbench.datasets.card import Card
from archbench.tasks import TASKS
from backend import compiled
from random_weights import random_weights

GOOGLENET = {"name": "googlenet", "modules": (1, 1), "width": 16, "dense_width": 16}
LABEL = np.array([1, 2], "int32")
LOGITS = np.array([[2.0, 0.5, -1.0], [0.0, 1.0, 3.0]], "float32")
HEAD_A = np.array([[0.0, 3.0, 0.0], [1.0, 1.0, 1.0]], "float32")
HEAD_B = np.array([[0.0, 0.0, 0.0], [5.0, 0.0, 0.0]], "float32")
OUTPUTS = {"logits": LOGITS, "auxiliary_4a": HEAD_A, "auxiliary_4d": HEAD_B}


def _task(**options):
    arrays = {"image": {"shape": [32, 32, 1], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}}
    card = Card("toy", "", "", "image", arrays, {}, ("a", "b", "c"))
    return TASKS.build({"name": "classification", **options}, card)


def _losses(task, outputs):
    return compiled(lambda x: task.compare(x["o"], {"label": x["l"]}, None), {"o": outputs, "l": LABEL})


def _nats(logits):
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return -np.log(shares[np.arange(2), LABEL])


def test_the_loss_of_each_head_is_added_with_its_weight_and_logged():
    found = _losses(_task(auxiliary_weight=0.4), OUTPUTS)
    np.testing.assert_allclose(found["auxiliary_loss"], _nats(HEAD_A) + _nats(HEAD_B), rtol=1e-5)
    np.testing.assert_allclose(found["loss"], _nats(LOGITS) + 0.4 * (_nats(HEAD_A) + _nats(HEAD_B)), rtol=1e-5)
    assert found["accuracy"].tolist() == [0, 1]


def test_the_heads_take_the_loss_of_the_task():
    task = _task(loss="focal")
    alone = {name: _losses(task, logits)["loss"] for name, logits in OUTPUTS.items()}
    heads = alone["auxiliary_4a"] + alone["auxiliary_4d"]
    np.testing.assert_allclose(_losses(task, OUTPUTS)["auxiliary_loss"], heads, rtol=1e-5)


def test_a_net_without_heads_logs_no_loss_of_theirs():
    assert set(_losses(_task(), LOGITS)) == {"loss", "accuracy"}


def test_the_logits_alone_predict():
    task = _task()
    with_heads, without = (task.decode(ops.convert_to_tensor(OUTPUTS["logits"])), task.decode(OUTPUTS))
    for name, value in with_heads.items():
        np.testing.assert_array_equal(ops.convert_to_numpy(without[name]), ops.convert_to_numpy(value))


def test_a_negative_weight_is_refused():
    with pytest.raises(WrongOption, match=r"auxiliary_weight cannot be -0\.3"):
        _task(auxiliary_weight=-0.3)


def test_the_heads_and_their_weights_are_gone_at_inference():
    model = build_network(GOOGLENET, (32, 32, 1), 3, {"initializer": "zeros"})
    model.set_weights(random_weights(model))
    used = keras.Model(model.input, _task().inference(model.output))
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype("float32")
    np.testing.assert_allclose(used.predict_on_batch(x), model.predict_on_batch(x)["logits"], rtol=1e-5)
    plain = outline({**GOOGLENET, "auxiliary": False}, (32, 32, 1), 3)
    assert profile(used) == profile(plain)
    assert profile(used).parameters < profile(model).parameters


def test_the_published_weights_are_facts_of_their_architectures():
    facts = {entry.name: entry.facts.get("auxiliary_weight") for entry in ARCHITECTURES}
    assert facts["googlenet"] == 0.3  # Szegedy et al. 2014, section 5
    assert facts["inception_v2"] is None
