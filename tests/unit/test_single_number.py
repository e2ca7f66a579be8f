"""One number to rank by: prices and limits by hand, and how the ranking changes."""

import re

import fake_runs as fake
import pytest
from site_text import site_text

from archbench.architectures.network import outline
from archbench.architectures.profile import profile
from archbench.config import ConfigError, SingleNumber, check_config
from archbench.page.report import Options, write_report
from archbench.results.leaderboard import boards
from archbench.results.runs import read_seeds
from archbench.results.single_number import cost, rankings

NETS = {"big": ("vgg11", 0.95, 400_000, 40), "middle": ("lenet5", 0.93, 60_000, 20), "small": ("mlp", 0.80, 10_000, 5)}


def _write(tmp_path, nets=NETS, *, maximize=True, monitor="accuracy", seeds=(0, 1, 2)):
    runs = []
    for name, (architecture, score, parameters, seconds) in nets.items():
        for seed in seeds:
            described = {"architecture": architecture, "scale": "s", "dataset": "digits", "task": "classification"}
            value = score + 0.002 * (seed - 1) * (1 if name == "big" else -1)
            test = {"loss": 0.1, monitor: value}
            folder = fake.write_run(
                tmp_path / name / f"seed-{seed}",
                fake.settings(name, seed, **described),
                value,
                monitor=monitor,
                parameters=parameters,
                train_seconds=seconds,
                maximize=maximize,
                scores={"validation": test, "test": test},
                scored_examples={"validation": 50},
            )
            rows = [
                {"epoch": n, "step": n, "evaluation_seconds": 0.01 * seconds * (9 if n == 1 else 1)} for n in (1, 2, 3)
            ]
            fake.write_rows(folder / "history.csv", rows)
        runs += read_seeds(tmp_path / name, name, seeds)
    return boards(runs)


def _told(ranking):
    return {worth.label.split(" ")[0]: (worth.place, worth.place_by_score, worth.over) for worth in ranking.worths}


def test_the_milliseconds_of_an_example_are_the_median_over_epochs(tmp_path):
    (board,) = _write(tmp_path)
    # 0.4 s an epoch, the first nine times as long, for 50 examples.
    assert cost(board.places[0].runs[0], "milliseconds") == pytest.approx(8.0)
    assert cost(board.places[0].runs[0], "megabytes") == pytest.approx(2**30 / 1e6)
    assert cost(board.places[0].runs[0], "train_seconds") == 40
    assert cost(board.places[0].runs[0], "parameters") == 400_000


def test_a_price_takes_from_the_score_what_a_network_costs(tmp_path):
    """Milliseconds 8, 4 and 1 at 0.01: 0.95 - 0.08 = 0.87, 0.93 - 0.04 = 0.89, 0.80 - 0.01 = 0.79."""
    (ranking,) = rankings(_write(tmp_path), {"quick": SingleNumber(price={"milliseconds": 0.01})})
    assert _told(ranking) == {"lenet5": (1, 2, None), "vgg11": (2, 1, None), "mlp": (3, 3, None)}
    assert [worth.number.mean for worth in ranking.worths] == pytest.approx([0.89, 0.87, 0.79])
    assert [worth.moved for worth in ranking.worths] == [True, True, False]
    # Seeds -0.002, 0, 0.002 about the mean: t(0.975, 2) = 4.30265, deviation 0.002.
    assert ranking.worths[0].number.half == pytest.approx(4.30265 * 0.002 / 3**0.5, 1e-4)
    assert ranking.worths[1].standing.verdict == "worse"


def test_where_less_is_better_a_price_is_added(tmp_path):
    nets = {name: (one[0], 1 - one[1], *one[2:]) for name, one in NETS.items()}
    found = rankings(
        _write(tmp_path, nets, maximize=False, monitor="mse"), {"quick": SingleNumber(price={"milliseconds": 0.01})}
    )
    assert [worth.number.mean for worth in found[0].worths] == pytest.approx([0.11, 0.13, 0.21])
    assert _told(found[0])["vgg11"] == (2, 1, None)


