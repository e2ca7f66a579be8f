"""Penalties that a layer's kernel adds to the loss, summed over the kernel's weights w.

Biases and the scales of normalizations are never penalised.
"""

import keras

from archbench.regularizers import regularizer


@regularizer("none", source="no penalty")
def none() -> None:
    """No penalty."""


@regularizer("l1", source="Tibshirani 1996, Regression shrinkage and selection via the lasso", smoke={"strength": 0.1})
def l1(*, strength: float) -> keras.regularizers.Regularizer:
    """strength * sum(abs(w)): drives weights to zero."""
    return keras.regularizers.L1(strength)


@regularizer(
    "l2",
    source="Krogh, Hertz 1991, A simple weight decay can improve generalization",
    smoke={"strength": 0.1},
)
def l2(*, strength: float) -> keras.regularizers.Regularizer:
    """strength / 2 * sum(w**2), whose gradient is strength * w: the papers' weight decay under plain SGD.

    Keras's own L2 has no factor 1/2; a paper's weight decay of 1e-4 is `strength: 1e-4` here.
    """
    return keras.regularizers.L2(strength / 2)


@regularizer("elastic_net", source="Zou, Hastie 2005, JRSS B 67(2)", smoke={"strength": 0.1, "ratio": 0.25})
def elastic_net(*, strength: float, ratio: float = 0.5) -> keras.regularizers.Regularizer:
    """strength * (ratio * sum(abs(w)) + (1 - ratio) / 2 * sum(w**2)): l1 at ratio 1, l2 at ratio 0."""
    return keras.regularizers.L1L2(l1=strength * ratio, l2=strength * (1 - ratio) / 2)
