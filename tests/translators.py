"""Networks for translation as their tests run them: weights from a formula, every token told, one by one or at once."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import keras
import numpy as np
from keras import ops

from backend import compiled
from formula_weights import formula

GOLDEN = Path(__file__).parent / "golden" / "translations.csv"


def golden(architecture: str) -> list[dict]:
    """The rows of an architecture: source_tokens and tokens_before as lists, logits as an array, options as a dict."""
    with GOLDEN.open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["architecture"] == architecture]
    return [
        {name: json.loads(value) if name not in ("architecture", "source") else value for name, value in row.items()}
        for row in rows
    ]


def created(parts, kind) -> list[keras.Layer]:
    """The layers of a kind in all parts of a network, each once, in the order in which they were made."""
    found = {id(layer): layer for part in parts.values() for layer in part.layers if type(layer) is kind}
    return sorted(found.values(), key=lambda layer: [int(number) for number in re.findall(r"_(\d+)$", layer.name)])


def fill(layers, scale: float = 1.0) -> None:
    """Weights from a formula, so that who makes them anew gets the same."""
    weights = [weight for layer in layers for weight in layer.weights]
    for number, weight in enumerate(weights):
        weight.assign(scale * (2 * formula(tuple(weight.shape), number) - 1))


def padded(rows) -> np.ndarray:
    """Rows of tokens of unlike length as int32 (row, place)."""
    return np.array([row + [0] * (max(map(len, rows)) - len(row)) for row in rows], "int32")


def stepped(parts, source, before, longest: int | None = None) -> dict[str, np.ndarray]:
    """What the part decoder answers after each of `before` (batch, place), one by one: name -> (batch, place, ...).

    State that the encoder does not give begins as zeros, with `longest` places.
    """
    longest = longest or before.shape[1]
    _, *inputs = parts["decoder"].inputs

    def run(arrays):
        read = dict(parts["encoder"](arrays[0]))
        for one in inputs:
            if one.name not in read:
                shape = [longest if side is None else side for side in one.shape[1:]]
                read[one.name] = ops.zeros((len(source), *shape), one.dtype)
        answers = []
        for place in range(before.shape[1]):
            found = parts["decoder"]([arrays[1][:, place], *(read[one.name] for one in inputs)])
            answers.append({name: found[name] for name in ("logits", "attention") if name in found})
            read |= {name: value for name, value in found.items() if name in read}
        return {name: ops.stack([answer[name] for answer in answers], axis=1) for name in answers[0]}

    return compiled(run, (source, before))


def at_once(parts, source, before) -> dict[str, np.ndarray]:
    """The same of the part forced, which is told all of `before` together."""
    _, *inputs = parts["forced"].inputs

    def run(arrays):
        read = parts["encoder"](arrays[0])
        return parts["forced"]([arrays[1], *(read[one.name] for one in inputs)])

    return compiled(run, (source, before))
