"""`expect` and `beats`: what params.yaml may say, how it is judged, and what the report and `archbench check` tell."""

import re
from html import unescape

import fake_runs as fake
import pandas as pd
import pytest
import yaml
from scipy import stats
from site_text import site_text
from typer.testing import CliRunner

from archbench import resolve, stages
from archbench.cli.app import app
from archbench.config import ConfigError, check_config
from archbench.expected import Expected, expected_of
from archbench.metrics import direction
from archbench.page.report import Options, write_report
from archbench.results.expectations import FILE, NoExpectations, judge, read_expectations
from archbench.results.runs import read_runs

PARAMS = {"pipeline": "tour", "datasets": {"digits": {}, "adding": {}}}
OWN = {"architecture": "lenet5", "dataset": "digits"}


def config(**given):
    """Two benchmarks, of which `a` says `given`."""
    return check_config(PARAMS | {"benchmarks": {"a": OWN | given, "b": OWN}})


def train(runs, benchmark, scores, *, monitor="accuracy", **changes):
    described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
    for seed, score in enumerate(scores):
        own = fake.settings(benchmark, seed, **described)
        fake.write_run(runs / benchmark / f"seed-{seed}", own, score, monitor=monitor, **changes)


def read(runs, **seeds):
    found = {path.name: (0,) for path in sorted(runs.iterdir()) if path.is_dir()}
    return read_runs(runs, found | seeds)


# --- what params.yaml may say


def test_a_bound_and_a_benchmark_to_beat_are_looked_up_with_metric_and_direction():
    said = config(expect={"f1": 0.9, "loss": 0.1}, beats={"benchmark": "b", "by": 0.05})
    assert expected_of(said, "a", "classification") == [
        Expected("a", "f1", True, 0.9),
        Expected("a", "loss", False, 0.1),
        Expected("a", "accuracy", True, 0.05, "b"),
    ]
    several = config(beats=[{"benchmark": "b"}, {"benchmark": "b", "metric": "precision", "by": 0.1}])
    assert [(one.metric, one.needed) for one in expected_of(several, "a", "classification")] == [
        ("accuracy", 0.0),
        ("precision", 0.1),
    ]


def test_the_monitor_of_a_task_has_the_tasks_direction():
    (one,) = expected_of(config(beats={"benchmark": "b", "by": 1.0}), "a", "reconstruction")
    assert (one.metric, one.maximize) == ("loss", False)


@pytest.mark.parametrize(
    ("score", "better"),
    [("accuracy", True), ("mse", False), ("count_mae", False), ("top_5", True), ("within_0.04", True),
     ("map_50", True), ("present_f1", True), ("loss", False), ("kl_loss", False), ("weight_norm", None),
     ("confusion_matrix", None), ("perplexity", False), ("bits", False), ("step_accuracy", True)],
)  # fmt: skip
def test_the_direction_of_a_score_is_its_metrics(score, better):
    assert direction(score) is better


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"expect": {"charm": 1.0}},
            "a.expect: nothing tells whether more or less of 'charm' is better. It takes ac",
        ),
        ({"beats": {"benchmark": "bb"}}, "a.beats: params.yaml has no benchmark 'bb'. Did you mean b?"),
        ({"beats": {"benchmark": "a"}}, "a.beats: a cannot beat itself. Name another benchmark."),
        ({"beats": {"benchmark": "b", "metric": "charm"}}, "a.beats: nothing tells whether"),
    ],
)
def test_what_cannot_be_looked_up_is_refused_with_its_key(given, told):
    with pytest.raises(ConfigError, match=re.escape(told)):
        resolve.resolve(config(**given), "a")


@pytest.mark.parametrize(
    ("given", "key"),
    [({"expect": 0.9}, "expect"), ({"expect": {"f1": "high"}}, "expect.f1"), ({"beats": "b"}, "beats"),
     ({"beats": {"benchmark": "b", "by": -0.1}}, "beats.0.by"), ({"beats": {"by": 0.1}}, "beats.0.benchmark"),
     ({"beats": {"benchmark": "b", "least": 0.1}}, "beats.0.least")],
)  # fmt: skip
def test_values_of_another_kind_are_refused(given, key):
    with pytest.raises(ConfigError, match=rf"benchmarks\.a\.{key}"):
        config(**given)


