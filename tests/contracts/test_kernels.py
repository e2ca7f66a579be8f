"""Every kernel: which of its entries lead to a unit, found by changing one entry after another, and who is told so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import build_network, load_network
from archbench.architectures.vision.capsnet import ROUTED, Routing
from archbench.architectures.vision.lenet5_1998 import Linked, SparseConv2D
from archbench.layers.grouped import GroupedConv2D
from archbench.layers.layouts import KERNELS, kernels_of
from archbench.layers.recurrent import Cell
from archbench.parts import Parts
from archbench.tasks import TASKS
from archbench.tasks.base import Direct
from archbench.training.numbers import find_constraints
from backend import compiled
from random_weights import random_weights

PARTS = Parts(initializer="orthogonal", regularizer={"name": "max_norm", "limit": 1.0})
TABLE = ((0, 1), (1, 2, 3), (0,), (3, 1), (2,))


@dataclass
class Case:
    """A layer, whose kernel's axes all have other lengths where the layer lets them."""

    kind: type[layers.Layer]
    inputs: tuple[int, ...]
    options: dict[str, Any]
    kernel: str = "kernel"
    others: dict[str, Callable[..., np.ndarray]] = field(default_factory=dict)
    """Other weights of the layer -> their values, from a shape."""
    make: Callable[..., layers.Layer] = PARTS.layer
    units: int = 1
    """How many last axes of the output, and of the input, count its units; those before count positions."""


def _sparse(kind, **options):
    return kind(TABLE, **options, **PARTS.kernel(layout=Linked(TABLE)))


def _routed(kind, **options):
    return kind(**options, **PARTS.kernel("routed", ROUTED))


def _identity(shape):
    return np.eye(shape[-2], shape[-1]).reshape(shape)


CASES = {
    "dense": Case(layers.Dense, (3,), {"units": 5}),
    "conv1d": Case(layers.Conv1D, (6, 3), {"filters": 5, "kernel_size": 2}),
    "conv2d": Case(layers.Conv2D, (5, 6, 4), {"filters": 5, "kernel_size": (2, 3)}),
    "conv3d": Case(layers.Conv3D, (3, 4, 5, 2), {"filters": 4, "kernel_size": (1, 2, 3)}),
    "conv2d_in_groups": Case(layers.Conv2D, (4, 5, 8), {"filters": 6, "kernel_size": (1, 3), "groups": 2}),
    "grouped_conv2d": Case(GroupedConv2D, (4, 5, 8), {"filters": 6, "kernel_size": (1, 3), "groups": 2}),
    "conv1d_transpose": Case(layers.Conv1DTranspose, (5, 3), {"filters": 4, "kernel_size": 2}),
    "conv2d_transpose": Case(layers.Conv2DTranspose, (3, 3, 5), {"filters": 4, "kernel_size": (2, 3), "strides": 2}),
    "conv3d_transpose": Case(layers.Conv3DTranspose, (3, 3, 3, 4), {"filters": 5, "kernel_size": (1, 2, 3)}),
    "depthwise_conv1d": Case(layers.DepthwiseConv1D, (5, 4), {"kernel_size": 2, "depth_multiplier": 3}),
    "depthwise_conv2d": Case(layers.DepthwiseConv2D, (4, 5, 5), {"kernel_size": (2, 3), "depth_multiplier": 4}),
    "separable_depthwise": Case(
        layers.SeparableConv2D,
        (4, 5, 5),
        {"kernel_size": (2, 3), "depth_multiplier": 2, "filters": 10},
        kernel="depthwise_kernel",
        others={"pointwise_kernel": _identity},
    ),
    "separable_pointwise": Case(
        layers.SeparableConv2D,
        (4, 5, 4),
        {"kernel_size": 2, "depth_multiplier": 1, "filters": 3},
        kernel="pointwise_kernel",
        others={"depthwise_kernel": np.ones},
    ),
    "recurrent": Case(
        layers.SimpleRNN,
        (2, 4),
        {"units": 4, "activation": "linear"},
        kernel="recurrent_kernel",
        others={"kernel": _identity},
    ),
    "recurrent_inputs": Case(
        layers.SimpleRNN,
        (2, 3),
        {"units": 5, "activation": "linear"},
        others={"recurrent_kernel": np.zeros},
    ),
    "links": Case(SparseConv2D, (4, 5, 4), {"size": 2}, make=_sparse),
    "routed": Case(
        Routing,
        (5, 3),
        {"capsules": 4, "dimension": 2, "routings": 3},
        make=_routed,
        units=2,
    ),
}


each = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def _built(case: Case) -> tuple[layers.Layer, keras.Variable]:
    keras.utils.set_random_seed(0)
    layer = case.make(case.kind, **case.options)
    layer(np.ones((1, *case.inputs), "float32"))
    weights = {weight.name: weight for weight in layer.weights}
    for name, values in case.others.items():
        weights[name].assign(values(tuple(weights[name].shape)))
    return layer, weights[case.kernel]


