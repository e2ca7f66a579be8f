"""What studies are called in Optuna's storage: no trial is lost when settings change, come back, or had an old name."""

import os
import platform

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from archbench.sweeps import names, storage

NAME, FORMER = "tour/optimizers/adam", "optimizers/adam/{}"


@pytest.fixture(params=["journal", "database"])
def shared(request, tmp_path, monkeypatch):
    if request.param == "database":
        monkeypatch.setenv("OPTUNA_STORAGE", f"sqlite:///{tmp_path}/optuna.db")
    return storage.open_storage(tmp_path / "optimizers.journal")


def settle(shared, identity):
    names.settle(shared, NAME, identity, True, FORMER.format(identity))


def study(shared, name=NAME):
    return optuna.load_study(study_name=name, storage=shared)


def add(shared, value, name=NAME, **attributes):
    study(shared, name).add_trial(
        create_trial(
            params={"learning_rate": value},
            distributions={"learning_rate": FloatDistribution(0.0, 1.0)},
            value=value,
            intermediate_values={1: value / 2, 2: value},
            user_attrs={"turn": 3, "seconds": 1.5, **attributes},
        )
    )


def told(shared, name=NAME):
    """All that a trial is to those who read it."""
    return [
        (trial.number, trial.state, trial.value, trial.params, trial.intermediate_values, trial.user_attrs)
        for trial in study(shared, name).get_trials()
    ]


def test_a_study_has_its_readable_name_with_the_hash_as_an_attribute(shared):
    settle(shared, "1f3a")
    assert optuna.get_all_study_names(shared) == [NAME]
    assert study(shared).user_attrs == {names.IDENTITY: "1f3a"}
    assert study(shared).direction.name == "MAXIMIZE"
    names.settle(shared, "tour/optimizers/sgd", "2b", False, "none")
    assert study(shared, "tour/optimizers/sgd").direction.name == "MINIMIZE"


def test_trials_under_a_former_name_are_found_again_whole(shared):
    for identity in ("1f3a", "of other settings"):
        optuna.create_study(storage=shared, study_name=FORMER.format(identity), direction="maximize")
        add(shared, 0.25, FORMER.format(identity))
    before = told(shared, FORMER.format("1f3a"))
    settle(shared, "1f3a")
    assert told(shared) == before
    assert set(optuna.get_all_study_names(shared)) == {NAME, FORMER.format("of other settings")}


def test_trials_of_other_settings_are_set_aside_and_come_back(shared):
    settle(shared, "first")
    add(shared, 0.25)
    add(shared, 0.5)
    first = told(shared)
    settle(shared, "second")
    assert told(shared) == []
    assert told(shared, f"{NAME}/first") == first
    add(shared, 0.75)
    settle(shared, "first")
    assert told(shared) == first
    assert [trial[2] for trial in told(shared, f"{NAME}/second")] == [0.75]
    settle(shared, "first")
    assert told(shared) == first
    assert set(optuna.get_all_study_names(shared)) == {NAME, f"{NAME}/second"}


@pytest.mark.parametrize("whole", ["old", "new"])
def test_a_move_that_a_kill_cut_off_is_done_again(shared, whole):
    """Before the last trial was copied, or before what was copied was deleted."""
    former = FORMER.format("1f3a")
    for name in (former, NAME):
        optuna.create_study(storage=shared, study_name=name, direction="maximize")
        add(shared, 0.25, name)
    add(shared, 0.5, former)
    if whole == "new":
        add(shared, 0.5, NAME)
    settle(shared, "1f3a")
    assert [trial[2] for trial in told(shared)] == [0.25, 0.5]
    assert optuna.get_all_study_names(shared) == [NAME]


def test_a_study_that_another_process_sweeps_is_left_alone(shared):
    settle(shared, "first")
    owner = {"host": platform.node(), "pid": os.getpid()}
    trial = study(shared).ask()
    for key, value in owner.items():
        trial.set_user_attr(key, value)
    with pytest.raises(names.StudyInUse, match=f"swept by process {os.getpid()} on {platform.node()}"):
        settle(shared, "second")
    assert study(shared).get_trials()[0].state == TrialState.RUNNING
    names.check(shared, NAME, "first")
    study(shared).tell(trial.number, 0.5)
    settle(shared, "second")
    with pytest.raises(names.StudyTaken, match="Give each its own OPTUNA_STORAGE"):
        names.check(shared, NAME, "first")
