"""Who is best and what is said of the others: paired differences by hand and by scipy, single seeds, gaps, recipes."""

import json
import math

import fake_runs as fake
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from archbench.results.leaderboard import boards
from archbench.results.ranking import Kind, rank
from archbench.results.recipes import describe_recipe, unlike
from archbench.results.runs import read_runs
from archbench.results.statistics import compare_all, compare_pairs, holm
from archbench.results.studies import read_study

SEEDS = (0, 1, 2)


def train(folder, benchmark, scores, *, expected=SEEDS, dataset="digits", train_seconds=(), maximize=True, **changes):
    """The run folders of one benchmark; a score that is None is a seed that diverged. Returns what to read."""
    for seed, score in enumerate(scores):
        described = {"architecture": benchmark, "scale": "paper", "dataset": dataset, "task": "classification"}
        own = fake.settings(benchmark, seed, **described | changes)
        spent = {"train_seconds": train_seconds[seed]} if train_seconds else {}
        run = fake.write_run(folder / benchmark / f"seed-{seed}", own, score or 0.9, maximize=maximize, **spent)
        if score is None:
            fake.diverge(run)
            metrics = json.loads((run / "metrics.json").read_text())
            fake.write_json(run / "metrics.json", metrics | {"maximize": maximize})
    return {benchmark: expected}


def board_of(folder, competitors, **changes):
    seeds = {}
    for name, scores in competitors.items():
        seeds |= train(folder, name, scores, expected=range(max(len(scores), 1)), **changes)
    (board,) = boards(read_runs(folder, seeds))
    return board


def verdicts(board):
    return {place.benchmark: place.standing.verdict for place in board.places}


# --- the comparison


