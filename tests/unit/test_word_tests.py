"""Tests of vectors of words: answers by hand, and how many of the questions are covered."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import picture_files as files
import pytest
from scipy import stats

from archbench.datasets.tokens import SPECIAL
from archbench.metrics.words import answers, cosines, spearman
from archbench.page.sections.word_tests import word_tests as section
from archbench.probes import word_tests
from archbench.probes.word_tests import NoVectors, analogies, placed, similarity

VOCABULARY = (*SPECIAL, "man", "woman", "king", "queen", "Oslo", "apple")
VECTORS = np.array([[9, 9]] * 4 + [[1, 0], [1, 0.5], [3, 0.1], [3, 1.9], [-1, -1], [-1, 0]], float)


@pytest.fixture
def publish(tmp_path, monkeypatch):
    with files.publishing(tmp_path, monkeypatch) as serve:
        yield serve


def test_an_analogy_is_answered_by_the_word_nearest_to_b_less_a_and_c():
    """By unit vectors, one at a time; not by a, b or c, which often are nearest, and not by a special token."""
    questions = np.array([[4, 5, 6], [6, 7, 4], [4, 4, 4]])
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    expected = []
    for a, b, c in questions:
        scores = {w: unit[w] @ (unit[b] - unit[a] + unit[c]) for w in range(4, 10) if w not in (a, b, c)}
        expected.append(max(scores, key=scores.get))
    assert answers(VECTORS, questions, np.arange(4, 10)).tolist() == expected
    assert expected[0] == 7
    assert answers(VECTORS, questions[:0], np.arange(4, 10)).tolist() == []


def test_likeness_is_the_cosine_and_agreement_that_of_ranks():
    assert cosines(VECTORS, np.array([[4, 9], [4, 4], [8, 9]])) == pytest.approx([-1, 1, np.sqrt(0.5)])
    assert spearman(np.array([1, 2, 2, 4]), np.array([10, 20, 20, 21])) == pytest.approx(1)
    assert spearman(np.array([1, 2, 3]), np.array([3, 2, 1])) == pytest.approx(-1)
    assert np.isnan(spearman(np.array([1, 2]), np.array([5, 5])))
    random = np.random.default_rng(0)
    pair = random.integers(0, 9, 60), random.normal(size=60)
    assert spearman(*pair) == pytest.approx(stats.spearmanr(*pair).statistic)


def test_a_word_is_looked_up_as_it_is_written_and_then_in_lower_case():
    assert placed(["Oslo", "King", "oslo", "", "<unknown>", "queen"], VOCABULARY).tolist() == [8, 6, -1, -1, -1, 7]


def test_questions_that_are_not_covered_are_counted_and_not_asked(publish):
    content = b": family\nMan woman king queen\nman woman boy girl\n: gram1\nboy boys girl girls\n"
    raw = publish("questions_words", {"questions-words.txt": content})
    assert analogies(VECTORS, VOCABULARY, raw) == [
        {"section": "family", "kind": "meaning", "asked": 2, "covered": 1, "right": 1},
        {"section": "gram1", "kind": "meaning", "asked": 1, "covered": 0, "right": 0},
    ]


def test_pairs_that_are_not_covered_are_counted(publish):
    content = b"# a\nking\tqueen\t8\nman\tapple\t1\nboy\tgirl\t9\nman\twoman\t7\n"
    raw = publish("wordsim353", {"wordsim353.tsv": content})
    found = similarity(VECTORS, VOCABULARY, raw)
    assert (found["pairs"], found["covered"]) == (4, 3)
    unit = cosines(VECTORS, np.array([[6, 7], [4, 9], [4, 5]]))
    assert found["spearman"] == pytest.approx(spearman(np.array([8, 1, 7]), unit))
    assert np.isnan(similarity(VECTORS, VOCABULARY[:5], raw)["spearman"])


def test_a_network_without_vectors_is_refused():
    subject = SimpleNamespace(arm="net", learner=lambda: SimpleNamespace(task=object()))
    with pytest.raises(NoVectors, match="net learns no vectors of words"):
        word_tests._vectors(subject)


@pytest.mark.parametrize(("covered", "little"), [(3, True), (30, False)])
def test_the_report_says_what_is_covered_and_that_little_means_nothing(covered, little):
    told = {"arm": "net", "seed": 0}
    tables = {
        "analogies": pd.DataFrame(
            [
                {**told, "section": "family", "kind": "meaning", "asked": 40, "covered": covered, "right": 3},
                {**told, "section": "gram1", "kind": "form", "asked": 0, "covered": 0, "right": 0},
            ]
        ),
        "similarity": pd.DataFrame([{**told, "pairs": 40, "covered": covered, "spearman": 0.5}]),
    }
    tables["analogies"].loc[1, "asked"] = 1
    probe = SimpleNamespace(kind="word_tests", name="words", tables=tables)
    written = {}
    (made,) = section(SimpleNamespace(probes=[probe]), SimpleNamespace(write_table=written.__setitem__))
    text, table, *_ = made.blocks
    assert ("next to nothing" in text.text) == little
    (row,) = table.rows
    assert row["Analogies of meaning"] == f"{3 / covered:.1%}"
    assert row["Covered of meaning"] == f"{covered / 40:.1%} of 40"
    assert row["Analogies of form"] == "–" or "%" not in row["Analogies of form"]
    assert (row["Rank correlation"], row["Covered pairs"]) == ("0.50", f"{covered} of 40")
    assert set(written) == {"probe-words-analogies.csv", "probe-words-similarity.csv"}
