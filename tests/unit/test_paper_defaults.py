"""What a network or a formula is where nobody says otherwise: the papers' parts, layers and numbers, row by row."""

import csv
import inspect
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.activations import ACTIVATIONS
from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import build_network, outline
from archbench.architectures.parted import parts_of
from archbench.augmentations import AUGMENTATIONS
from archbench.catalogue import Catalogue
from archbench.initializers import INITIALIZERS
from archbench.layers.pooling import LowestPadding2D
from archbench.losses import LOSSES
from archbench.metrics import METRICS
from archbench.normalizations import NORMALIZATIONS
from archbench.optimizers import OPTIMIZERS
from archbench.parts import Parts
from archbench.regularizers import REGULARIZERS
from archbench.schedules import SCHEDULES
from archbench.tasks import TASKS
from completeness import check_rows

GOLDEN = Path(__file__).parents[1] / "golden"
CATALOGUES: dict[str, Catalogue] = {
    catalogue.kind: catalogue
    for catalogue in (
        *(ACTIVATIONS, NORMALIZATIONS, INITIALIZERS, REGULARIZERS, LOSSES, OPTIMIZERS),
        *(SCHEDULES, AUGMENTATIONS, TASKS, METRICS, ARCHITECTURES),
    )
}


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((GOLDEN / name).open()))


PARTS, OPTIONS, LAYERS = _rows("parts.csv"), _rows("default_options.csv"), _rows("layers.csv")


# Parts


def _spec(text: str):
    return json.loads(text) if text.startswith("{") else text


def test_every_network_with_parts_has_a_row_of_them():
    names = {entry.name for entry in ARCHITECTURES if "parts" in entry.options}
    check_rows(names, {row["name"] for row in PARTS}, "parts.csv", "name and the parts of its paper")


@pytest.mark.parametrize("row", PARTS, ids=lambda row: row["name"])
def test_a_network_has_its_papers_parts(row):
    parts = ARCHITECTURES[row["name"]].options["parts"]
    expected = Parts(
        activation=_spec(row["activation"]),
        normalization=_spec(row["normalization"]),
        initializer=_spec(row["initializer"]),
        initializer_of=json.loads(row["initializer_of"] or "{}"),
        dropout=float(row["dropout"]) if row["dropout"] else None,
    )
    assert parts == expected, row["source"]


@pytest.mark.parametrize(
    ("spec", "shape", "outputs", "kernel", "deviation"),
    [
        # He et al. 2015, arXiv:1502.01852, equation 10: sqrt(2 / inputs)
        ({"name": "resnet20", "widths": (64,), "blocks": 1}, (8, 8, 3), 10, (3, 3, 64, 64), (2 / 576) ** 0.5),
        # Ronneberger et al. 2015, section 3: N is 576 for 3 by 3 over 64 channels
        ({"name": "unet", "depth": 1}, (18, 18, 1), 2, (3, 3, 64, 64), (2 / 576) ** 0.5),
        # Glorot, Bengio 2010, equation 16: sqrt(2 / (inputs + outputs))
        ("lenet5", (32, 32, 1), 10, (120, 84), (2 / (120 + 84)) ** 0.5),
        # Kingma, Welling 2013, section 5
        ("vae", (28, 28, 1), 1, (784, 500), 0.01),
    ],
    ids=["resnet20", "unet", "lenet5", "vae"],
)
def test_the_weights_of_a_built_network_start_with_the_papers_deviation(spec, shape, outputs, kernel, deviation):
    """The name of the part reaches the layers."""
    keras.utils.set_random_seed(3)
    weights = build_network(spec, shape, outputs).weights
    first = next(weight for weight in weights if weight.name == "kernel" and tuple(weight.shape) == kernel)
    assert ops.convert_to_numpy(first).std() == pytest.approx(deviation, rel=0.03)


def test_the_forget_gates_of_an_lstm_start_open():
    """Gers, Schmidhuber, Cummins 2000, section 4: positive; 1 here. Keras has input, forget, cell, output."""
    model = build_network({"name": "lstm", "units": 4, "depth": 2}, (6, 2), 1)
    biases = [ops.convert_to_numpy(w) for w in model.weights if w.name == "bias" and tuple(w.shape) == (16,)]
    assert len(biases) == 2
    for bias in biases:
        np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], 4))


# Options


def _defaults() -> dict[tuple[str, str, str], object]:
    """Every default but those of networks, which mostly decide sizes: counts of parameters hold these."""
    found = {}
    for kind, catalogue in CATALOGUES.items():
        for entry in catalogue if kind != "architecture" else ():
            for option, default in entry.options.items():
                if default is not inspect.Parameter.empty:
                    found[kind, entry.name, option] = default
    return found


