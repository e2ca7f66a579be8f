"""Statistics against hand-worked and scipy's values; run and study folders read as what they are."""

import json
import math
import shutil

import fake_runs as fake
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from archbench.results.importance import importances
from archbench.results.leaderboard import boards
from archbench.results.runs import read_run, read_runs
from archbench.results.statistics import holm, mean_interval, mean_ranks
from archbench.results.studies import best_so_far, read_study
from archbench.results.table import COLUMNS, CURVES, curves_table, results_table, scores_table
from archbench.results.targets import common_target, time_to_target

BENCHMARKS = (*fake.NETWORKS, "vgg11-digits")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    fake.write_runs(folder)
    return read_runs(folder, dict.fromkeys(BENCHMARKS, fake.SEEDS))


@pytest.fixture
def study_folder(tmp_path):
    fake.write_study(tmp_path / "optimizers")
    return tmp_path / "optimizers"


def classification_run(folder, benchmark, seed, score, **changes):
    described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
    return fake.write_run(
        folder / benchmark / f"seed-{seed}", fake.settings(benchmark, seed, **described), score, **changes
    )


def test_interval_of_three_seeds_by_hand():
    interval = mean_interval([0.90, 0.92, 0.94])
    assert interval.mean == pytest.approx(0.92)
    assert interval.deviation == pytest.approx(0.02)
    assert interval.half == pytest.approx(4.302653 * 0.02 / math.sqrt(3), rel=1e-6)  # t(0.975, 2), any table


def test_interval_equals_scipys():
    values = [0.3, 0.5, 0.1, 0.9, 0.45]
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    interval = mean_interval(values)
    assert (interval.low, interval.high) == pytest.approx((low, high))


@pytest.mark.parametrize(("values", "n"), [([], 0), ([math.nan], 0), ([0.5], 1), ([0.5, math.inf], 1)])
def test_no_interval_without_two_finite_values(values, n):
    interval = mean_interval(values)
    assert interval.n == n
    assert math.isnan(interval.half)


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.06 (made monotone).
    assert holm([0.03, 0.01, math.nan, 0.04, 0.02]) == pytest.approx([0.06, 0.04, math.nan, 0.06, 0.06], nan_ok=True)
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).size == 0


def test_mean_ranks_share_ties_and_put_a_missing_score_last():
    scores = pd.DataFrame({"a": [0.9, 0.8, 0.7], "b": [0.9, 0.9, 0.9], "c": [0.1, 0.1, math.nan]})
    assert mean_ranks(scores, maximize=True).to_dict() == pytest.approx({"a": 5.5 / 3, "b": 3.5 / 3, "c": 3.0})
    assert mean_ranks(scores, maximize=False).to_dict() == pytest.approx({"a": 5.5 / 3, "b": 7.5 / 3, "c": 5.0 / 3})


def test_every_expected_run_is_there_whatever_became_of_it(runs):
    states = {(run.benchmark, run.seed): run.state for run in runs}
    assert len(states) == 18
    assert states["plain20-digits", 1] == "diverged"
    assert states["unet-balloons", 2] == "killed"
    assert states["yolo-balloons", 2] == "missing"
    assert states["vgg11-digits", 0] == "missing"
    assert list(states.values()).count("finished") == 12


def test_tidy_table_keeps_runs_without_numbers(runs):
    table = results_table(runs)
    assert tuple(table.columns) == COLUMNS
    gone = table[table["benchmark"] == "vgg11-digits"]
    assert list(gone["state"]) == ["missing"] * 3
    assert gone["value"].isna().all()
    test = table[(table["benchmark"] == "lenet5-digits") & (table["split"] == "test") & (table["metric"] == "accuracy")]
    assert list(test["value"]) == pytest.approx([0.980, 0.984, 0.988])
    killed = table[(table["benchmark"] == "unet-balloons") & (table["seed"] == 2)]
    assert killed["epoch"].max() == 4  # the fifth line was cut off by the kill
    diverged = table[(table["benchmark"] == "plain20-digits") & (table["seed"] == 1)]
    assert "test" not in set(diverged["split"])


