"""The diagnosis: gaps between the splits by hand, their intervals, and what the report says of them."""

import math
import re

import fake_runs as fake
import pandas as pd
import pytest
from site_text import site_text

from archbench.config import check_config
from archbench.mistakes import Mistakes
from archbench.page.report import Options, write_report
from archbench.resolve import check_all
from archbench.results.diagnosis import diagnoses
from archbench.results.facts import advice
from archbench.results.runs import read_seeds


def _write(runs, name, seeds, *, monitor="accuracy", maximize=True, examples=None, dataset="digits"):
    """Runs of `seeds`, each split -> score."""
    for seed, scores in enumerate(seeds):
        told = {split: {"loss": 0.1, monitor: value} for split, value in scores.items()}
        facts = {"maximize": maximize, "scores": told, **({"scored_examples": examples} if examples else {})}
        described = {"architecture": "lenet5", "scale": "paper", "dataset": dataset, "task": "classification"}
        fake.write_run(
            runs / name / f"seed-{seed}", fake.settings(name, seed, **described), 0.5, monitor=monitor, **facts
        )
    return read_seeds(runs / name, name, range(len(seeds)))


def _levels(*scores, names=("train", "train_dev", "validation", "test")):
    return dict(zip(names, scores, strict=True))


THREE = ("train", "validation", "test")


def test_four_levels_have_four_gaps_seed_by_seed(tmp_path):
    """Bias 0.05 and 0.15, variance 0.2 and 0.1, mismatch 0.1 and 0.2, overfit 0 and -0.1."""
    runs = _write(tmp_path, "a", [_levels(0.9, 0.7, 0.6, 0.6), _levels(0.8, 0.7, 0.5, 0.6)])
    (one,) = diagnoses(runs, {"digits": {"accuracy": 0.95}})
    assert list(one.gaps) == ["bias", "variance", "mismatch", "overfit"]
    assert [size.mean for size in one.gaps.values()] == pytest.approx([0.1, 0.15, 0.15, -0.05])
    # t(0.975, 1) = 12.7062, and the deviation of two numbers 0.1 apart is 0.0707107: all differ by that.
    assert [size.half for size in one.gaps.values()] == pytest.approx([12.7062 * 0.0707107 / math.sqrt(2)] * 4, 1e-5)
    assert (one.best, one.given, one.judged, one.largest) == (0.95, True, True, None)


def test_without_a_train_dev_split_variance_is_all_between_training_and_validation(tmp_path):
    runs = _write(tmp_path, "a", [_levels(0.9, 0.7, 0.75, names=THREE)] * 2)
    (one,) = diagnoses(runs, {})
    assert {name: size.mean for name, size in one.gaps.items()} == pytest.approx(
        {"bias": 0.1, "variance": 0.2, "overfit": -0.05}
    )
    assert (one.best, one.given, one.largest) == (1.0, False, "variance")


def test_a_single_seed_has_the_interval_of_its_examples(tmp_path):
    """Shares with two right and two wrong ones added: 88.4 of 100, 69.2 of 100, 139.2 of 200."""
    examples = {"train": 96, "validation": 96, "test": 196}
    (one,) = diagnoses(_write(tmp_path, "a", [_levels(0.9, 0.7, 0.7, names=THREE)], examples=examples), {})
    variances = [0.884 * 0.116 / 100, 0.692 * 0.308 / 100, 0.696 * 0.304 / 200]
    pairs = [variances[0], variances[0] + variances[1], variances[1] + variances[2]]
    halves = [size.half for size in one.gaps.values()]
    assert halves == pytest.approx([1.959964 * math.sqrt(variance) for variance in pairs], 1e-6)
    assert [size.n for size in one.gaps.values()] == [1, 1, 1]
    assert one.largest == "variance"


def test_seeds_and_examples_are_added_as_what_is_apart(tmp_path):
    examples = dict.fromkeys(THREE, 96)
    seeds = [_levels(0.9, 0.7, 0.7, names=THREE), _levels(0.9, 0.68, 0.7, names=THREE)]
    (one,) = diagnoses(_write(tmp_path, "a", seeds, examples=examples), {})
    # Variance 0.2 and 0.22; the shares are those of the means, (0.9 * 96 + 2) / 100 and (0.69 * 96 + 2) / 100.
    seeds_half = 12.7062 * 0.0141421 / math.sqrt(2)
    chance = 1.959964 * math.sqrt((0.884 * 0.116 + 0.6824 * 0.3176) / 100)
    assert one.gaps["variance"].half == pytest.approx(math.hypot(seeds_half, chance), 1e-5)


def test_all_right_is_not_certain(tmp_path):
    examples = dict.fromkeys(THREE, 96)
    (one,) = diagnoses(_write(tmp_path, "a", [_levels(1.0, 1.0, 1.0, names=THREE)], examples=examples), {})
    assert one.gaps["bias"].half == pytest.approx(1.959964 * math.sqrt(0.98 * 0.02 / 100), 1e-6)
    assert one.largest is None