def test_every_default_has_a_row_and_every_row_an_option():
    rows = {(row["kind"], row["name"], row["option"]) for row in OPTIONS}
    assert len(rows) == len(OPTIONS)
    rows = {row for row in rows if row[0] != "architecture"}
    check_rows(set(_defaults()), rows, "default_options.csv", "kind, name, option and its default value")


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: f"{row['kind']}-{row['name']}-{row['option']}")
def test_a_default_is_its_sources(row):
    entry = CATALOGUES[row["kind"]][row["name"]]
    found = {**entry.facts, **entry.options}[row["option"]]
    assert json.loads(json.dumps(found)) == json.loads(row["value"]), row["source"]


@pytest.mark.parametrize("row", [row for row in OPTIONS if row["kind"] == "optimizer"], ids=lambda r: r["name"])
def test_a_default_reaches_keras(row):
    """The builder hands each number on under its own name."""
    optimizer = OPTIMIZERS.build(row["name"])
    held, value = getattr(optimizer, row["option"]), json.loads(row["value"])
    assert held is value if value is None else float(held) == pytest.approx(float(value), rel=1e-6)


# Layers


def _expanded(text: str) -> list[str]:
    """`2(a, b,) c` as a, b, a, b, c."""
    unfolded = re.sub(r"(\d+)\(([^()]*)\)", lambda found: f"{found[2]} " * int(found[1]), text)
    return [" ".join(token.split()) for token in unfolded.split(",") if token.strip()]


def _sides(sizes) -> str:
    return "x".join(map(str, sizes))


def _stride(strides) -> str:
    same = len(set(strides)) == 1
    return "" if set(strides) == {1} else f" /{strides[0] if same else _sides(strides)}"


def _token(operation) -> str | None:
    """A layer in the words of layers.csv; None for what only moves or adds numbers."""
    match operation:
        case layers.Conv2DTranspose():
            return f"up {_sides(operation.kernel_size)}{_stride(operation.strides)} {operation.filters}"
        case layers.Conv2D() | layers.Conv3D():
            size, stride = _sides(operation.kernel_size), _stride(operation.strides)
            groups = f" groups {operation.groups}" if operation.groups > 1 else ""
            bias = "" if operation.use_bias else " unbiased"
            apart = f" dilated {operation.dilation_rate[0]}" if set(operation.dilation_rate) != {1} else ""
            return f"conv {size}{stride} {operation.filters} {operation.padding}{apart}{groups}{bias}"
        case layers.Dense():
            return f"dense {operation.units}"
        case layers.MaxPooling2D() | layers.MaxPooling3D() | layers.AveragePooling2D():
            kind = "average" if isinstance(operation, layers.AveragePooling2D) else "max"
            same = " same" if operation.padding == "same" else ""
            return f"{kind} {_sides(operation.pool_size)}{_stride(operation.strides)}{same}"
        case LowestPadding2D():
            return f"pad {'+'.join(map(str, operation.padding[0]))} lowest"
        case layers.ZeroPadding2D():
            return f"pad {operation.padding[0][0]}"
        case layers.Bidirectional():
            return f"both {_token(operation.forward_layer)}"
        case layers.GRU():
            return f"gru {'after' if operation.reset_after else 'before'} {operation.units}"
        case layers.RNN():
            return f"{CELLS[type(operation.cell).__name__]} {operation.cell.units}"
    name = type(operation).__name__
    if name == "Dropout":
        return f"drop {operation.rate:g}"
    if name == "Max":  # of the pieces that stand side by side on the axis before it
        return f"maxout {operation._inbound_nodes[0].input_tensors[0].shape[-1]}"
    return WORDS.get(name)


CELLS = {
    "SimpleRNNCell": "rnn",
    "SimplifiedGRUCell": "gru_simplified",
    "LSTMCell": "lstm",
    "PeepholeLSTMCell": "lstm_peephole",
}
WORDS = {
    "Relu": "relu",
    "LeakyRelu": "leaky relu",
    "Tanh": "tanh",
    "BatchNormalization": "batch",
    "LocalResponse": "local response",
    "TrainableSubsampling": "subsample",
    "SparseConv2D": "sparse conv",
    "CodeDistance": "code distance",
    "Concatenate": "join",
    "SpatialPyramidPooling2D": "pyramid",
    "Bilinear": "bilinear",
    "Squash": "squash",
    "Routing": "routing",
    "OneClassAlone": "one class alone",
    "GaussianSample": "sample",
    "Corruption": "corrupt",
    "Sigmoid": "sigmoid",
    "TransposedDense": "transposed dense",
}


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row["name"])
def test_a_network_is_its_papers_layers_in_their_order(row):
    entry = ARCHITECTURES[row["name"]]
    model = outline(entry.name, entry.facts["paper_input"], entry.facts["paper_outputs"])
    operations = [operation for part in parts_of(model).values() for operation in part.operations]
    found = [token for operation in operations if (token := _token(operation))]
    assert found == _expanded(row["layers"]), row["source"]
