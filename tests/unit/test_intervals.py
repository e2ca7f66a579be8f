"""How sure a score is: Wilson's interval by hand, and the bootstrap of BLEU against SacreBLEU's own."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU
from scipy import stats

from archbench.metrics.intervals import bleu_interval, share_interval
from archbench.metrics.texts import bleu


@pytest.mark.parametrize(("right", "count"), [(0, 11), (31, 3000), (5, 7), (20, 20)])
def test_the_interval_of_a_share_is_wilsons(right, count):
    known = stats.binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert share_interval(right, count) == pytest.approx((known.low, known.high), abs=1e-6)


def _texts(count, right, seed=0):
    """Sentences of ten words, each of which is said as it is with the probability `right`."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 300, (count, 10))
    said = np.where(random.random(targets.shape) < right, targets, random.integers(0, 300, targets.shape))
    return [[" ".join(map(str, row)) for row in rows] for rows in (targets, said)]


def test_the_interval_of_bleu_is_as_wide_as_sacrebleus_own():
    targets, said = _texts(150, 0.8)
    low, high = bleu_interval(targets, said)
    own = BLEU().corpus_score(said, [targets], n_bootstrap=1000)
    assert low < bleu(targets, said) < high
    assert ((low + high) / 2, (high - low) / 2) == (pytest.approx(own._mean, abs=0.5), pytest.approx(own._ci, rel=0.1))
    assert (low, high) == bleu_interval(targets, said)  # its draws are seeded


def test_texts_that_are_alike_leave_nothing_unsure_and_more_of_them_less():
    assert bleu_interval(["a b c d e"] * 4, ["a b c d e"] * 4) == (pytest.approx(100), pytest.approx(100))
    few, many = (np.ptp(bleu_interval(*_texts(count, 0.8))) for count in (50, 800))
    assert many == pytest.approx(few / 4, rel=0.35)
