"""Constraints on a layer's kernel: nothing is added to the loss, each optimizer step ends in a projection."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from archbench.layers.layouts import PLAIN, Layout, layout_from
from archbench.options import Positive
from archbench.regularizers import regularizer


@regularizer(
    "max_norm",
    source="Srebro, Shraibman 2005, COLT; for networks Hinton et al. 2012, arXiv:1207.0580; "
    "3 to 4: Srivastava et al. 2014, JMLR 15, section 5.1",
    numbers=("limit",),
)
def max_norm(layout: Layout = PLAIN, *, limit: Positive = 3.0) -> keras.Regularizer:
    """Each unit's incoming vector is scaled back to length `limit` after every step that made it longer.

    w <- w min(1, limit / |w|), where w are all weights that lead to one unit: of a convolution, to one channel of its
    output; of a recurrent layer, to one gate of a unit, from its inputs or from its states. Keras's MaxNorm looks at
    the first axis alone, which in a convolution is one row of the window.
    """
    return MaxNorm(limit, layout)


@keras.saving.register_keras_serializable("archbench")
class MaxNorm(keras.Regularizer):
    """Units whose incoming vectors, in a kernel of this `layout`, are at most `limit` long."""

    def __init__(self, limit: float, layout: Layout = PLAIN) -> None:
        self.limit, self.layout = limit, layout_from(layout)

    def __call__(self, weight: Any) -> Any:
        """No penalty."""
        return ops.zeros((), weight.dtype)

    def after_step(self, weight: Any, rate: Any) -> Any:
        """`weight` after an optimizer step, whatever its `rate`, with no incoming vector longer than `limit`."""
        limit = ops.cast(self.limit, weight.dtype)
        columns = self.layout.columns(weight)
        squares = ops.sum(ops.square(columns), axis=0)
        return self.layout.kernel(columns * (limit / ops.sqrt(ops.maximum(squares, ops.square(limit)))), weight.shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"limit": self.limit, "layout": keras.saving.serialize_keras_object(self.layout)}
