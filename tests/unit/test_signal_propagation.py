"""The probe of signals: the textbook's chains, a network differentiated by hand, tasks of every kind."""

import numpy as np
import pytest
import toys

from archbench.architectures.kernels import kernels
from archbench.datasets.columns import take
from archbench.probes.signal_propagation import Meter, signal_propagation
from archbench.probes.subject import AlreadyTrained, Subject
from archbench.training.run import Workbench

LINEAR = {
    "parts": {"activation": {"name": "linear"}},
    "preprocessing": {"name": "none"},
    "augmentation": [],
}


def _subject(prepared, tmp_path, **changes):
    return Subject("only", toys.settings(**changes), prepared, tmp_path)


def _layers(subject, **options):
    """The rows of a probe of one subject, as columns."""
    return signal_propagation(iter([subject]), **options)["layers"]


@pytest.mark.parametrize(("gain", "depth"), [(1.5, 5), (0.5, 5), (1.0, 5), (1.5, 1), (1.5, 20), (0.5, 20)])
def test_linear_layers_of_a_multiple_of_the_identity_multiply_both_norms_by_it(gain, depth, tmp_path):
    """L layers with the weights a I: what goes in comes out a^L times as large, and so does the gradient on its way."""
    subject = _subject(toys.stripes(), tmp_path, **LINEAR, architecture={"name": "mlp", "units": [256] * depth})
    learner = subject.learner(batch_size=7)
    for kernel in kernels(learner.parts["network"])[:-1]:  # the last makes the classes
        kernel.assign(gain * np.eye(256))
    first = {name: take(column, np.arange(7)) for name, column in subject.prepared.splits["train"].items()}
    rows = Meter(learner, first, 7, {}).read()
    pictures = first["image"].reshape(7, -1).astype("float64")
    length = np.sqrt(np.mean(np.sum(pictures**2, axis=1)))
    *chain, head = rows
    assert [row["activation_norm"] for row in chain] == pytest.approx(
        [length * gain**n for n in range(1, depth + 1)], rel=1e-5
    )
    assert [row["gradient_norm"] / chain[-1]["gradient_norm"] for row in chain] == pytest.approx(
        [gain ** (depth - n) for n in range(1, depth + 1)], rel=1e-5
    )
    assert [row["values"] for row in rows] == [256] * depth + [3]
    assert [row["layer"] for row in rows] == list(range(1, depth + 2))
    assert chain[0]["weight_norm"] == pytest.approx(gain * np.sqrt(256))
    assert head["kind"] == "Dense"


TANH = {
    "architecture": {"name": "mlp", "units": [6, 5]},
    "parts": {"activation": {"name": "tanh"}, "initializer": {"name": "xavier_normal"}},
    "preprocessing": {"name": "rescale"},
    "augmentation": [],
}


def test_norms_are_those_of_the_network_written_out_and_differentiated_by_central_differences(tmp_path):
    subject = _subject(toys.stripes(), tmp_path, **TANH)
    found = _layers(subject, examples=4)
    weights = [np.array(w, "float64") for w in subject.learner(batch_size=4).parts["network"].get_weights()]
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    training = subject.prepared.splits["train"]
    low, high = (float(edge(training["image"])) for edge in (np.min, np.max))
    x, label = (training["image"][:4].reshape(4, -1) - low) / (high - low), training["label"][:4]

    def run(shifts, layers=layers):
        """Responses of every layer, and every example's cross-entropy, with `shifts` added to the responses."""
        h, responses = x, []
        for (kernel, bias), shift in zip(layers, shifts, strict=True):
            responses.append(h @ kernel + bias + shift)
            h = np.tanh(responses[-1])
        logits = responses[-1] - responses[-1].max(axis=1, keepdims=True)
        return responses, np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(4), label]

    def slopes(shape, move):
        """The derivative of a loss by each number of a tensor; `move` gives the loss where one number is moved."""
        step = 1e-5
        moved = np.zeros(shape)
        derivative = np.zeros(shape)
        for place in np.ndindex(shape):
            moved[place] = step
            ahead = move(moved)
            moved[place] = -step
            derivative[place] = (ahead - move(moved)) / (2 * step)
            moved[place] = 0
        return derivative

    responses, _ = run([0, 0, 0])
    for number, row in enumerate(found.to_dict("records")):
        own = slopes(responses[number].shape, lambda d, n=number: run([d if k == n else 0 for k in range(3)])[1].sum())
        kernel = slopes(
            layers[number][0].shape,
            lambda d, n=number: run([0] * 3, [(w + d if k == n else w, b) for k, (w, b) in enumerate(layers)])[
                1
            ].mean(),
        )
        expected = np.sqrt(np.mean(np.sum(responses[number] ** 2, axis=1)))
        assert row["activation_norm"] == pytest.approx(expected, rel=1e-5)
        assert row["gradient_norm"] == pytest.approx(np.sqrt(np.mean(np.sum(own**2, axis=1))), rel=1e-4)
        assert row["weight_gradient_norm"] == pytest.approx(np.linalg.norm(kernel), rel=1e-4)
        assert row["weight_norm"] == pytest.approx(np.linalg.norm(layers[number][0]), rel=1e-6)


