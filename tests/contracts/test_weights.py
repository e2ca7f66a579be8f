"""Every kernel of every architecture: parts reach it, it alone decays, and Muon takes it where it is hidden."""

import csv
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures import ARCHITECTURES
from archbench.architectures.kernels import hidden_kernels, kernels, output_layers
from archbench.architectures.network import build_network, outline
from archbench.optimizers import OPTIMIZERS
from archbench.parts import WrongParts
from archbench.training.build import tell_weights
from archbench.training.numbers import find_constraints
from random_weights import random_weights

ROWS = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "muon_matrices.csv").open()))
NO_KERNELS = {
    "alpha": "slopes of a PReLU scale a unit's negative part: He et al. 2015, arXiv:1502.01852, section 2.1",
    "picture": "a picture is what is made, and multiplies nothing: Gatys et al. 2015, arXiv:1508.06576, equation 7",
}
"""Name of a weight of several axes that is no kernel -> why."""
DECAYING = ("adamw", "lars", "lamb", "lion", "muon")


def _distinct():
    """One entry for each network that differs at smoke size and is trained by gradients."""
    seen = {}
    for entry in ARCHITECTURES:
        if not entry.facts.get("fit"):
            seen.setdefault((entry.build, repr(sorted({**entry.options, **entry.facts["smoke"]}.items()))), entry)
    return list(seen.values())


distinct = pytest.mark.parametrize("entry", _distinct(), ids=lambda entry: entry.name)
PENALIZED = [entry for entry in _distinct() if "regularizer" in entry.facts["swaps"]]
"""Those with kernels that train: of style transfer the picture alone does."""
penalized = pytest.mark.parametrize("entry", PENALIZED, ids=lambda entry: entry.name)
normalized = pytest.mark.parametrize(
    "entry", [one for one in PENALIZED if "normalization" in one.facts["swaps"]], ids=lambda entry: entry.name
)


def _network(entry, parts):
    """The network at smoke size with those of `parts` that it takes, and no weight 0."""
    taken = {piece: value for piece, value in parts.items() if piece in entry.facts["swaps"]}
    outputs = entry.facts["smoke_input"][-1] if entry.facts["task"] == "reconstruction" else 3
    network = build_network({"name": entry.name, **entry.facts["smoke"]}, entry.facts["smoke_input"], outputs, taken)
    network.set_weights(random_weights(network))
    return network


def _kernels_by_name(network):
    """All trained weights of several axes, but for those that are left out by name."""
    return [weight for weight in network.trainable_weights if len(weight.shape) > 1 and weight.name not in NO_KERNELS]


def _half_square(weights) -> float:
    return sum(0.5 * np.square(ops.convert_to_numpy(weight).astype("float64")).sum() for weight in weights)


# Parts


def test_a_regularizer_is_refused_only_where_no_kernel_trains():
    for name in {entry.name for entry in _distinct()} - {entry.name for entry in PENALIZED}:
        assert not [weight for weight in kernels(_network(ARCHITECTURES[name], {})) if weight.trainable], name


@penalized
def test_a_regularizer_penalizes_every_kernel_once(entry):
    network = _network(entry, {"activation": "prelu", "regularizer": {"name": "l2", "strength": 1.0}})
    assert len(network.losses) == len(_kernels_by_name(network)) > 0
    assert float(sum(network.losses)) == pytest.approx(_half_square(_kernels_by_name(network)), rel=1e-5)


@normalized
def test_a_regularizer_penalizes_what_a_weight_normalized_layer_computes_with(entry):
    """A unit's incoming vector is as long as its gain; kernels that stay as they are count themselves."""
    network = _network(entry, {"normalization": "weight", "regularizer": {"name": "l2", "strength": 1.0}})
    gains = [weight for weight in network.trainable_weights if weight.name == "gain"]
    replaced = {gain.path.removesuffix("gain") + "kernel" for gain in gains}
    plain = [weight for weight in _kernels_by_name(network) if weight.path not in replaced]
    assert gains
    assert float(sum(network.losses)) == pytest.approx(_half_square([*gains, *plain]), rel=1e-4)


@penalized
def test_a_constraint_holds_every_kernel(entry):
    network = _network(entry, {"regularizer": {"name": "max_norm", "limit": 1.0}})
    held = {id(weight) for weight, _ in find_constraints(network)}
    assert held == {id(weight) for weight in _kernels_by_name(network)}


@penalized
def test_an_initializer_starts_every_kernel(entry):
    """Whether or not the paper starts that kernel otherwise than the others."""
    swaps, shape = entry.facts["swaps"], entry.facts["smoke_input"]
    outputs = shape[-1] if entry.facts["task"] == "reconstruction" else 3
    assert "initializer" in swaps
    network = build_network({"name": entry.name, **entry.facts["smoke"]}, shape, outputs, {"initializer": "zeros"})
    assert [weight.path for weight in _kernels_by_name(network) if np.any(ops.convert_to_numpy(weight))] == []
    spec = {"name": "small_normal", "deviation": 7.0}
    network = build_network({"name": entry.name, **entry.facts["smoke"]}, shape, outputs, {"initializer": spec})
    values = [ops.convert_to_numpy(weight).ravel() for weight in _kernels_by_name(network)]
    # Of a few numbers all may be small by chance, but not 0.
    assert all(np.abs(value).max() > (2.0 if len(value) > 20 else 0.001) for value in values)
    if sum(map(len, values)) > 400:
        assert np.concatenate(values).std() == pytest.approx(7.0, rel=0.2)


