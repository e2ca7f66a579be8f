"""The numbers of a trial that are inputs of its compiled program: where they stand, and what holds them.

A number is known by its key in params.yaml: `optimizer.beta_1`, `parts.regularizer.strength`, `parts.dropout`,
`clip.global_norm`. Trials that differ in them alone, in the seed, or in what only the host reads (the schedule, the
number of epochs, early stopping) share one program.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import keras

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import swapped_parts
from archbench.catalogue import Catalogue
from archbench.layers.dropout import Dropout
from archbench.optimizers import OPTIMIZERS
from archbench.regularizers import REGULARIZERS
from archbench.training.program import Clip, Knobs

Settings = Mapping[str, Any]

HOST_ONLY = (
    "id",
    "pipeline",
    "benchmark",
    "scale",
    "seed",
    "schedule",
    "epochs",
    "early_stopping",
    "keep_every",
    "code_sha256",
)
"""Settings that the compiled program does not depend on."""


def learning_rate(settings: Settings) -> float:
    """The initial learning rate of a trial."""
    return _options(OPTIMIZERS, settings["optimizer"])["learning_rate"]


def tunable_numbers(settings: Settings) -> dict[str, float]:
    """Every number of a trial that its program takes as an input, but for the learning rate, by its key."""
    numbers = {f"optimizer.{name}": value for name, value in _declared(OPTIMIZERS, settings["optimizer"]).items()}
    parts = _parts(settings)
    if parts is not None:
        regularizer = _declared(REGULARIZERS, parts.regularizer)
        numbers |= {f"parts.regularizer.{name}": value for name, value in regularizer.items()}
        if parts.dropout:
            numbers["parts.dropout"] = parts.dropout
    numbers |= {f"clip.{kind}": limit for kind, limit in (settings["clip"] or {}).items()}
    return {name: float(value) for name, value in numbers.items()}


def find_knobs(settings: Settings, network: keras.Model, optimizer: keras.Optimizer, clip: Clip | None) -> Knobs:
    """The objects that hold each of a trial's tunable numbers."""
    holders = {
        "optimizer": [getattr(optimizer, "inner_optimizer", optimizer)],
        "parts.regularizer": _regularizers(network),
        "parts": [layer for layer in network._flatten_layers() if isinstance(layer, Dropout)],
        "clip": [clip],
    }
    attributes = {"parts.dropout": "rate", **dict.fromkeys(("clip.value", "clip.norm", "clip.global_norm"), "limit")}
    knobs = {}
    for key in tunable_numbers(settings):
        group, _, name = key.rpartition(".")
        knobs[key] = [(holder, attributes.get(key, name)) for holder in holders[group]]
    return knobs


def program_key(settings: Settings) -> Settings:
    """What the compiled program depends on: trials with equal keys share it.

    The settings without what only the host reads, and with the tunable numbers and the initial weights left out.
    """
    key = copy.deepcopy({name: value for name, value in settings.items() if name not in HOST_ONLY})
    for number in ("optimizer.learning_rate", "parts.initializer", *tunable_numbers(settings)):
        *path, name = number.split(".")
        place = key
        for step in path:
            place = place.setdefault(step, {})
        place[name] = "an input"
    return key


def find_constraints(network: keras.Model) -> list[tuple[keras.Variable, keras.Regularizer]]:
    """The trainable weights that a regularizer changes after each step."""
    weights = {id(weight): weight for weight in network.trainable_variables}
    return [
        (weight, weight.regularizer)
        for weight in weights.values()
        if hasattr(getattr(weight, "regularizer", None), "after_step")
    ]


def _regularizers(network: keras.Model) -> list[keras.Regularizer]:
    """The regularizers of all layers, each once."""
    found = [
        value
        for layer in network._flatten_layers()
        for value in vars(layer).values()
        if isinstance(value, keras.Regularizer)
    ]
    return list({id(regularizer): regularizer for regularizer in found}.values())


def _parts(settings: Settings):
    """The parts that the network of a trial is built from; None if it takes none."""
    entry = ARCHITECTURES[settings["architecture"]["name"]]
    return swapped_parts(entry, settings["parts"]) if "parts" in entry.options else None


def _declared(catalogue: Catalogue, spec: Any) -> dict[str, float]:
    """The numbers that an entry declares as tunable, with the values that `spec` gives them."""
    entry, _ = catalogue.resolve(spec)
    options = _options(catalogue, spec)
    return {name: options[name] for name in entry.facts.get("numbers", ())}


def _options(catalogue: Catalogue, spec: Any) -> dict[str, Any]:
    entry, options = catalogue.resolve(spec)
    return {**entry.options, **options}
