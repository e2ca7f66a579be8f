"""Layers of LSTM one above the other, as encoders and decoders of sequences are made of.

Sutskever, Vinyals, Le 2014, arXiv:1409.3215; Luong, Pham, Manning 2015, arXiv:1508.04025. What every layer holds is one
array `state` (batch, layer, [output, cell], unit).
"""

from __future__ import annotations

from typing import Any

from keras import layers, ops

from archbench.datasets.tokens import PADDING
from archbench.parts import Parts


def read(
    parts: Parts, source: Any, words: int, embedding: int, units: int, depth: int, *, backwards: bool
) -> tuple[Any, Any, Any]:
    """The tokens `source` (batch, step), 0 where a sentence has ended, read from its first or, `backwards`, last word.

    What the last layer gave at each word (batch, step, `units`), the state after the last one that was read, and which
    steps are known (batch, step).
    """
    known = source != PADDING
    x, there, held = parts.layer(layers.Embedding, words, embedding)(source), known, []
    if backwards:
        x, there = ops.flip(x, axis=1), ops.flip(known, axis=1)
    for _ in range(depth):
        # cuDNN's kernel cannot be part of an XLA program, and the whole training step is one.
        told = {"return_sequences": True, "return_state": True, "unit_forget_bias": False, "use_cudnn": False}
        x, *both = parts.layer(layers.LSTM, units, **told)(x, mask=there)
        held.append(ops.stack(both, axis=1))
    x = ops.flip(x, axis=1) if backwards else ops.copy(x)  # either way without the mask that Keras ties to it
    return x, ops.stack(held, axis=1), known


def step(parts: Parts, x: Any, state: Any) -> tuple[Any, Any]:
    """`x` (batch, feature) one step up through the layers of `state`: what the last one gives, and the state."""
    _, depth, _, units = state.shape
    after = []
    for layer in range(depth):
        cell = parts.layer(layers.LSTMCell, units, unit_forget_bias=False)
        x, both = cell(x, [state[:, layer, 0], state[:, layer, 1]])
        after.append(ops.stack(both, axis=1))
    return x, ops.stack(after, axis=1)