def test_the_examples_are_the_first_ones_of_the_training_split_a_batch_unless_told(tmp_path):
    prepared = toys.stripes()
    whole = _layers(_subject(prepared, tmp_path, **TANH, batch_size=16))
    told = _layers(_subject(prepared, tmp_path, **TANH, batch_size=5), examples=16)
    assert whole.equals(told)
    assert not whole.equals(_layers(_subject(prepared, tmp_path, **TANH), examples=15))
    most = _layers(_subject(prepared, tmp_path, **TANH), examples=1000)
    assert most.equals(_layers(_subject(prepared, tmp_path, **TANH), examples=toys.SIZES["train"]))


def test_weights_are_drawn_with_the_seed(tmp_path):
    one, two, again = (
        _layers(_subject(toys.stripes(), tmp_path, **TANH, seed=seed)).drop(columns="seed") for seed in (1, 2, 1)
    )
    assert one.equals(again)
    assert not one.equals(two)


@pytest.mark.parametrize(
    ("data", "changes", "parts"),
    [
        (toys.sums, toys.LSTM, {"network"}),
        (toys.stripes, toys.VAE, {"encoder", "decoder"}),
        (toys.stripes, {"precision": "mixed_bfloat16"}, {"network"}),
        (toys.squares, toys.TWO_STAGES, {"features", "rpn", "head"}),
    ],
)
def test_every_layer_with_a_kernel_of_any_task_is_measured(data, changes, parts, tmp_path):
    subject = _subject(data(), tmp_path, **changes, batch_size=4)
    found = _layers(subject)
    assert set(found["part"]) == parts
    assert found.filter(like="norm").notna().all(axis=None)
    assert (found.filter(like="norm") > 0).all(axis=None)


def test_after_epochs_the_weights_are_those_that_training_leaves(tmp_path):
    """What is measured after two epochs is what a fresh measurement finds in the weights of a run of two epochs."""
    changes = {**TANH, "epochs": 5, "optimizer": {"name": "sgd", "learning_rate": 0.5}, "schedule": {"name": "cosine"}}
    found = _layers(_subject(toys.stripes(), tmp_path, **changes), epochs=[0, 2])
    assert found.groupby("epoch").size().to_dict() == {0: 3, 2: 3}
    bench = Workbench(toys.settings(**{**changes, "epochs": 2}), toys.stripes())
    weights = []
    toys.train(
        bench,
        toys.settings(**{**changes, "epochs": 2}),
        after_epoch=lambda progress: weights.append(toys.weights(bench)),
    )
    norms = [np.linalg.norm(kernel) for kernel in weights[1][::2]]
    assert found[found["epoch"] == 2]["weight_norm"].tolist() == pytest.approx(norms, rel=1e-6)
    fresh = _layers(_subject(toys.stripes(), tmp_path, **changes))
    first = found[found["epoch"] == 0].reset_index(drop=True)
    assert first.equals(fresh)
    trained = Subject("run", toys.settings(**changes), toys.stripes(), tmp_path, trained=True)
    with pytest.raises(AlreadyTrained, match="2 epochs of training"):
        trained.watch(None, [2], lambda epoch: None)