def test_a_margin_is_refused_with_its_new_form():
    with pytest.raises(ConfigError) as told:
        config(margin=0.2)
    (line,) = str(told.value).splitlines()
    assert "benchmarks.a: margin is written as beats now: beats: {benchmark: NAME, by: 0.2}, where NAME is the" in line
    assert "softmax_regression benchmark on digits" in line


@pytest.mark.parametrize("given", [{"expect": {"accuracy": 0.9}}, {"beats": {"benchmark": "b"}}])
def test_a_study_expects_nothing_and_no_trial_changes_with_what_is_expected(given):
    study = {"base": OWN | given, "trials": 1, "epochs": 1}
    arms = {"arms": {"x": {"space": {"learning_rate": {"low": 0.1, "high": 1.0}}}}}
    with pytest.raises(ConfigError, match="base takes no expect and no beats"):
        check_config(PARAMS | {"benchmarks": {}, "studies": {"s": study | arms}})
    plain, judged = (resolve.resolve(config(**own), "a") for own in ({}, given))
    assert plain.trial_settings(0, "data")["id"] == judged.trial_settings(0, "data")["id"]


# --- judged


def test_beats_is_judged_seed_by_seed_and_all_together(tmp_path):
    train(tmp_path, "soft", [0.92, 0.93, 0.94])
    train(tmp_path, "far", [0.99, 1.001, 1.01])
    train(tmp_path, "near", [0.94, 0.96, 0.98])
    train(tmp_path, "short", [0.93, 0.95, 0.96])
    train(tmp_path, "under", [0.9201, 0.93, 0.9401])
    needed = dict.fromkeys(("far", "near", "short", "under"), 0.03) | {"near": 0.02}
    asked = [Expected(name, "accuracy", True, by, "soft") for name, by in needed.items()]
    judged = judge(read(tmp_path), asked)
    assert [(one.benchmark, one.verdict) for one in judged] == [
        ("short", "not sure; the mean misses it"),
        ("under", "no"),
        ("far", "yes"),
        ("near", "not sure; the mean reaches it"),
    ]
    assert (judged[0].found, judged[0].against_score) == pytest.approx((0.0166667, 0.93), abs=1e-6)
    # far: gains 0.07, 0.071, 0.07 are 0.04, 0.041, 0.04 above what is needed; four are judged together.
    p = stats.ttest_1samp([0.04, 0.041, 0.04], 0).pvalue
    assert judged[2].p_holm == pytest.approx(3 * p)  # `under` has the smallest of four
    # Half the interval of 0.07, 0.071, 0.07: 4.302653 * 0.00057735 / sqrt(3).
    assert judged[2].found_half == pytest.approx(0.0014342, abs=1e-6)


def test_a_bound_is_held_against_the_mean_and_tested_as_one_sample(tmp_path):
    train(tmp_path, "a", [0.90, 0.92, 0.94])
    above, at, below = judge(read(tmp_path), [Expected("a", "accuracy", True, needed) for needed in (0.95, 0.92, 0.5)])
    assert [one.reached for one in (above, at, below)] == [False, True, True]
    assert [one.verdict for one in (above, at, below)] == [
        "not sure; the mean misses it", "not sure; the mean reaches it", "yes",
    ]  # fmt: skip
    p = [stats.ttest_1samp([0.90, 0.92, 0.94], needed).pvalue for needed in (0.95, 0.92, 0.5)]
    assert below.p_holm == pytest.approx(3 * p[2])
    assert above.p_holm == pytest.approx(2 * p[0])
    assert (above.found, above.n) == (pytest.approx(0.92), 3)


def test_where_less_is_better_a_bound_is_an_upper_one_and_better_is_below(tmp_path):
    train(tmp_path, "a", [0.010, 0.012, 0.014], monitor="mse", maximize=False)
    train(tmp_path, "b", [0.110, 0.113, 0.114], monitor="mse", maximize=False)
    asked = [
        Expected("a", "mse", False, 0.02),
        Expected("b", "mse", False, 0.02),
        Expected("a", "mse", False, 0.05, "b"),
        Expected("b", "mse", False, 0.05, "a"),
    ]
    found = {(one.benchmark, one.against): one for one in judge(read(tmp_path), asked)}
    assert {key: (one.reached, one.sure) for key, one in found.items()} == {
        ("a", ""): (True, 1), ("b", ""): (False, -1), ("a", "b"): (True, 1), ("b", "a"): (False, -1),
    }  # fmt: skip
    assert found["a", "b"].found == pytest.approx(0.100333, abs=1e-6)  # how much less
    assert found["b", "a"].found == pytest.approx(-0.100333, abs=1e-6)


