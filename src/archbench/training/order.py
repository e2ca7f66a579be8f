"""Which examples make a step: drawn at random, or each row of a batch a stream that goes on from step to step."""

from __future__ import annotations

import math

import numpy as np


def shuffled(seed: tuple[int, ...], examples: int, batch_size: int) -> np.ndarray:
    """The rows of each step (step, batch) of an epoch: a shuffle that depends on the seed alone.

    The examples that do not fill a last batch are left out, other ones with each seed.
    """
    steps = examples // batch_size
    rows = np.random.default_rng(seed).permutation(examples)
    return rows[: steps * batch_size].reshape(steps, batch_size).astype(np.int32)


def streams(examples: int, batch_size: int) -> np.ndarray:
    """The rows of each step (step, batch): row b of a step goes on where row b of the one before ended.

    The examples that do not fill a last step are left out, the same ones always: the last.
    """
    steps = examples // batch_size
    return np.arange(steps * batch_size, dtype=np.int32).reshape(batch_size, steps).T


def whole(examples: int, batch_size: int) -> np.ndarray:
    """Every row once (step, batch), in order; what is left of the last step is -1."""
    return _filled(np.arange(examples), math.ceil(examples / batch_size), batch_size)


def whole_streams(examples: int, batch_size: int) -> np.ndarray:
    """Every row once (step, batch), in streams; where those that are shorter by one have ended, -1."""
    steps = math.ceil(examples / batch_size)
    return _filled(np.arange(examples), batch_size, steps).T


def _filled(rows: np.ndarray, first: int, second: int) -> np.ndarray:
    filled = np.full(first * second, -1, np.int32)
    filled[: len(rows)] = rows
    return filled.reshape(first, second)