def test_where_less_is_better_more_is_worse_and_examples_tell_no_interval(tmp_path):
    facts = {"monitor": "median_error", "maximize": False, "examples": dict.fromkeys(THREE, 96)}
    (one,) = diagnoses(_write(tmp_path, "a", [_levels(0.2, 0.3, 0.35, names=THREE)], **facts), {})
    assert {name: size.mean for name, size in one.gaps.items()} == pytest.approx(
        {"bias": 0.2, "variance": 0.1, "overfit": 0.05}
    )
    assert (one.judged, one.largest) == (False, None)


def test_nobody_knows_how_small_a_loss_could_be_unless_it_is_given(tmp_path):
    runs = _write(tmp_path, "a", [_levels(20.0, 21.0, 22.0, names=THREE)] * 2, monitor="loss", maximize=False)
    (one,) = diagnoses(runs, {})
    assert list(one.gaps) == ["variance", "overfit"]
    assert math.isnan(one.best)
    (one,) = diagnoses(runs, {"digits": {"loss": 18.0}})
    assert one.gaps["bias"].mean == 2


def test_a_run_that_did_not_finish_has_no_say(tmp_path):
    runs = _write(tmp_path, "a", [_levels(0.9, 0.7, 0.7, names=THREE)] * 2)
    fake.diverge(tmp_path / "a" / "seed-1")
    (one,) = diagnoses(read_seeds(tmp_path / "a", "a", range(3)), {})
    assert (one.gaps["variance"].n, len(runs)) == (1, 2)
    fake.diverge(tmp_path / "a" / "seed-0")
    assert diagnoses(read_seeds(tmp_path / "a", "a", range(3)), {}) == []


def test_the_report_says_what_helps_against_the_largest_gap(tmp_path):
    runs = tmp_path / "runs"
    examples = {"train": 996, "train_dev": 996, "validation": 996, "test": 996}
    _write(runs, "starved", [_levels(0.6, 0.6, 0.6, names=THREE)], examples=examples)
    _write(runs, "moved", [_levels(0.99, 0.97, 0.5, 0.5)], examples=examples, dataset="balloons")
    _write(runs, "unsure", [_levels(20.0, 21.0, 22.0, names=THREE)], monitor="loss", maximize=False)
    names = ["starved", "moved", "unsure"]
    options = Options(
        title="t", seeds={name: [0] for name in names}, study_seeds={}, best={"balloons": {"accuracy": 0.99}}
    )
    page = site_text(write_report("tour", names, [], runs, tmp_path / "s", tmp_path / "out", options))
    part = page.split('<section id="diagnosis">')[1].split("</section>")[0]
    cells = re.findall("<td[^>]*>([^<]*)</td>", part)
    counts = {fact["name"]: cells[4 * place + 1] for place, fact in enumerate(advice())}
    assert counts == {"avoidable bias": "1", "variance": "0", "mismatch": "1", "overfit to validation": "0"}
    told = {fact["gap"]: f"{fact['name']}: {fact['advice']}" for fact in advice()}
    rows = [cells[16 + 13 * place :][:13] for place in range(3)]
    assert [row[0] for row in rows] == names
    assert [row[2] for row in rows] == ["(1)", "0.99", "–"]
    assert [row[-1] for row in rows] == [told["bias"], told["mismatch"], "no interval with a single seed"]
    assert rows[0][3:7] == ["0.6", "–", "0.6", "0.6"]
    assert rows[1][9].startswith("+0.470")
    written = pd.read_csv(tmp_path / "out" / "tables" / "diagnosis.csv")
    assert written[written["largest"]]["gap"].tolist() == ["bias", "mismatch"]


PARAMS = {
    "pipeline": "p",
    "datasets": {"digits": {"size": 32}, "spare": {"name": "digits"}},
    "benchmarks": {"a": {"architecture": "lenet5", "dataset": "digits"}},
}


@pytest.mark.parametrize(
    ("best", "wrong"),
    [
        ({"digits": {"accuracy": 0.99}}, None),
        ({"digit": {"accuracy": 0.99}}, "report.best.digit: params.yaml has no data set 'digit'. Did you mean digits?"),
        ({"digits": {"f1": 0.9}}, "report.best.digits.f1: the benchmarks on digits are judged by accuracy."),
        ({"spare": {"accuracy": 0.9}}, None),
    ],
)
def test_what_could_be_reached_must_be_of_a_score_that_judges(best, wrong):
    config = check_config({**PARAMS, "report": {"best": best}})
    if wrong is None:
        check_all(config)
        return
    with pytest.raises(Mistakes, match=re.escape(wrong)):
        check_all(config)
