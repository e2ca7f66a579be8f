"""Training that starts from the weights of a finished run instead of fresh ones.

What is taken, where nothing names it: of a network of one part everything before the last layer with a kernel, which
makes the outputs and starts fresh, since the classes may be others; of networks of several parts each part that both
have under one name with weights of the same shapes. A benchmark may name it, part by part, and then of another
architecture too: the layers with weights of its part are matched with those of the source's part in order, as far as
the shorter of both goes, so that a detector takes its features from the trunk of a classifier, and a deeper encoder its
lower layers from a shallower one. A model within a part goes by its own name, as the parts do.

What trains: `all`; `none` of the parts that were taken; the parts of a list; or the last layers with a kernel
(convolutions, dense and recurrent layers, embeddings), a layer of several counting once: `head` is the last one, a
number n the last n, counted from the output over the parts in their order. All else, what stands before these layers or
a whole part, is frozen with the normalization there is: its weights get no gradient and no penalty, its batch
normalization stays in inference mode and so keeps the moving averages of the source. Dropout in frozen layers is as in
all others. The input is scaled by the statistics of the new data set.

Yosinski, Clune, Bengio, Lipson 2014, "How transferable are features in deep neural networks?", arXiv:1411.1792.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from archbench.architectures.kernels import layers_with_kernels
from archbench.architectures.network import load_network
from archbench.architectures.parted import Network, parts_of
from archbench.errors import UserError, listed, short
from archbench.options import saved_network
from archbench.records.run_folder import WEIGHTS, WITHOUT_WEIGHTS, BrokenRecord, check, lacks_weights

INNER_WEIGHTS = "model.weights.h5"
"""The file inside a saved model that holds the weights and no date."""
AS_SAVED = "Save the network with Keras: model.save('FILE.keras')."
Parts = Mapping[str, keras.Model]
"""The parts of a network by name."""
Pair = tuple[keras.Layer, keras.Layer]
"""A layer that starts, and the one that it takes its weights from."""


class NoStart(UserError):
    """Weights that cannot be started from."""


def describe_source(start: Mapping[str, Any], seed: int, runs: Path) -> dict[str, Any]:
    """`start` (from, parts, train) with the sha256 of the weights that `seed` starts from, found below `runs`.

    Raises `NoStart` where that run is missing or did not finish, or the file that it names is no saved network.
    """
    path = model_file(start, seed, runs)
    try:
        with zipfile.ZipFile(path) as saved:
            digest = hashlib.sha256(saved.read(INNER_WEIGHTS)).hexdigest()
    except (zipfile.BadZipFile, KeyError) as error:
        again = f"Train it again: dvc repro -f train@{start['from']}"
        raise NoStart(
            f"{path} is no saved network ({error}). {AS_SAVED if saved_network(start['from']) else again}"
        ) from error
    return {**start, "weights_sha256": digest}


def model_file(start: Mapping[str, Any], seed: int, runs: Path) -> Path:
    """The file that `start` names, or the saved model of its run of this seed.

    Raises `NoStart` where there is none, or the run did not finish.
    """
    if path := saved_network(start["from"]):
        if not path.is_file():
            raise NoStart(f"{path.absolute()}, whose weights this benchmark starts from, is no file. {AS_SAVED}")
        return path
    folder = runs / start["from"] / f"seed-{seed}"
    if not folder.is_dir():
        raise _not_ready(folder, start["from"], "is missing")
    if not (folder / "metrics.json").is_file():
        raise _not_ready(folder, start["from"], "is unfinished")
    try:
        metrics = check(folder)
    except BrokenRecord as error:
        raise _not_ready(folder, start["from"], f"is damaged ({error.path.name} {error.fault})") from error
    if lacks_weights(folder, metrics):
        raise _not_ready(folder, start["from"], f"has no model: {WITHOUT_WEIGHTS}")
    if metrics["state"] != "finished":
        raise _not_ready(folder, start["from"], f"has no model: the run {metrics['state']}")
    return folder / WEIGHTS


def _not_ready(folder: Path, source: str, why: str) -> NoStart:
    return NoStart(f"{folder}, whose weights this benchmark starts from, {why}. Run: dvc repro train@{source}")


def saved_parts(path: Path) -> Parts:
    """The parts of the network in a saved model: of one that stands behind its preprocessing, or is all of it.

    Raises `NoStart` where Keras cannot load it in safe mode.
    """
    try:
        model = load_network(path)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise NoStart(f"{path} cannot be loaded in safe mode: {short(str(error))} {AS_SAVED}") from error
    if isinstance(model, Network):
        return model.parts
    return parts_of(next((layer for layer in model.layers if isinstance(layer, keras.Model)), model))


def begin(network: keras.Model, theirs: Parts, start: Mapping[str, Any]) -> None:
    """Give `network` the weights that `start` (from, parts, train) takes of `theirs`, and freeze what does not train.

    Raises `NoStart` where the two are not built alike, or nothing would train.
    """
    mine = parts_of(network)
    taken = matched(mine, theirs, start)
    held = frozen(mine, taken, start["train"])
    for ours, other in (pair for pairs in taken.values() for pair in pairs):
        ours.set_weights(other.get_weights())
    for layer in held:
        layer.trainable = False


def matched(mine: Parts, theirs: Parts, start: Mapping[str, Any]) -> dict[str, list[Pair]]:
    """Part of mine -> its layers that take weights, each with the layer that has them. Raises `NoStart`."""
    source, chosen = start["from"], start.get("parts")
    if chosen:
        known = {**_within(mine), **mine}
        _check_names(chosen, known, "this network")
        _check_names(chosen.values(), theirs, repr(source))
        return {
            ours: _pairs(_with_weights(known[ours]), _with_weights(theirs[other]), f"the part {other} of {source!r}")
            for ours, other in chosen.items()
        }
    if len(mine) == len(theirs) == 1:
        ((name, ours),), (other,) = mine.items(), theirs.values()
        if ours.input_shape != other.input_shape:
            raise NoStart(
                f"{source!r} reads inputs of shape {other.input_shape[1:]}, this network of {ours.input_shape[1:]}. "
                "Give both benchmarks data sets of one shape."
            )
        return {name: _pairs(_before_head(ours), _before_head(other), repr(source))}
    alike = [name for name in mine if name in theirs and _shapes(mine[name]) == _shapes(theirs[name])]
    if not alike:
        raise NoStart(
            f"{source!r} has the parts {listed(theirs)}, this network {listed(mine)}: none of one name has weights of "
            "the same shapes. Say which part starts from which: parts: {mine: theirs}."
        )
    return {name: list(zip(_with_weights(mine[name]), _with_weights(theirs[name]), strict=True)) for name in alike}


def frozen(mine: Parts, taken: Mapping[str, Any], train: str | int | Sequence[str]) -> list[keras.Layer]:
    """The layers and whole parts that do not train, where the parts `taken` start from others. Raises `NoStart`."""
    if train == "all":
        return []
    if train == "none":
        held: list[keras.Layer] = [ours for pairs in taken.values() for ours, _ in pairs]
    elif isinstance(train, str | int):
        held = _before_last(mine, 1 if train == "head" else train)
    else:
        _check_names(train, mine, "this network")
        held = [part for name, part in mine.items() if name not in train]
    still = {id(weight) for layer in held for weight in layer.weights}
    if all(id(weight) in still for part in mine.values() for weight in part.trainable_weights):
        raise NoStart(
            f"train is {train}, and so nothing of the network would train. Choose head, all, a number of layers, or a "
            f"list of its parts, which are: {listed(mine)}."
        )
    return held


def _before_last(mine: Parts, count: int) -> list[keras.Layer]:
    """The layers before the last `count` ones with kernels."""
    ends = [layer for part in mine.values() for layer in layers_with_kernels(part)]
    if count > len(ends):
        raise NoStart(
            f"train is {count}, but the network has {len(ends)} layers with kernels. Choose 1 to {len(ends)}, or all."
        )
    layers = [layer for part in mine.values() for layer in part.layers]
    return layers[: layers.index(ends[-count])]


def _before_head(network: keras.Model) -> list[keras.Layer]:
    """The layers with weights before the last one with a kernel."""
    if not isinstance(network.output, keras.KerasTensor):
        raise NoStart(
            f"{network.name} has several outputs, and start replaces one last layer. Name what is taken, as in "
            "parts: {network: network}, or leave start out."
        )
    layers = list(network.layers)
    return [layer for layer in layers[: layers.index(layers_with_kernels(network)[-1])] if layer.weights]


def _within(parts: Parts) -> Parts:
    """The models that the parts are made of, by their names."""
    return {layer.name: layer for part in parts.values() for layer in part.layers if isinstance(layer, keras.Model)}


def _with_weights(part: keras.Model) -> list[keras.Layer]:
    return [layer for layer in part.layers if layer.weights]


def _shapes(part: keras.Model) -> list[list[tuple]]:
    """The shapes of the weights of each layer that has any."""
    return [[tuple(weight.shape) for weight in layer.weights] for layer in _with_weights(part)]


def _pairs(ours: Sequence[keras.Layer], theirs: Sequence[keras.Layer], source: str) -> list[Pair]:
    """Each of `ours` with the one in its place in `theirs`, of which either may go on."""
    for own, other in zip(ours, theirs, strict=False):
        mine, found = ([tuple(weight.shape) for weight in layer.weights] for layer in (own, other))
        if mine != found:
            raise NoStart(
                f"{source} has weights of shapes {found} ({other.name}) where this network has {mine} ({own.name}). "
                "Give both benchmarks one architecture with the same options and parts, or take parts that are alike."
            )
    return list(zip(ours, theirs, strict=False))


def _check_names(given: Any, known: Parts, whose: str) -> None:
    """Raise `NoStart` where a network has no part of a name that is given."""
    wrong = [name for name in given if name not in known]
    if wrong:
        raise NoStart(f"{whose} has no part {listed(wrong)}. It has: {listed(known)}.")