def test_the_tables_of_a_report_hold_every_run_and_every_epoch(runs):
    whole, scores, curves = results_table(runs), scores_table(runs), curves_table(runs)
    known = whole[whole["epoch"].isna() & whole["metric"].notna()]
    assert len(scores[scores["metric"].notna()]) == len(known)
    assert {"train_seconds", "peak_memory_bytes", "parameters"} <= set(scores.loc[scores["split"] == "run", "metric"])
    assert len(scores.drop_duplicates(["benchmark", "seed"])) == len(runs)  # those without numbers, too
    assert tuple(curves.columns) == CURVES
    one = curves[(curves["benchmark"] == "lenet5-digits") & (curves["seed"] == 1)].set_index("epoch").loc[7]
    long = whole[(whole["benchmark"] == "lenet5-digits") & (whole["seed"] == 1) & (whole["epoch"] == 7)]
    said = long.set_index(["split", "metric"])["value"]
    assert one["monitor"] == "accuracy"
    for column, place in {
        "train_loss": ("train", "loss"),
        "validation_loss": ("validation", "loss"),
        "validation": ("validation", "accuracy"),
    }.items():
        assert one[column] == said[place]
    assert len(curves[(curves["benchmark"] == "unet-balloons") & (curves["seed"] == 2)]) == 4


def test_unfinished_runs_count_in_no_score(runs):
    places = {place.benchmark: place for board in boards(runs) for place in board.places}
    assert places["plain20-digits"].score.n == 2
    assert places["plain20-digits"].states == "2 finished, 1 diverged"
    assert places["unet-balloons"].states == "2 finished, 1 killed"


def test_boards_rank_within_data_set_and_task(runs):
    ranked = {board.name: [place.benchmark for place in board.places] for board in boards(runs)}
    assert ranked == {
        "digits (classification)": ["resnet20-digits", "lenet5-digits", "plain20-digits"],
        "balloons (segmentation)": ["unet-balloons"],
        "balloons (detection)": ["yolo-balloons"],
    }


def test_lower_is_better_where_the_record_says_so(tmp_path):
    for benchmark, score in (("a", 0.5), ("b", 0.1)):
        classification_run(tmp_path, benchmark, 0, score, monitor="mse", maximize=False)
    board = boards(read_runs(tmp_path, {"a": [0], "b": [0]}))[0]
    assert [place.benchmark for place in board.places] == ["b", "a"]


def test_benchmarks_that_would_read_the_same_are_told_apart(tmp_path):
    for benchmark in ("lenet5-a", "lenet5-b"):
        classification_run(tmp_path, benchmark, 0, 0.9)
    board = boards(read_runs(tmp_path, {"lenet5-a": [0], "lenet5-b": [0]}))[0]
    assert {place.label for place in board.places} == {"lenet5 (paper), lenet5-a", "lenet5 (paper), lenet5-b"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"state": "finished"', "cannot be read"),
        ("[]", "it is no mapping"),
        ('{"state": "great"}', "it has no message"),
        ("", "cannot be read"),
    ],
)
def test_a_record_nobody_writes_is_damage_that_names_the_file(tmp_path, content, told):
    folder = classification_run(tmp_path, "a", 0, 0.9)
    (folder / "metrics.json").write_text(content)
    run = read_run(folder, "a", 0)
    assert (run.state, run.score, len(run.history), run.predictions) == (
        "damaged",
        pytest.approx(math.nan, nan_ok=True),
        0,
        {},
    )
    assert run.damage.startswith("metrics.json ")
    assert told in run.damage
    assert run.settings["architecture"]["name"] == "lenet5"


def test_a_state_that_no_run_has_is_damage(tmp_path):
    folder = classification_run(tmp_path, "a", 0, 0.9)
    fake.write_json(folder / "metrics.json", fake.metrics(0.9, state="great"))
    assert "gives the state 'great'; a run is finished, diverged, failed" in read_run(folder, "a", 0).damage


def test_null_scores_are_no_scores(tmp_path):
    folder = classification_run(tmp_path, "a", 0, 0.9)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["scores"]["test"]["accuracy"] = None
    fake.write_json(folder / "metrics.json", metrics)
    assert boards([read_run(folder, "a", 0)])[0].best is None


def test_best_so_far_ignores_pruned_and_failed_trials():
    rows = [("a", 0, "complete", 0.5), ("a", 1, "pruned", 0.9), ("a", 2, "failed", math.nan), ("a", 3, "complete", 0.7)]
    trials = pd.DataFrame(rows, columns=["arm", "number", "state", "value"])
    assert list(best_so_far(trials, maximize=True)["best"]) == [0.5, 0.5, 0.5, 0.7]
    assert list(best_so_far(trials, maximize=False)["best"]) == [0.5] * 4


