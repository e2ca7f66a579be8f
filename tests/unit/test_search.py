"""What is tried and what is kept: ranges, grids, samplers, pruners, ties, and scores of which the lowest is best."""

import numpy as np
import optuna
import pytest
import toys
from optuna.trial import TrialState

from archbench.config import Arm, Range, Study
from archbench.sweeps import budget, space, storage, tables
from archbench.sweeps import study as sweeps
from archbench.sweeps import trial as running
from archbench.sweeps.benches import Benches
from archbench.sweeps.study import ArmPlan
from archbench.training.fit import Diverged, take_row
from archbench.tuning import value_of

optuna.logging.set_verbosity(optuna.logging.WARNING)
COUNT = Range(low=1, high=4, integer=True)
PLAIN = {
    "architecture": {"name": "mlp", "units": [4]},
    "parts": {},
    "augmentation": [],
    "epochs": 3,
    "optimizer": {"name": "sgd"},
}


@pytest.fixture
def journal(tmp_path, monkeypatch):
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    return tmp_path / "study.journal"


def _study(journal, maximize=True, pruner="none"):
    return storage.open_study(storage.open_storage(journal), "rates", maximize, pruner)


def _end(study, value, **attributes):
    trial = study.ask()
    for name, given in attributes.items():
        trial.set_user_attr(name, given)
    study.tell(trial, value)


# Ranges


def test_an_integer_range_has_both_its_ends():
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trials = [drawn.ask({"count": space.distribution(COUNT)}) for _ in range(60)]
    assert {space.values_of(trial.params, {"count": COUNT})["count"] for trial in trials} == {1, 2, 3, 4}


def test_what_is_drawn_means_one_minus_it_only_where_that_is_tuned():
    momentum = Range(low=0.01, high=0.5, log=True, one_minus=True)
    assert value_of(0.1, momentum) == pytest.approx(0.9)
    assert value_of(0.1, Range(low=0.01, high=0.5)) == 0.1
    assert value_of(3.0, COUNT) == 3
    assert isinstance(value_of(3.0, COUNT), int)
    assert space.values_of({"momentum": 0.1}, {"momentum": momentum})["momentum"] == pytest.approx(0.9)


@pytest.mark.parametrize(("default", "point"), [(2, 2), (9, 4), (0, 1)])
def test_the_papers_integer_moves_to_the_border_of_its_range(default, point):
    settings = toys.settings(batch_size=default)
    found = space.paper_default({"batch_size": COUNT}, settings)
    assert found == {"batch_size": point}
    assert isinstance(found["batch_size"], int)


@pytest.mark.parametrize(
    ("trials", "points"),
    [(1, [50.5]), (2, [1.0, 100.0]), (3, [1.0, 50.5, 100.0]), (5, [1.0, 25.75, 50.5, 75.25, 100.0])],
)
def test_a_grid_over_one_number_has_a_point_a_trial_from_end_to_end(trials, points):
    assert space.grid({"a": Range(low=1, high=100)}, trials)["a"] == pytest.approx(points)


@pytest.mark.parametrize(("trials", "each"), [(4, 2), (5, 3), (9, 3), (10, 4)])
def test_a_grid_over_two_numbers_has_at_least_a_point_a_trial(trials, each):
    grid = space.grid({"a": Range(low=1, high=100, log=True), "b": Range(low=0, high=1)}, trials)
    assert [len(values) for values in grid.values()] == [each, each]
    assert grid["a"] == pytest.approx(list(np.geomspace(1, 100, each)))
    assert grid["b"] == pytest.approx(list(np.linspace(0, 1, each)))


def test_a_grid_of_integers_repeats_none():
    assert space.grid({"count": COUNT}, 9)["count"] == [1, 2, 3, 4]


RATE = Range(low=0.1, high=1.0)


@pytest.mark.parametrize(
    ("ranges", "sampler", "trials", "points"),
    [
        ({"count": COUNT}, "tpe", 6, 4),
        ({"count": COUNT}, "tpe", 3, 3),
        ({"count": COUNT, "other": Range(low=15, high=17, integer=True)}, "random", 20, 12),
        ({"count": COUNT, "rate": RATE}, "random", 20, 20),
        ({"count": COUNT, "rate": RATE}, "grid", 25, 20),  # five rates, and four counts in place of five
        ({"count": COUNT}, "grid", 6, 4),
    ],
)
def test_a_space_of_integers_has_so_many_distinct_points(ranges, sampler, trials, points):
    assert space.distinct_points(ranges, sampler, trials) == points


# Samplers and pruners


