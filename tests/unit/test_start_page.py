"""The comparisons of a report: twins found, ways told apart, means by hand, a figure and a table each."""

import fake_runs
import pandas as pd
import pytest
from scipy import stats

from archbench.figures.start import heads_side_by_side, score_by_size
from archbench.page.figures import Gallery
from archbench.page.section import Workplace
from archbench.page.sections import sections_of
from archbench.results.gathered import Options, Results
from archbench.results.leaderboard import boards
from archbench.results.runs import read_runs
from archbench.results.start import heads, transfers

SCORES = {
    "b-25": (25, None, (0.70, 0.72, 0.74)),
    "b-25-head": (25, "head", (0.60, 0.61, 0.62)),
    "b-25-last3": (25, 3, (0.80, 0.82, 0.84)),
    "b-25-all": (25, "all", (0.78, 0.79, 0.80)),
    "b-100": (100, None, (0.90, 0.91, 0.92)),
    "b-100-all": (100, "all", (0.93, 0.94, 0.95)),
}


def _write(folder, benchmark, scores, *, test=None, monitor="accuracy", training_examples=100, parameters=7, **changes):
    for seed, score in enumerate(scores):
        described = {"architecture": "lenet5", "scale": "paper", "dataset": "d", "task": "classification"} | changes
        extra = {name: described.pop(name) for name in ("start", "parts") if name in described}
        run_settings = fake_runs.settings(benchmark, seed, **described) | {"parts": {}} | extra
        more = {"training_examples": training_examples, "parameters": parameters}
        if test is not None:
            more["scores"] = {"validation": {monitor: score}, "test": {**test[seed], monitor: score}}
        fake_runs.write_run(folder / benchmark / f"seed-{seed}", run_settings, score, monitor=monitor, **more)


def comparisons(runs, figures, tables):
    """The sections of transfers and heads, as the report has them."""
    options = Options(title="t", seeds={}, study_seeds={})
    results = Results("tour", options, runs, [], {}, None, [])
    place = Workplace(Gallery(figures), lambda name, table, **_: tables.update({name: table}))
    return [one for one in sections_of(results, place) if one.anchor.startswith(("transfer-", "heads-"))]


@pytest.fixture
def transferred(tmp_path):
    _write(tmp_path, "a", (0.99, 0.99, 0.99), dataset="a", training_examples=600)
    _write(tmp_path, "stranger", (0.5, 0.5, 0.5), dataset="b-25", architecture="vgg11", training_examples=25)
    _write(tmp_path, "other-parts", (0.5,) * 3, dataset="b-25", parts={"activation": "relu"}, training_examples=25)
    for benchmark, (size, train, scores) in SCORES.items():
        start = {} if train is None else {"start": {"from": "a", "train": train, "weights_sha256": "0"}}
        _write(tmp_path, benchmark, scores, dataset=f"b-{size}", training_examples=size, **start)
    names = ["a", "stranger", "other-parts", *SCORES]
    return read_runs(tmp_path, dict.fromkeys(names, (0, 1, 2)))


def test_twins_from_scratch_are_found_and_others_are_not(transferred):
    (found,) = transfers(transferred)
    assert found.source == "a"
    assert found.ways == ["from scratch", "head only", "last 3 layers", "all layers"]
    assert {point.benchmark for point in found.points} == set(SCORES)
    means = {point.benchmark: point.score.mean for point in found.points}
    assert means == pytest.approx({"b-25": 0.72, "b-25-head": 0.61, "b-25-last3": 0.82, "b-25-all": 0.79,
                                   "b-100": 0.91, "b-100-all": 0.94})  # fmt: skip
    assert {point.training_examples for point in found.points} == {25, 100}


def test_a_start_from_named_parts_is_no_transfer_of_a_whole_network(tmp_path):
    starts = {"b-head": {"train": "head"}, "b-parts": {"train": "all", "parts": {"features": "network"}}}
    for benchmark, start in starts.items():
        _write(tmp_path, benchmark, (0.9, 0.8), dataset="b", start={"from": "a", **start, "weights_sha256": "0"})
    (found,) = transfers(read_runs(tmp_path, dict.fromkeys(starts, (0, 1))))
    assert [point.benchmark for point in found.points] == ["b-head"]