def test_the_difference_is_taken_seed_by_seed():
    first, second = {0: 0.90, 1: 0.93, 2: 0.91, 9: 0.1}, {0: 0.88, 1: 0.90, 2: 0.90, 7: 0.9}
    compared = compare_pairs(first, second)  # seeds 7 and 9 have no partner
    known = stats.ttest_rel([0.90, 0.93, 0.91], [0.88, 0.90, 0.90])
    assert (compared.difference.mean, compared.difference.n) == (pytest.approx(0.02), 3)
    assert compared.p == pytest.approx(known.pvalue)
    interval = known.confidence_interval(0.95)
    assert (compared.difference.low, compared.difference.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("n", [2, 3, 5, 6, 12])
def test_the_interval_leaves_zero_out_just_where_p_is_below_one_in_twenty(n):
    random = np.random.default_rng(n)
    seen = set()
    for shift in np.linspace(0, 3, 25):
        second = random.normal(0, 1, n)
        first = second + shift + random.normal(0, 1, n)
        compared = compare_pairs(dict(enumerate(first)), dict(enumerate(second)))
        apart = compared.difference.low > 0 or compared.difference.high < 0
        assert apart == (compared.p < 0.05)
        assert compared.p == pytest.approx(stats.ttest_rel(first, second).pvalue)
        seen.add(apart)
    assert seen == {True, False} or n == 2


def test_equal_scores_do_not_differ_and_one_pair_tells_nothing():
    assert compare_pairs({0: 0.5, 1: 0.6}, {0: 0.5, 1: 0.6}).p == 1.0
    one = compare_pairs({0: 0.5}, {0: 0.6})
    assert math.isnan(one.p)
    assert math.isnan(one.difference.half)


def test_the_same_difference_with_every_seed_has_neither_interval_nor_verdict(tmp_path):
    board = board_of(tmp_path, {"a": [0.9, 0.8, 0.7], "b": [0.8, 0.7, 0.6], "c": [0.1, 0.15, 0.1]})
    place = board.places[1]
    assert place.standing.verdict == "no test: the same difference with every seed"
    assert place.standing.comparison.difference.mean == pytest.approx(-0.1)
    assert math.isnan(place.standing.comparison.difference.half)
    assert board.places[2].standing.comparison.p_holm == board.places[2].standing.comparison.p  # the only one tested


def test_comparisons_made_together_are_adjusted_together():
    pairs = [({0: 1.0, 1: 1.1, 2: 1.3}, dict.fromkeys(SEEDS, 0.0)), ({0: 0.1, 1: 0.0, 2: 0.3}, dict.fromkeys(SEEDS, 0))]
    found = compare_all(pairs)
    raw = [stats.ttest_1samp(values, 0).pvalue for values in ([1.0, 1.1, 1.3], [0.1, 0.0, 0.3])]
    assert [one.p for one in found] == pytest.approx(raw)
    assert [one.p_holm for one in found] == pytest.approx([2 * raw[0], raw[1]])
    assert [one.sure for one in found] == [1, 0]


# --- the verdict


def test_a_verdict_follows_the_paired_difference_where_intervals_of_means_overlap(tmp_path):
    """Hard and easy seeds: the means' intervals overlap by far, yet every seed says the same."""
    board = board_of(tmp_path, {"good": [0.70, 0.80, 0.90], "bad": [0.650, 0.751, 0.850]})
    good, bad = board.places
    assert good.score.low < bad.score.high
    assert verdicts(board) == {"good": "best mean", "bad": "worse"}


def test_intervals_apart_are_no_verdict_where_the_paired_difference_is_unsure(tmp_path):
    """Six competitors: p is 0.013 alone and 0.066 among five."""
    differences = [0.04, 0.05, 0.06]
    others = {f"n{k}": [0.90 - d * (1 + k / 100) for d in differences] for k in range(5)}
    board = board_of(tmp_path, {"best": [0.90, 0.9, 0.90]} | others)
    best, *rest = board.places
    raw = stats.ttest_1samp(differences, 0).pvalue
    assert 0.01 < raw < 0.05 < 5 * raw
    assert all(place.score.high < best.score.low for place in rest)
    assert {place.standing.kind for place in rest} == {Kind.TIE}
    expected = holm([place.standing.comparison.p for place in rest])
    assert [place.standing.comparison.p_holm for place in rest] == pytest.approx(list(expected))
    assert [place.standing.comparison.p_holm for place in rest] == pytest.approx([5 * raw] * 5)


def test_everybody_is_compared_with_the_best_and_not_with_the_next(tmp_path):
    board = board_of(tmp_path, {"a": [0.9, 0.91, 0.92], "b": [0.8, 0.81, 0.83], "c": [0.7, 0.72, 0.72]})
    assert [place.benchmark for place in board.places] == ["a", "b", "c"]
    means = [place.standing.comparison.difference.mean for place in board.places[1:]]
    assert means == pytest.approx([-0.0966667, -0.1966667], abs=1e-6)
    table = board.table().set_index("benchmark")
    known = stats.ttest_rel([0.7, 0.72, 0.72], [0.9, 0.91, 0.92])
    assert table.loc["c", "p"] == pytest.approx(known.pvalue)
    assert table.loc["c", "difference_low"] == pytest.approx(known.confidence_interval(0.95).low)
    assert table.loc["c", "difference_high"] == pytest.approx(known.confidence_interval(0.95).high)
    assert list(table["verdict"]) == ["best mean", "worse", "worse"]


def test_lower_is_better_turns_places_and_verdicts(tmp_path):
    competitors = {"a": [0.9, 0.91, 0.92], "b": [0.8, 0.81, 0.83], "c": [0.1, None, 0.1], "d": [0.01]}
    board = board_of(tmp_path, competitors, maximize=False)
    assert [place.benchmark for place in board.places] == ["b", "a", "c", "d"]
    assert verdicts(board)["a"] == "worse"
    assert board.places[1].standing.comparison.difference.mean > 0


def test_other_seeds_may_turn_a_difference_round(tmp_path):
    """`a` has the better mean thanks to a seed that `b` does not have."""
    train(tmp_path, "a", [0.5, 0.51, 0.53, 1.0, 1.0])
    train(tmp_path, "b", [0.6, 0.61, 0.632])
    (board,) = boards(read_runs(tmp_path, {"a": range(5), "b": SEEDS}))
    assert [(place.benchmark, place.standing.kind) for place in board.places] == [("a", Kind.BEST), ("b", Kind.BETTER)]


def test_without_two_seeds_in_common_nothing_is_tested(tmp_path):
    described = {"architecture": "b", "scale": "paper", "dataset": "digits", "task": "classification"}
    train(tmp_path, "a", [0.9, 0.91])
    for seed in (1, 2):
        fake.write_run(tmp_path / "b" / f"seed-{seed}", fake.settings("b", seed, **described), 0.1 + seed / 100)
    (board,) = boards(read_runs(tmp_path, {"a": (0, 1), "b": (1, 2)}))
    assert verdicts(board)["b"] == "no test with n=1"


# --- single seeds


def test_a_single_seed_is_never_best_nor_what_others_are_compared_with(tmp_path):
    board = board_of(tmp_path, {"lucky": [1.0], "a": [0.9, 0.91, 0.92], "b": [0.8, 0.81, 0.83]})
    assert [place.benchmark for place in board.places] == ["a", "b", "lucky"]
    assert board.best.benchmark == "a"
    assert [place.benchmark for place in board.ranked] == ["a", "b"]
    assert board.places[1].standing.comparison.difference.mean == pytest.approx(-0.0966667, abs=1e-6)
    lucky = board.places[2].standing
    assert lucky.verdict == "single seed: not ranked"
    assert lucky.comparison.difference.n == 0
    assert list(board.table()["ranked"]) == [True, True, False]


@pytest.mark.parametrize(
    "competitors",
    [
        {"a": [0.9, 0.91, 0.92]},
        {"a": [0.9], "b": [0.8]},
        {"a": [0.9, 0.91, 0.92], "b": [0.8]},
        {"a": [0.9, None, 0.92], "b": [0.8, 0.9, None]},
        {"a": [None, None]},
    ],
)
def test_without_two_that_are_ranked_and_one_that_is_whole_nobody_is_best(tmp_path, competitors):
    board = board_of(tmp_path, competitors)
    assert board.best is None
    assert Kind.BEST not in {place.standing.kind for place in board.places}
    assert board.table()["p_holm"].isna().all()


def test_one_seed_left_of_three_is_a_single_seed(tmp_path):
    board = board_of(tmp_path, {"a": [0.9, 0.91, 0.92], "b": [0.8, 0.81, 0.83], "c": [None, 0.99, None]})
    assert board.places[-1].benchmark == "c"
    assert verdicts(board)["c"] == "2 of 3 seeds without a score: not ranked"


# --- failures


def test_a_failure_never_flatters(tmp_path):
    """`c` would be best by the mean of the seeds that finished, `d` lost more seeds, `e` has none."""
    competitors = {
        "a": [0.90, 0.91, 0.92, 0.9], "b": [0.1, 0.12, 0.11, 0.1], "c": [0.99, 0.99, 0.99, None],
        "d": [None, 0.995, 0.995, None], "e": [None] * 4,
    }  # fmt: skip
    board = board_of(tmp_path, competitors)
    assert [place.benchmark for place in board.places] == ["a", "b", "c", "d", "e"]
    assert verdicts(board) == {
        "a": "best mean",
        "b": "worse",
        "c": "1 of 4 seeds without a score, counted as worst",
        "d": "2 of 4 seeds without a score, counted as worst",
        "e": "4 of 4 seeds without a score, counted as worst",
    }
    assert all(place.standing.comparison.difference.n == 0 for place in board.places[2:])


@pytest.mark.parametrize("ending", ["missing", "killed", "null"])
def test_a_seed_that_is_missing_killed_or_without_a_number_counts_as_one_that_diverged(tmp_path, ending):
    folder = tmp_path / "runs"
    train(folder, "a", [0.9, 0.91, 0.92])
    train(folder, "b", [0.99, 0.99, 0.99][: 2 if ending == "missing" else 3])
    if ending == "killed":
        fake.kill(folder / "b" / "seed-2")
    if ending == "null":
        path = folder / "b" / "seed-2" / "metrics.json"
        metrics = json.loads(path.read_text())
        fake.write_json(path, metrics | {"scores": {"validation": {}, "test": {"accuracy": None}}})
    (board,) = boards(read_runs(folder, {"a": SEEDS, "b": SEEDS}))
    assert verdicts(board) == {"a": "best mean", "b": "1 of 3 seeds without a score, counted as worst"}


def test_costs_are_of_the_seeds_that_finished(tmp_path):
    train(tmp_path, "a", [0.9, None, 0.92], train_seconds=(10.0, 1.0, 30.0))
    path = tmp_path / "a" / "seed-1" / "timings.json"
    fake.write_json(path, json.loads(path.read_text()) | {"peak_memory_bytes": 2**40})
    (board,) = boards(read_runs(tmp_path, {"a": SEEDS}))
    assert board.places[0].train_seconds == pytest.approx(20.0)
    assert board.places[0].peak_memory_bytes == 2**30


@pytest.fixture
def study_folder(tmp_path):
    """Three arms over four seeds; `sgd` has the best mean of what finished and lost a seed."""
    fake.write_study(tmp_path / "s", arms=("sgd", "adam", "adagrad"), name="s")
    known = {"sgd": (0.99, 0.99, None, 0.99), "adam": (0.95, 0.96, 0.97, 0.96), "adagrad": (0.94, 0.97, 0.90, 0.9)}
    for arm, scores in known.items():
        for seed, score in enumerate(scores):
            folder = tmp_path / "s" / "final" / arm / f"seed-{seed}"
            described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
            fake.write_run(folder, fake.settings(f"s/{arm}", seed, optimizer=arm, **described, epochs=5), score or 0.9)
            if score is None:
                fake.diverge(folder)
    return tmp_path / "s"


def test_an_arm_with_a_diverged_seed_is_ranked_with_it_as_worst(study_folder):
    study = read_study(study_folder, "s", range(4))
    assert [arm.name for arm in study.arms] == ["adam", "adagrad", "sgd"]
    assert study.best.name == "adam"
    # Ranks by hand, seed by seed (sgd, adam, adagrad): 1 2 3, 1 3 2, 3 1 2, 1 2 3.
    assert {arm.name: arm.rank for arm in study.arms} == {"sgd": 1.5, "adam": 2.0, "adagrad": 2.5}
    p = stats.ttest_rel((0.94, 0.97, 0.90, 0.9), (0.95, 0.96, 0.97, 0.96)).pvalue
    assert study.arms[1].standing.comparison.p_holm == pytest.approx(p)
    table = study.table().set_index("arm")
    assert table.loc["sgd", "verdict"] == "1 of 4 seeds without a score, counted as worst"
    assert table.loc["adagrad", "difference"] == pytest.approx(-0.0325)
    assert table.loc["sgd", "states"] == "3 finished, 1 diverged"


def test_a_final_seed_that_is_missing_counts_as_worst_and_does_not_stop_the_ranking(study_folder):
    study = read_study(study_folder, "s", range(4))
    for path in (study_folder / "final" / "adam" / "seed-3").iterdir():
        path.unlink()
    study = read_study(study_folder, "s", range(4))
    assert study.equal
    assert study.best.name == "adagrad"


def test_the_default_is_the_trial_that_was_asked_for_even_where_it_is_not_the_first_complete_one(study_folder):
    trials = pd.read_csv(study_folder / "trials.csv")
    first = (trials["arm"] == "adam") & trials["enqueued"]
    trials.loc[first, ["state", "value"]] = ["failed", math.nan]
    trials.to_csv(study_folder / "trials.csv", index=False)
    arms = {arm.name: arm for arm in read_study(study_folder, "s", range(4)).arms}
    assert math.isnan(arms["adam"].default_value)
    assert arms["sgd"].default_value == pytest.approx(
        trials.loc[(trials["arm"] == "sgd") & trials["enqueued"], "value"].item()
    )


def test_rank_needs_no_score_at_all():
    assert rank({"a": [], "b": []}, maximize=True)["a"].kind is Kind.SINGLE


# --- like with like


def test_a_board_names_what_recipes_differ_in(tmp_path):
    train(tmp_path, "a", [0.9, 0.8, 0.7])
    train(tmp_path, "b", [0.9, 0.8, 0.7])
    seeds = {"a": SEEDS, "b": SEEDS}
    (board,) = boards(read_runs(tmp_path, seeds))
    assert board.recipes_differ_in == []
    augmented = {"augmentation": [{"name": "shift", "pixels": 4}, {"name": "flip"}], "epochs": 30}
    changes = augmented | {"schedule": {"name": "cosine"}, "optimizer": "momentum"}
    seeds |= train(tmp_path, "c", [0.9, 0.8, 0.7], **changes)
    (board,) = boards(read_runs(tmp_path, seeds))
    assert board.recipes_differ_in == ["optimizer", "schedule", "epochs", "augmentation"]
    recipes = {place.benchmark: place.recipe for place in board.places}
    assert recipes["a"] == "adam at 0.001, 12 epochs, batch 32, no augmentation"
    assert recipes["c"] == "momentum at 0.001, cosine, 30 epochs, batch 32, shift and flip"
    row = board.table().set_index("benchmark").loc["c"]
    columns = ["optimizer", "learning_rate", "schedule", "epochs", "batch_size", "augmentation"]
    assert row[columns].tolist() == ["momentum", 0.001, "cosine", 30, 32, "shift and flip"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"optimizer": "momentum"}, "optimizer"),
        ({"batch_size": 8}, "batch_size"),
        ({"clip": {"norm": 1.0}}, "clip"),
        ({"early_stopping": {"patience": 3}}, "early_stopping"),
        ({"precision": "mixed_float16"}, "precision"),
        ({"preprocessing": {"name": "zca"}}, "preprocessing"),
        ({"start": {"from": "x", "train": "all", "weights_sha256": "0"}}, "start"),
    ],
)
def test_every_member_of_a_recipe_counts(tmp_path, changes, name):
    seeds = train(tmp_path, "a", [0.9, 0.8, 0.7]) | train(tmp_path, "b", [0.9, 0.8, 0.7], **changes)
    (board,) = boards(read_runs(tmp_path, seeds))
    assert board.recipes_differ_in == [name]


