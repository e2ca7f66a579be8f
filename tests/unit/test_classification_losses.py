"""The loss of the classification task: any of the catalogue's over class scores, of labels and of distributions."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.losses import LOSSES
from archbench.tasks import TASKS
from backend import compiled

SCORES = [entry.name for entry in LOSSES if entry.facts.get("over") == "scores"]


def _task(classes: int = 3, **options):
    arrays = {"image": {"shape": [4, 4, 1], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}}
    names = tuple(str(number) for number in range(classes))
    return TASKS.build({"name": "classification", **options}, Card("toy", "", "", "image", arrays, {}, names))


def _losses(task, outputs, label) -> dict[str, np.ndarray]:
    found = task.compare(ops.convert_to_tensor(outputs), {"label": ops.convert_to_tensor(label)}, None)
    return {name: ops.convert_to_numpy(value) for name, value in found.items()}


OUTPUTS = np.array([[2.0, 0.5, -1.0], [0.0, 1.0, 3.0]], "float32")


@pytest.mark.parametrize("name", SCORES)
def test_a_loss_by_name_in_a_compiled_program(name):
    task, label = _task(loss=name), np.array([1, 2], "int32")
    found = compiled(lambda x: task.compare(x["o"], {"label": x["l"]}, None), {"o": OUTPUTS, "l": label})
    expected = ops.convert_to_numpy(LOSSES[name](ops.convert_to_tensor(label), ops.convert_to_tensor(OUTPUTS)))
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    assert found["accuracy"].tolist() == [0, 1]


def test_a_loss_with_options():
    plain, sharp = (_losses(_task(loss=loss), OUTPUTS, np.array([1, 2])) for loss in ("focal", {"name": "focal"}))
    assert plain["loss"].tolist() == sharp["loss"].tolist()
    half = _losses(_task(loss={"name": "focal", "gamma": 0.0, "alpha": 0.5}), OUTPUTS, np.array([1, 2]))["loss"]
    binary = keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)
    expected = ops.convert_to_numpy(binary(np.eye(3, dtype="float32")[[1, 2]], OUTPUTS)) * 3 / 2
    assert half == pytest.approx(expected, rel=1e-5)


def test_labels_that_are_distributions():
    shares = np.array([[0.25, 0.75, 0], [0, 0.4, 0.6]], "float32")
    found = _losses(_task(), OUTPUTS, shares)
    logs = OUTPUTS - np.log(np.exp(OUTPUTS).sum(axis=1, keepdims=True))
    assert found["loss"] == pytest.approx(-(shares * logs).sum(axis=1), rel=1e-5)
    assert found["accuracy"] == pytest.approx([0.25, 0.6])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"loss": "mse"}, "'mse' does not compare class scores.*cross_entropy, focal, multiclass_hinge, squared_hinge"),
        ({"loss": "focl"}, "No loss is called 'focl'.*Did you mean"),
        ({"loss": {"name": "focal", "beta": 1}}, "loss 'focal' has no option 'beta'"),
        ({"loss": {"name": "focal", "alpha": 2}}, "alpha cannot be 2"),
        ({"loss": 3}, "loss cannot be 3"),
    ],
)
def test_a_wrong_loss_is_refused_when_params_are_read(options, says):
    with pytest.raises(UserError, match=says):
        TASKS.resolve({"name": "classification", **options})


def test_the_best_five_of_many_classes():
    task = _task(classes=12)
    outputs = np.random.default_rng(0).normal(size=(40, 12)).astype("float32")
    label = np.random.default_rng(1).integers(12, size=40).astype("int32")
    predictions = compiled(task.decode, outputs)
    rank = (outputs > outputs[np.arange(40), label][:, None]).sum(axis=1)
    assert task.scores({"label": label}, predictions, {})["top_5"] == pytest.approx((rank < 5).mean())
    assert "top_5" not in _task(classes=10).decode(outputs[:, :10])