def test_what_a_study_does_not_say_is_what_optuna_does():
    arm = {"optimizer": "sgd", "space": {"learning_rate": {"low": 0.1, "high": 1.0}}}
    base = {"architecture": "mlp", "dataset": "digits"}
    study = Study.model_validate({"base": base, "trials": 1, "epochs": 1, "arms": {"one": arm}})
    theirs = optuna.create_study()
    ours = storage.make_sampler(study.sampler, study.space_of("one"), 1, study.seed, 0)
    assert type(ours) is type(theirs.sampler)
    assert type(storage._PRUNERS[study.pruner]()) is type(theirs.pruner)
    assert (study.side_by_side, study.folds, study.seed) == (1, None, 0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tpe", optuna.samplers.TPESampler),
        ("random", optuna.samplers.RandomSampler),
        ("grid", storage.GridPoint),
        ("quasi_random", optuna.samplers.QMCSampler),
    ],
)
def test_a_sampler_is_the_one_of_its_name(name, kind):
    assert isinstance(storage.make_sampler(name, {"rate": Range(low=1, high=2)}, 3, 0, 0), kind)


@pytest.mark.parametrize("other", [{"seed": 1}, {"turn": 1}])
def test_every_trial_draws_from_the_studys_seed_and_its_turn(journal, other):
    one = {"rate": Range(low=0.0, high=1.0)}

    def drawn(**changes):
        sampler = storage.make_sampler("random", one, 3, **{"seed": 0, "turn": 0, **changes})
        return optuna.create_study(sampler=sampler).ask(space.distributions(one)).params["rate"]

    assert drawn() == drawn()
    assert drawn() != drawn(**other)


def _pruned_at(study, values):
    """The step at which a trial with these values is stopped; None where it never is."""
    trial = study.ask()
    for step, value in enumerate(values, start=1):
        trial.report(value, step)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return step
    study.tell(trial, values[-1])
    return None


def test_the_median_stops_from_the_second_epoch_on_and_after_four_complete_trials(journal):
    study = _study(journal, pruner="median")
    for value in (0.5, 0.6, 0.7):
        assert _pruned_at(study, [value] * 3) is None
    assert _pruned_at(study, [0.1] * 3) is None  # three are too few to stop it
    assert _pruned_at(study, [0.54, 0.54, 0.54]) == 2  # the median of four is 0.55, and the first epoch is spared
    assert _pruned_at(study, [0.56, 0.56, 0.56]) is None


def test_the_median_stops_what_is_above_it_where_the_lowest_is_best(journal):
    study = _study(journal, maximize=False, pruner="median")
    for value in (0.5, 0.6, 0.7, 0.1):
        assert _pruned_at(study, [value] * 3) is None
    assert _pruned_at(study, [0.54] * 3) is None
    assert _pruned_at(study, [0.66] * 3) == 2


@pytest.mark.parametrize("pruner", ["none", "median", "wilcoxon", "successive_halving"])
def test_a_pruner_is_the_one_of_its_name(journal, pruner):
    kinds = {
        "none": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "wilcoxon": optuna.pruners.WilcoxonPruner,
        "successive_halving": optuna.pruners.SuccessiveHalvingPruner,
    }
    assert type(_study(journal, pruner=pruner).pruner) is kinds[pruner]


@pytest.mark.parametrize("folds", [None, 3])
@pytest.mark.parametrize(("pruner", "before", "steps"), [("median", 4, 2), ("successive_halving", 2, 1)])
def test_a_pruner_counts_epochs_and_folds_alike(journal, benches, monkeypatch, pruner, before, steps, folds):
    """From 1: the median spares the first one, and successive halving has its first rung there."""
    study = _study(journal, pruner=pruner)
    _fitting(monkeypatch, *[([0.9], None)] * 3 * before, *[([0.1], None)] * 3) if folds else _fitting(
        monkeypatch, *[([0.9] * 3, None)] * before, ([0.1] * 3, None)
    )
    for _ in range(before + 1):
        running.run_trials(study, [_asked(study)], benches, folds)
    *good, bad = study.trials
    assert {trial.state for trial in good} == {TrialState.COMPLETE}
    assert (bad.state, list(bad.intermediate_values)) == (TrialState.PRUNED, list(range(1, steps + 1)))


# What is kept


@pytest.mark.parametrize(("maximize", "number"), [(True, 1), (False, 0)])
def test_the_best_trial_is_the_first_of_the_best_and_a_pruned_one_never(journal, maximize, number):
    study = _study(journal, maximize)
    for value in (0.2, 0.8, 0.8, 0.2):
        _end(study, value, seconds=0.0, part=0)
    for value in (0.9, 0.1):
        pruned = study.ask()
        pruned.report(value, 1)
        study.tell(pruned, state=TrialState.PRUNED)
    assert tables.best_complete(study.get_trials(), maximize).number == number


def test_trials_that_were_stopped_or_diverged_are_spent_and_killed_ones_are_not(journal):
    study = _study(journal)
    _end(study, 0.5)
    for state, attributes in (
        (TrialState.PRUNED, {}),
        (TrialState.FAIL, {"diverged_at_step": 3}),
        (TrialState.FAIL, {}),
    ):
        trial = study.ask()
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        trial.report(0.1, 1)
        study.tell(trial, state=state)
    assert [trial.number for trial in study.get_trials() if budget.ended(trial)] == [0, 1, 2]


