"""The table of questions: which choice stands first, what it gains over the usual one, and how sure that is."""

import csv

import pytest
from test_ranking import train

from archbench.figures.forest import forest
from archbench.figures.style import colors, line_styles, markers, one_look_each
from archbench.page.answers import answer, answer_rows, choice_words
from archbench.page.section import Answer
from archbench.results.effects import choices, effects
from archbench.results.facts import usual_choices
from archbench.results.leaderboard import boards
from archbench.results.runs import read_runs

SCORES = {
    "first": [0.80, 0.81, 0.82],
    "best": [0.95, 0.96, 0.97],
    "close": [0.94, 0.97, 0.95],
    "gap": [0.99, None, 0.99],
    "single": [0.99],
}
SECONDS = {"first": 1.0, "best": 30.0, "close": 5.0, "gap": 1.0, "single": 1.0}


def board_of(folder, scores=SCORES, **changes):
    """The board, and its places as params.yaml lists them."""
    seeds = {}
    for name, own in scores.items():
        spent = [SECONDS.get(name, 1.0)] * len(own)
        seeds |= train(folder, name, own, expected=range(len(own)), train_seconds=spent, **changes)
    (board,) = boards(read_runs(folder, seeds))
    return board, sorted(board.places, key=lambda place: list(scores).index(place.benchmark))


def test_what_cannot_be_told_from_the_best_is_a_group_with_the_cheapest_first(tmp_path):
    _, places = board_of(tmp_path)
    assert [place.benchmark for place in choices(places)] == ["close", "best"]
    given = answer("Which?", places, True)
    assert given.choose == ["close (paper)", "best (paper)"]
    # Differences 0.14, 0.16, 0.13: mean 0.1433, deviation 0.015275, half 4.302653 * 0.015275 / sqrt(3) = 0.0379.
    assert given.gain == "+0.143\u00a0±\u00a00.038 over first (paper)"
    assert given.n == "3"
    assert given.cost.startswith("5\u00a0s; ")
    # t = 0.14333 / (0.015275 / sqrt(3)) = 16.25; with 2 degrees p = 1 - t / sqrt(2 + t * t) = 0.0038. The other's
    # differences are all 0.15, which is no test, so nothing is adjusted.
    assert given.sure == "surely better, p = 0.0038; 2 of 5 cannot be told apart"
    assert given.shows


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((4.0, 5.0, 4.5), ["usual", "other", "third"]),  # all within 1.25 times the cheapest: noise orders nothing
        ((5.0, 4.0, 4.5), ["usual", "other", "third"]),
        ((5.01, 4.0, 4.5), ["other", "third", "usual"]),  # really dearer than the cheapest
        ((9.0, 4.0, 10.0), ["other", "usual", "third"]),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_choices_that_cost_about_the_same_stand_as_params_yaml_has_them_the_usual_one_first(
    tmp_path, monkeypatch, seconds, expected, named
):
    """Seconds of one network differ by what else a machine did; two runs of a study must not name other arms."""
    names = ["usual", "other", "third"]
    for name, spent in zip(names, seconds, strict=True):
        monkeypatch.setitem(SECONDS, name, spent)
    if named:  # or else the first is the usual one
        names = ["other", "third", "usual"]
        monkeypatch.setattr("archbench.results.effects.usual_choices", lambda: ("usual (paper)",))
    _, places = board_of(tmp_path, {name: [0.95, 0.96, 0.97] for name in names})
    assert [place.benchmark for place in choices(places)] == expected


def test_where_the_usual_choice_is_in_the_group_nothing_is_shown_to_be_better(tmp_path):
    _, places = board_of(tmp_path, {"close": SCORES["close"], "best": SCORES["best"]})
    given = answer("Which?", places, True)
    assert (given.gain, given.choose[0]) == ("the usual choice", "close (paper)")
    assert given.sure == "nothing is shown to be better; 2 of 2 cannot be told apart"
    assert not given.shows


