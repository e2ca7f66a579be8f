"""What the tests need of a backend by name: everything else is written once for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np


def gradient(function: Callable[[Any], Any], at: Any) -> Any:
    """The gradient of the scalar `function` at `at`, an array or a dictionary of arrays, as numpy."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.tree.map(np.asarray, jax.jit(jax.grad(function))(at))
    import tensorflow as tf

    def slopes(at: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(at)
            value = function(at)
        return tape.gradient(value, at)

    # In a graph, as training takes its gradients: TensorFlow's eager tape has crashed on those of a detector.
    at = tf.nest.map_structure(tf.convert_to_tensor, at)
    return tf.nest.map_structure(np.asarray, tf.function(slopes, autograph=False)(at))


def compiled(function: Callable[..., Any], arrays: Any, seed: int | None = None, *, xla: bool = True) -> Any:
    """`function(arrays)`, or `function(arrays, generator)` with a seed, run by XLA, as numpy.

    Without `xla` TensorFlow runs its graph as it is: for all of a detector, which takes XLA most of a minute, and which
    the tests of its training give to XLA.
    """
    random = () if seed is None else (keras.random.SeedGenerator(seed),)
    if keras.backend.backend() == "jax":
        import jax

        def stateless(arrays: Any, states: list[Any]) -> Any:
            known = [(generator.state, state) for generator, state in zip(random, states, strict=True)]
            with keras.StatelessScope(state_mapping=known):
                return function(arrays, *random)

        found = jax.jit(stateless)(arrays, [generator.state.value for generator in random])
        return jax.tree.map(np.asarray, found)
    import tensorflow as tf

    arrays = tf.nest.map_structure(tf.convert_to_tensor, arrays)
    found = tf.function(lambda arrays: function(arrays, *random), jit_compile=xla)(arrays)
    return tf.nest.map_structure(np.asarray, found)
