"""How sure a score is, over the examples of one split: 95 % intervals of a share and of BLEU.

Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22; Koehn 2004, "Statistical
significance tests for machine translation evaluation", W04-3250.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

NORMAL = 1.959964
"""So many deviations on either side of its mean hold 95 % of a normal variable."""
PERCENTILES = (2.5, 97.5)
RESAMPLES, SEED = 1_000, 0
"""How often the bootstrap draws texts again, and by which random numbers."""


def share_interval(right: int, count: int) -> tuple[float, float]:
    """Lower and upper end of Wilson's interval of a share, of which `right` of `count` examples were seen."""
    share, weight = right / count, NORMAL**2 / count
    middle = (share + weight / 2) / (1 + weight)
    half = NORMAL * math.sqrt(share * (1 - share) / count + weight / (4 * count)) / (1 + weight)
    return middle - half, middle + half


def bleu_interval(targets: Sequence[str], predictions: Sequence[str]) -> tuple[float, float]:
    """Lower and upper end of the interval of corpus BLEU, as `metrics.texts.bleu` has it, by the bootstrap over texts.

    As many texts are drawn with replacement as there are, at least one, 1,000 times; the interval is from the 2.5th to
    the 97.5th percentile of what they score. Draws are the same for all translations of so many texts.
    """
    from sacrebleu.metrics import BLEU  # which a report, that says how often is drawn, does not need

    scorer, count = BLEU(), len(predictions)
    each = [scorer.corpus_score([said], [[target]]) for target, said in zip(targets, predictions, strict=True)]
    sums = np.array([[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in each])
    often = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), RESAMPLES)  # (resample, text)
    scores = [
        BLEU.compute_bleu(drawn[:4], drawn[4:8], *drawn[8:], smooth_method=scorer.smooth_method).score
        for drawn in (often @ sums).tolist()
    ]
    low, high = np.percentile(scores, PERCENTILES)
    return float(low), float(high)
