"""What a report says of classifiers: fronts, the family tree, depth, XLA and the papers' numbers."""

import csv
import math
import re
import shutil
from html import unescape
from pathlib import Path

import fake_runs as fake
import pandas as pd
import pytest
from scipy import stats
from site_text import site_text

from archbench.datasets import DATASETS
from archbench.expected import Expected
from archbench.figures.ancestry import degradation, family_tree
from archbench.figures.fronts import COSTS, frame, score_against_costs
from archbench.figures.style import save_svg, style
from archbench.page import formats
from archbench.page.report import Options, write_report
from archbench.results.ancestry import steps
from archbench.results.data_sets import DataSetHere
from archbench.results.depths import depth_board, depth_table
from archbench.results.facts import families, lineage, published
from archbench.results.gains import pareto_front
from archbench.results.leaderboard import boards
from archbench.results.runs import read_runs
from archbench.results.statistics import mean_interval
from archbench.results.xla import xla_table

GOLDEN = Path(__file__).parents[1] / "golden" / "parameter_counts.csv"
SPEED = (
    "case,backend,ours,baseline,ratio,unit,n,note,machine\n"
    "xla-lenet5-digits,tensorflow,100.0,400.0,0.25,steps/s,5,"
    '"ours: XLA on, compiled in 1.4 s; baseline: XLA off, 0.4 s",Abacus\n'
    "xla-vgg16-digits,jax,10.0,20.0,0.5,steps/s,5,without a word,Abacus\n"
)


def train(runs, benchmark, scores, *, architecture, dataset="digits", task="classification", changes=None, **measured):
    """The run folders of a benchmark, a seed a score."""
    described = {"architecture": architecture, "scale": f"small {architecture}", "dataset": dataset, "task": task}
    for seed, score in enumerate(scores):
        own = fake.settings(benchmark, seed, **described, **(changes or {}))
        fake.write_run(runs / benchmark / f"seed-{seed}", own, score, **measured)


def read(runs, **seeds):
    found = {path.name: (0,) for path in sorted(runs.iterdir()) if path.is_dir()}
    return read_runs(runs, found | seeds)


def report(root, benchmarks, above=None, title="archbench"):
    """The report of benchmarks of which some have to be better than the benchmark `soft` by so much."""
    expected = [Expected(name, "accuracy", True, by, "soft") for name, by in (above or {}).items()]
    options = Options(title=title, seeds=dict.fromkeys(benchmarks, (0,)), study_seeds={}, expected=expected)
    return write_report("tour", list(benchmarks), [], root / "runs", root / "studies", root / "report", options)


def cells(page, anchor):
    """The rows of the tables in a section, as lists of text."""
    section = site_text(page).split(f'<section id="{anchor}">')[1].split("</section>")[0]
    rows = re.findall("<tr>(.*?)</tr>", section)
    return [[unescape(cell) for cell in re.findall("<td[^>]*>(.*?)</td>", row)] for row in rows if "<td" in row]


# The front of five points, drawn on paper: b is dearer and worse than a, e costs what d costs and is worse.
POINTS = pd.DataFrame(
    {
        "name": list("abcde"),
        "family": ["residual", "residual", "dense", "dense", "classic"],
        "mean": [0.80, 0.70, 0.90, 0.95, 0.94],
        "interval_low": [0.75, math.nan, 0.85, math.nan, math.nan],
        "interval_high": [0.85, math.nan, 0.95, math.nan, math.nan],
        "parameters": [100, 200, 300, 400, 400],
        "multiply_adds": [500, 400, 300, 200, 100],
        "train_seconds": [0, 2, 3, 4, 5],
        "peak_memory_bytes": [math.nan] * 5,
        "whole": [True] * 5,
    }
)
FAMILIES = ["classic", "residual", "dense"]


def test_the_front_of_five_points_by_hand():
    assert pareto_front(POINTS["parameters"], POINTS["mean"], maximize=True) == [0, 2, 3]
    assert pareto_front(POINTS["multiply_adds"], POINTS["mean"], maximize=True) == [4, 3]
    assert pareto_front(POINTS["parameters"], POINTS["mean"], maximize=False) == [0, 1]


