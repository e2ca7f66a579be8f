"""`archbench results` and `archbench compare`: what they print is what the report says, and what they refuse."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import fake_runs as fake
import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats
from site_text import site_text
from typer.testing import CliRunner

from archbench.cli.app import app
from archbench.cli.pair import NotAlike, NotTrained, differing_settings, pair
from archbench.page.report import Options, write_report
from archbench.results.runs import read_runs

SEEDS = [0, 1, 2]
DIGITS = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
PARAMS = {
    "pipeline": "tour",
    "seeds": SEEDS,
    "datasets": {"digits": {}, "balloons": {}},
    "benchmarks": {
        "a": {"architecture": "lenet5", "dataset": "digits"},
        "b": {"architecture": "lenet5", "dataset": "digits"},
        "c": {"architecture": "lenet5", "dataset": "digits"},
        "masks": {"architecture": "unet", "dataset": "balloons"},
        "idle": {"architecture": "vgg11", "dataset": "digits"},
    },
}
A, B = (0.91, 0.93, 0.92), (0.90, 0.90, 0.91)


def train(runs: Path, benchmark: str, scores, *, described=DIGITS, monitor="accuracy", own=None, **changes) -> None:
    for seed, score in enumerate(scores):
        written = fake.settings(benchmark, seed, **described) | (own or {})
        fake.write_run(runs / benchmark / f"seed-{seed}", written, score, monitor=monitor, **changes)


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """The run folders of a project, with two benchmarks of one board and one of another; `c` has a single seed."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS, sort_keys=False))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "tour"
    slower = {"optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}, "clip": {"norm": 1.0}}
    train(folder, "a", A, train_seconds=10.0)
    train(folder, "b", B, own=slower, train_seconds=4.0, parameters=30_000)
    train(folder, "c", B[:1])
    masks = {"architecture": "unet", "scale": "small", "dataset": "balloons", "task": "segmentation"}
    train(folder, "masks", (0.8, 0.81, 0.82), described=masks, monitor="mean_iou")
    return folder


def run(*words: str):
    return CliRunner().invoke(app, list(words))


def succeed(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 0, done.output
    return done.stdout


def refuse(*words: str) -> str:
    """The message, of one line."""
    done = run(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = [line for line in done.stderr.splitlines() if not line.endswith("prepare@digits")
               and not line.endswith("prepare@balloons")]  # fmt: skip
    assert line.startswith("error: ")
    return line


def by_hand() -> tuple[float, float, float]:
    """Mean, half the interval and p of a minus b, of SciPy itself."""
    differences = np.subtract(A, B)
    test = stats.ttest_rel(A, B)
    low, high = test.confidence_interval(0.95)
    return float(differences.mean()), float(high - low) / 2, float(test.pvalue)


# --- results


def report_of(runs: Path, out: Path) -> Path:
    names = list(PARAMS["benchmarks"])
    return write_report(
        "tour", names, [], runs, out / "none", out, Options("A report", dict.fromkeys(names, SEEDS), {})
    )


def test_the_tables_say_what_the_report_says(runs, tmp_path):
    page = site_text(report_of(runs, tmp_path / "out")).replace("&nbsp;", "\u00a0")
    text = succeed("results")
    assert text.index("digits (classification)") < text.index("balloons (segmentation)")
    for place in ("a ", "b ", "masks "):
        (line,) = [line for line in text.splitlines() if line.startswith(place)]
        cells = [cell for cell in line.split("  ") if cell.strip()]
        for cell in cells[2:]:
            assert cell.strip().replace(" ± ", "\u00a0±\u00a0").replace("< ", "<\u00a0") in page or ";" in cell, cell
    assert "sgd at 0.1, 12 epochs, batch 32, no augmentation" in text
    assert "0.9200 ± 0.0248" in text.replace("0.920 ± 0.025", "0.9200 ± 0.0248")
    lines = text.splitlines()
    above = next(place for place, line in enumerate(lines) if line.startswith("(single seeds, not ranked)"))
    assert lines[above + 1].startswith("c ")
    assert "\u00a0" not in text


def test_rows_are_chosen_and_verdicts_stay_those_of_the_whole_table(runs):
    whole, chosen = succeed("results").splitlines(), succeed("results", "b").splitlines()
    squeezed = [" ".join(line.split()) for line in whole]
    assert chosen[0] == "digits (classification)"
    assert [line.split()[0] for line in chosen[1:]] == ["Benchmark", "b"]
    assert " ".join(chosen[2].split()) in squeezed
    assert [line.split()[0] for line in succeed("results", "c").splitlines()[2:]] == ["(single", "c"]


def test_csv_is_the_table_of_the_report_with_what_it_is_of(runs, tmp_path):
    report_of(runs, tmp_path / "out")
    written = pd.read_csv(tmp_path / "out" / "tables" / "leaderboard-digits-classification.csv")
    found = pd.read_csv(io.StringIO(succeed("results", "--csv")))
    own = found[found["dataset"] == "digits"].reset_index(drop=True)
    assert list(found.columns[:2]) == ["dataset", "task"]
    pd.testing.assert_frame_equal(own[written.columns], written, rtol=1e-4, check_dtype=False)
    assert [row["benchmark"] for row in csv.DictReader(io.StringIO(succeed("results", "b", "--csv")))] == ["b"]


def test_json_has_no_word_that_is_not_json(runs):
    digits, masks = json.loads(succeed("results", "--json"), parse_constant=pytest.fail)
    assert (digits["dataset"], digits["task"], digits["metric"]) == ("digits", "classification", "accuracy")
    assert digits["higher_is_better"] is True
    assert [row["benchmark"] for row in digits["benchmarks"]] == ["a", "b", "c"]
    assert digits["benchmarks"][2]["interval_low"] is None
    difference = digits["benchmarks"][1]["difference"]
    assert difference == pytest.approx(-by_hand()[0])
    assert masks["benchmarks"][0]["optimizer"] == "adam"


def test_a_report_ends_with_its_first_three_lines(runs):
    *said, where, last = succeed("report").splitlines()
    assert len(said) == 3
    assert said[0].startswith("10 of 15 runs of 5 benchmarks finished (5 missing)")
    assert said[1].startswith("Which network on digits (classification)? ")
    assert where.endswith("reports/tour/index.html")
    assert last == "MLflow UI   archbench ui"


def test_a_report_brings_what_dvc_shows_up_to_date_with_the_runs_that_are_there(runs, tmp_path):
    for benchmark in ("a", "masks"):
        fake.write_json(runs / benchmark / "metrics.json", {})  # that it ended
    (runs / "masks" / "seed-1" / "timings.json").write_text("damaged")
    succeed("report")
    assert [path.name for path in (tmp_path / "scores").iterdir()] == ["a.json"]
    kept = json.loads((tmp_path / "scores" / "a.json").read_text())
    assert kept == {"metric": "accuracy", "mean": 0.92, "half": 0.0248414, "n": 3, "parameters": 61_706}
    with open(tmp_path / "curves" / "a.csv") as file:
        assert len(list(csv.DictReader(file))) == fake.EPOCHS


def test_results_refuse_in_a_line_what_they_cannot_show(runs, tmp_path):
    assert "has no benchmark 'aa'. Did you mean a?" in refuse("results", "aa")
    assert "Run: dvc repro, or: archbench train idle" in refuse("results", "idle")
    assert "Leave one of them out" in refuse("results", "--json", "--csv")
    done = run("results", "a", "idle")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[-1] == "note: idle is not trained yet: dvc repro train@idle"
    (tmp_path / "runs").rename(tmp_path / "gone")
    assert "Nothing is trained yet" in refuse("results")


# --- compare


def test_the_difference_is_taken_seed_by_seed(runs):
    mean, half, p = by_hand()
    text = succeed("compare", "a", "b")
    assert f"a minus b: +{mean:.3f} ± {half:.3f}, n=3, p = {p:.2g}: not distinguishable with n=3" in text
    found = json.loads(succeed("compare", "b", "a", "--json"))
    assert found["difference"]["mean"] == pytest.approx(-mean)
    assert found["difference"]["interval_low"] == pytest.approx(-mean - half)
    assert found["difference"]["interval_high"] == pytest.approx(-mean + half)
    assert found["difference"]["p"] == pytest.approx(p)
    assert (found["first"]["train_seconds"], found["second"]["train_seconds"]) == (4.0, 10.0)
    assert (found["first"]["parameters"], found["second"]["parameters"]) == (30_000, 61_706)


def test_costs_and_the_settings_that_differ_stand_beside_each_other(runs):
    told = {line.split("  ")[0]: line.split() for line in succeed("compare", "a", "b").splitlines() if "  " in line}
    assert told["training"][1:] == ["10", "s", "4", "s", "2.5"]
    assert told["parameters"][1:] == ["61,706", "30,000", "2.06"]
    assert told["peak memory"][2:] == ["1", "GiB", "1", "GiB", "1"]
    assert told["optimizer.name"] == ["optimizer.name", "adam", "sgd"]
    assert told["optimizer.momentum"] == ["optimizer.momentum", "-", "0.9"]
    assert told["clip.norm"] == ["clip.norm", "-", "1.0"]
    assert not {"id", "seed", "benchmark", "code_sha256", "epochs"} & set(told)


def test_what_any_two_runs_differ_in_is_no_setting():
    one = {"id": 1, "seed": 0, "start": {"from": "x", "weights_sha256": "1"}, "parts": {}, "augmentation": ["flip"]}
    other = {"id": 2, "seed": 1, "start": {"from": "x", "weights_sha256": "2"}, "augmentation": [], "epochs": 3}
    assert differing_settings(one, other) == {"augmentation": (["flip"], []), "epochs": (None, 3)}


def test_lower_is_better_where_the_task_says_so(runs):
    for name, scores in (("a", (0.10, 0.11, 0.12)), ("b", (0.20, 0.2101, 0.2199))):
        train(runs, name, scores, monitor="mse", maximize=False)
    text = succeed("compare", "a", "b")
    assert "by test MSE: lower is better" in text
    (line,) = [line for line in text.splitlines() if line.startswith("a minus b")]
    assert line.endswith(": better")
    assert "p < 0.001" in text


def test_nothing_is_concluded_of_single_seeds_and_gaps(runs):
    assert "a minus c: +0.0100, n=1, no interval: nothing is concluded: c, 2 of 3 seeds without a score" in succeed(
        "compare", "a", "c"
    )
    fake.diverge(runs / "b" / "seed-1")
    text = succeed("compare", "b", "a")
    assert ", n=2" in text
    assert "nothing is concluded: b, 1 of 3 seeds without a score" in text


def test_seeds_that_differ_by_one_amount_have_no_test(runs):
    train(runs, "b", [score - 0.01 for score in A])
    assert "a minus b: +0.0100, n=3: no test: the same difference with every seed" in succeed("compare", "a", "b")


def test_compare_refuses_in_a_line(runs):
    assert "has no benchmark 'mask'. Did you mean masks?" in refuse("compare", "a", "mask")
    assert "idle has no finished run (3 missing), so there is nothing to compare. Run: dvc repro train@idle" in refuse(
        "compare", "a", "idle"
    )
    told = refuse("compare", "a", "masks")
    assert "the data or the task of the first: digits (classification), of the second: balloons (segmentation)" in told
    assert "both of the two" in refuse("compare", "a", "a")


def test_other_data_and_another_metric_under_one_name_are_refused(runs):
    train(runs, "b", B, own={"dataset_sha256": "f" * 64})
    read = read_runs(runs, {"a": SEEDS, "b": SEEDS})
    with pytest.raises(NotAlike, match=r"the data of the first: digits with digest .*, of the second: .* ffffffff"):
        pair(read, "a", "b")
    train(runs, "b", B, monitor="f1")
    read = read_runs(runs, {"a": SEEDS, "b": SEEDS})
    with pytest.raises(NotAlike, match="the metric of the first: accuracy, of the second: f1"):
        pair(read, "a", "b")


def test_runs_of_other_data_than_params_asks_for_are_not_trained(runs):
    read = [replace(run, state="stale") for run in read_runs(runs, {"a": SEEDS, "b": SEEDS})]
    with pytest.raises(NotTrained, match="3 stale"):
        pair(read, "a", "b")
