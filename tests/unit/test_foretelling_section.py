"""The sections of the report about how well text is foretold, and about padding."""

import math
import re

import fake_runs as fake
import numpy as np
import pandas as pd
import pytest
from site_text import site_text

from archbench.page.report import Options, write_report
from archbench.page.sections.foretelling import rows_interval


def _write(tmp_path, benchmark, perplexities, task="language_modelling", options=None, dataset="prose", **facts):
    for seed, perplexity in enumerate(perplexities):
        told = {"loss": math.log(perplexity), "perplexity": perplexity}
        described = {"architecture": benchmark, "scale": "paper", "dataset": dataset, "task": task}
        settings = fake.settings(benchmark, seed, **described)
        settings["task"] = {"name": task, **(options or {})}
        fake.write_run(
            tmp_path / "runs" / benchmark / f"seed-{seed}",
            settings,
            told["loss"],
            monitor="loss",
            scores={"validation": told, "test": told},
            predictions={
                "input": np.ones((2, 35), "int32"),
                "prediction_nats": np.ones((2, 35)),
                "shown_sampled": np.ones((2, 4), "int32"),
                "vocabulary": np.array(["", "<start>", "<end>", "<unknown>", "a"]),
                "whole_row_nats": np.array([35.0, 105.0]),
                "whole_row_tokens": np.array([35, 35]),
            },
            training_examples=100,
            **facts,
        )


def _report(tmp_path, benchmarks) -> str:
    options = Options(title="t", seeds=benchmarks, study_seeds={})
    folders = tmp_path / "runs", tmp_path / "studies", tmp_path / "report"
    return site_text(write_report("tour", list(benchmarks), [], *folders, options))


def _cells(page, anchor):
    part = page.split(f'<section id="{anchor}">')[1].split("</section>")[0]
    return re.findall("<td[^>]*>([^<]*)</td>", part)


def test_perplexity_is_told_best_first_over_seeds_and_over_rows(tmp_path):
    _write(tmp_path, "unigram", [64.0])
    _write(tmp_path, "lstm", [30.0, 34.0])
    page = _report(tmp_path, {"unigram": range(1), "lstm": range(2)})
    # t(0.975, 1) = 12.7062 times the deviation 2.828 over the root of 2. Rows of 1 and of 3 nats a token: the mean is
    # 2, what is left of each 35, and half the width 1.96 sqrt(2 / 1 * 2 * 35^2) / 70 = 1.96
    within = f"{math.exp(0.04):.4g} to {math.exp(3.96):.4g}"
    cells = ["lstm", "32\u00a0±\u00a025", "5", "n=2", within, "unigram", "64", "6", "n=1, no interval", within]
    assert _cells(page, "foretelling-prose-language_modelling") == cells
    table = pd.read_csv(tmp_path / "report" / "tables" / "foretelling-prose-language_modelling.csv")
    lstm = table[table["benchmark"] == "lstm"]
    assert lstm["tokens"].tolist() == [3500 * epoch for epoch in range(1, fake.EPOCHS + 1)]
    assert lstm["seconds"].tolist() == pytest.approx(range(1, fake.EPOCHS + 1))
    nats = pd.read_csv(tmp_path / "runs" / "lstm" / "seed-0" / "history.csv")["validation_loss"]
    np.testing.assert_allclose(np.log(lstm["perplexity"]), nats, rtol=1e-3)


def test_a_short_row_that_costs_as_much_a_token_makes_no_interval_wider():
    kept = {"whole_row_nats": np.array([20.0, 2.0]), "whole_row_tokens": np.array([10, 1])}
    assert rows_interval(kept) == (pytest.approx(math.exp(2)), pytest.approx(math.exp(2)))


def test_no_rows_no_interval_over_rows():
    assert all(map(math.isnan, rows_interval({})))
    assert all(map(math.isnan, rows_interval({"whole_row_nats": np.ones(1), "whole_row_tokens": np.ones(1)})))


def test_padding_is_told_of_those_who_have_some(tmp_path):
    _write(tmp_path, "even", [2.0], padding=0.0, programs=2)
    _write(tmp_path, "uneven", [2.0, 2.0], options={"buckets": 3}, padding=0.125, programs=7)
    page = _report(tmp_path, {"even": range(1), "uneven": range(2)})
    assert _cells(page, "padding") == ["uneven", "12.5%", "3", "7"]
    assert "<section" in page
    _write(tmp_path / "other", "even", [2.0], padding=0.0, programs=2)
    assert 'id="padding"' not in _report(tmp_path / "other", {"even": range(1)})


def test_what_papers_report_of_a_text_stands_beside_ours(tmp_path):
    _write(tmp_path, "ngram-brown", [300.0], dataset="brown")
    cells = _cells(_report(tmp_path, {"ngram-brown": range(1)}), "foretelling-brown-language_modelling")
    assert cells[:2] == ["ngram-brown", "300"]
    assert [cells[5:7], cells[9:11]] == [["neural_lm", "252"], ["class-based n-gram", "312"]]