def test_the_ways_of_networks_of_several_parts_have_names_and_an_order(tmp_path):
    trains = {"b-all": "all", "b-2": 2, "b-list": ["head", "rpn"], "b-head": "head", "b-none": "none", "b": None}
    for benchmark, train in trains.items():
        start = {} if train is None else {"start": {"from": "a", "train": train, "weights_sha256": "0"}}
        _write(tmp_path, benchmark, (0.9, 0.8), dataset="b", **start)
    (found,) = transfers(read_runs(tmp_path, dict.fromkeys(trains, (0, 1))))
    assert found.ways == [
        "from scratch", "new parts only", "head only", "head, rpn only", "last 2 layers", "all layers",
    ]  # fmt: skip


def test_the_section_shows_every_size_and_way(transferred, tmp_path):
    tables = {}
    (section,) = comparisons(transferred, tmp_path / "figures", tables)
    _, table, file, figures = section.blocks
    rows = [(row["Training examples"], row["Trains"], row["Minus from scratch"]) for row in table.rows]
    assert [row[:2] for row in rows] == [
        ("25", "from scratch"), ("25", "head only"), ("25", "last 3 layers"), ("25", "all layers"),
        ("100", "from scratch"), ("100", "all layers"),
    ]  # fmt: skip
    assert table.rows[2]["Test accuracy"].startswith("0.820\u00a0±")
    assert rows[1][2].startswith("-0.110\u00a0±")
    assert section.title == "Transfer from a"
    assert len(tables[file.name]) == len(SCORES)
    text = (tmp_path / "figures" / figures.shown[0].file).read_text()
    for word in ("from scratch", "head only", "last 3 layers", "all layers", "training examples"):
        assert word in text


def test_a_transfer_answers_where_examples_are_fewest(transferred, tmp_path):
    (section,) = comparisons(transferred, tmp_path / "figures", {})
    asked = section.answer
    assert asked.question == "Start from a, with 25 examples?"
    assert asked.choose == ["last 3 layers"]
    # Every seed gains 0.1, which is no spread to test against.
    assert (asked.gain, asked.n, asked.sure) == ("+0.1000 over from scratch", "3", "not tested")


def test_where_no_transfer_is_better_training_afresh_is_the_answer(transferred, tmp_path):
    afresh = [run for run in transferred if run.benchmark not in ("b-25-last3", "b-25-all")]
    (section,) = comparisons(afresh, tmp_path / "figures", {})
    assert (section.answer.choose, section.answer.gain) == (["from scratch"], "the usual choice")


def test_a_transfer_is_compared_with_the_same_data_from_scratch_seed_by_seed(tmp_path):
    """The lines of both ways overlap, their differences do not; of three transfers the one with a gap is not tested."""
    _write(tmp_path, "a", (0.99, 0.99, 0.99), dataset="a")
    _write(tmp_path, "b", (0.50, 0.70, 0.90), dataset="b")
    for benchmark, train, scores in (
        ("b-head", "head", (0.450, 0.651, 0.850)), ("b-all", "all", (0.60, 0.69, 0.91)), ("b-2", 2, (0.9, 0.9, 0.9)),
    ):  # fmt: skip
        _write(tmp_path, benchmark, scores, dataset="b", start={"from": "a", "train": train, "weights_sha256": "0"})
    fake_runs.diverge(tmp_path / "b-2" / "seed-1")
    (found,) = transfers(read_runs(tmp_path, dict.fromkeys(["a", "b", "b-head", "b-all", "b-2"], (0, 1, 2))))
    standings = {point.benchmark: point.standing for point in found.points}
    assert {name: standing.verdict for name, standing in standings.items()} == {
        "b": "the reference",
        "b-head": "worse",
        "b-all": "not distinguishable with n=3",
        "b-2": "not compared: 1 of 3 seeds without a score",
    }
    p = stats.ttest_rel((0.450, 0.651, 0.850), (0.50, 0.70, 0.90)).pvalue
    assert standings["b-head"].comparison.p_holm == pytest.approx(2 * p)