def test_where_less_is_better_a_negative_gain_is_the_better_one(tmp_path):
    _, places = board_of(tmp_path, {"first": [0.30, 0.31, 0.33], "low": [0.10, 0.12, 0.11]}, maximize=False)
    given = answer("Which?", places, False)
    assert given.choose == ["low (paper)"]
    assert given.gain.startswith("-0.20")
    assert given.sure.startswith("surely better, p = ")
    assert given.shows


def test_single_seeds_and_gaps_answer_nothing_and_one_alone_asks_nothing(tmp_path):
    none = "nothing is ranked: that takes two choices with several seeds, one of them with every seed finished"
    _, places = board_of(tmp_path / "a", {"single": [0.9], "other": [0.8]})
    assert answer("Which?", places, True) == Answer("Which?", (), sure=none)
    _, places = board_of(tmp_path / "b", {"gap": SCORES["gap"], "best": SCORES["best"]})
    assert answer("Which?", places, True).sure == none
    assert effects(places) is None
    assert answer("Which?", places[:1], True) is None


def test_the_usual_choice_is_the_named_one_or_else_the_first_that_is_whole(tmp_path):
    board, places = board_of(tmp_path)
    assert effects(places).usual.benchmark == "first"
    assert set(effects(places).gains) == {"best (paper)", "close (paper)"}
    gap_first = sorted(places, key=lambda place: place.benchmark != "gap")
    assert effects(gap_first).usual.benchmark == "first"
    assert board.maximize


def test_usual_choices_are_named_once_with_a_reason():
    from archbench.results import facts

    with open(facts.__file__.replace("facts.py", "usual.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert all(row["why"] for row in rows)
    assert len(set(usual_choices())) == len(rows)


def test_questions_without_an_answer_stand_last():
    asked = [Answer("open?", ()), Answer("known?", ["a"], "+1", "1 s", "3", "sure")]
    rows = answer_rows(asked)
    assert [row["Question"] for row in rows] == ["known?", "open?"]
    assert rows[1]["Choose"] == "–"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "–"),
        (["a"], "a"),
        (["a", "b"], "a, or b"),
        (list("abcde"), "a, or b, c, d and e"),
        (list("abcdefg"), "a, or b, c, d and 3 more"),
    ],
)
def test_a_group_is_named_as_far_as_a_line_holds(names, words):
    assert choice_words(names) == words


def test_a_forest_has_its_rows_in_order_and_fills_what_is_sure():
    import pandas as pd

    rows = [("a", 0.1, 0.05, 0.15, 1), ("b", 0.02, -0.02, 0.06, 0), ("c", -0.3, float("nan"), float("nan"), 0)]
    axes = forest(pd.DataFrame(rows, columns=["label", "gain", "low", "high", "sure"]), xlabel="x").axes[0]
    diamonds = [line for line in axes.get_lines() if line.get_marker() == "D"]
    assert [line.get_xdata()[0] for line in diamonds] == [0.1, 0.02, -0.3]
    assert [line.get_markerfacecolor() == "white" for line in diamonds] == [False, True, True]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first on top


def test_a_name_has_one_look_in_all_figures_and_those_beside_it_have_others():
    with one_look_each():
        first = colors(["a", "b", "c"])
        assert colors(["c", "d", "a"]) == {"c": first["c"], "d": colors(["d"])["d"], "a": first["a"]}
        assert len(set(colors(["c", "d", "a"]).values())) == 3
        looks = (markers(["a"]), line_styles(["a"]))
        many = [f"n{number}" for number in range(25)]
        colors(many)
        assert (markers(["a"]), line_styles(["a"])) == looks
        assert colors(["x", "c"])["c"] == first["c"]
        together = [f"m{number}" for number in range(8)]
        assert len(set(colors(together).values())) == 8
        names = ["a", "b", "c", "d", *many, "x", *together]
        assert len(set(zip(colors(names).values(), line_styles(names).values(), strict=True))) == len(names)
    assert colors(["d"])["d"] == first["a"]  # without it the first is the first
