"""Hinge losses of class scores: nothing is lost once the labelled class leads every other by 1.

Keras's CategoricalHinge is another loss: it takes the worst class alone, and its maximum includes a 0 from the labelled
class, so that it costs an example whose other scores are all far below.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from archbench.losses import loss
from archbench.losses.class_targets import is_distribution
from archbench.losses.per_example import mean_per_example


@loss(
    "multiclass_hinge",
    source="Weston & Watkins 1999, Support vector machines for multi-class pattern recognition, ESANN",
    values="labels",
    over="scores",
)
def multiclass_hinge(targets: Any, outputs: Any) -> Any:
    """Weston-Watkins hinge: the sum over other classes j of max(0, s_j - s_y + 1).

    `targets` are integers y (batch, ...) in 0 .. classes - 1, or distributions (batch, ..., classes), whose loss is
    the expected one of a label drawn from them; `outputs` are scores s (batch, ..., classes). The answer is (batch,),
    the mean over the axes between. The paper's margin is 2, which only scales the scores.
    """
    return mean_per_example(_expected(targets, outputs, ops.relu))


@loss(
    "squared_hinge",
    source="Tang 2013, Deep Learning using Linear Support Vector Machines, arXiv:1306.0239 (there one against all)",
    values="labels",
    over="scores",
)
def squared_hinge(targets: Any, outputs: Any) -> Any:
    """Squared Weston-Watkins hinge: the sum over other classes j of max(0, s_j - s_y + 1)^2.

    Targets, outputs and answer are those of `multiclass_hinge`.
    """
    return mean_per_example(_expected(targets, outputs, lambda margin: ops.square(ops.relu(margin))))


def _expected(targets: Any, outputs: Any, penalty: Any) -> Any:
    """The sum of `penalty` over other classes (batch, ...), in expectation over the label."""
    scores = ops.cast(outputs, "float32")
    if not is_distribution(targets, outputs):
        label = ops.cast(targets, "int32")
        labelled = ops.take_along_axis(scores, label[..., None], axis=-1)
        others = 1 - ops.one_hot(label, scores.shape[-1], dtype="float32")
        return ops.sum(others * penalty(scores - labelled + 1), axis=-1)
    margins = scores[..., None, :] - scores[..., :, None] + 1  # (..., label, other class)
    others = 1 - ops.eye(scores.shape[-1], dtype="float32")
    return ops.sum(ops.cast(targets, "float32") * ops.sum(others * penalty(margins), axis=-1), axis=-1)
