"""Metrics of texts: what a translation has in common with the one that is known."""

from __future__ import annotations

from collections.abc import Sequence

from sacrebleu.metrics import BLEU

from archbench.metrics import metric


@metric("bleu", source="Papineni et al. 2002, P02-1040; Post 2018, arXiv:1804.08771", values="texts")
def bleu(targets: Sequence[str], predictions: Sequence[str]) -> float:
    """Corpus BLEU from 0 to 100 of translations, one reference each, by SacreBLEU with its defaults.

    The geometric mean of the modified precisions of n-grams up to four over all texts together, times exp(1 - r / c)
    where all translations together are of c words and the references of r > c. Words are those of the tokenizer 13a,
    with their case; a precision of no n-gram at all is smoothed exponentially. Without any text the answer is nan.
    """
    return BLEU().corpus_score(list(predictions), [list(targets)]).score if len(predictions) else float("nan")