def _asked(study):
    trial = study.ask()
    trial.set_user_attr("part", 0)
    return trial, toys.settings(**PLAIN)


@pytest.fixture(scope="module")
def benches():
    return Benches(toys.stripes(), 3)


def _fitting(monkeypatch, *trainings):
    """In place of each training in turn: the validation scores that it reports, and the step at which it diverges."""
    left = iter(trainings)

    def fit(program, recipe, training, validation, progress, *, after_epoch):
        scores, diverges = next(left)
        for score in scores:
            take_row(program.learner.task, recipe, progress, {"validation_accuracy": score})
            after_epoch(progress)
            if program.learner.model.stop_training:
                return
        if diverges:
            raise Diverged(diverges, "training loss")

    monkeypatch.setattr(running, "fit", fit)


def test_the_value_of_a_trial_is_its_best_epochs(journal, benches, monkeypatch):
    study = _study(journal)
    _fitting(monkeypatch, ([0.3, 0.7, 0.5], None))
    running.run_trials(study, [_asked(study)], benches, None)
    (trial,) = study.trials
    assert (trial.value, trial.user_attrs["epochs_run"]) == (0.7, 3)
    assert trial.intermediate_values == {1: 0.3, 2: 0.7, 3: 0.5}


@pytest.mark.parametrize(("at", "state"), [(2, TrialState.PRUNED), (3, TrialState.COMPLETE)])
def test_a_trial_is_stopped_at_once_but_one_that_is_done_is_complete(journal, benches, monkeypatch, at, state):
    study = _study(journal)
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: at in study.trials[0].intermediate_values)
    _fitting(monkeypatch, ([0.3, 0.7, 0.5], None))
    running.run_trials(study, [_asked(study)], benches, None)
    (trial,) = study.trials
    assert (trial.state, trial.user_attrs["epochs_run"]) == (state, at)


def test_folds_are_averaged_and_numbered_from_0(journal, benches, monkeypatch):
    study = _study(journal)
    _fitting(monkeypatch, ([0.3, 0.9], None), ([0.5, 0.4], None), ([0.1, 0.1, 0.1], None))
    running.run_trials(study, [_asked(study)], benches, 3)
    (trial,) = study.trials
    assert trial.value == pytest.approx((0.9 + 0.5 + 0.1) / 3)
    assert trial.intermediate_values == {1: 0.9, 2: 0.5, 3: 0.1}
    assert trial.user_attrs["epochs_run"] == 2 + 2 + 3
    assert [(row["fold"], row["value"]) for row in tables.fold_rows({"arm": [trial]})] == [(0, 0.9), (1, 0.5), (2, 0.1)]


@pytest.mark.parametrize(("at", "state"), [(2, TrialState.PRUNED), (3, TrialState.COMPLETE)])
def test_a_trial_is_stopped_between_folds_but_not_after_the_last(journal, benches, monkeypatch, at, state):
    study = _study(journal)
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: at in study.trials[0].intermediate_values)
    _fitting(monkeypatch, ([0.9], None), ([0.5], None), ([0.1], None))
    running.run_trials(study, [_asked(study)], benches, 3)
    (trial,) = study.trials
    assert (trial.state, len(trial.user_attrs["fold_scores"])) == (state, at)


@pytest.mark.parametrize("folds", [None, 3])
def test_a_trial_that_diverged_fails_with_its_step_and_trains_no_more(journal, benches, monkeypatch, folds):
    study = _study(journal)
    _fitting(monkeypatch, ([0.3], 7))  # a second training would find nothing to take
    running.run_trials(study, [_asked(study)], benches, folds)
    (trial,) = study.trials
    assert (trial.state, trial.user_attrs["diverged_at_step"], trial.value) == (TrialState.FAIL, 7, None)
    assert budget.ended(trial)


def test_the_best_setting_is_trained_with_what_was_tuned_in_every_seed(journal, benches, monkeypatch, tmp_path):
    mass = {"momentum": {"low": 0.01, "high": 0.5, "one_minus": True}}
    arm = Arm.model_validate({"optimizer": "momentum", "space": mass})
    plan = ArmPlan("one", arm.space, [toys.settings(optimizer=arm.optimizer.spec, seed=seed) for seed in (0, 1)], "tpe")
    base = {"architecture": "mlp", "dataset": "stripes"}
    study = Study.model_validate({"base": base, "trials": 2, "epochs": 1, "arms": {"one": arm}})
    found = _study(journal, maximize=False)
    for turn, (value, score) in enumerate(((0.1, 0.4), (0.3, 0.2))):
        found.enqueue_trial({"momentum": value}, user_attrs={"turn": turn})
        found.tell(found.ask(space.distributions(arm.space)), score)
    trained = []
    monkeypatch.setattr(sweeps, "run_benchmark", lambda trials, *_, **__: trained.extend(trials))
    sweeps.finish_arm(plan, study, benches, None, journal, "rates", False, tmp_path, None)
    assert [(trial["seed"], trial["optimizer"]["momentum"]) for trial in trained] == [(0, 0.7), (1, 0.7)]
