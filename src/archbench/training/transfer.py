"""Training that starts from the weights of a finished run instead of fresh ones.

Everything before the last layer with a kernel is taken over; that layer, which makes the outputs, starts fresh, since
the classes may be others. Layers are counted from the output, those with a kernel alone (convolutions, dense and
recurrent layers, embeddings), a layer of several counting once: `head` trains the last one, a number n the last n,
`all` everything. What stands before the first of them is frozen with the normalization there is: its weights get no
gradient and no penalty, its batch normalization stays in inference mode and so keeps the moving averages of the
source. Dropout in frozen layers is as in all others. The input is scaled by the statistics of the new data set.

Yosinski, Clune, Bengio, Lipson 2014, "How transferable are features in deep neural networks?", arXiv:1411.1792.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from archbench.architectures.kernels import layers_with_kernels
from archbench.architectures.network import load_network
from archbench.errors import UserError
from archbench.records.run_folder import BrokenRecord, check

WEIGHTS = "model.weights.h5"
"""The file inside a saved model that holds the weights and no date."""


class NoTransfer(UserError):
    """Weights that cannot be taken over."""


def describe_source(transfer: Mapping[str, Any], seed: int, runs: Path) -> dict[str, Any]:
    """`transfer` (from, train) with the sha256 of the weights that `seed` starts from, found below `runs`.

    Raises `NoTransfer` where that run is missing or did not finish.
    """
    path = model_file(transfer, seed, runs)
    try:
        with zipfile.ZipFile(path) as saved:
            digest = hashlib.sha256(saved.read(WEIGHTS)).hexdigest()
    except (zipfile.BadZipFile, KeyError) as error:
        raise NoTransfer(
            f"{path} is no saved model ({error}). Train it again: dvc repro -f train@{transfer['from']}"
        ) from error
    return {**transfer, "weights_sha256": digest}


def model_file(transfer: Mapping[str, Any], seed: int, runs: Path) -> Path:
    """The saved model of the source's run of this seed; raises `NoTransfer` unless that run finished."""
    folder = runs / transfer["from"] / f"seed-{seed}"
    if not folder.is_dir():
        raise _not_ready(folder, transfer["from"], "is missing")
    if not (folder / "metrics.json").is_file():
        raise _not_ready(folder, transfer["from"], "is unfinished")
    try:
        state = check(folder)["state"]
    except BrokenRecord as error:
        raise _not_ready(folder, transfer["from"], f"is damaged ({error.path.name} {error.fault})") from error
    if state != "finished" or not (folder / "model.keras").is_file():
        raise _not_ready(folder, transfer["from"], f"has no model: the run {state}")
    return folder / "model.keras"


def _not_ready(folder: Path, source: str, why: str) -> NoTransfer:
    return NoTransfer(f"{folder}, whose weights this benchmark starts from, {why}. Run: dvc repro train@{source}")


def freeze(network: keras.Model, train: str | int) -> None:
    """Leave the last layers trainable that `train` names (`head`, `all`, or how many), and freeze all before."""
    if train == "all":
        return
    first = layers_with_kernels(network)[-1 if train == "head" else -train]
    for layer in network.layers:
        if layer is first:
            return
        layer.trainable = False


def take_weights(network: keras.Model, path: Path) -> None:
    """Set the weights of `network` before its last layer with a kernel to those of the model saved at `path`.

    Raises `NoTransfer` where the two networks are not built alike.
    """
    source = next(layer for layer in load_network(path).layers if isinstance(layer, keras.Model))
    if source.input_shape != network.input_shape:
        raise NoTransfer(
            f"{path} reads inputs of shape {source.input_shape[1:]}, this network of {network.input_shape[1:]}. "
            "Give both benchmarks data sets of one shape."
        )
    for ours, theirs in zip(_before_head(network), _before_head(source), strict=True):
        shapes = [[tuple(weight.shape) for weight in layer.weights] for layer in (ours, theirs)]
        if shapes[0] != shapes[1]:
            raise NoTransfer(
                f"{path} has weights of shapes {shapes[1]} where this network has {shapes[0]} ({ours.name}). "
                "Give both benchmarks one architecture with the same options and parts."
            )
        ours.set_weights(theirs.get_weights())


def _before_head(network: keras.Model) -> list[keras.Layer]:
    """The layers with weights before the last one with a kernel."""
    layers = list(network.layers)
    return [layer for layer in layers[: layers.index(layers_with_kernels(network)[-1])] if layer.weights]