def test_the_figure_draws_a_line_a_way_through_its_sizes(transferred):
    (found,) = transfers(transferred)
    axes = score_by_size(found.table(), metric="accuracy").axes[0]
    lines = [line for line in axes.get_lines() if line.get_marker() != "None"]
    assert [len(line.get_xdata()) for line in lines] == [2, 1, 1, 2]
    assert lines[0].get_ydata().tolist() == pytest.approx([0.72, 0.91])
    assert lines[3].get_xdata().tolist() == pytest.approx([25, 100], rel=0.06)


def test_nothing_is_compared_where_there_is_no_transfer_or_it_did_not_finish(transferred, tmp_path):
    fresh = [run for run in transferred if "start" not in run.settings]
    assert comparisons(fresh, tmp_path, {}) == []
    for path in tmp_path.glob("b-*"):
        for seed in path.glob("seed-*"):
            if (seed / "metrics.json").is_file() and path.name.count("-") == 2:
                fake_runs.diverge(seed)
    again = read_runs(tmp_path, dict.fromkeys(["a", *SCORES], (0, 1, 2)))
    assert transfers(again) == []


# --- heads


def _heads_task(names):
    return {"task": "multi_task", "dataset": "balloons", "monitor": "mean_score", "parameters": 1000 + len(names)}


@pytest.fixture
def headed(tmp_path):
    together = [{"count_accuracy": 0.60, "color_accuracy": 0.70}, {"count_accuracy": 0.64, "color_accuracy": 0.74}]
    _write(tmp_path, "both", (0.65, 0.69), test=together, **_heads_task("ab"))
    alone = [{"count_accuracy": 0.55}, {"count_accuracy": 0.57}]
    _write(tmp_path, "count", (0.55, 0.57), test=alone, **_heads_task("a"))
    _write(tmp_path, "deep", (0.9, 0.9), test=[{"color_accuracy": 0.9}] * 2,
           **_heads_task("a") | {"architecture": "vgg11"})  # fmt: skip
    return read_runs(tmp_path, dict.fromkeys(["both", "count", "deep"], (0, 1)))


def test_heads_are_compared_with_the_same_network_alone(headed):
    (found,) = heads(headed)
    (count,) = found.scores  # there is no `color` alone of this network
    assert count.name == "count_accuracy"
    assert (count.together.mean, count.alone.mean) == pytest.approx((0.62, 0.56))
    difference = count.standing.comparison.difference
    assert (difference.mean, difference.n) == (pytest.approx(0.06), 2)
    assert (found.parameters, found.parameters_alone) == (1002, (1001,))


def test_the_section_of_heads(headed, tmp_path):
    tables = {}
    (section,) = comparisons(headed, tmp_path / "figures", tables)
    text, table, file, _ = section.blocks
    assert table.rows[0]["Head"] == "count accuracy"
    assert table.rows[0]["Together minus alone"].startswith("+0.06")
    assert "1,002 parameters" in text.text
    asked = section.answer
    assert asked.choose == ["one trunk"]
    assert asked.gain.startswith("together minus alone: count accuracy +0.06")
    assert (asked.cost, asked.n) == ("1,002 parameters, not 1,001", "2")
    assert asked.sure == "0 of 1 head surely better together, 0 surely worse"
    assert list(tables[file.name]["way"]) == ["together", "alone"]
    axes = heads_side_by_side(pd.DataFrame(tables[file.name])).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["count accuracy"]


def test_boards_do_not_mix_heads(headed):
    asked = {"both": ["count", "color"], "count": ["count"], "deep": ["color"]}
    for run in headed:
        run.settings["task"]["heads"] = asked[run.benchmark]
    assert [board.asked for board in boards(headed)] == [
        "multi_task: count, color", "multi_task: count", "multi_task: color"
    ]  # fmt: skip
