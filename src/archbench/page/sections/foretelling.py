"""How well networks foretell texts: perplexity with intervals, and how many tokens and seconds it took."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from archbench.figures.foretelling import perplexity_curves
from archbench.page import formats
from archbench.page.section import Block, Figures, File, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.facts import perplexities
from archbench.results.gathered import Results
from archbench.results.interval import NORMAL, mean_interval
from archbench.results.runs import Run

Seeds = Sequence[Run]
REPORTED = "name", "perplexity", "protocol", "source"


@section("foretelling", order=255, needs=("runs",), source="Jelinek et al. 1977, J. Acoust. Soc. Am. 62, S63")
def foretelling(results: Results, place: Workplace) -> Iterator[Section]:
    """Of every data set and task whose networks have a perplexity: its intervals and its curves."""
    boards: dict[tuple[str, str], dict[str, list[Run]]] = {}
    for run in results.runs:
        if run.finished and not math.isnan(run.test_score("perplexity")):
            board = boards.setdefault((run.settings["dataset"], run.settings["task"]["name"]), {})
            board.setdefault(run.benchmark, []).append(run)
    for (dataset, task), networks in boards.items():
        yield _section(formats.file_name("foretelling", dataset, task), dataset, networks, place)


def _section(stem: str, dataset: str, networks: Mapping[str, Seeds], place: Workplace) -> Section:
    title = f"How well text is foretold: {dataset}"
    order = sorted(networks, key=lambda name: mean_interval(_perplexities(networks[name])).mean)
    points = pd.concat([_points(run) for name in order for run in networks[name][:1]], ignore_index=True)
    place.write_table(f"{stem}.csv", points)
    drawn = partial(perplexity_curves, points, order)
    caption = (
        "Validation perplexity after each epoch of the first finished seed, against the tokens that were read until "
        "then and the seconds that training took. A single mark: what is counted, not trained."
    )
    shown = place.gallery.keep(drawn, stem, title, caption)
    remark = (
        "Perplexity is among how many tokens a guess would be as hard. ± is half the 95\u00a0% interval over seeds. "
        "The last column is what other rows of the same text could have given: the 95\u00a0% interval of the first "
        "seed's mean over the rows of the test text, which are taken as independent."
    )
    rows = [_row(name, networks[name]) for name in order]
    blocks = [Text(remark), Table(rows), Figures([shown]), File(f"{stem}.csv"), *_published(dataset)]
    return Section(stem, title, blocks)


def _published(dataset: str) -> list[Block]:
    """What papers report of the same text, if anything."""
    rows = [{head.capitalize(): fact[head] for head in REPORTED} for fact in perplexities(dataset)]
    remark = (
        "Published of this text, which others cut into other words: these numbers stand beside ours to show the "
        "difference in what was done, and are not to be subtracted."
    )
    return [Text(remark), Table(rows)] if rows else []


def _row(name: str, seeds: Seeds) -> Row:
    perplexity = mean_interval(_perplexities(seeds))
    low, high = rows_interval(seeds[0].predictions)
    within = formats.NOTHING if math.isnan(low) else f"{formats.value(low)} to {formats.value(high)}"
    return {
        "Network": name,
        "Test perplexity": formats.score(perplexity),
        "Bits a token": formats.value(math.log2(perplexity.mean)),
        "Seeds": formats.seeds(perplexity),
        "Over the rows of the text": within,
    }


def _perplexities(seeds: Seeds) -> list[float]:
    return [run.test_score("perplexity") for run in seeds]


def rows_interval(predictions: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """The ends of the 95 % interval of the perplexity, from what every row costs and how many tokens it has.

    Of the mean cost of a token, a ratio of two sums (Cochran 1977, Sampling Techniques, equation 6.12). NaN where fewer
    than two rows were kept.
    """
    if len(predictions.get("whole_row_tokens", ())) < 2:
        return math.nan, math.nan
    nats, tokens = (np.asarray(predictions[f"whole_row_{name}"], float) for name in ("nats", "tokens"))
    mean, count = nats.sum() / tokens.sum(), len(tokens)
    left = nats - mean * tokens
    half = NORMAL * math.sqrt(count / (count - 1) * np.square(left).sum()) / tokens.sum()
    return math.exp(mean - half), math.exp(mean + half)


def _points(run: Run) -> pd.DataFrame:
    """An epoch a row: the tokens read until then, the seconds, and the perplexity of validation."""
    history = run.history
    spent = history.filter(["compile_seconds", "input_seconds", "step_seconds"]).sum(axis=1).cumsum()
    tokens = run.metrics["training_examples"] * run.predictions["input"].shape[1]
    return pd.DataFrame(
        {
            "benchmark": run.benchmark,
            "epoch": history["epoch"],
            "tokens": history["epoch"] * tokens,
            "seconds": spent,
            "perplexity": np.exp(history["validation_loss"]),
        }
    )