def _reached(case: Case, layer: layers.Layer, kernel: keras.Variable) -> np.ndarray:
    """Whether an entry of the kernel carries an input to a unit: (entry, input, unit).

    The layer answers a batch whose example i has input i alone, with one entry of the kernel set and all others 0.
    """
    sizes = case.inputs[-case.units :]
    alone = np.eye(np.prod(sizes)).reshape(-1, *[1] * (len(case.inputs) - case.units), *sizes)
    batch = np.broadcast_to(alone, (len(alone), *case.inputs)).astype("float32")

    def answer(values):
        kernel.assign(values.reshape(kernel.shape))
        y = ops.convert_to_numpy(layer(batch))
        return y.reshape(len(batch), -1, np.prod(y.shape[-case.units :]))

    entries = np.eye(np.prod(kernel.shape), dtype="float32")
    silent = answer(0 * entries[0])
    return np.array([(answer(entry) != silent).any(1) for entry in entries])


@each
def test_a_limit_holds_for_all_entries_that_lead_to_a_unit_and_fans_count_them(case):
    layer, kernel = _built(case)
    reached = _reached(case, layer, kernel)
    to_unit, from_input = reached.any(1), reached.any(2)  # (entry, unit), (entry, input)
    assert (to_unit.sum(1) == 1).all()
    assert (from_input.sum(1) == 1).all()
    unit, source = to_unit.argmax(1), from_input.argmax(1)

    regularizer = kernel.regularizer
    fan_in, fan_out = (np.broadcast_to(fan, kernel.shape).ravel() for fan in regularizer.layout.fans(kernel.shape))
    np.testing.assert_array_equal(fan_in, to_unit.sum(0)[unit])
    np.testing.assert_array_equal(fan_out, from_input.sum(0)[source])

    values = np.random.default_rng(1).normal(size=len(unit)).astype("float32")
    lengths = np.sqrt((to_unit * values[:, None] ** 2).sum(0))
    regularizer.limit = limit = float(np.median(lengths))
    arrays = {"kernel": values.reshape(kernel.shape)}
    shorter = compiled(lambda arrays: regularizer.after_step(arrays["kernel"], 0.1), arrays).ravel()
    np.testing.assert_allclose(shorter, values * np.minimum(1, limit / lengths)[unit], rtol=1e-5)
    assert 0 < (lengths > limit).sum() < len(lengths)


@each
def test_the_matrix_of_a_kernel_has_a_column_a_unit_and_can_be_put_back(case):
    layer, kernel = _built(case)
    unit, layout = _reached(case, layer, kernel).any(1).argmax(1), kernel.regularizer.layout
    values = np.random.default_rng(1).normal(size=kernel.shape).astype("float32")
    columns = ops.convert_to_numpy(layout.columns(values))
    sums = [(values.ravel()[unit == number] ** 2).sum() for number in range(unit.max() + 1)]
    np.testing.assert_allclose((columns**2).sum(0), sums, rtol=1e-5)
    np.testing.assert_array_equal(ops.convert_to_numpy(layout.kernel(columns, values.shape)), values)


@each
def test_a_saved_layer_is_limited_as_before(case, tmp_path):
    layer, kernel = _built(case)
    inputs = keras.Input(case.inputs)
    keras.Model(inputs, layer(inputs)).save(tmp_path / "net.keras")
    (loaded,) = [layer for layer in load_network(tmp_path / "net.keras").layers if layer.weights]
    (same,) = [weight for weight in loaded.weights if weight.name == case.kernel]
    values = np.random.default_rng(1).normal(size=kernel.shape).astype("float32")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(same.regularizer.after_step(values, 0.1)),
        ops.convert_to_numpy(kernel.regularizer.after_step(values, 0.1)),
    )
    initializers = [value for value in vars(loaded).values() if isinstance(value, keras.initializers.Initializer)]
    known = [value for value in vars(layer).values() if isinstance(value, keras.initializers.Initializer)]
    assert [value.get_config() for value in initializers] == [value.get_config() for value in known]


def test_every_layer_of_keras_in_the_list_is_tried():
    """Gates of recurrent layers, and separable convolutions of one axis, are laid out as their likes above."""
    likes = {
        layers.LSTM: layers.SimpleRNN,
        layers.LSTMCell: layers.SimpleRNN,
        layers.GRU: layers.SimpleRNN,
        layers.GRUCell: layers.SimpleRNN,
        Cell: layers.SimpleRNN,
        layers.SeparableConv1D: layers.SeparableConv2D,
    }
    tables = {layers.Embedding}  # a token reads one row: how the columns of a dense layer add up is not theirs
    assert {case.kind for case in CASES.values()} >= set(KERNELS) - set(likes) - tables
    assert KERNELS[layers.Embedding] == {"embeddings": KERNELS[layers.Dense]["kernel"]}
    assert all(KERNELS[kind] == KERNELS[like] for kind, like in likes.items())


