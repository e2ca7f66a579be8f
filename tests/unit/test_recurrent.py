"""Recurrent networks: each cell's step by hand, and forward and backward as PyTorch and plain NumPy have them."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.network import build_network, load_network
from archbench.layers.recurrent import PeepholeLSTMCell, SimplifiedGRUCell
from backend import compiled, gradient
from formula_weights import formula
from references import reference

GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "recurrent.csv").open()))
BATCH, STEPS, FEATURES, UNITS = 2, 5, 3, 4
LAYERS = {
    "rnn": lambda **options: layers.SimpleRNN(UNITS, **options),
    "gru_simplified": lambda **options: layers.RNN(SimplifiedGRUCell(UNITS), **options),
    "gru_before": lambda **options: layers.GRU(UNITS, reset_after=False, use_cudnn=False, **options),
    "gru_after": lambda **options: layers.GRU(UNITS, reset_after=True, use_cudnn=False, **options),
    "lstm": lambda **options: layers.LSTM(UNITS, use_cudnn=False, **options),
    "lstm_peephole": lambda **options: layers.RNN(PeepholeLSTMCell(UNITS), **options),
}
"""Case -> the layer that the network of that name is made of."""
NETWORKS = {
    "rnn": {"name": "rnn"},
    "gru_simplified": {"name": "gru_simplified"},
    "gru_before": {"name": "gru"},
    "gru_after": {"name": "gru", "reset": "after"},
    "lstm": {"name": "lstm"},
    "lstm_peephole": {"name": "lstm_peephole"},
}
BOTH_WAYS = ("birnn", "bigru", "bilstm")
every = pytest.mark.parametrize("case", LAYERS)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _weights(case) -> dict[str, np.ndarray]:
    """By the names of the reference script, from a formula: large enough that every gate matters."""
    layer = LAYERS[case]()
    layer.build((None, STEPS, FEATURES))
    kernel, recurrent, bias, *peepholes = (tuple(weight.shape) for weight in layer.weights)
    shapes = {"kernel": kernel, "recurrent": recurrent, "bias": bias}
    shapes |= {"peepholes": (3, UNITS)} if peepholes else {}
    return {name: 1.5 * (2 * formula(shape, n) - 1) for n, (name, shape) in enumerate(shapes.items())}


def _given(case) -> dict[str, np.ndarray]:
    return {
        **_weights(case),
        "x": 2 * formula((BATCH, STEPS, FEATURES), 7) - 1,
        "share": 2 * formula((BATCH, STEPS, UNITS), 8) - 1,
    }


def _as_keras(given) -> list:
    """The weights of a layer in its own order."""
    return [given["kernel"], given["recurrent"], given["bias"], *given.get("peepholes", ())]


def _in_numpy(case, x, kernel, recurrent, bias, peepholes=None) -> np.ndarray:
    """The states (step, unit) of one sequence, a number at a time."""
    h, c, states = np.zeros(UNITS), np.zeros(UNITS), []
    for told in x:
        if case == "rnn":
            h = np.tanh(told @ kernel + h @ recurrent + bias)
        elif case == "gru_simplified":
            update, new = np.split(told @ kernel + h @ recurrent + bias, 2)
            h = _sigmoid(update) * np.tanh(new) + (1 - _sigmoid(update)) * h
        elif case.startswith("gru"):
            given = np.split(told @ kernel + (bias[0] if case == "gru_after" else bias), 3)
            z, r = (_sigmoid(given[n] + _of(h, recurrent, bias, case, n)) for n in (0, 1))
            if case == "gru_before":
                new = np.tanh(given[2] + (r * h) @ recurrent[:, 2 * UNITS :])
            else:
                new = np.tanh(given[2] + r * _of(h, recurrent, bias, case, 2))
            h = z * h + (1 - z) * new
        else:
            i, f, new, o = np.split(told @ kernel + h @ recurrent + bias, 4)
            to_i, to_f, to_o = np.zeros((3, UNITS)) if peepholes is None else peepholes
            before = c
            c = _sigmoid(f + to_f * before) * before + _sigmoid(i + to_i * before) * np.tanh(new)
            h = _sigmoid(o + to_o * c) * np.tanh(c)
        states.append(h)
    return np.stack(states)


def _of(h, recurrent, bias, case, sum_):
    whole = h @ recurrent + (bias[1] if case == "gru_after" else 0)
    return np.split(whole, 3)[sum_]


def _run(case, given, **options):
    """States and, by the names of the weights, the gradients of their sum with shares."""
    layer = LAYERS[case](return_sequences=True, **options)
    layer.build((None, STEPS, FEATURES))

    def states(at):
        weights = [at["kernel"], at["recurrent"], at["bias"]]
        weights += [at["peepholes"][n] for n in range(3)] if "peepholes" in at else []
        return layer.stateless_call(weights, list(layer.non_trainable_variables), at["x"])[0]

    at = {name: value.astype("float32") for name, value in given.items() if name != "share"}
    share = given["share"].astype("float32")
    return compiled(states, at), gradient(lambda at: ops.sum(states(at) * share), at)


# A step by hand


@pytest.mark.parametrize(
    ("case", "weights", "expected"),
    [
        # x = 1, h = 0.5 throughout; W = 1, U = 2, b = -1 for each sum, whose value is then 1 (c = 0.25 of an LSTM)
        ("rnn", [1, 2, -1], np.tanh(1)),
        # u = s(1): u tanh(1) + (1 - u) / 2
        ("gru_simplified", [1, 2, -1], 0.731059 * 0.761594 + 0.268941 * 0.5),
        # z = r = s(1): z / 2 + (1 - z) tanh(1 - 1 + 2 r / 2)
        ("gru_before", [1, 2, -1], 0.731059 * 0.5 + 0.268941 * np.tanh(0.731059)),
        # biases -1 and 0.5: gates s(1.5); tanh(1 - 1 + r (2 / 2 + 0.5))
        ("gru_after", [1, 2, None], 0.817574 * 0.5 + 0.182426 * np.tanh(0.817574 * 1.5)),
        # c = s(1) / 4 + s(1) tanh(1) = 0.739535
        ("lstm", [1, 2, -1], 0.731059 * np.tanh(0.739535)),
        # peepholes 4, -4, 1: i = s(2), f = s(0), c = 0.125 + 0.880797 tanh(1) = 0.795810, o = s(1.795810) = 0.857638
        ("lstm_peephole", [1, 2, -1, 4, -4, 1], 0.857638 * np.tanh(0.795810)),
    ],
)
def test_one_step_by_hand(case, weights, expected):
    cell = {
        "rnn": layers.SimpleRNNCell(1),
        "gru_simplified": SimplifiedGRUCell(1),
        "gru_before": layers.GRUCell(1, reset_after=False),
        "gru_after": layers.GRUCell(1, reset_after=True),
        "lstm": layers.LSTMCell(1),
        "lstm_peephole": PeepholeLSTMCell(1),
    }[case]
    cell.build((None, 1))
    values = [np.full(w.shape, value) for w, value in zip(cell.weights, weights, strict=True) if value is not None]
    values += [np.array([[-1.0] * 3, [0.5] * 3])] if case == "gru_after" else []
    cell.set_weights(values)
    states = [np.full((1, 1), 0.5, "float32")] + [np.full((1, 1), 0.25, "float32")] * case.startswith("lstm")
    output, after = cell(np.ones((1, 1), "float32"), states)
    assert ops.convert_to_numpy(output).item() == pytest.approx(expected, abs=2e-6)
    assert ops.convert_to_numpy(after[0]).item() == pytest.approx(expected, abs=2e-6)
    assert len(after) == len(states)


# Forward and backward


@every
def test_states_are_those_of_numpy(case):
    given = _given(case)
    found, _ = _run(case, given)
    weights = {name: value for name, value in given.items() if name not in ("x", "share")}
    for row, x in zip(found, given["x"], strict=True):
        np.testing.assert_allclose(row, _in_numpy(case, x, **weights), atol=1e-6)


@every
def test_states_and_gradients_are_the_golden_ones(case):
    found, slopes = _run(case, _given(case))
    rows = {row["what"]: json.loads(row["values"]) for row in GOLDEN if row["case"] == case}
    np.testing.assert_allclose(found[-1, -1], rows.pop("state"), atol=1e-6)
    assert set(rows) == set(slopes)
    for name, values in rows.items():
        np.testing.assert_allclose(_digest(slopes[name]), values, rtol=1e-5, atol=1e-5)


def _digest(slope) -> list[float]:
    """Three numbers that hang on every entry of a gradient: its sum with three formulas."""
    return [float((slope * (2 * formula(slope.shape, number) - 1)).sum()) for number in (20, 21, 22)]


def test_the_golden_numbers_and_all_others_are_those_of_pytorch():
    cases = {case: _given(case) for case in LAYERS}
    made = reference("recurrent", **{f"{case}.{n}": value for case, own in cases.items() for n, value in own.items()})
    for case, given in cases.items():
        found, slopes = _run(case, given)
        np.testing.assert_allclose(found, made[f"{case}.states"], atol=1e-6)
        for name, slope in slopes.items():
            expected = made[f"{case}.{name}"]
            np.testing.assert_allclose(slope, expected, atol=1e-6 * max(1, np.abs(expected).max()) * 5, err_msg=name)
            (row,) = (row for row in GOLDEN if (row["case"], row["what"]) == (case, name))
            np.testing.assert_allclose(json.loads(row["values"]), _digest(expected), rtol=1e-6, atol=1e-8)


# Networks


@every
@pytest.mark.parametrize("whole", [True, False], ids=["every step", "last step"])
def test_a_network_is_its_cell_over_the_sequence_and_a_dense_layer(case, whole):
    """Which name has which cell, which reset of a GRU is the default, and whether it answers at every step."""
    given = _given(case)
    net = build_network({**NETWORKS[case], "units": UNITS, "every_step": whole}, (STEPS, FEATURES), 2)
    head = [formula((UNITS, 2), 30), formula((2,), 31)]
    net.set_weights([*_as_keras(given), *head])
    states = np.stack([_in_numpy(case, x, *_as_keras(given)[:3], given.get("peepholes")) for x in given["x"]])
    expected = (states if whole else states[:, -1]) @ head[0] + head[1]
    np.testing.assert_allclose(ops.convert_to_numpy(net(given["x"].astype("float32"))), expected, atol=1e-5)


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_one_that_reads_both_ways_is_two_layers_side_by_side(name):
    """The second is given the steps from the last on, and its states stand where it read."""
    case = {"birnn": "rnn", "bigru": "gru_before", "bilstm": "lstm"}[name]
    first, x = _weights(case), _given(case)["x"]
    second = {key: value[..., ::-1] for key, value in first.items()}
    net = build_network({"name": name, "units": UNITS}, (STEPS, FEATURES), 2)
    head = [formula((2 * UNITS, 2), 30), formula((2,), 31)]
    net.set_weights([*_as_keras(first), *_as_keras(second), *head])
    forth = np.stack([_in_numpy(case, row, **first) for row in x])
    back = np.stack([_in_numpy(case, row[::-1], **second)[::-1] for row in x])
    expected = np.concatenate([forth, back], axis=-1) @ head[0] + head[1]
    np.testing.assert_allclose(ops.convert_to_numpy(net(x.astype("float32"))), expected, atol=1e-5)


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_the_two_ways_start_with_weights_of_their_own(name):
    net = build_network({"name": name, "units": UNITS}, (STEPS, FEATURES), 2)
    kernels = [ops.convert_to_numpy(weight) for weight in net.weights if weight.name == "kernel"][:2]
    assert kernels[0].shape == kernels[1].shape
    assert not np.allclose(*kernels)


def test_the_forget_gates_of_an_lstm_with_peepholes_start_open_and_its_peepholes_shut():
    cell = PeepholeLSTMCell(3)
    cell.build((None, 2))
    weights = {weight.name: ops.convert_to_numpy(weight) for weight in cell.weights}
    np.testing.assert_array_equal(weights["bias"], np.repeat([0, 1, 0, 0], 3))
    assert not any(weights[f"{gate}_peephole"].any() for gate in ("input", "forget", "output"))


@pytest.mark.parametrize("name", ["rnn", "gru_simplified", "gru", "lstm", "lstm_peephole", *BOTH_WAYS])
@pytest.mark.parametrize("whole", [True, False], ids=["every step", "last step"])
def test_padding_never_changes_a_result(name, whole):
    """A sequence of three steps alone, and followed by two or by nine of zeros, beside one that is longer."""
    keras.utils.set_random_seed(2)
    net = build_network({"name": name, "units": 3, "depth": 2, "every_step": whole}, (None, 2), 2)
    x = np.random.default_rng(0).normal(size=(2, 12, 2)).astype("float32")
    x[0, 3:] = 0
    alone, five, twelve = (ops.convert_to_numpy(net(x[: 2 if steps > 3 else 1, :steps])) for steps in (3, 5, 12))
    for padded in (five, twelve):
        kept = padded[0, :3] if whole else padded[0]
        np.testing.assert_allclose(kept, alone[0], atol=1e-6)


def test_a_step_of_zeros_is_a_step_where_all_sequences_have_one_length():
    net = build_network({"name": "rnn", "units": 2}, (4, 2), 1)
    net.set_weights([np.ones((2, 2)), np.eye(2), np.full(2, 0.5), np.ones((2, 1)), np.zeros(1)])
    h = 0.0
    for _ in range(4):
        h = np.tanh(h + 0.5)
    assert ops.convert_to_numpy(net(np.zeros((1, 4, 2), "float32"))).item() == pytest.approx(2 * h, rel=1e-5)


@pytest.mark.parametrize("name", ["gru_simplified", "lstm_peephole", "bigru"])
def test_a_saved_network_is_the_same_one(name, tmp_path):
    net = build_network({"name": name, "units": 3}, (None, 2), 2, {"regularizer": {"name": "l2", "strength": 0.1}})
    x = np.random.default_rng(0).normal(size=(2, 5, 2)).astype("float32")
    net.save(tmp_path / "net.keras")
    again = load_network(tmp_path / "net.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(again(x)), ops.convert_to_numpy(net(x)))
    assert len(again.losses) == len(net.losses) > 0
