"""Metrics of sequences of tokens, whose rows are padded with 0 to any width."""

from __future__ import annotations

import math

import numpy as np

from archbench.metrics import metric


@metric("exact_match", source="Rajpurkar et al. 2016, arXiv:1606.05250, section 6.1", values="tokens")
def exact_match(targets: np.ndarray, predictions: np.ndarray) -> float:
    """The share of rows (example, place) with every token right, and none too many."""
    return float(np.mean(matches(targets, predictions)))


def matches(targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Whether the rows are the same but for their padding: (example,)."""
    targets, predictions = _of_one_width(targets, predictions)
    return (targets == predictions).all(axis=1)


@metric("token_accuracy", source="archbench: accuracy of the tokens, place by place", values="tokens")
def token_accuracy(targets: np.ndarray, predictions: np.ndarray) -> float:
    """The share of the tokens of `targets` (example, place) that `predictions` has at the same place.

    What a prediction has beyond the end of its target does not count. Without any token the answer is nan.
    """
    targets, predictions = _of_one_width(targets, predictions)
    there = targets != 0
    return float(np.mean((targets == predictions)[there])) if there.any() else float("nan")


@metric("perplexity", source="Jelinek et al. 1977, J. Acoust. Soc. Am. 62, S63", values="tokens", less_is_better=True)
def perplexity(targets: np.ndarray, nats: np.ndarray) -> float:
    """Among how many tokens a guess would be as hard: the exponential of what a token of `targets` costs in the mean.

    `nats` (example, place) is what each costs, minus the logarithm of its probability. Without any token: nan.
    """
    return float(np.exp(_mean_cost(targets, nats)))


@metric("bits", source="Shannon 1951, Prediction and entropy of printed English", values="tokens", less_is_better=True)
def bits(targets: np.ndarray, nats: np.ndarray) -> float:
    """What a token costs in the mean, in bits: the logarithm of the perplexity to base 2."""
    return _mean_cost(targets, nats) / math.log(2)


def _mean_cost(targets: np.ndarray, nats: np.ndarray) -> float:
    there = targets != 0
    return float(np.mean(nats[there], dtype=np.float64)) if there.any() else float("nan")


def _of_one_width(*arrays: np.ndarray) -> list[np.ndarray]:
    width = max(array.shape[1] for array in arrays)
    return [np.pad(array, ((0, 0), (0, width - array.shape[1]))) for array in arrays]