def test_what_is_over_a_limit_is_not_ranked(tmp_path):
    rules = {
        "small": SingleNumber(limit={"parameters": 60_000}),
        "both": SingleNumber(price={"train_seconds": 0.01}, limit={"parameters": 59_999, "train_seconds": 1000}),
        "none": SingleNumber(limit={"megabytes": 1}),
    }
    small, both, none = rankings(_write(tmp_path), rules)
    assert _told(small) == {"lenet5": (1, 2, None), "mlp": (2, 3, None), "vgg11": (None, 1, "parameters")}
    assert _told(both) == {"mlp": (1, 3, None), "vgg11": (None, 1, "parameters"), "lenet5": (None, 2, "parameters")}
    assert {worth.place for worth in none.worths} == {None}


def test_frozen_weights_and_kept_examples_count_against_a_limit(tmp_path):
    """A LeNet-5 whose last layer alone trains answers with all 61,281 numbers, and neighbours with what they keep."""
    trained = {"big": ("head", 0.95, 425, 40), "middle": ("knn", 0.93, 0, 20), "small": ("mlp", 0.80, 10_000, 5)}
    (board,) = _write(tmp_path, trained)
    for place in board.places:
        for run in place.runs:
            run.metrics["parameters_total"] = {"head": 61_281, "knn": 1_300_764, "mlp": 10_000}[place.architecture]
    (ranking,) = rankings([board], {"small": SingleNumber(limit={"parameters": 50_000})})
    assert _told(ranking) == {"mlp": (1, 3, None), "head": (None, 1, "parameters"), "knn": (None, 2, "parameters")}


def test_nearest_neighbours_count_the_examples_that_they_keep():
    """10 examples of 4 x 4 x 1 values with 3 votes each, their centre, k, and which metric."""
    size = profile(outline({"name": "knn", "examples": 10, "neighbors": [1, 3]}, (4, 4, 1), 3))
    assert (size.parameters, size.parameters_total) == (0, 10 * (16 + 3) + 16 + 2)


def test_a_cost_that_was_not_measured_is_within_no_limit_and_has_no_price(tmp_path):
    board = _write(tmp_path)[0]
    for rule in (SingleNumber(price={"milliseconds": 0.01}), SingleNumber(limit={"milliseconds": 100})):
        runs = [run for place in board.places for run in place.runs]
        for run in runs:
            run.metrics["scored_examples"] = {}
        (ranking,) = rankings([board], {"quick": rule})
        assert {worth.over for worth in ranking.worths} == {"milliseconds"}


def test_single_seeds_are_ranked_by_nothing(tmp_path):
    assert rankings(_write(tmp_path, seeds=(0,)), {"quick": SingleNumber(price={"milliseconds": 0.01})}) == []


def test_the_report_shows_how_the_ranking_changes(tmp_path):
    _write(tmp_path / "runs")
    rules = {"quick": SingleNumber(price={"milliseconds": 0.01}), "tiny": SingleNumber(limit={"parameters": 20_000})}
    options = Options(title="t", seeds={name: range(3) for name in NETS}, study_seeds={}, single_number=rules)
    page = site_text(write_report("tour", list(NETS), [], tmp_path / "runs", tmp_path / "s", tmp_path / "out", options))
    part = page.split('<section id="single-number">')[1].split("</section>")[0]
    assert "Test accuracy minus 0.01 x milliseconds an example." in part
    assert "Test accuracy, with at most 20,000 parameters." in part
    assert "First is lenet5 (s), by the score at place 2. At another place than by the score: 2 of 3 networks." in part
    assert "First is mlp (s), by the score at place 3. At another place than by the score: 3 of 3 networks." in part
    cells = re.findall("<td[^>]*>([^<]*)</td>", part)
    assert cells[:8] == [
        "lenet5 (s)",
        "0.9300\u00a0±\u00a00.0050",
        "4",
        "0.8900\u00a0±\u00a00.0050",
        "1",
        "2",
        "n=3",
        "best mean",
    ]
    assert "over the limit: parameters" in cells
    assert (tmp_path / "out" / "tables" / "single-number-tiny-digits-classification.csv").is_file()


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ({}, "report.single_number.quick: it ranks as the score does: give a price, a limit, or both"),
        ({"price": {"seconds": 1}}, "report.single_number.quick.price.seconds"),
        ({"limit": {"parameters": 0}}, "report.single_number.quick.limit.parameters"),
    ],
)
def test_numbers_that_say_nothing_are_refused(rule, wrong):
    params = {
        "pipeline": "p",
        "datasets": {"digits": {}},
        "benchmarks": {},
        "report": {"single_number": {"quick": rule}},
    }
    with pytest.raises(ConfigError, match=re.escape(wrong)):
        check_config(params)
