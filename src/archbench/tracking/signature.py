"""Shapes and types of a network's inputs and outputs, for whoever serves the model."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Signature = dict[str, dict[str, dict[str, Any]]]
"""`inputs` and `outputs`, each name -> {shape, dtype}, an unknown size (the batch) is none; or `parts`."""


def describe(model: Any) -> Signature:
    """The signature of a Keras model: what `signature.json` in a run folder holds.

    `model.output` may be a tensor, or a mapping of tensors, whose keys become the names; of a list of them there each
    gets its place behind. Of a network of several parts there is a signature each, under `parts`.
    """
    if isinstance(getattr(model, "parts", None), Mapping):
        return {"parts": {name: describe(part) for name, part in model.parts.items()}}
    inputs = {tensor.name: tensor for tensor in model.inputs}
    output = model.output
    outputs = _flat(output) if isinstance(output, Mapping) else {tensor.name: tensor for tensor in model.outputs}
    return {"inputs": _specs(inputs), "outputs": _specs(outputs)}


def read_inputs(path: Path) -> Signature:
    """The inputs that a `.keras` file itself names, without importing Keras; it does not name output shapes."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    layers = [layer["config"] for layer in config["config"]["layers"] if layer["class_name"] == "InputLayer"]
    inputs = {layer["name"]: {"shape": layer["batch_shape"], "dtype": layer["dtype"]} for layer in layers}
    return {"inputs": inputs, "outputs": {}}


def _flat(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Each tensor by its name; those of a list are numbered from 1: `maps_1`."""
    flat = {}
    for name, value in outputs.items():
        several = isinstance(value, list | tuple)
        flat |= {f"{name}_{place}": one for place, one in enumerate(value, 1)} if several else {name: value}
    return flat


def _specs(tensors: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {"shape": list(tensor.shape), "dtype": str(tensor.dtype)} for name, tensor in tensors.items()}
