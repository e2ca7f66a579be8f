"""How translations are said."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from archbench.figures.decoding import widths_and_lengths
from archbench.metrics.intervals import RESAMPLES
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results

SCORED = ("score", "low", "high")
SCORES = {"bleu": "BLEU", "exact_match": "exact match"}
REMARK = (
    "Where a translation is wrong, the search is to blame if the model thinks more of the reference than of what was "
    "said, for then a better search would have said something else; if not, the model is. What is wrong here is all "
    "that differs from the one reference, so in words many of the model's errors are other good translations. Seconds "
    "are those of a sentence, in batches, on the machine of the probe. In brackets is the 95\u00a0% interval of a "
    "seed's score over the sentences of the test split, its limits as means over the seeds: of BLEU by the bootstrap "
    f"({RESAMPLES:,} resamples of the sentences), of exact matches by Wilson's formula."
)


@section("decoding", order=460, needs=("probes",), source="Ng 2018, Machine Learning Yearning, chapters 44 and 45")
def decoding(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of decoding: beams against score and time, who is to blame, and long sentences."""
    for probe in results.probes:
        if probe.kind == "decoding":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    widths, lengths = (_with_intervals(probe.tables[name]) for name in ("widths", "lengths"))
    name = formats.file_name("probe", probe.name)
    for table, rows in (("widths", widths), ("lengths", lengths)):
        place.write_table(f"{name}-{table}.csv", rows)
    seeds = widths.groupby("arm")["seed"].nunique()
    over = widths.groupby(["arm", "width"], sort=False)
    by_width = over[[*SCORED, "seconds"]].mean().reset_index()
    metrics = sorted(set(widths["metric"]))
    score = formats.in_words([SCORES[metric] for metric in metrics], "or")
    middle = lengths.assign(length=(lengths["shortest"] + lengths["longest"]) / 2)
    by_length = middle.groupby(["arm", "shortest"], sort=False)[["length", *SCORED]].mean().reset_index()
    shown = place.gallery.keep(
        partial(widths_and_lengths, by_width, by_length, score),
        name,
        f"Decoding: {probe.name}",
        f"Left and middle: test {score} and time by the width of the beam, on logarithmic axes but for the score. "
        "Right: the score of the network's own width by the length of the source, in groups of as many sentences, "
        f"at the middle of their lengths. Means over n={formats.between(set(seeds))} seeds; bars: 95\u00a0% "
        "intervals over the sentences.",
    )
    rows = [_row(arm, width, own, seeds[arm]) for (arm, width), own in over]
    blocks = [Text(REMARK), Figures([shown]), Table(rows), File(f"{name}-widths.csv")]
    blocks.append(File(f"{name}-lengths.csv", "The table by length as CSV"))
    return Section(name, f"Decoding: {probe.name}", blocks)


def _with_intervals(scores: pd.DataFrame) -> pd.DataFrame:
    """`scores` with an interval that is not known where a probe of before told none."""
    return scores.reindex(columns=[*scores, *(name for name in SCORED if name not in scores)])


def _row(arm: str, width: int, own: pd.DataFrame, seeds: int) -> dict[str, str]:
    wrong = own["wrong"].sum()
    score, *limits = (own[name].mean() for name in SCORED)
    between = "" if np.isnan(limits).any() else " ({} to {})".format(*map(formats.value, limits))

    def share(errors: str) -> str:
        count = own[errors].sum()
        return f"{count:,} ({count / wrong:.0%})" if wrong else formats.NOTHING

    return {
        "Network": arm,
        "Width": str(width),
        "Score": f"{formats.value(score)}{between} {SCORES[own['metric'].iloc[0]]}",
        "Seconds": formats.value(own["seconds"].mean(), 2),
        "Wrong": f"{wrong:,} of {own['examples'].sum():,}",
        "The search's": share("search_errors"),
        "The model's": share("model_errors"),
        "Seeds": f"n={seeds}",
    }
