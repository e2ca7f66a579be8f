"""A network of small cells that a controller can propose: architecture search by a study.

Zoph, Vasudevan, Shlens, Le, "Learning Transferable Architectures for Scalable Image Recognition", 2017,
arXiv:1707.07012, section 3.1 and figure 3: a block takes two hidden states, does one operation to each, and adds the
two; what no block reads is the cell's output. The controller is that of Zoph and Le 2016, arXiv:1611.01578, section
3.2: `sampler: reinforce` of a study, which writes one choice after another in the order of the study's space. Differs
from the paper: two blocks instead of five, five operations of its thirteen, separable convolutions applied once, and no
reduction cell: a maximum halves the maps between the stages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from keras import layers

from archbench.architectures import architecture
from archbench.options import Depth, Stages, Width
from archbench.parts import Parts

PAPER = Parts(normalization={"name": "batch", "momentum": 0.9997, "epsilon": 0.001})
Operation = Literal["identity", "separable_3x3", "separable_5x5", "average_3x3", "maximum_3x3"]
Earlier = Literal["last", "before"]
"""The output of the last cell, or of the one before it."""


@architecture(
    "nas_cell",
    source="Zoph, Vasudevan, Shlens, Le 2017, arXiv:1707.07012, section 3.1; Zoph, Le 2016, arXiv:1611.01578",
    task="classification",
    minimum=lambda stages, **_: 2 ** (stages - 1),
    paper_input=(32, 32, 3),
    paper_outputs=10,
    swaps=("activation", "normalization", "initializer", "regularizer"),
    smoke={"stages": 2, "cells": 1, "width": 4},
    smoke_input=(8, 8, 3),
)
def nas_cell(
    image,
    outputs: int,
    *,
    first_left: Earlier = "last",
    first_left_operation: Operation = "separable_3x3",
    first_right: Earlier = "last",
    first_right_operation: Operation = "identity",
    second_left: Earlier | Literal["first"] = "first",
    second_left_operation: Operation = "separable_3x3",
    second_right: Earlier | Literal["first"] = "before",
    second_right_operation: Operation = "identity",
    stages: Stages = 3,
    cells: Depth = 2,
    width: Width = 32,
    parts: Parts = PAPER,
):
    """`stages` of `cells` alike, with twice as many channels and half the side from stage to stage.

    `image` (batch, height, width, channel) to logits (batch, `outputs`). The first block of a cell reads the outputs of
    the last two cells, the second one those or what the first block gives; by default both add to what they read, as
    residual nets do.
    """
    blocks = (
        ((first_left, first_left_operation), (first_right, first_right_operation)),
        ((second_left, second_left_operation), (second_right, second_right_operation)),
    )
    x = parts.conv_norm(image, width, 3)
    for stage in range(stages):
        if stage:
            x = layers.MaxPooling2D(2)(x)
        cell, before = _Cell(width * 2**stage, parts), x
        for _ in range(cells):
            x, before = cell(blocks, x, before), x
    return parts.dense(layers.GlobalAveragePooling2D()(parts.act(x)), outputs)


@dataclass(frozen=True)
class _Cell:
    """Maps of any number of channels to `width` channels, or twice as many where the second block leaves the first."""

    width: int
    parts: Parts

    def __call__(self, blocks, last, before):
        """The cell's output of those of the two cells before it, (batch, height, width, channel) each."""
        states = {"last": self._squeezed(last)}
        states["before"] = states["last"] if before is last else self._squeezed(before)
        for name, pair in zip(("first", "second"), blocks, strict=True):
            states[name] = layers.add([self._done(operation, states[state]) for state, operation in pair])
        reads_first = "first" in {state for state, _ in blocks[1]}
        return states["second"] if reads_first else layers.concatenate([states["first"], states["second"]])

    def _squeezed(self, x):
        return self.parts.conv_norm(self.parts.act(x), self.width, 1)

    def _done(self, operation: Operation, x):
        match operation:
            case "separable_3x3" | "separable_5x5":
                kernel = self.parts.layer(layers.DepthwiseConv2D, int(operation[-1]), padding="same", use_bias=False)
                return self.parts.conv_norm(kernel(self.parts.act(x)), self.width, 1)
            case "average_3x3":
                return layers.AveragePooling2D(3, 1, "same")(x)
            case "maximum_3x3":
                return layers.MaxPooling2D(3, 1, "same")(x)
        return x