def test_another_rate_or_loss_is_another_recipe(tmp_path):
    for benchmark in ("a", "b"):
        for seed in SEEDS:
            described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
            own = fake.settings(benchmark, seed, **described)
            if benchmark == "b":
                own["optimizer"]["learning_rate"] = 0.5
                own["task"]["loss"] = "squared_hinge"
            fake.write_run(tmp_path / benchmark / f"seed-{seed}", own, 0.9)
    (board,) = boards(read_runs(tmp_path, {"a": SEEDS, "b": SEEDS}))
    assert board.recipes_differ_in == ["optimizer", "loss"]


def test_what_has_nothing_to_train_has_no_recipe(tmp_path):
    seeds = train(tmp_path, "a", [0.9, 0.8, 0.7]) | train(tmp_path, "knn", [0.9, 0.8, 0.7], epochs=1)
    for seed in SEEDS:
        path = tmp_path / "knn" / f"seed-{seed}" / "metrics.json"
        fake.write_json(path, json.loads(path.read_text()) | {"parameters": 0})
    (board,) = boards(read_runs(tmp_path, seeds))
    assert board.recipes_differ_in == []
    assert {place.benchmark: place.recipe for place in board.places}["knn"] == "nothing to train"


def test_an_optimizer_without_a_rate_is_named_alone():
    settings = {"optimizer": {"name": "adadelta"}, "schedule": {"name": "constant"}, "epochs": 1, "batch_size": 2}
    assert describe_recipe(settings | {"augmentation": []}) == "adadelta, 1 epoch, batch 2, no augmentation"


