"""The probe of decoding: beams of several widths, who is to blame, and what the report says of it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import toys

from archbench.datasets import store
from archbench.datasets.prepare import prepare
from archbench.metrics.beam_errors import beam_error_analysis
from archbench.metrics.intervals import bleu_interval
from archbench.metrics.texts import bleu
from archbench.probes import PROBES
from archbench.probes.decoding import NotTranslation, _Said
from archbench.probes.subject import Subject

CHANGES = {
    "benchmark": "bahdanau-dates",
    "architecture": {"name": "bahdanau", "units": 5, "embedding": 4, "alignment": 4, "maxout": 3},
    "dataset": "dates",
    "task": {"name": "translation", "width": 2, "smoothing": 0.1},
    "preprocessing": {"name": "none"},
    "augmentation": [],
    "parts": {},
    "batch_size": 8,
}


@pytest.fixture(scope="module")
def dates(tmp_path_factory):
    root = tmp_path_factory.mktemp("dates")
    prepare({"name": "dates", "examples": 60, "test": 0.2}, "dates", root / "dates", root / "raw")
    return store.load(root / "dates")


def test_the_search_is_to_blame_where_the_model_thinks_more_of_the_reference():
    right = np.array([True, False, False, False])
    blame = beam_error_analysis(right, np.array([-1.0, -1.0, -3.0, -2.0]), np.array([-2.0, -2.0, -2.0, -2.0]))
    assert blame.search.tolist() == [False, True, False, False]
    assert blame.model.tolist() == [False, False, True, True]


@pytest.fixture(scope="module")
def tables(dates, tmp_path_factory):
    subject = Subject("bahdanau", toys.settings(**CHANGES), dates, tmp_path_factory.mktemp("runs"))
    return PROBES.build({"name": "decoding", "widths": [1, 4], "examples": 11}, iter([subject]))


def test_every_error_has_someone_to_blame_and_a_wider_search_is_to_blame_less(tables):
    widths = tables["widths"]
    assert widths["width"].tolist() == [1, 4]
    assert (widths["examples"] == 11).all()
    assert (widths["search_errors"] + widths["model_errors"] == widths["wrong"]).all()
    assert widths["wrong"].tolist() == [11, 11]  # it was never trained
    assert (widths["score"] == 0).all()
    assert widths[["low", "high"]].values.tolist() == [pytest.approx([0, 3.841459 / (11 + 3.841459)], abs=1e-6)] * 2
    assert (widths["metric"] == "exact_match").all()
    assert (widths["seconds"] > 0).all()
    assert widths["search_errors"].is_monotonic_decreasing


def test_sentences_are_scored_by_their_length_with_the_networks_own_width(tables):
    lengths = tables["lengths"]
    assert lengths["examples"].tolist() == [3, 2, 2, 2, 2]
    assert lengths["shortest"].is_monotonic_increasing
    assert (lengths["longest"] >= lengths["shortest"]).all()
    assert (lengths["high"] > lengths["low"]).all()


def test_words_are_scored_by_bleu_with_its_interval():
    texts = [["a b c d e", "f g h i j"], ["a b c d e", "k l m n o"]]
    said = _Said.__new__(_Said)
    said.task = SimpleNamespace(says_words=True, texts=lambda rows: [texts[side][row] for side, row in rows])
    said.target, said.said = ([(side, row) for row in (0, 1)] for side in (0, 1))
    said.target, said.said = np.array(said.target), np.array(said.said)
    row = said._scored(np.arange(2))
    assert (row["metric"], row["low"], row["high"]) == ("bleu", *bleu_interval(*texts))
    assert row["low"] < row["score"] == bleu(*texts) < row["high"]


def test_a_network_that_says_nothing_is_refused(dates, tmp_path, monkeypatch):
    subject = Subject("bahdanau", toys.settings(**CHANGES), dates, tmp_path)
    monkeypatch.setattr("archbench.probes.decoding.Translation", int)
    with pytest.raises(NotTranslation, match="bahdanau does translation"):
        PROBES.build({"name": "decoding", "widths": [1]}, iter([subject]))


def test_the_report_tells_whom_to_blame_and_draws_widths_and_lengths(tmp_path):
    from archbench.page.section import Workplace
    from archbench.page.sections.decoding import decoding

    rows = [
        ("a", seed, width, 10, "bleu", score, score - 2, score + 4, seconds, wrong, search, wrong - search)
        for seed, width, score, seconds, wrong, search in [
            (0, 1, 20.0, 0.01, 4, 1), (1, 1, 22.0, 0.03, 4, 2), (0, 8, 24.0, 0.1, 2, 0), (1, 8, 26.0, 0.1, 0, 0),
        ]
    ]  # fmt: skip
    columns = [
        "arm",
        "seed",
        "width",
        "examples",
        "metric",
        "score",
        "low",
        "high",
        "seconds",
        "wrong",
        "search_errors",
        "model_errors",
    ]
    lengths = pd.DataFrame(
        {
            "arm": "a",
            "seed": 0,
            "shortest": [3, 6],
            "longest": [5, 9],
            "examples": 5,
            "metric": "bleu",
            "score": [30.0, 9],
            "low": [20.0, 6],
            "high": [41.0, 11],
        }
    )
    probe = SimpleNamespace(
        kind="decoding", name="beams", tables={"widths": pd.DataFrame(rows, columns=columns), "lengths": lengths}
    )
    written = {}
    drawings = []
    gallery = SimpleNamespace(keep=lambda draw, *about: drawings.append(draw()))
    place = Workplace(gallery, lambda name, table, **_: written.update({name: table}))
    (section,) = decoding(SimpleNamespace(probes=[probe]), place)
    table = next(block for block in section.blocks if block.kind == "table")
    assert [row["Score"] for row in table.rows] == ["21 (19 to 25) BLEU", "25 (23 to 29) BLEU"]
    assert "1,000 resamples of the sentences" in section.blocks[0].text
    left, _, right = drawings[0].axes
    assert [line.tolist() for line in left.collections[0].get_segments()] == [[[1, 19], [1, 25]], [[8, 23], [8, 29]]]
    assert [line.tolist() for line in right.collections[0].get_segments()] == [
        [[4, 20], [4, 41]],
        [[7.5, 6], [7.5, 11]],
    ]
    assert [row["The search's"] for row in table.rows] == ["3 (38%)", "0 (0%)"]
    assert [row["The model's"] for row in table.rows] == ["5 (62%)", "2 (100%)"]
    assert [row["Wrong"] for row in table.rows] == ["8 of 20", "2 of 20"]
    assert set(written) == {"probe-beams-widths.csv", "probe-beams-lengths.csv"}
    probe.tables = {name: table.drop(columns=["low", "high"]) for name, table in probe.tables.items()}  # of before
    (section,) = decoding(SimpleNamespace(probes=[probe]), place)
    table = next(block for block in section.blocks if block.kind == "table")
    assert [row["Score"] for row in table.rows] == ["21 BLEU", "25 BLEU"]
