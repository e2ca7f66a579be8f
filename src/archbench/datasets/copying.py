"""The copying problem: remember a few symbols through a long wait, and say them again.

Hochreiter, Schmidhuber 1997, "Long Short-Term Memory", Neural Computation 9(8), experiment 2, in the form of Arjovsky,
Shah, Bengio 2016, arXiv:1511.06464, section 4.1: ten symbols of eight, a wait, a mark, and ten blanks at which the
symbols are to be said again. Differs from it: nothing is asked before the mark (there a blank is to be said), and there
may be several waits, the shorter ones with blanks before the symbols, so that all sequences are equally long.
"""

from __future__ import annotations

import string
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets.columns import Arrays
from archbench.options import Inside, Seed

SOURCE = "Arjovsky, Shah, Bengio 2016, arXiv:1511.06464, section 4.1"
LICENCE = "none needed: random numbers"
OF_ONE_DELAY = 1_000
"""Examples in the split of each delay."""
Delay = Annotated[int, Field(ge=1, le=100_000)]


@dataset("copying", source=SOURCE, licence=LICENCE, kind="generated", bytes=0, smoke={"delays": [7], "examples": 100})
def copying(
    raw: Path,
    *,
    delays: Annotated[tuple[Delay, ...], Field(min_length=1, max_length=20)] = (100,),
    symbols: Annotated[int, Field(ge=2, le=26)] = 8,
    length: Annotated[int, Field(ge=1, le=1_000)] = 10,
    examples: Annotated[int, Field(ge=3, le=10_000_000)] = 10_000,
    seed: Seed = 0,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """Sequences that begin with `length` of so many `symbols` and end with as many blanks, at which they are asked.

    `sequence` float32 (step, feature): a 1 for the symbol, the blank or the mark of each step. `labels` int32 (step,):
    which symbol is to be said, -1 before the mark. From a symbol to where it is asked it is its delay and `length`
    more steps; each example has one of `delays`, all equally often. Of several there is a split each beside the three,
    `delay_100`, which tells how far back a network remembers. Who remembers nothing is right once in `symbols` times.
    """
    generator = np.random.default_rng(seed)
    longest = max(delays)
    chosen = np.resize(np.array(delays), examples)
    train = _made(generator.permutation(chosen), longest, symbols, length, generator)
    apart = delays if len(delays) > 1 else ()
    official = {
        f"delay_{delay}": _made(np.full(OF_ONE_DELAY, delay), longest, symbols, length, generator) for delay in apart
    }
    names = tuple(string.ascii_lowercase[:symbols])
    return Raw(SOURCE, LICENCE, "sequence", train, validation, test, official=official, class_names=names)


def _made(delay: np.ndarray, longest: int, symbols: int, length: int, generator: np.random.Generator) -> Arrays:
    """An example for each of `delay` (example,), of which none is above `longest`."""
    said = generator.integers(symbols, size=(len(delay), length), dtype=np.int32)
    blank, mark = symbols, symbols + 1
    shown = np.full((len(delay), longest + 2 * length), blank)
    rows, places = np.arange(len(delay))[:, None], np.arange(length)
    shown[rows, (longest - delay)[:, None] + places] = said
    shown[:, longest + length - 1] = mark
    labels = np.full(shown.shape, -1, np.int32)
    labels[:, longest + length :] = said
    return {"sequence": np.eye(symbols + 2, dtype=np.float32)[shown], "labels": labels}
