"""Constraints on a layer's kernel: nothing is added to the loss, each optimizer step ends in a projection."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from archbench.optimizers.numbers import Rate
from archbench.regularizers import regularizer


@regularizer(
    "max_norm",
    source="Srebro, Shraibman 2005, COLT; for networks Hinton et al. 2012, arXiv:1207.0580; "
    "3 to 4: Srivastava et al. 2014, JMLR 15, section 5.1",
    numbers=("limit",),
)
def max_norm(*, limit: Rate = 3.0) -> keras.Regularizer:
    """Each unit's incoming vector is scaled back to length `limit` after every step that made it longer.

    w <- w min(1, limit / |w|), where w is a column of the kernel: all its axes but the last. Keras's MaxNorm looks at
    the first axis alone, which in a convolution is one row of the window.
    """
    return MaxNorm(limit)


@keras.saving.register_keras_serializable("archbench")
class MaxNorm(keras.Regularizer):
    """Columns of length at most `limit`."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def __call__(self, weight: Any) -> Any:
        """No penalty."""
        return ops.zeros((), weight.dtype)

    def after_step(self, weight: Any, rate: Any) -> Any:
        """`weight` after an optimizer step, whatever its `rate`, with its columns no longer than `limit`."""
        limit = ops.cast(self.limit, weight.dtype)
        squares = ops.sum(ops.square(weight), axis=tuple(range(len(weight.shape) - 1)), keepdims=True)
        return weight * (limit / ops.sqrt(ops.maximum(squares, ops.square(limit))))

    def get_config(self) -> dict[str, float]:
        """The arguments of the constructor."""
        return {"limit": self.limit}