def test_a_mean_that_is_what_is_needed_reaches_it_whatever_arithmetic_rounds(tmp_path):
    train(tmp_path, "soft", [0.9, 0.9])
    train(tmp_path, "a", [0.95, 0.95])
    assert 0.95 - 0.9 < 0.05  # in doubles
    (one,) = judge(read(tmp_path), [Expected("a", "accuracy", True, 0.05, "soft")])
    assert one.reached


def test_what_cannot_be_judged_says_why_and_which_command_would_help(tmp_path):
    train(tmp_path, "soft", [0.9, 0.9, 0.9])
    train(tmp_path, "single", [0.99])
    train(tmp_path, "broken", [0.99, 0.99, 0.99])
    fake.diverge(tmp_path / "broken" / "seed-1")
    asked = [
        Expected("single", "accuracy", True, 0.03, "soft"),
        Expected("soft", "accuracy", True, 0.03, "single"),
        Expected("broken", "accuracy", True, 0.5),
        Expected("gone", "accuracy", True, 0.5),
        Expected("soft", "accuracy", True, 0.03, "gone"),
        Expected("soft", "f1", True, 0.5),
        Expected("single", "accuracy", True, 0.5),
    ]
    *bad, single = judge(read(tmp_path, gone=(0,)), asked)
    assert [(one.verdict, one.mend) for one in bad] == [
        ("not judged: single seed", ""),
        ("not judged: single: single seed", ""),
        ("not judged: 1 of 3 seeds without a score", ""),
        ("not judged: no test accuracy", "dvc repro train@gone"),
        ("not judged: gone: no test accuracy", "dvc repro train@gone"),
        ("not judged: no test f1, but accuracy, loss", ""),
    ]
    assert (single.reached, single.verdict) == (True, "not sure; the single seed reaches it")


def test_a_single_seed_beside_the_same_of_another_reaches_or_misses_it_and_nothing_is_sure(tmp_path):
    """Nets without chance have one seed: an n-gram and the words alone."""
    for name, score in {"low": 0.5, "high": 0.75, "failed": 0.9}.items():
        train(tmp_path, name, [score])
    fake.diverge(tmp_path / "failed" / "seed-0")
    asked = [
        Expected("high", "accuracy", True, 0.2, "low"),
        Expected("high", "accuracy", True, 0.3, "low"),
        Expected("low", "accuracy", False, 0.2, "high"),
        Expected("high", "accuracy", True, 0.2, "failed"),
        Expected("failed", "accuracy", True, 0.2, "low"),
    ]
    found = {(one.benchmark, one.against, one.needed): one for one in judge(read(tmp_path), asked)}
    reached = found["high", "low", 0.2]
    assert (reached.reached, reached.sure, reached.verdict) == (True, 0, "not sure; the single seed reaches it")
    assert reached.found == pytest.approx(0.25)
    assert found["high", "low", 0.3].verdict == "not sure; the single seed misses it"
    assert found["low", "high", 0.2].reached  # lower is better
    assert found["high", "failed", 0.2].verdict == "not judged: failed: no test accuracy"
    assert found["failed", "low", 0.2].verdict == "not judged: no test accuracy"