def test_an_lstm_starts_as_its_paper_until_the_initializer_is_swapped():
    """Glorot's limit is sqrt(6 / (2 + 64)) for the input; an orthogonal matrix is the inverse of its transpose."""
    own, swapped = (
        build_network({"name": "lstm", "units": 16}, (5, 2), 1, parts)
        for parts in ({}, {"initializer": "xavier_uniform"})
    )
    kernel, recurrent = (ops.convert_to_numpy(weight) for weight in own.trainable_weights[:2])
    assert np.abs(kernel).max() == pytest.approx(np.sqrt(6 / 66), rel=0.05)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(16), atol=1e-5)
    recurrent = ops.convert_to_numpy(swapped.trainable_weights[1])
    assert np.abs(recurrent).max() == pytest.approx(np.sqrt(6 / (16 + 64)), rel=0.02)
    with pytest.raises(WrongParts, match="No part is called 'initializer_of'"):
        build_network("lstm", (5, 2), 1, {"initializer_of": {"recurrent": "zeros"}})


def test_routed_capsules_start_as_their_authors_did():
    network = build_network("capsnet", (20, 20, 1), 4)
    routed = next(
        ops.convert_to_numpy(weight)
        for weight in network.trainable_weights
        if len(weight.shape) == 4 and "routing" in weight.path
    )
    assert routed.std() == pytest.approx(0.0879626, rel=0.02)
    assert 0.19 < np.abs(routed).max() <= 0.2


# Decay


def _decayed(name, network) -> dict[str, bool]:
    """Path of each trained weight -> whether a step without a gradient made it smaller; all are told apart."""
    optimizer = OPTIMIZERS.build({"name": name, "learning_rate": 0.1, "weight_decay": 0.5})
    tell_weights(optimizer, network)
    variables = network.trainable_variables
    before = [ops.convert_to_numpy(variable) for variable in variables]
    optimizer.build(variables)
    optimizer.apply([ops.zeros(variable.shape) for variable in variables], variables)
    return {
        variable.path: not np.array_equal(ops.convert_to_numpy(variable), old)
        for variable, old in zip(variables, before, strict=True)
    }


@distinct
def test_kernels_alone_decay(entry):
    network = _network(entry, {"activation": "prelu", "normalization": "weight"})
    expected = {weight.path for weight in _kernels_by_name(network)}
    assert {path for path, moved in _decayed("adamw", network).items() if moved} == expected


@pytest.mark.parametrize("name", DECAYING)
def test_what_decays_does_not_hang_on_names(name):
    """Scales of every kind, in layers whose names say otherwise."""
    x = inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, name="beta_gain_bias_alpha")(x)
    x = layers.PReLU(shared_axes=[1, 2], name="kernel")(layers.BatchNormalization(name="kernels")(x))
    x = layers.PReLU(name="of_every_position")(x)
    network = keras.Model(inputs, layers.Dense(3, name="gamma_rays")(layers.Flatten()(x)))
    network.set_weights(random_weights(network))
    decayed = _decayed(name, network)
    assert {path for path, moved in decayed.items() if moved} == {"beta_gain_bias_alpha/kernel", "gamma_rays/kernel"}
    assert len(decayed) == 8


@pytest.mark.parametrize("name", DECAYING)
def test_the_gain_of_a_normalized_kernel_does_not_decay(name):
    network = _network(ARCHITECTURES["mlp"], {"normalization": "weight"})
    moved = {path.rpartition("/")[2] for path, moved in _decayed(name, network).items() if moved}
    assert moved == {"kernel"}


# Muon


@pytest.mark.parametrize("name", sorted({row["name"] for row in ROWS}))
def test_muon_takes_the_matrices_of_hidden_layers(name):
    entry = ARCHITECTURES[name]
    rows = [row for row in ROWS if row["name"] == name]
    network = outline(name, entry.facts["paper_input"], entry.facts["paper_outputs"])
    hidden = {id(kernel) for kernel in hidden_kernels(network)}
    found = sorted(
        ("x".join(map(str, weight.shape)), "muon" if id(weight) in hidden else "adamw")
        for weight in network.trainable_weights
        if len(weight.shape) == 2
    )
    assert found == sorted((row["matrix"], row["step"]) for row in rows)


def test_every_head_is_an_output_layer_whichever_is_declared_last():
    inputs = keras.Input((4,))
    heads = {name: layers.Dense(2, name=name) for name in ("far", "near")}
    x = layers.Dense(5, name="early")(inputs)
    near = heads["near"](x)
    far = heads["far"](keras.ops.relu(layers.Dense(6, name="late")(x)))
    network = keras.Model(inputs, {"near": near, "far": ops.softmax(far)})
    assert {layer.name for layer in output_layers(network)} == {"near", "far"}
    assert {kernel.path for kernel in hidden_kernels(network)} == {"early/kernel", "late/kernel"}


def test_the_output_layer_is_found_in_nested_networks_and_a_table_is_no_hidden_matrix():
    words = keras.Input((7,), dtype="int32")
    x = layers.LSTM(6, name="reader")(layers.Embedding(10, 4, name="words")(words))
    trunk = keras.Model(words, layers.Dense(5, name="embedding_of_text")(x), name="trunk")
    code = keras.Input((5,))
    head = keras.Model(code, layers.Dense(3, name="last")(layers.Dense(4, name="hidden")(code)), name="head")
    outer = keras.Input((7,), dtype="int32")
    network = keras.Model(outer, head(trunk(outer)))
    assert [layer.name for layer in output_layers(network)] == ["last"]
    hidden = {
        kernel.path.rpartition("/")[0].split("/")[-1 if "cell" not in kernel.path else -2]
        for kernel in hidden_kernels(network)
    }
    assert hidden == {"reader", "embedding_of_text", "hidden"}
    assert len(kernels(network)) == 6