def test_the_band_of_best_so_far_is_of_all_orders_of_the_trials():
    """By hand: of two trials of the four, one in six pairs holds no score; of three, one in four holds 0.5 alone."""
    rows = [("a", 0, "complete", 0.5), ("a", 1, "pruned", 0.9), ("a", 2, "failed", math.nan), ("a", 3, "complete", 0.7)]
    trials = pd.DataFrame(rows, columns=["arm", "number", "state", "value"])
    higher, lower = (best_so_far(trials, maximize=maximize).fillna(-1) for maximize in (True, False))
    assert (list(higher["low"]), list(higher["high"])) == ([-1, -1, 0.5, 0.7], [0.7] * 4)
    assert (list(lower["low"]), list(lower["high"])) == ([0.5] * 4, [-1, -1, 0.7, 0.5])


def test_equal_budgets_are_ranked(study_folder):
    study = read_study(study_folder, "optimizers", fake.SEEDS)
    assert study.equal
    assert study.best.name == "sgd"
    means = [arm.score.mean for arm in study.arms]
    assert means == sorted(means, reverse=True)
    assert sum(arm.rank for arm in study.arms) == pytest.approx(8 * 9 / 2)
    assert {(arm.complete, arm.pruned, arm.failed) for arm in study.arms} == {(10, 1, 1)}


def test_an_arm_with_fewer_trials_stops_the_ranking(study_folder):
    lines = (study_folder / "trials.csv").read_text().splitlines()
    (study_folder / "trials.csv").write_text("\n".join(lines[:-1]) + "\n")
    study = read_study(study_folder, "optimizers", fake.SEEDS)
    assert study.unequal == ["trials: 11, 12"]
    assert study.best is None
    assert [arm.name for arm in study.arms] == sorted(fake.OPTIMIZERS)
    assert {arm.standing.verdict for arm in study.arms} == {"not ranked: budgets differ"}


@pytest.mark.parametrize(("state", "shown"), [("complete", 0.5), ("failed", math.nan), ("pruned", math.nan)])
def test_the_papers_default_is_the_trial_that_was_enqueued_wherever_it_stands(study_folder, state, shown):
    """After a kill it ran again, behind others; where it did not end well, no other trial takes its place."""
    trials = pd.read_csv(study_folder / "trials.csv")
    here = trials["arm"] == "adam"
    trials.loc[here, "enqueued"] = trials.loc[here, "number"] == 5
    value = 0.5 if state == "complete" else math.nan
    trials.loc[here & (trials["number"] == 5), ["state", "value"]] = [state, value]
    trials.to_csv(study_folder / "trials.csv", index=False)
    arms = {arm.name: arm for arm in read_study(study_folder, "optimizers", fake.SEEDS).arms}
    assert arms["adam"].default_value == pytest.approx(shown, nan_ok=True)
    first = trials[(trials["arm"] == "sgd") & (trials["number"] == 0)]["value"].item()
    assert arms["sgd"].default_value == first


def test_the_best_value_of_an_arm_is_the_lowest_where_lower_is_better(study_folder):
    for path in study_folder.glob("final/*/seed-*/metrics.json"):
        metrics = json.loads(path.read_text()) | {"maximize": False}
        path.write_text(json.dumps(metrics))
    trials = pd.read_csv(study_folder / "trials.csv")
    study = read_study(study_folder, "optimizers", fake.SEEDS)
    for arm in study.arms:
        values = trials[(trials["arm"] == arm.name) & (trials["state"] == "complete")]["value"]
        assert arm.best_value == min(values) < max(values)
    means = [arm.score.mean for arm in study.arms]
    assert means == sorted(means)


