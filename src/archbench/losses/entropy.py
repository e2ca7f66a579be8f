"""Losses between distributions: cross-entropies from logits, and the bound a VAE is trained on.

All of them take logits, never probabilities: the logarithm and the exponential meet in one formula, which
stays finite where a probability would round to 0 or 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from archbench.losses import loss
from archbench.losses.class_targets import class_shares, is_distribution
from archbench.losses.per_example import mean_per_example, sum_per_example
from archbench.options import NonNegative, Share


@loss(
    "cross_entropy",
    source="Bishop 2006, equation 4.108",
    values="labels",
    over="scores",
)
def cross_entropy(targets: Any, outputs: Any) -> Any:
    """Softmax cross-entropy of class labels: -log p[label], in nats.

    `targets` are integers (batch, ...) in 0 .. classes - 1, or distributions q (batch, ..., classes), whose loss is
    -sum q log p; `outputs` are logits (batch, ..., classes). The answer is (batch,), the mean over the axes between.
    """
    outputs = ops.cast(outputs, "float32")
    if is_distribution(targets, outputs):
        nats = -ops.sum(ops.cast(targets, "float32") * ops.log_softmax(outputs, axis=-1), axis=-1)
    else:
        nats = ops.sparse_categorical_crossentropy(ops.cast(targets, "int32"), outputs, from_logits=True)
    return mean_per_example(nats)


@loss("focal", source="Lin et al. 2017, equation 5, arXiv:1708.02002", values="labels", over="scores")
def focal(targets: Any, outputs: Any, *, gamma: NonNegative = 2.0, alpha: Share = 0.25) -> Any:
    """Focal loss of class labels: one sigmoid a class, and easy classes count little; in nats.

    The sum over classes of -alpha (1 - p)^gamma log p for the labelled class and of -(1 - alpha) p^gamma
    log(1 - p) for every other, where p is the sigmoid of its score. `targets` are integers (batch, ...) in
    0 .. classes - 1, or distributions (batch, ..., classes), whose shares weigh the two terms; `outputs` are
    scores (batch, ..., classes). The answer is (batch,), the mean over the axes between, as the paper divides by the
    number of labelled places. With `gamma` 0 and `alpha` 1/2 it is half the binary cross-entropy. Keras's
    BinaryFocalCrossentropy differs: it leaves `alpha` out unless told to apply class balancing.
    """
    outputs = ops.cast(outputs, "float32")
    shares = class_shares(targets, outputs)
    # (1 - p)^gamma = exp(gamma log(1 - p)): the power's own slope is infinite where 1 - p rounds to 0.
    hit = alpha * shares * ops.exp(-gamma * ops.softplus(outputs)) * ops.softplus(-outputs)
    miss = (1 - alpha) * (1 - shares) * ops.exp(-gamma * ops.softplus(-outputs)) * ops.softplus(outputs)
    return mean_per_example(ops.sum(hit + miss, axis=-1))


@loss(
    "binary_cross_entropy",
    source="Bishop 2006, Pattern Recognition and Machine Learning, equation 4.90",
    values="shares",
)
def binary_cross_entropy(targets: Any, outputs: Any) -> Any:
    """Sigmoid cross-entropy: mean of -t log p - (1 - t) log(1 - p), in nats.

    `targets` in [0, 1] and `outputs` (logits) have one shape (batch, ...); the answer is (batch,).
    """
    return mean_per_example(_bernoulli_nats(targets, outputs))


@loss(
    "log_loss",
    source="Bishop 2006, Pattern Recognition and Machine Learning, section 7.1.2, logistic error",
    values="signs",
)
def log_loss(targets: Any, outputs: Any) -> Any:
    """Logistic loss of two classes written as signs: mean of log(1 + exp(-t s)), in nats.

    `targets` are -1 or 1 and `outputs` scores s, in one shape (batch, ...); the answer is (batch,). It is
    `binary_cross_entropy` of (1 + t) / 2, in the form that stands beside the hinge losses.
    """
    return mean_per_example(ops.softplus(-ops.cast(targets, "float32") * ops.cast(outputs, "float32")))


@loss(
    "elbo",
    source="Kingma & Welling 2013, Auto-Encoding Variational Bayes, equation 10, arXiv:1312.6114",
    values="shares and code",
)
def elbo(targets: Any, outputs: Mapping[str, Any]) -> Any:
    """The negative evidence lower bound of a VAE with a Bernoulli decoder, in nats an example.

    `targets` in [0, 1] (batch, ...); `outputs` holds `reconstruction`, logits of the same shape, and `kl`
    (batch,), the divergence of the code from its prior. The answer is (batch,): the cross-entropy summed, not
    averaged, over the pixels, plus `kl`. A target that is neither 0 nor 1 has a floor above zero: its
    entropy.
    """
    return bernoulli(targets, outputs["reconstruction"]) + ops.cast(outputs["kl"], "float32")


def bernoulli(targets: Any, logits: Any) -> Any:
    """Nats that `targets` in [0, 1] cost where each is a coin of these `logits`, summed over all of an example.

    Both (batch, ...) of one shape; the answer is (batch,).
    """
    return sum_per_example(_bernoulli_nats(targets, logits))


def _bernoulli_nats(targets: Any, logits: Any) -> Any:
    # -t log s(x) - (1 - t) log(1 - s(x)) = softplus(x) - t x
    logits = ops.cast(logits, "float32")
    return ops.softplus(logits) - ops.cast(targets, "float32") * logits
