"""The words that followed the last few, counted.

Smoothing as in Chen, Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling", TR-10-98:
interpolated Kneser-Ney (section 4.1.6; Kneser, Ney 1995, ICASSP) and add-k (section 2.1). Differs from there: the
distribution after no words is itself interpolated with the same probability for every word, so that a word that was
never read costs something finite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.architectures import architecture
from archbench.catalogue import WrongOption
from archbench.datasets.tokens import PADDING, START
from archbench.layers.ngram_tables import Level, NgramTables
from archbench.options import Count, Inside, Positive

Smoothing = Literal["kneser_ney", "add_k"]
KINDS = np.int32, np.int32, np.float32, np.float32
"""The types of the arrays of a `Level`."""
EVEN = 0.5
"""The discount where nothing was counted once, so that its formula would take nothing off."""
FORETOLD = 2
"""The place of the first word that is foretold: padding, which goes on before it for ever, and the start come first."""


def keep(parts: Mapping[str, keras.Model], arrays: Mapping[str, np.ndarray], seed: int) -> None:
    """Count the n-grams of the rows `tokens` (row, step), of which each goes on where the one before it ends."""
    (tables,) = (layer for layer in parts["network"].layers if isinstance(layer, NgramTables))
    text = arrays["tokens"][arrays["tokens"] != PADDING]
    tables.fill(*smoothed(text, tables.order, tables.outputs, **tables.smoothing))


@architecture(
    "ngram",
    source="Kneser, Ney 1995, ICASSP; Chen, Goodman 1998, TR-10-98, Harvard University",
    task="language_modelling",
    minimum=1,
    paper_input=(35,),
    paper_outputs=10_000,
    swaps=(),
    fit=keep,
    smoke={"positions": 60},
    smoke_input=(6,),
)
def ngram(
    tokens,
    outputs: int,
    *,
    order: Annotated[int, Field(ge=1, le=7)] = 3,
    smoothing: Smoothing = "kneser_ney",
    k: Positive | None = None,
    discount: Inside | None = None,
    positions: Count = 1_000_000,
):
    """How often which word followed the last `order` - 1 in training; nothing is trained by gradients.

    `tokens` (batch, step), the words that stand before them, `past` (batch, `order` - 2), and the `following` ones
    (batch, step), to the `logits` (batch, step, `outputs`) of the word after each, logarithms of probabilities, the
    `nats` that those of `following` cost, (batch, step), which are looked up, and the `past` of the words to come.
    `k` is what add-k adds to every count, by default 0.01; `discount` what Kneser-Ney takes off, by default
    n1 / (n1 + 2 n2) of the n-grams of each length that were counted once and twice. `positions` is the number of words
    that are counted.
    Raises `WrongOption` for an option of the other smoothing.
    """
    if (k if smoothing == "kneser_ney" else discount) is not None:
        other = "k is of add_k" if smoothing == "kneser_ney" else "discount is of kneser_ney"
        raise WrongOption(f"ngram: {other}, and smoothing is {smoothing}. Leave it out.")
    told = {"smoothing": smoothing, "k": k or 0.01, "discount": discount}
    tables = NgramTables(outputs, order, positions, told, dtype="float32")
    following = keras.Input((None,), dtype="int32", name="following")
    inputs, words, answers = [tokens, following], ops.cast(tokens, "int32"), {}
    if order > 2:
        past = keras.Input((order - 2,), name="past")
        inputs, words = [tokens, past, following], ops.concatenate([ops.cast(past, "int32"), words], axis=1)
        answers["past"] = ops.cast(words[:, 2 - order :], "float32")
    found = tables(words, following)
    answers |= {"logits": ops.log(found["shares"]), "nats": -ops.log(found["share"])}
    return {"network": keras.Model(inputs, answers)}


def smoothed(
    text: np.ndarray, order: int, outputs: int, *, smoothing: Smoothing, k: float, discount: float | None
) -> tuple[np.ndarray, list[Level]]:
    """What `NgramTables.fill` takes, of a `text` (word,) of whole numbers below `outputs`."""
    grams = _grams(np.concatenate([[PADDING, START], text]).astype(np.int64), order, outputs)
    levels = []
    for length, gram in enumerate(grams, 1):
        if length == order:
            counts = np.bincount(gram.ends[FORETOLD:], minlength=len(gram.words))
        elif smoothing == "kneser_ney":
            counts = _continuations(gram, grams[length])
        else:
            counts = np.zeros(len(gram.words))
        shares, rest = add_k(counts, gram, k * outputs) if smoothing == "add_k" else kneser_ney(counts, gram, discount)
        starts = np.searchsorted(gram.before, np.arange(gram.parents + 1))
        levels.append(Level(*(a.astype(t) for a, t in zip((starts, gram.words, shares, rest), KINDS, strict=True))))
    first = levels.pop(0)
    return first.shares + first.rest / outputs, levels


@dataclass(frozen=True)
class Grams:
    """The different n-grams of one length in a text, ordered by their first words and then by their last."""

    before: np.ndarray
    """(n-gram,): which of those of one word less it begins with."""
    words: np.ndarray
    """(n-gram,): its last word."""
    ends: np.ndarray
    """(place,): which ends at each place of the text."""
    parents: int
    """How many there are of one word less."""


def _grams(words: np.ndarray, order: int, outputs: int) -> list[Grams]:
    """Those of one word, of two, up to `order`; all `outputs` words are some of one."""
    found = [Grams(np.zeros(outputs, np.int64), np.arange(outputs), words, 1)]
    for _ in range(1, order):
        shorter = found[-1].ends
        keys = np.concatenate([shorter[:1], shorter[:-1]]) * outputs + words
        different, ends = np.unique(keys, return_inverse=True)
        found.append(Grams(different // outputs, different % outputs, ends, len(found[-1].words)))
    return found


def _continuations(gram: Grams, longer: Grams) -> np.ndarray:
    """After how many different words each n-gram stood: N1+(. h w), of those that are foretold."""
    _, places = np.unique(longer.ends[FORETOLD:], return_index=True)
    return np.bincount(gram.ends[FORETOLD + places], minlength=len(gram.words))


def kneser_ney(counts: np.ndarray, gram: Grams, discount: float | None) -> tuple[np.ndarray, np.ndarray]:
    """max(c - D, 0) / sum c of every n-gram, and D N1+ / sum c of the words before: what is left for fewer words."""
    once, twice = (int((counts == times).sum()) for times in (1, 2))
    if discount is None:
        discount = once / (once + 2 * twice) if once else EVEN
    total = np.bincount(gram.before, counts, gram.parents)
    kinds = np.bincount(gram.before, counts > 0, gram.parents)
    shares = np.maximum(counts - discount, 0) / np.maximum(total, 1)[gram.before]
    return shares, np.where(total > 0, discount * kinds / np.maximum(total, 1), 1)


def add_k(counts: np.ndarray, gram: Grams, added: float) -> tuple[np.ndarray, np.ndarray]:
    """c / (sum c + `added`) of every n-gram, and what is `added` over all words, evenly, to those after the same."""
    total = np.bincount(gram.before, counts, gram.parents) + added
    return counts / total[gram.before], added / total
