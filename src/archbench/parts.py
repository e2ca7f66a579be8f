"""The pieces a sweep may swap inside any architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keras import layers

from archbench.activations import ACTIVATIONS
from archbench.catalogue import Catalogue, Spec
from archbench.errors import UserError, shown
from archbench.initializers import INITIALIZERS
from archbench.layers.dropout import Dropout
from archbench.layers.layouts import PLAIN, Layout, kernels_of
from archbench.layers.limits import count_layer
from archbench.normalizations import NORMALIZATIONS
from archbench.regularizers import REGULARIZERS

CATALOGUES: dict[str, Catalogue] = {
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "initializer": INITIALIZERS,
    "regularizer": REGULARIZERS,
}


Size = int | tuple[int, ...]

_CONVOLUTIONS = {
    2: (layers.Conv2D, layers.ZeroPadding2D, layers.MaxPooling2D),
    3: (layers.Conv3D, layers.ZeroPadding3D, layers.MaxPooling3D),
}
"""Number of spatial axes -> the layers that convolve, pad and pool them."""
ONEDNN_BLOCK = 16
"""Channels that oneDNN works on at once: see `Parts.conv`."""


class WrongParts(UserError):
    """A piece that no architecture has, that this one does not take, or a value it cannot have."""


class NotAUnit(WrongParts):
    """An activation that widens the layer before it, where no such layer is."""


@dataclass(frozen=True)
class Parts:
    """What a network is built from; an architecture's own default is its paper's.

    The methods take and return symbolic tensors, channels last. Initializer and regularizer act on kernels,
    never on biases.
    """

    activation: Spec = "relu"
    normalization: Spec = "none"
    initializer: Spec = "he_normal"
    regularizer: Spec = "none"
    dropout: float | None = None
    """The share of units dropped in training, where the architecture has a place for it; None: none, and no layer."""
    spatial_dropout: bool = False
    """Whether dropout drops whole channels, at all positions alike."""
    initializer_of: Mapping[str, Spec] = field(default_factory=dict)
    """A kind of kernel -> its initializer, where the paper starts it otherwise than the rest; swapped with that one."""

    def act(self, x):
        """The activation of `x`, the same shape.

        Raises `NotAUnit` for one that a layer has to be made wider for: `conv_unit` and `dense_unit` do that.
        """
        if self.widening > 1:
            name = ACTIVATIONS.resolve(self.activation)[0].name
            raise NotAUnit(
                f"{name} needs a layer {self.widening} times as wide before it, and here something else is activated "
                f"(a sum, a pooled map, a layer that others read too). Choose another activation."
            )
        return self._activation(x)

    def norm(self, x):
        """`x` normalized: the same shape, or `x` itself where there is no normalization of activations."""
        if self._normalizes_kernels:
            return x
        layer = NORMALIZATIONS.build(self.normalization, x.shape[-1])
        return x if layer is None else layer(x)

    def drop(self, x):
        """`x` with dropout in training; at a rate of 0 there is no layer, as it would draw for every unit."""
        return Dropout(self.dropout, spatial=self.spatial_dropout)(x) if self.dropout else x

    def layer(self, kind: type[layers.Layer], *arguments, **options) -> layers.Layer:
        """A layer of `kind`, a class of Keras's, with these parts' initializer, regularizer, and normalized kernel.

        All kernels of the layer get them, where `options` do not say otherwise. Raises `TooLarge`.
        """
        count_layer()
        kernels: dict[str, Any] = {}
        for name, layout in kernels_of(kind, options.get("groups", 1)).items():
            kernels |= self.kernel(name, layout)
        if self._normalizes_kernels:
            kind = NORMALIZATIONS.build(self.normalization, kind)
        return kind(*arguments, **{**kernels, **options})

    def dense(self, x, width: int, *, bias: bool = True):
        """`x` (batch, ..., feature) to (batch, ..., `width`)."""
        return self.layer(layers.Dense, width, use_bias=bias)(x)

    def conv(
        self,
        x,
        width: int,
        size: Size,
        stride: int = 1,
        dilation: int = 1,
        *,
        padding: str = "same",
        bias: bool = True,
        groups: int = 1,
    ):
        """`x` (batch, height, width, channel), or with a depth after the batch, convolved to `width` channels.

        `size` is the kernel's side, or (height, width); its weights lie `dilation` cells apart, which no `stride` above
        1 goes with. "same" pads both sides alike even where `stride` is 2, as the frameworks of the papers did; Keras's
        own padding would shift such a map by half a pixel. A kernel of one cell on few channels takes every
        `stride`-th cell in a layer before it. Raises `WrongParts` where `groups` divides one of the two channel counts
        no way.
        """
        for channels in (x.shape[-1], width):
            if channels % groups:
                raise WrongParts(
                    f"A convolution in {groups} groups cannot split {channels} channels. Choose a width, or an input, "
                    f"whose channels are a multiple of {groups}."
                )
        rank = len(x.shape) - 2
        kind, zeros, pool = _CONVOLUTIONS[rank]
        sides = (size,) * rank if isinstance(size, int) else tuple(size)
        if padding == "same" and stride > 1 and max(sides) > 1:
            x, padding = zeros(tuple(side // 2 for side in sides))(x), "valid"
        if max(sides) == 1 and stride > 1 and x.shape[-1] < ONEDNN_BLOCK:
            # On a CPU TensorFlow's oneDNN writes past its memory in this gradient: uxlfoundation/oneDNN, issue 6035.
            x, stride = pool(1, stride)(x), 1
        options = {"padding": padding, "dilation_rate": dilation, "groups": groups, "use_bias": bias}
        return self.layer(kind, width, sides, stride, **options)(x)

    def conv_norm(
        self, x, width: int, size: Size, stride: int = 1, dilation: int = 1, *, bias: bool = False, **options
    ):
        """Convolution, then normalization; without `bias` one is there only if there is no normalization.

        `options` are `padding` and `groups`, as in `conv`.
        """
        bias = bias or not self.normalizes
        return self.norm(self.conv(x, width, size, stride, dilation, bias=bias, **options))

    def conv_unit(self, x, width: int, size: Size, stride: int = 1, dilation: int = 1, **options):
        """Convolution, normalization, activation; `options` as in `conv_norm`."""
        return self._activation(self.conv_norm(x, width * self.widening, size, stride, dilation, **options))

    def dense_unit(self, x, width: int):
        """Dense layer, normalization, activation."""
        return self._activation(self.norm(self.dense(x, width * self.widening, bias=not self.normalizes)))

    def kernel(self, kind: str = "kernel", layout: Layout = PLAIN) -> dict[str, Any]:
        """Arguments for one kernel of a layer, fresh: one initializer used twice gives the same weights twice.

        `kind` is how the layer's arguments name it: "kernel", or "recurrent", "depthwise" and their like where a layer
        has several or its own. `layout` tells initializer and regularizer which of its weights lead to one unit.
        """
        return {
            f"{kind}_initializer": INITIALIZERS.build(self.initializer_of.get(kind, self.initializer), layout),
            f"{kind}_regularizer": REGULARIZERS.build(self.regularizer, layout),
        }

    @property
    def normalizes(self) -> bool:
        """Whether a normalization, with its own shift, makes the bias before it redundant."""
        entry, _ = NORMALIZATIONS.resolve(self.normalization)
        return entry.facts.get("shifts", False)

    @property
    def widening(self) -> int:
        """How many times as wide as a unit its layer is: the pieces of maxout, else 1."""
        entry, options = ACTIVATIONS.resolve(self.activation)
        return {**entry.options, **options}[entry.facts["widening"]] if "widening" in entry.facts else 1

    @property
    def _normalizes_kernels(self) -> bool:
        entry, _ = NORMALIZATIONS.resolve(self.normalization)
        return entry.facts.get("of") == "kernel"

    def _activation(self, x):
        return ACTIVATIONS.build(self.activation, x)

    def swapped(self, changes: Mapping[str, Any]) -> Parts:
        """These parts with `changes` made; raises a `UserError` for an unknown piece or value."""
        known = [*CATALOGUES, "dropout", "spatial_dropout"]
        for piece, value in changes.items():
            if piece not in known:
                raise WrongParts(f"No part is called {piece!r}. A network has the parts: {', '.join(known)}.")
            if piece == "dropout":
                check_rate(value)
            elif piece == "spatial_dropout":
                _check_flag(piece, value)
            else:
                CATALOGUES[piece].resolve(value)
        swapped = replace(self, **changes, initializer_of={} if "initializer" in changes else self.initializer_of)
        _check_together(swapped, changes)
        return swapped


def check_rate(rate: Any) -> None:
    """Raise `WrongParts` unless `rate` is a share from 0 to less than 1, or None."""
    if rate is None:
        return
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < 1:
        raise WrongParts(f"dropout is {shown(rate)}. It must be a share from 0 to less than 1; 0 is none.")


def _check_flag(piece: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise WrongParts(f"{piece} is {value!r}. It must be true or false.")


def _check_together(parts: Parts, changes: Mapping[str, Any]) -> None:
    """Refuse pieces of which one would do nothing, or something else than it says, beside another."""
    if changes.get("spatial_dropout") and not parts.dropout:
        raise WrongParts("spatial_dropout is true, but nothing is dropped. Give dropout a rate too.")
    normalization, _ = NORMALIZATIONS.resolve(parts.normalization)
    if normalization.name == "weight" and _acts_after_steps(parts.regularizer):
        raise WrongParts(
            "A proximal or max_norm regularizer cannot stand beside weight normalization: it would change the length "
            "of v, on which nothing depends. Choose another normalization, or a penalty such as l2."
        )


def _acts_after_steps(regularizer: Spec) -> bool:
    """Whether a regularizer changes the weights after an optimizer step; its options may still be incomplete."""
    entry, options = REGULARIZERS.resolve(regularizer)
    return entry.name == "max_norm" or options.get("proximal", False)
