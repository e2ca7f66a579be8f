"""Drop-path: a whole path of a cell is left out for an example, more often as training goes on."""

from __future__ import annotations

import keras
from keras import layers, ops

from archbench.layers.draws import uniform


@keras.saving.register_keras_serializable("archbench")
class DropPath(layers.Layer):
    """In training, each example of the batch is kept with probability 1 - rate and then divided by it.

    Larsson, Maire, Shakhnarovich 2016, arXiv:1605.07648; scheduled as in Zoph et al. 2017, arXiv:1707.07012, appendix
    A: the rate rises in a line from 0 to `rate` over the first `steps` training steps (0: it is `rate` from the start).
    `rate` is read when the layer is called, so a tensor may stand there. Maps (batch, ...) to the same shape.
    """

    def __init__(self, rate: float, steps: int = 0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.steps = steps
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, shape) -> None:
        """A count of training steps, where the rate depends on it."""
        if self.steps:
            # Whole numbers, which mixed precision leaves as they are: in bfloat16 the count would stop at 256.
            self.seen = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="seen")

    def call(self, x, training=False):
        """`x` (batch, ...) with the paths of some examples at zero in training; the same shape."""
        if not training:
            return x
        keep = 1.0 - self._rate_now()
        draws = uniform((ops.shape(x)[0], *[1] * (len(x.shape) - 1)), seed=self.seed_generator)
        return x * ops.cast(ops.where(draws < keep, 1.0 / keep, 0.0), x.dtype)

    def _rate_now(self):
        """The rate of this step, in float32; counts the step."""
        rate = ops.cast(self.rate, "float32")
        if not self.steps:
            return rate
        risen = ops.minimum(ops.cast(self.seen, "float32") / self.steps, 1.0)
        self.seen.assign_add(1)
        return rate * risen

    def get_config(self):
        """The arguments of the constructor."""
        return {**super().get_config(), "rate": self.rate, "steps": self.steps}
