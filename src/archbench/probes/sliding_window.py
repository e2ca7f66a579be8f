"""A classifier of crops moved over larger pictures: every window by itself, against one pass over all of the picture.

Sermanet et al. 2013, arXiv:1312.6229, section 3.5: where the dense layers are convolutions, windows that overlap share
what is computed where they do.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from typing import Annotated, Any

import keras
import numpy as np
import pandas as pd
from keras import layers, ops
from pydantic import Field

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import build_network
from archbench.architectures.profile import profile
from archbench.architectures.sizes import minimum_size
from archbench.datasets.columns import take
from archbench.errors import UserError
from archbench.layers.windows import windows
from archbench.options import Depth
from archbench.probes import probe
from archbench.probes.subject import Subject
from archbench.training.build import build_task
from archbench.training.program import Learner

Times = Annotated[tuple[Annotated[float, Field(ge=1, le=64)], ...], Field(min_length=1, max_length=64)]
WIDER = 4 / 3
"""Pictures are not square, so that rows and columns cannot be taken for each other."""


class NoWindows(UserError):
    """A network that does not give its scores window by window."""


@probe("sliding_window", source="Sermanet et al. 2013, arXiv:1312.6229, section 3.5")
def sliding_window(
    subjects: Iterator[Subject], *, times: Times = (1, 1.5, 2, 3, 4), repeats: Depth = 5
) -> dict[str, pd.DataFrame]:
    """How long both forms take, and how far apart their scores are, picture size by picture size.

    A window is as large as the smallest picture that the network reads. Pictures are `times` as high as that, and a
    third wider than high; they are put together from those of the test split. A row a network and size: `windows` is
    how many there are, as far apart as the network's strides make them; `difference` the largest between two scores,
    `largest` that of a score itself; `cropped_seconds` and `whole_seconds` are medians of `repeats` passes over one
    picture, in turns, compiled, in float32, without the first; the multiply-adds are counted. Windows are cut out, and
    go through the network, all at once. Raises `NoWindows`.
    """
    rows = []
    for subject in subjects:
        learner = subject.learner()
        for many in times:
            row = compare(subject, learner, many, repeats)
            rows.append({"arm": subject.arm, "seed": subject.seed, **row})
    return {"windows": pd.DataFrame(rows)}


def compare(subject: Subject, learner: Learner, times: float, repeats: int) -> dict[str, Any]:
    """The row of one picture, `times` as high as a window, but for whose it is; `learner` is the subject's."""
    trained, *_ = learner.parts.values()
    _last_map(trained)
    side = minimum_size(*ARCHITECTURES.resolve(subject.settings["architecture"]))
    size = round(times * side), round(WIDER * times * side)
    own, whole = (_network(subject, shape, trained.get_weights()) for shape in ((side, side), size))
    forms = {"cropped": cropped(own, size), "whole": one_pass(whole)}
    for model in forms.values():
        model.jit_compile = keras.backend.backend() == "jax"  # XLA's convolutions are slow on a CPU
    picture = _picture(subject, learner, size)
    scores = {name: model.predict_on_batch(picture) for name, model in forms.items()}
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(repeats):
        for name, model in forms.items():
            start = time.perf_counter()
            model.predict_on_batch(picture)
            seconds[name].append(time.perf_counter() - start)
    count = math.prod(scores["whole"].shape[1:3])
    return {
        "height": size[0],
        "width": size[1],
        "windows": count,
        "difference": float(np.abs(scores["cropped"] - scores["whole"]).max()),
        "largest": float(np.abs(scores["cropped"]).max()),
        **{f"{name}_seconds": statistics.median(taken) for name, taken in seconds.items()},
        "cropped_multiply_adds": count * profile(own).multiply_adds,
        "whole_multiply_adds": profile(whole).multiply_adds,
    }


def cropped(network: keras.Model, size: tuple[int, int]) -> keras.Model:
    """From a picture of `size` (height, width) to the scores (batch, row, column, output) of its windows, cut out.

    A window is what `network` reads.
    """
    *window, channels = network.input.shape[1:]
    picture = keras.Input((*size, channels))
    cut = windows(picture, tuple(window), _stride(network))
    scores = network(ops.reshape(cut, (-1, *window, channels)))
    return keras.Model(picture, ops.reshape(scores, (-1, *cut.shape[1:3], scores.shape[-1])))


def one_pass(network: keras.Model) -> keras.Model:
    """The same from `network`, built for the whole picture: its map of scores."""
    return keras.Model(network.input, _last_map(network))


def _last_map(network: keras.Model) -> keras.KerasTensor:
    """What the global pooling at the end reads, (batch, row, column, output)."""
    ends = [layer for layer in network.layers if isinstance(layer, layers.GlobalMaxPooling2D)]
    if len(ends) != 1:
        raise NoWindows(
            f"{network.name} does not give its scores window by window: it does not end in the best of a map of them. "
            "Name benchmarks of overfeat or of sliding_window in the probe's runs."
        )
    return ends[0].input


def _stride(network: keras.Model) -> int:
    """How many pixels windows lie apart."""
    return math.prod(layer.strides[0] for layer in network.layers if hasattr(layer, "strides"))


def _network(subject: Subject, size: tuple[int, int], weights: list[np.ndarray]) -> keras.Model:
    """The subject's network for pictures of `size`; no weight depends on that."""
    settings, card = subject.settings, subject.prepared.card
    shape, outputs = (*size, card.input_shape[-1]), build_task(settings, card).outputs()
    network = build_network(settings["architecture"], shape, outputs, settings["parts"])
    network.set_weights(weights)
    return network


def _picture(subject: Subject, learner: Learner, size: tuple[int, int]) -> np.ndarray:
    """One picture of `size`, (1, height, width, channel): those of the test split side by side, preprocessed."""
    name = subject.prepared.card.input
    column = subject.prepared.splits["test"][name]
    down, across = (math.ceil(whole / side) for whole, side in zip(size, column.shape[1:3], strict=True))
    first = np.asarray(take(column, np.arange(down * across) % len(column)))
    tiles = ops.convert_to_numpy(learner.read({name: first})[name])
    _, height, width, channels = tiles.shape
    rows = tiles.reshape(down, across, height, width, channels).transpose(0, 2, 1, 3, 4)
    return rows.reshape(1, down * height, across * width, channels)[:, : size[0], : size[1]]
