"""The adding problem: remember two marked numbers of a long sequence and add them up.

Hochreiter, Schmidhuber 1997, "Long Short-Term Memory", Neural Computation 9(8), experiment 4 (section 5.4).
This is the form in common use since, which differs from the paper's: values lie in [0, 1] (there [-1, 1]); the
target is the plain sum (there 0.5 + (x1 + x2) / 4); markers are 0 and 1 (there also -1 at both ends); every
sequence has the same length (there T to T + T / 10); one marker stands in each half (there the first is among
the first ten steps, the second in the first half).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.options import Inside, Seed

SOURCE = 'Hochreiter, Schmidhuber 1997, "Long Short-Term Memory", Neural Computation 9(8), section 5.4'
LICENCE = "none needed: random numbers"


@dataset("adding", source=SOURCE, licence=LICENCE, kind="generated", bytes=0, smoke={"length": 10, "examples": 100})
def adding(
    raw: Path,
    *,
    length: Annotated[int, Field(ge=2, le=100_000)] = 100,
    examples: Annotated[int, Field(ge=3, le=10_000_000)] = 10_000,
    seed: Seed = 0,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """Sequences of random numbers of which two are marked; the target is the sum of those two.

    `sequence` float32 (length, 2): a value uniform in [0, 1], and a marker that is 1 at one step of the first
    half and at one of the second, else 0. `target` float32 (1,). Always answering 1 has a mean squared
    error of 1/6 (twice the variance 1/12 of a uniform number).
    """
    generator = np.random.default_rng(seed)
    half = length // 2
    marks = np.stack([generator.integers(half, size=examples), generator.integers(half, length, size=examples)], 1)
    sequence = np.zeros((examples, length, 2), np.float32)
    sequence[..., 0] = generator.random((examples, length), np.float32)
    np.put_along_axis(sequence[..., 1], marks, 1, axis=1)
    target = np.take_along_axis(sequence[..., 0], marks, axis=1).sum(axis=1, keepdims=True)
    train = {"sequence": sequence, "target": target}
    return Raw(SOURCE, LICENCE, "sequence", train, validation, test)
