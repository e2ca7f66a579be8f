"""BLEU by hand: clipped counts, the brevity penalty, and words that are told by pieces."""

import math

import pytest
from sacrebleu.metrics import BLEU

from archbench.metrics import METRICS
from archbench.metrics.texts import bleu


def test_the_textbook_example_counts_four_of_six_bigrams():
    """Papineni et al. 2002 with the references of their example 2, as Ng's course has it.

    Of "the cat", "cat the", "the cat", "cat on", "on the" and "the mat" the first counts once, the second not at all.
    """
    references = [["the cat is on the mat"], ["there is a cat on the mat"]]
    found = BLEU().corpus_score(["the cat the cat on the mat"], references)
    assert (found.counts[1], found.totals[1]) == (4, 6)


def test_precisions_are_those_of_all_texts_together_and_short_ones_are_punished_together():
    """By hand: of 4 + 6 words all are right, and so on: BLEU is the penalty exp(1 - 12 / 10) alone."""
    targets = ["a b c d e f", "u v w x y z"]
    assert bleu(targets, ["a b c d", "u v w x y z"]) == pytest.approx(100 * math.exp(1 - 12 / 10))
    assert bleu(targets, ["a b c d e f", "u v w x y z"]) == pytest.approx(100)


def test_a_long_translation_is_not_punished_but_for_its_words():
    """By hand: 6 of 8 words, 5 of 7, 4 of 6 and 3 of 5 n-grams, and no penalty."""
    expected = 100 * (6 / 8 * 5 / 7 * 4 / 6 * 3 / 5) ** 0.25
    assert bleu(["a b c d e f"], ["a b c d e f g h"]) == pytest.approx(expected)


def test_case_and_signs_count():
    assert bleu(["A dog runs in the snow."], ["A dog runs in the snow ."]) == pytest.approx(100)  # 13a parts the sign
    assert bleu(["A dog runs in the snow."], ["a dog runs in the snow."]) < 100


def test_no_text_has_no_score():
    assert math.isnan(bleu([], []))
    assert METRICS["bleu"].facts["values"] == "texts"