def test_runs_of_other_data_code_commits_and_machines_are_named(tmp_path):
    seeds = train(tmp_path, "a", [0.9, 0.8, 0.7]) | train(tmp_path, "b", [0.9, 0.8, 0.7])
    everyone = {name: [run for run in read_runs(tmp_path, seeds) if run.benchmark == name] for name in seeds}
    assert unlike(everyone) == []  # networks of different files have different digests of code; that is no finding
    for run in everyone["b"]:
        run.settings["dataset_sha256"] = "f" * 64
    everyone["a"][2].settings["code_sha256"] = "e" * 64
    everyone["a"][0].machine["git_commit"] = "d" * 40
    everyone["b"][1].machine["device"] = "NVIDIA H100"
    own = read_runs(tmp_path, {"a": [0]})[0].settings
    assert unlike(everyone) == [
        f"Not the same data, by their digest: {own['dataset_sha256'][:8]}: a; ffffffff: the others.",
        f"Seeds trained by different code, by its digest: eeeeeeee: a seed 2; {own['code_sha256'][:8]}: the others.",
        "Trained at different commits, so code that they share may differ: dddddddd: a seed 0; 01234567: the others.",
        "Trained on different machines, so times and last digits may differ: tensorflow on NVIDIA H100: b seed 1; "
        "tensorflow on AMD EPYC 7B13: the others.",
    ]


def test_uncommitted_changes_are_another_commit(tmp_path):
    seeds = train(tmp_path, "a", [0.9, 0.8, 0.7]) | train(tmp_path, "b", [0.9, 0.8, 0.7])
    everyone = {name: [run for run in read_runs(tmp_path, seeds) if run.benchmark == name] for name in seeds}
    everyone["b"][1].machine["git_dirty"] = True
    (said,) = unlike(everyone)
    assert "01234567 with changes: b seed 1" in said