def test_equal_points_stand_on_the_front_once_and_missing_ones_never():
    assert pareto_front([5, 5, 5], [0.9, 0.9, 0.8], maximize=True) == [0]
    assert pareto_front([math.nan, 1, 2], [0.99, math.nan, 0.5], maximize=True) == [2]
    assert pareto_front([], [], maximize=True) == []


def test_four_panels_name_their_front_and_nothing_else():
    figure = score_against_costs(POINTS, metric="accuracy", maximize=True, families=FAMILIES)
    named = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    # Nothing is drawn at zero seconds, where a logarithmic axis ends, nor where no memory is known.
    assert named == [["a", "c", "d"], ["e", "d"], ["b", "c", "d"], []]
    assert [axes.get_xlabel() for axes in figure.axes] == list(COSTS.values())
    assert [axes.get_xscale() for axes in figure.axes[:3]] == ["log"] * 3
    line = next(line for line in figure.axes[0].get_lines() if line.get_drawstyle() == "steps-post")
    assert line.get_xydata().tolist() == [[100, 0.80], [300, 0.90], [400, 0.95]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Pareto front", *FAMILIES]


def test_forty_networks_are_drawn_small_and_the_same_twice(tmp_path):
    many = pd.concat([POINTS.assign(name=f"net{n}", parameters=POINTS["parameters"] * (n + 1)) for n in range(9)])
    for name in ("one", "two"):
        with style():
            drawn = score_against_costs(many, metric="accuracy", maximize=True, families=FAMILIES)
            save_svg(drawn, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert (tmp_path / "one.svg").stat().st_size < 200_000


def test_one_net_that_learned_nothing_does_not_flatten_the_others():
    low, high = frame(pd.Series([0.1, 0.97, 0.98, 0.99]), maximize=True)
    assert 0.85 < low < 0.97
    assert high > 0.99
    low, high = frame(pd.Series([9.0, 0.03, 0.02, 0.01]), maximize=False)
    assert low < 0.01
    assert high < 0.2


def test_a_step_compares_parent_and_child_on_the_same_data(tmp_path):
    train(tmp_path, "a", [0.80, 0.82, 0.84], architecture="lenet5")
    train(tmp_path, "b", [0.90, 0.93, 0.93], architecture="alexnet")
    train(tmp_path, "c", [0.99], architecture="zfnet", dataset="digits-16")
    train(tmp_path, "d", [0.86, 0.85, 0.87], architecture="capsnet", task="capsules", changes={"epochs": 30})
    runs = read(tmp_path)
    found = {(step.parent, step.child): step for step in steps(boards(runs), lineage())}
    alexnet, capsnet = found["lenet5", "alexnet"], found["lenet5", "capsnet"]
    # Differences 0.10, 0.11, 0.09: mean 0.1, deviation 0.01, half 4.302653 * 0.01 / sqrt(3) = 0.0248.
    assert alexnet.comparison.difference.mean == pytest.approx(0.10)
    assert alexnet.comparison.difference.half == pytest.approx(0.024841, abs=1e-5)
    p = [stats.ttest_1samp(d, 0).pvalue for d in ([0.10, 0.11, 0.09], [0.06, 0.03, 0.03])]
    assert alexnet.comparison.p_holm == pytest.approx(2 * p[0])  # two steps are compared
    assert capsnet.comparison.p_holm == pytest.approx(p[1])
    assert (alexnet.comparison.sure, capsnet.comparison.sure) == (1, 0)
    assert alexnet.recipe == []
    assert capsnet.recipe == ["epochs"]
    zfnet = found["alexnet", "zfnet"]
    assert (zfnet.dataset, zfnet.before, zfnet.hindrance) == ("digits-16", None, "not run")
    assert found["vgg16", "vgg19"].dataset is None


def test_a_step_from_a_single_seed_or_with_a_gap_is_not_compared(tmp_path):
    train(tmp_path, "a", [0.80], architecture="lenet5")
    train(tmp_path, "b", [0.90, 0.93, 0.93], architecture="alexnet")
    train(tmp_path, "c", [0.95, 0.96, 0.99], architecture="zfnet")
    fake.diverge(tmp_path / "c" / "seed-2")
    found = {(step.parent, step.child): step for step in steps(boards(read(tmp_path)), lineage())}
    assert found["lenet5", "alexnet"].hindrance == "single seed"
    assert found["alexnet", "zfnet"].hindrance == "1 of 3 seeds without a score"
    assert {step.comparison.sure for step in found.values()} == {0}


def test_weights_of_other_data_do_not_stand_in_the_tree(tmp_path):
    train(tmp_path, "a", [0.8], architecture="lenet5")
    train(tmp_path, "b", [0.99], architecture="lenet5", changes={"start": {"from": "a", "train": "head"}})
    root = steps(boards(read(tmp_path)), lineage())[0]
    assert root.after.benchmark == "a"


def test_the_tree_draws_each_net_once_below_its_parent():
    rows = [("a", "", True, ""), ("b", "a", True, "+0.1"), ("c", "a", False, ""), ("d", "b", True, "-0.2")]
    nodes = pd.DataFrame(rows, columns=["name", "parent", "run", "gain"]).assign(
        title="net " + pd.Series(list("abcd")), year="2014", added="x", score="0.9", data="", sure=[0, 1, 0, -1]
    )
    axes = family_tree(nodes).axes[0]
    spots = {text.get_text(): text.get_position() for text in axes.texts if text.get_text().startswith("net")}
    assert list(spots) == ["net a, 2014", "net b, 2014", "net d, 2014", "net c, 2014"]
    across = [x for x, _ in spots.values()]
    assert across[0] < across[1] == across[3] < across[2]
    faces = [line.get_markerfacecolor() for line in axes.get_lines() if line.get_marker() == "o"]
    assert [face == "#ffffff" for face in faces] == [False, False, False, True]


def test_the_tree_begins_once_and_every_parent_is_known():
    seen = set()
    for row in lineage():
        assert row["parent"] in seen or (not row["parent"] and not seen), row
        assert row["source"]
        assert row["added"]
        assert 1998 <= int(row["year"]) <= 2017
        seen.add(row["child"])
    assert len({(row["parent"], row["child"]) for row in lineage()}) == len(lineage())


def test_facts_name_architectures_that_exist():
    with open(GOLDEN, newline="", encoding="utf-8") as file:
        known = {row["name"] for row in csv.DictReader(file)}
    assert {row["child"] for row in lineage()} <= known
    assert {row["name"] for row in published()} <= known
    assert set(families()) <= known


def test_published_numbers_have_a_source_and_agree_with_each_other():
    values = {}
    for row in published():
        assert 0 < float(row["value"]) < 100
        assert row["source"]
        key = (row["name"], row["data"], row["protocol"])
        assert (key, row["metric"]) not in values
        values[key, row["metric"]] = float(row["value"])
    both = [key for key, metric in values if metric == "top-1 error %" and (key, "top-5 error %") in values]
    assert both
    assert all(values[key, "top-1 error %"] > values[key, "top-5 error %"] for key in both)


def test_depths_are_read_from_the_data_set_that_has_most(tmp_path):
    train(tmp_path, "p20", [0.90, 0.92], architecture="plain20", dataset="digits-16")
    train(tmp_path, "p56", [0.80], architecture="plain56", dataset="digits-16")
    train(tmp_path, "r20", [0.95], architecture="resnet20", dataset="digits-16")
    train(tmp_path, "other", [0.99], architecture="resnet20")
    moved = {"start": {"from": "other", "train": "head"}}
    train(tmp_path, "moved", [0.99], architecture="plain20", dataset="digits-16", changes=moved)
    board = depth_board(boards(read(tmp_path)))
    table = depth_table(board)
    assert board.dataset == "digits-16"
    assert table[["family", "depth", "n"]].values.tolist() == [["plain", 20, 2], ["plain", 56, 1], ["resnet", 20, 1]]
    assert table["mean"].tolist() == pytest.approx([0.91, 0.80, 0.95])
    # t(0.975, 1) = 12.7062, deviation 0.0141421, two seeds: half 0.127062.
    assert table.loc[0, "interval_high"] == pytest.approx(0.91 + 0.127062, abs=1e-5)
    first = pd.read_csv(tmp_path / "p56" / "seed-0" / "history.csv")
    assert table.loc[1, "loss"] == pytest.approx(first["train_loss"].iloc[-1])
    axes = degradation(table, metric="accuracy").axes[0]
    drawn = {style: [line for line in axes.get_lines() if line.get_linestyle() == style] for style in ("-", "None")}
    assert [line.get_xydata().tolist() for line in drawn["-"]] == [
        [[20, pytest.approx(0.91)], [56, pytest.approx(0.80)]],
        [[20, pytest.approx(0.95)]],
    ]
    assert [line.get_xydata().tolist() for line in drawn["None"]] == [
        [[56, 0.80]],
        [[20, 0.95]],
    ]  # single seeds, hollow
    assert {line.get_markerfacecolor() for line in drawn["None"]} == {"white"}


def test_one_kind_alone_shows_no_degradation(tmp_path):
    train(tmp_path, "p20", [0.9], architecture="plain20")
    train(tmp_path, "p56", [0.8], architecture="plain56")
    assert depth_board(boards(read(tmp_path))) is None


def test_xla_comes_from_runs_and_its_other_mode_only_from_measurements(tmp_path):
    train(tmp_path, "lenet5-digits", [0.9, 0.9], architecture="lenet5")
    train(tmp_path, "vgg16-digits", [0.9], architecture="vgg16")
    fake.write_json(tmp_path / "lenet5-digits" / "seed-1" / "timings.json", fake.timings() | {"compile_seconds": 0.0})
    fake.write_json(tmp_path / "vgg16-digits" / "seed-0" / "machine.json", fake.machine(xla=False))
    (tmp_path / "speed.csv").write_text(SPEED)
    table = xla_table(read(tmp_path), pd.read_csv(tmp_path / "speed.csv")).set_index("benchmark")
    lenet5, vgg16 = table.loc["lenet5-digits"], table.loc["vgg16-digits"]
    assert (lenet5["xla"], lenet5["n"], lenet5["compile_seconds"], lenet5["step_milliseconds"]) == ("on", 2, 1.5, 1.2)
    measured = ["on_compile_seconds", "on_step_milliseconds", "off_compile_seconds", "off_step_milliseconds"]
    assert lenet5[[*measured, "on_over_off"]].tolist() == [1.4, 10.0, 0.4, 2.5, 0.25]
    assert vgg16["xla"] == "off"
    assert vgg16[measured].isna().all()  # measured on the other backend only
    assert xla_table(read(tmp_path), None)[measured].isna().all(axis=None)


@pytest.fixture
def tree(tmp_path):
    runs = tmp_path / "runs"
    train(runs, "soft", [0.70, 0.705, 0.70], architecture="softmax_regression")
    train(runs, "lenet5-digits", [0.80, 0.82, 0.84], architecture="lenet5", train_seconds=3.0)
    train(runs, "alexnet-digits", [0.90, 0.92, 0.935], architecture="alexnet", parameters=500_000)
    train(runs, "plain20-digits", [0.95], architecture="plain20")
    train(runs, "resnet20-digits", [0.96], architecture="resnet20")
    train(runs, "capsnet-digits", [0.97], architecture="capsnet", task="capsules")
    (runs / "speed.csv").write_text(SPEED)
    return tmp_path


def test_the_page_of_classifiers(tree):
    names = [path.name for path in (tree / "runs").iterdir() if path.is_dir()]
    page = report(tree, sorted(names), {"alexnet-digits": 0.1, "resnet20-digits": 0.05})
    text = " ".join(site_text(page).split())
    assert "1 of 2 expectations of params.yaml are surely reached" in text
    assert "The mean of 1 reaches it." in text
    assert "Short of it" not in text
    assert text.index("<h2>Not judged</h2>") < text.index("<h2>Reached</h2>")
    rows = {row[0]: row for row in cells(page, "family-tree")}
    alexnet = rows["AlexNet (Krizhevsky et al., NIPS 2012)"]
    # Differences 0.10, 0.10, 0.095: deviation 0.0028868, half 4.302653 * 0.0028868 / sqrt(3) = 0.00717.
    assert "+0.0983\u00a0±\u00a00.0072" in alexnet
    assert "the same" in alexnet
    assert rows["VGG-19 (Simonyan, Zisserman 2014, arXiv:1409.1556)"][4:6] == ["not run", "not run"]
    published_rows = [row for row in cells(page, "published") if row[0] == "resnet20"]
    assert [row[1:3] + row[6:] for row in published_rows] == [
        ["test\u00a0error\u00a08.75\u00a0%", "CIFAR-10 test", "digits", "–", "small resnet20"]
    ]
    assert "Published, at full size" in text
    assert [row[:3] for row in cells(page, "degradation")] == [["plain", "20", "0.95"], ["resnet", "20", "0.96"]]
    lenet5 = next(row for row in cells(page, "xla") if row[0] == "lenet5-digits")
    assert lenet5[2:] == ["on", "n=3", "1.5 s", "1.2", "4,000", "1.4 s", "10", "0.4 s", "2.5", "0.25"]
    board = cells(page, "board-digits-classification")
    assert board[0][0] == "alexnet (small alexnet)"
    assert "capsnet (small capsnet)" in [row[0] for row in board]  # the same question, so the same board
    tables = page.parent / "tables"
    gains = pd.read_csv(tables / "family-tree.csv").set_index(["parent", "child"])["gain"]
    assert gains["lenet5", "alexnet"] == pytest.approx(0.098333, abs=1e-6)
    assert {"expectations.csv", "published.csv", "degradation.csv", "xla.csv"} <= {
        path.name for path in tables.iterdir()
    }


def test_what_was_measured_in_both_modes_answers_for_xla(tree):
    names = sorted(path.name for path in (tree / "runs").iterdir() if path.is_dir())
    (row,) = [row for row in cells(report(tree, names), "xla") if row[0] == "lenet5-digits"]
    assert row[-1] == "0.25"
    home = (tree / "report" / "index.html").read_text()
    line = home.split("XLA, on or off?")[1].split("</tr>")[0]
    told = re.findall("<td[^>]*>(.*?)</td>", line)
    assert told == [
        "off",
        "0.25 times the speed without, in the median",
        "1.4 s to compile, in the median",
        "1 benchmark",
        "faster in 0 of 1",
    ]


def test_a_published_number_stands_beside_ours_in_its_unit_and_on_the_same_data_first(tmp_path):
    """`digits` is MNIST here, as its loader tells; the error of 0.91 and 0.93 is 8 %, half 12.706 * 1.41 / sqrt(2)."""
    train(tmp_path / "runs", "on-clothes", [0.8], architecture="softmax_regression", dataset="clothes")
    train(tmp_path / "runs", "on-digits", [0.91, 0.93], architecture="softmax_regression", dataset="digits")
    train(tmp_path / "runs", "v2", [0.9], architecture="inception_v2", dataset="clothes")
    loaders = {"digits": "mnist", "clothes": "fashion_mnist"}
    data = {slug: DataSetHere(slug, {"name": name}, tmp_path, tmp_path) for slug, name in loaders.items()}
    seeds = {"on-clothes": (0,), "on-digits": (0, 1), "v2": (0,)}
    options = Options(title="t", seeds=seeds, study_seeds={}, data_sets=data)
    folders = tmp_path / "runs", tmp_path / "studies", tmp_path / "report"
    page = write_report("tour", list(seeds), [], *folders, options)
    rows = cells(page, "published")
    assert [[row[0], *(cell.replace("\u00a0", " ") for cell in row[5:8])] for row in rows] == [
        ["softmax_regression", "error 8 ± 13 %, n=2", "digits", "mnist"],
        ["softmax_regression", "error 20 %, n=1", "clothes", "fashion_mnist"],
        ["inception_v2", "accuracy 90 %, n=1", "clothes", "fashion_mnist"],
    ]
    for anchor in ("published", "architecture-softmax_regression"):
        text = site_text(page).split(f'<section id="{anchor}">')[1].split("</section>")[0]
        places = [text.index(words) for words in ("On the same test data", "mnist", "On other data", "fashion_mnist")]
        assert places == sorted(places)
    table = pd.read_csv(page.parent / "tables" / "published.csv")
    assert table["Comparable"].tolist() == ["yes", "no", "no"]


def test_every_published_number_is_of_data_that_a_loader_brings():
    assert {row["dataset"] for row in published()} <= {entry.name for entry in DATASETS}


def test_unverified_numbers_say_so_on_the_page(tmp_path):
    train(tmp_path / "runs", "v4", [0.9], architecture="inception_v4")
    rows = cells(report(tmp_path, ["v4"]), "published")
    assert [row[4] for row in rows] == ["from memory of the paper, unverified"]


def test_one_architecture_alone(tmp_path):
    train(tmp_path / "runs", "a", [0.9], architecture="resnet20")
    page = site_text(report(tmp_path, ["a"], {"a": 0.1}))
    assert "not judged: single seed" in page
    assert 'id="degradation"' not in page
    assert 'id="family-tree"' not in page
    assert ">nan<" not in page


def test_nothing_has_run(tmp_path):
    page = site_text(report(tmp_path, ["a"], {"a": 0.1}))
    assert "0 of 1 expectation of params.yaml is surely reached" in page
    assert "no test accuracy" in page
    for anchor in ("family-tree", "published", "degradation", "xla"):
        assert f'id="{anchor}"' not in page


def test_runs_that_failed_or_are_gone_leave_the_page_standing(tree):
    fake.diverge(tree / "runs" / "alexnet-digits" / "seed-0")
    fake.kill(tree / "runs" / "resnet20-digits" / "seed-0")
    shutil.rmtree(tree / "runs" / "soft")
    names = ["soft", "lenet5-digits", "alexnet-digits", "plain20-digits", "resnet20-digits", "capsnet-digits"]
    page = report(tree, names, {"alexnet-digits": 0.1, "resnet20-digits": 0.1})
    assert [row[-1] for row in cells(page, "expectations")] == [
        "not judged: 1 of 3 seeds without a score",
        "not judged: no test accuracy",
    ]
    assert 'id="degradation"' not in site_text(page)
    assert "n=2: 2 finished, 1 diverged" in site_text(page)
    assert "gaps.html" not in page.read_text().split('id="contents"')[1]  # told at home, but not among the contents


def test_names_and_titles_are_text(tmp_path):
    evil = "<script>alert('x')</script>"
    train(tmp_path / "runs", "a", [0.9, 0.8], architecture="lenet5", dataset=evil)
    train(tmp_path / "runs", "b", [0.9, 0.8], architecture="alexnet", dataset=evil)
    page = report(tmp_path, ["a", "b"], {"a": 0.1}, title=evil)
    assert "<script>" not in site_text(page)
    assert all("<script" not in path.read_text() for path in (page.parent / "figures").iterdir())
    assert "<script" not in (page.parent / "README.md").read_text()


def test_the_title_is_not_followed_by_the_pipeline(tmp_path):
    page = site_text(report(tmp_path, [], title="archbench: every architecture, small"))
    assert "<h1>archbench: every architecture, small</h1>" in page
    assert "Pipeline tour" in page


def test_gains_carry_their_sign_and_memory_its_unit():
    assert formats.gain(mean_interval([0.00125])) == "+0.0013"
    assert formats.gain(mean_interval([-0.02])) == "-0.0200"
    assert formats.gain(mean_interval([])) == "–"
    assert [formats.memory(n) for n in (2**29, 1.5 * 2**30, math.nan)] == ["512 MiB", "1.5 GiB", "–"]
