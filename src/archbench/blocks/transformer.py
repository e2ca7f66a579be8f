"""The sub-layers of Transformers, each followed by dropout, the sum with what it read, and a normalization of it.

Vaswani et al. 2017, arXiv:1706.03762, section 3.1 and 5.4. They hold their layers, so that what is made once can read a
whole sequence in training and a token at a time in decoding. A normalization's moments are those of each token alone
(Ba, Kiros, Hinton 2016, arXiv:1607.06450).
"""

from __future__ import annotations

from typing import Any

from keras import layers

from archbench.errors import UserError
from archbench.layers.attention import Attention, Remembered, UpTo
from archbench.parts import Parts


class Summed:
    """x and what a sub-layer makes of it to norm(x + dropout(made))."""

    def __init__(self, parts: Parts, epsilon: float) -> None:
        self.parts, self.norm = parts, layers.LayerNormalization(epsilon=epsilon)

    def __call__(self, x: Any, made: Any) -> Any:
        """Both (batch, place, channel), to the same shape."""
        return self.norm(x + self.parts.drop(made))


class UnevenHeads(UserError):
    """A width that the heads of an attention cannot share."""


def check_heads(width: int, heads: int) -> None:
    """Raise `UnevenHeads` where `heads` cannot share `width`."""
    if width % heads:
        raise UnevenHeads(
            f"{heads} heads cannot share a width of {width} in equal parts. Choose a width that is a multiple of the "
            "heads."
        )


class Attending:
    """Attention in `heads` of `width` channels together, with its four projections."""

    def __init__(self, parts: Parts, width: int, heads: int) -> None:
        check_heads(width, heads)
        self.heads = heads
        self.query, self.key, self.value, self.out = (parts.layer(layers.Dense, width) for _ in range(4))

    def seen(self, x: Any) -> tuple[Any, Any]:
        """Keys and values of `x` (batch, place, channel)."""
        return self.key(x), self.value(x)

    def __call__(self, x: Any, keys: Any, values: Any, known: Any = None, *, causal: bool = False) -> Any:
        """`x` (batch, query, channel) looks at `keys` and `values`, as far as they are `known`: the shape of `x`."""
        masked = [] if known is None else [known]
        return self.out(Attention(self.heads, causal)(self.query(x), keys, values, *masked))

    def among(self, x: Any, known: Any = None, *, causal: bool = False) -> Any:
        """`x` looks at itself."""
        return self(x, *self.seen(x), known, causal=causal)

    def next(self, x: Any, keys: Any, values: Any, place: Any) -> tuple[Any, Any, Any]:
        """The token `x` (batch, 1, channel) at `place` (batch,) looks at itself and those before it.

        `keys` and `values` (batch, place, channel) are those of before; the answer has them with its own.
        """
        keys, values = (Remembered()(kept, new, place) for kept, new in zip((keys, values), self.seen(x), strict=True))
        return self(x, keys, values, UpTo()(keys, place)), keys, values


class Feeding:
    """Two dense layers at each place, with an activation after the first of `hidden` units."""

    def __init__(self, parts: Parts, width: int, hidden: int) -> None:
        self.parts = parts
        self.inner, self.outer = (parts.layer(layers.Dense, size) for size in (hidden, width))

    def __call__(self, x: Any) -> Any:
        """`x` (batch, place, channel) to the same shape."""
        return self.outer(self.parts.act(self.inner(x)))
