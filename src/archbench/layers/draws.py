"""Random numbers that cost no more than what is done with them.

Keras's generators of random bits, Philox in TensorFlow and Threefry in JAX, are scalar code under XLA on a CPU: to draw
for every unit took longer than the layers around it. Here each number is a hash of its place and of a key (numbers by
counter, Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3", SC '11), in a few operations that XLA fuses
with what reads it, so that no memory holds the numbers, and that are made again for the gradients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

GOLDEN = 0x9E3779B9
"""2**32 over the golden ratio: keys that differ by it share no pattern of bits."""


Seed = keras.random.SeedGenerator | int
"""Where a task draws from: in training the learner's own generator, which a checkpoint keeps; in evaluation a number,
the same for every batch."""


def uniform(shape: Sequence[int], seed: Seed) -> Any:
    """float32 of `shape`, each in [0, 1), in steps of 2**-24; of a generator, other ones at each call.

    Two rounds of the hash with a key before each: with one, two keys that differ in their last bits alone would draw
    the same numbers in another order, and so drop as many units.
    """
    state = ops.cast(np.array([seed % 2**32, 0]) if isinstance(seed, int) else seed.next(), "uint32")
    key = _mixed(_mixed(state[0]) + state[1])
    place = ops.cast(ops.arange(math.prod(shape), dtype="int32"), "uint32")
    bits = _mixed(_mixed(ops.bitwise_xor(place, key)) + _mixed(key + ops.cast(GOLDEN, "uint32")))
    return ops.reshape(ops.cast(ops.right_shift(bits, 8), "float32") * 2.0**-24, shape)


def normal(shape: Sequence[int], seed: Seed) -> Any:
    """float32 of `shape`, of the standard normal distribution, at most 5.8 from 0; of a generator, others at each call.

    Box & Muller 1958, "A Note on the Generation of Random Normal Deviates": two numbers of `uniform` for each.
    """
    far, turn = ops.unstack(uniform((2, *shape), seed))
    return ops.sqrt(-2 * ops.log(1 - far)) * ops.cos(2 * math.pi * turn)


def _mixed(x: Any) -> Any:
    """A bijection of uint32 in which each bit of `x` moves half of the others.

    `lowbias32` of C. Wellons 2018, "Prospecting for Hash Functions", nullprogram.com/blog/2018/07/31.
    """
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = ops.bitwise_xor(x, ops.right_shift(x, shift)) * ops.cast(factor, "uint32")
    return ops.bitwise_xor(x, ops.right_shift(x, 16))
