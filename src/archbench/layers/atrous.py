"""Halvings that are left out, and the dilations that stand in for them.

Chen, Papandreou, Kokkinos, Murphy, Yuille, "DeepLab", 2016, arXiv:1606.00915, section 3.1; Chen, Papandreou, Schroff,
Adam, "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017, arXiv:1706.05587, section 3.1. Where a step
that would halve a map keeps it whole, the cells that the halved map would have had lie two apart in it. What comes
after reads the same cells as before where its own weights lie two apart, so that the larger map holds the smaller one.
"""

from __future__ import annotations

from collections.abc import Iterable

from archbench.catalogue import WrongOption


def atrous(strides: Iterable[int], output_stride: int | None, done: int = 1) -> list[tuple[int, int, int]]:
    """For each of `strides`: the one that is left of it, the dilation up to it, and the dilation after it.

    Strides are kept as long as their product, times `done` before them, is at most `output_stride`; None keeps all.
    Raises `WrongOption` where that product is never reached: maps would be larger than whoever enlarges them thinks.
    """
    rate, steps = 1, []
    for stride in strides:
        if output_stride is None or done * stride <= output_stride:
            done *= stride
            steps.append((stride, rate, rate))
        else:
            steps.append((1, rate, rate * stride))
            rate *= stride
    if output_stride not in (None, done):
        raise WrongOption(
            f"output_stride is {output_stride}, but with these stages the last map is {done} times smaller than the "
            f"image. Choose output_stride: {done}, or other stages."
        )
    return steps
