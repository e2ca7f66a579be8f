"""The margin loss of capsules."""

from __future__ import annotations

from typing import Any

from keras import ops

from archbench.losses import loss
from archbench.losses.per_example import sum_per_example
from archbench.options import NonNegative, Share


@loss("margin", source="Sabour, Frosst, Hinton 2017, arXiv:1710.09829, equation 4", values="shares")
def margin(
    targets: Any, outputs: Any, *, present: Share = 0.9, absent: Share = 0.1, down_weight: NonNegative = 0.5
) -> Any:
    """Sum over classes of T max(0, m+ - length)^2 + lambda (1 - T) max(0, length - m-)^2.

    `targets` T are 1 for the classes an example shows, of which there may be several, else 0; `outputs` are the lengths
    of the classes' capsules; both (batch, ...) of one shape. m+ is `present`, m- `absent` and lambda `down_weight`,
    which keeps the many absent classes from shrinking all capsules at first. The answer is (batch,).
    """
    there, length = ops.cast(targets, "float32"), ops.cast(outputs, "float32")
    missed = ops.square(ops.relu(present - length))
    imagined = ops.square(ops.relu(length - absent))
    return sum_per_example(there * missed + down_weight * (1.0 - there) * imagined)