@pytest.mark.parametrize("maximize", [True, False])
def test_a_trial_that_was_stopped_is_shown_by_its_best_epoch(study_folder, maximize):
    for path in study_folder.glob("final/*/seed-*/metrics.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"maximize": maximize}))
    curves = pd.read_csv(study_folder / "trials_history.csv").groupby(["arm", "number"])["value"]
    trials = read_study(study_folder, "optimizers", fake.SEEDS).trials.set_index(["arm", "number"])
    stopped = trials[trials["state"] == "pruned"]["shown"]
    assert len(stopped) == len(fake.OPTIMIZERS)
    expected = (curves.max() if maximize else curves.min())[stopped.index]
    assert stopped.to_numpy() == pytest.approx(expected.to_numpy())
    assert not (curves.max()[stopped.index] == curves.min()[stopped.index]).any()
    complete = trials[trials["state"] == "complete"]
    assert (complete["shown"] == complete["value"]).all()
    assert trials[trials["state"] == "failed"]["shown"].isna().all()


def test_other_epochs_or_more_seeds_stop_the_ranking(study_folder):
    trials = pd.read_csv(study_folder / "trials.csv")
    trials.loc[(trials["arm"] == "adam") & (trials["state"] == "complete"), "epochs_run"] = 50
    trials.to_csv(study_folder / "trials.csv", index=False)
    shutil.copytree(study_folder / "final" / "sgd" / "seed-2", study_folder / "final" / "sgd" / "seed-3")
    study = read_study(study_folder, "optimizers", fake.SEEDS)
    assert study.unequal == ["epochs a trial: 5, 50", "final seeds: 3, 4"]


def test_an_arm_whose_every_trial_failed_is_shown_and_does_not_stop_the_ranking(study_folder):
    trials = pd.read_csv(study_folder / "trials.csv")
    trials.loc[trials["arm"] == "adagrad", ["state", "value", "epochs_run"]] = ["failed", math.nan, 0]
    trials.to_csv(study_folder / "trials.csv", index=False)
    for seed in fake.SEEDS:
        for path in (study_folder / "final" / "adagrad" / f"seed-{seed}").iterdir():
            path.unlink()
    study = read_study(study_folder, "optimizers", fake.SEEDS)
    assert study.equal
    assert study.arms[-1].name == "adagrad"
    assert study.arms[-1].standing.verdict == "3 of 3 seeds without a score, counted as worst"


def test_the_time_to_a_target_is_that_of_the_epoch_that_reached_it(study_folder):
    """A second an epoch; sgd's curve is 0.9 from its third epoch on, adam's never."""
    for arm, values in (("sgd", [0.1, 0.5, 0.9, 0.95]), ("adam", [0.1, 0.2, 0.3, 0.4])):
        for seed in fake.SEEDS:
            rows = fake.history(0.5, epochs=4)
            for row, value in zip(rows, values, strict=True):
                row["validation_accuracy"] = value
            fake.write_rows(study_folder / "final" / arm / f"seed-{seed}" / "history.csv", rows)
    study = read_study(study_folder, "optimizers", fake.SEEDS)
    times = time_to_target(study, 0.9).set_index(["arm", "seed"])
    assert times.loc[("sgd", 1), "seconds"] == pytest.approx(3.0)
    assert times.loc[("sgd", 1), "epochs"] == 3
    assert math.isnan(times.loc[("adam", 0), "seconds"])
    means = {arm.name: np.mean([run.history["validation_accuracy"].max() for run in arm.runs]) for arm in study.arms}
    assert common_target(study) == pytest.approx(np.median(list(means.values())))


def test_a_run_that_diverged_never_reached_the_target(study_folder):
    folder = study_folder / "final" / "sgd" / "seed-0"
    fake.diverge(folder)
    study = read_study(study_folder, "optimizers", fake.SEEDS)
    assert read_run(folder, "sgd", 0).history["validation_accuracy"].max() > 0.5
    for path in (study_folder / "final" / "adam" / "seed-1").iterdir():
        path.unlink()
    study = read_study(study_folder, "optimizers", fake.SEEDS)
    times = time_to_target(study, 0.5).set_index(["arm", "seed"])["seconds"]
    assert math.isnan(times["sgd", 0])
    assert math.isnan(times["adam", 1])  # missing, and yet one of three
    assert times.drop([("sgd", 0), ("adam", 1)]).notna().all()


@pytest.mark.parametrize("decides", ["learning_rate", "arm"])
def test_importance_finds_the_choice_that_scores_were_made_of(study_folder, decides):
    trials = pd.read_csv(study_folder / "trials.csv")
    made = {"learning_rate": np.log10(trials["param_learning_rate"]), "arm": trials["arm"].isin(["sgd", "adam"]) * 1.0}
    trials["value"] = np.where(trials["state"] == "complete", made[decides], np.nan)
    trials.to_csv(study_folder / "trials.csv", index=False)
    shares = importances(read_study(study_folder, "optimizers", fake.SEEDS))
    assert set(shares) == {"learning_rate", "arm"}
    assert shares[decides] > 0.9


def test_the_arms_of_a_crossed_study_know_their_cells(tmp_path):
    cross = {"parts.activation": {"relu": "relu", "tanh": "tanh"}, "parts.initializer": {"he": "he_normal"}}
    fake.write_study(tmp_path / "pairs", cross=cross, name="pairs")
    study = read_study(tmp_path / "pairs", "pairs", fake.SEEDS)
    assert study.axes == ("parts.activation", "parts.initializer")
    assert {arm.name: dict(arm.cell) for arm in study.arms} == {
        "relu-he": {"parts.activation": "relu", "parts.initializer": "he"},
        "tanh-he": {"parts.activation": "tanh", "parts.initializer": "he"},
    }


def test_a_study_that_left_nothing_is_none(tmp_path):
    assert read_study(tmp_path / "ghost", "ghost", fake.SEEDS) is None