# --- the report


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose benchmark `a` expects something of itself and beside `b`; nothing is trained."""
    (tmp_path / "pipelines").mkdir()
    own = {"expect": {"accuracy": 0.9}, "beats": {"benchmark": "b", "by": 0.05}}
    params = PARAMS | {"benchmarks": {"a": OWN | own, "b": OWN}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*given):
    found = CliRunner().invoke(app, ["check", *map(str, given)])
    return found.exit_code, found.stdout.splitlines()


def test_the_report_and_check_judge_what_params_yaml_says(project):
    runs = project / "runs" / "tour"
    train(runs, "a", [0.95, 0.96, 0.98])
    train(runs, "b", [0.70, 0.75, 0.72])
    page = stages.report()
    section = site_text(page).split('<section id="expectations">')[1].split("</section>")[0]
    shown = [unescape(cell) for cell in re.findall("<td[^>]*>(.*?)</td>", section)]
    assert "at least 0.9" in shown
    assert "better than b by 0.05" in shown
    # Differences 0.25, 0.21, 0.26: mean 0.24, deviation 0.0264575, half 4.302653 * 0.0264575 / sqrt(3) = 0.0657.
    assert "+0.240\u00a0±\u00a00.066" in shown
    status, lines = check()
    assert status == 0
    assert lines == [
        "reached      a: test accuracy at least 0.9: 0.963 ± 0.038 (n=3), surely",
        "reached      a: test accuracy better than b by 0.05: better by +0.240 ± 0.066 (n=3, 3), surely",
    ]
    assert check("--tables", page.parent / "tables") == (0, lines)


def test_check_tells_each_and_its_exit_status_is_the_worst(project):
    runs = project / "runs" / "tour"
    status, lines = check()
    assert status == 2
    assert lines[0] == "not judged   a: test accuracy at least 0.9: no test accuracy. Run: dvc repro train@a"
    assert lines[1].endswith("Run: dvc repro train@a train@b")
    train(runs, "a", [0.95, 0.96, 0.98])
    assert check()[0] == 2
    train(runs, "a", [0.80, 0.81, 0.82])
    status, lines = check()
    assert status == 1  # though `b` is not trained
    assert [line.split("  ")[0] for line in lines] == ["falls short", "not judged"]
    train(runs, "b", [0.10, 0.11, 0.13])
    assert check()[0] == 1
    assert check("--tables", stages.report().parent / "tables")[0] == 1


def test_tables_alone_say_what_the_runs_say(tmp_path):
    """Every number is read back as it was, also where a mean is just what is needed."""
    runs = tmp_path / "runs"
    train(runs, "a", [0.1 + 0.2, 0.7, 0.95])
    train(runs, "b", [1 / 3, 2 / 3, 0.5])
    mean = (0.1 + 0.2 + 0.7 + 0.95) / 3
    asked = [
        Expected("a", "accuracy", True, mean),
        Expected("a", "accuracy", True, 0.15, "b"),
        Expected("b", "accuracy", True, 0.1, "gone"),
    ]
    seeds = {"a": (0, 1, 2), "b": (0, 1, 2)}
    options = Options(title="t", seeds=seeds, study_seeds={}, expected=asked)
    page = write_report("tour", list(seeds), [], runs, tmp_path / "studies", tmp_path / "out", options)
    again = read_expectations(page.parent / "tables")
    assert [repr(one) for one in again] == [repr(one) for one in judge(read_runs(runs, seeds), asked)]  # NaN is not NaN


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "is not there"),
        ("benchmark,metric\na,f1\n", "it has no column dataset"),
        ("much", "it has no column"),
        ("\xff\xfe", "cannot be read"),
    ],
)
def test_tables_without_expectations_are_refused(project, content, told):
    if content is not None:
        (project / FILE).write_text(content + "\n1\n" if content == "much" else content, encoding="latin-1")
    if content == "\xff\xfe":
        (project / FILE).write_bytes(b"benchmark\n\xff\xfe\n")
    with pytest.raises(NoExpectations, match=told):
        read_expectations(project)
    assert check("--tables", project) == (2, [])


def test_a_pipeline_that_expects_nothing_says_how(project):
    (project / "params.yaml").write_text(yaml.safe_dump(PARAMS | {"benchmarks": {"b": OWN}}))
    status, (line,) = check()
    assert status == 0
    assert line.startswith("Nothing is expected.")
    assert 'id="expectations"' not in site_text(stages.report())
    assert not (project / "reports" / "tour" / "tables" / FILE).exists()


def test_the_table_has_a_verdict_for_its_readers(project):
    table = pd.read_csv(stages.report().parent / "tables" / FILE)
    assert table[["benchmark", "metric", "needed", "reached"]].values.tolist() == [
        ["a", "accuracy", 0.9, False], ["a", "accuracy", 0.05, False],
    ]  # fmt: skip
    assert table["verdict"].str.startswith("not judged").all()