@pytest.mark.parametrize(("kind", "gates"), [(layers.LSTM, 4), (layers.GRU, 3)])
def test_every_gate_of_a_recurrent_unit_has_two_vectors_of_its_own(kind, gates):
    """The gates' sums are x W + h U: a column of W and one of U for each gate of a unit."""
    layer = PARTS.layer(kind, 5)
    layer.build((None, 4, 3))
    kernel, recurrent = layer.trainable_weights[:2]
    assert (tuple(kernel.shape), tuple(recurrent.shape)) == ((3, 5 * gates), (5, 5 * gates))
    for weight in (kernel, recurrent):
        long = np.random.default_rng(0).uniform(2, 3, weight.shape).astype("float32")
        shorter = ops.convert_to_numpy(weight.regularizer.after_step(long, 0.1))
        np.testing.assert_allclose(shorter, long / np.linalg.norm(long, axis=0), rtol=1e-5)


def test_an_option_given_by_name_stands_before_that_of_the_parts():
    layer = PARTS.layer(layers.LSTM, 5, recurrent_initializer="zeros")
    assert isinstance(layer.cell.recurrent_initializer, keras.initializers.Zeros)
    assert kernels_of(layers.LSTM).keys() == {"kernel", "recurrent"}


# Whole networks

LIMIT, SIDE = 1.3, 15
"""About the median length of random weights; and a side at which some position sees all of a window of 7."""


def _lengths(layer: layers.Layer, kernel: keras.Variable) -> np.ndarray:
    """The length of each unit's incoming vector, as the layer itself adds it up.

    A linear layer with a kernel of squares sums them: over the whole window where its inputs are ones, and, a
    transposed convolution of any stride, over all that one position of the input reaches. Recurrent and routed layers
    are not linear: their gates' sums are x W, and a capsule's total input is a sum over the lower capsules and their
    numbers. A table is W for x of a single 1.
    """
    values = ops.convert_to_numpy(kernel)
    if isinstance(layer, layers.RNN | layers.Bidirectional | layers.Embedding):
        return np.sqrt((values**2).sum(0))
    if isinstance(layer, Routing):
        return np.sqrt((values**2).sum((0, 2)))
    for weight in layer.weights:
        weight.assign(np.zeros(weight.shape))
    kernel.assign(values**2)
    shape = layer.input.shape
    ones = np.ones((1, *[SIDE] * (len(shape) - 2), shape[-1]), "float32")
    middle = np.zeros_like(ones)
    middle[(0, *[SIDE // 2] * (len(shape) - 2))] = 1.0
    everywhere, once = (ops.convert_to_numpy(layer(x)) for x in (ones, middle))
    kernel.assign(values)
    axes = tuple(range(everywhere.ndim - 1))
    return np.sqrt(np.maximum(everywhere.max(axes), once.sum(axes)))


def _flat(network: keras.Model) -> list[layers.Layer]:
    """The layers of a network, and in the place of a model within it those that it has."""
    return [one for layer in network.layers for one in (_flat(layer) if isinstance(layer, keras.Model) else [layer])]


def _distinct():
    """One entry for each network that differs at smoke size."""
    whole = [entry for entry in ARCHITECTURES if issubclass(TASKS[entry.facts["task"]].build, Direct)]
    taking = [entry for entry in whole if "regularizer" in entry.facts["swaps"]]
    options = [{**entry.options, **entry.facts["smoke"]} for entry in taking]
    seen = {(entry.build, repr(sorted(own.items()))): entry for entry, own in zip(taking, options, strict=True)}
    return list(seen.values())


@pytest.mark.parametrize("entry", _distinct(), ids=lambda entry: entry.name)
def test_after_a_step_the_units_of_a_network_that_were_too_long_have_the_limit_and_no_other_changes(entry):
    keras.utils.set_random_seed(1)
    facts = entry.facts
    changes = {"regularizer": {"name": "max_norm", "limit": LIMIT}}
    changes |= {"initializer": "zeros"} if "initializer" in facts["swaps"] else {}
    network = build_network({"name": entry.name, **facts["smoke"]}, facts["smoke_input"], 3, changes)
    network.set_weights(random_weights(network))
    constraints = {id(weight): regularizer for weight, regularizer in find_constraints(network)}
    shortened = 0
    for layer in _flat(network):
        for weight in layer.trainable_weights:
            if id(weight) in constraints:
                before = _lengths(layer, weight)
                weight.assign(constraints.pop(id(weight)).after_step(ops.convert_to_tensor(weight), 0.1))
                expected = np.minimum(before, LIMIT)
                np.testing.assert_allclose(_lengths(layer, weight), expected, rtol=1e-4, err_msg=weight.path)
                shortened += (before > LIMIT).sum()
    assert not constraints
    assert shortened
