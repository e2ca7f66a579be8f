"""Sweeps: equal budgets, nothing repeated, nothing lost by a kill, and tables that tell it all."""

import csv
import os
import platform
import subprocess
import sys
import threading
import time
from collections import Counter

import optuna
import psutil
import pytest
import toys
import yaml

from archbench.config import Arm, Study
from archbench.sweeps import space, storage
from archbench.sweeps import study as sweeps
from archbench.sweeps.storage import StorageUnreachable
from archbench.sweeps.study import ArmPlan, StudyFailed
from archbench.tracking import run_folder
from archbench.training.fit import Diverged
from archbench.training.run import Pace, Workbench

optuna.logging.set_verbosity(optuna.logging.WARNING)
PREPARED = toys.stripes()
RATE = {"low": 1e-4, "high": 0.3, "log": True}
MASS = {"low": 0.01, "high": 0.5, "log": True, "one_minus": True}
ARM = {"optimizer": "momentum", "space": {"learning_rate": RATE, "momentum": MASS}}
PLAIN = {"parts": {}, "augmentation": [], "epochs": 2, "optimizer": {"name": "momentum"}}


def _study(**changes) -> Study:
    values = {"base": {"architecture": "lenet5", "dataset": "stripes"}, "trials": 5, "epochs": 2, "pruner": "none"}
    return Study.model_validate({**values, "arms": {"momentum": ARM}, **changes})


def _plan(arm=ARM, name="momentum", seeds=(0, 1)) -> ArmPlan:
    arm = Arm.model_validate(arm)
    base = {**PLAIN, "optimizer": arm.optimizer.spec, "benchmark": f"rates/{name}"}
    return ArmPlan(name, arm, [toys.settings(**base, seed=seed) for seed in seeds])


@pytest.fixture(scope="module")
def bench():
    return Workbench(toys.settings(**PLAIN), PREPARED)


@pytest.fixture
def journal(tmp_path, monkeypatch):
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    return tmp_path / "study.journal"


@pytest.fixture
def scripted(monkeypatch):
    """Trials that end at once, with a value worked out from their numbers; `hook` runs before each ends."""

    class Script:
        hook = staticmethod(lambda trial: None)
        maximize = True

    def run(study, trial, settings, bench):
        Script.hook(trial)
        trial.set_user_attr("seconds", 0.0)
        study.tell(trial, -((settings["optimizer"]["learning_rate"] - 0.02) ** 2))

    monkeypatch.setattr(sweeps, "_run_trial", run)
    monkeypatch.setattr(Script, "task", type("Task", (), {"maximize": True}), raising=False)
    return Script


def _trials(journal, name="rates"):
    return storage.open_study(storage.open_storage(journal), name, True, "none").get_trials()


def _points(journal):
    return [trial.params for trial in _trials(journal) if storage.counted(trial)]


# What is tried


def test_the_first_trial_has_the_papers_numbers(journal, scripted):
    sweeps.search_arm(_plan(), _study(), scripted, journal, "rates")
    first, *rest = _trials(journal)
    assert space.numbers_of(first.params, _plan().arm) == pytest.approx({"learning_rate": 0.01, "momentum": 0.9})
    assert first.user_attrs["enqueued"] is True
    assert not any("enqueued" in trial.user_attrs for trial in rest)


def test_a_default_outside_its_range_moves_to_the_border():
    narrow = {"learning_rate": {**RATE, "high": 1e-3}, "momentum": {**MASS, "low": 0.2}}
    arm = Arm.model_validate({"optimizer": "momentum", "space": narrow})
    assert space.paper_default(arm) == pytest.approx({"learning_rate": 1e-3, "momentum": 0.2})
    given = Arm.model_validate({"optimizer": {"name": "momentum", "learning_rate": 0.03}, "space": ARM["space"]})
    assert space.paper_default(given)["learning_rate"] == pytest.approx(0.03)


@pytest.mark.parametrize("sampler", ["tpe", "random", "quasi_random"])
def test_every_arm_gets_its_budget_of_different_points_the_same_each_time(tmp_path, journal, scripted, sampler):
    study = _study(trials=9, sampler=sampler)
    for place in (journal, tmp_path / "again.journal"):
        sweeps.search_arm(_plan(), study, scripted, place, "rates")
        sweeps.search_arm(_plan(), study, scripted, place, "rates")  # there is nothing left to do
    points = _points(journal)
    assert len(_trials(journal)) == len({str(point) for point in points}) == 9
    assert points == _points(tmp_path / "again.journal")
    for point in points:
        assert 1e-4 <= point["learning_rate"] <= 0.3
        assert 0.01 <= point["momentum"] <= 0.5
    sweeps.search_arm(_plan(), _study(trials=9, sampler=sampler, seed=1), scripted, journal, "other seed")
    assert _trials(journal, "other seed")[1].params != points[1]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_workers_that_share_an_arm_spend_its_budget_and_repeat_no_point(journal, scripted, sampler):
    study = _study(trials=21, sampler=sampler)
    scripted.hook = staticmethod(lambda trial: time.sleep(0.005))
    workers = [
        threading.Thread(target=sweeps.search_arm, args=(_plan(), study, scripted, journal, "rates", part, 2))
        for part in (0, 1)
    ]
    sweeps.open_arms(study, journal, ["rates"], True)
    for worker in workers:
        worker.start()
    sweeps.wait_for_parts(study, journal, "rates", True)
    for worker in workers:
        worker.join()
    assert len({str(point) for point in _points(journal)}) == len(_trials(journal)) == 21
    assert Counter(trial.user_attrs["part"] for trial in _trials(journal)) == {0: 11, 1: 10}


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_another_number_of_workers_does_not_change_the_budget(journal, scripted, before, after):
    for trials, parts in ((4, before), (7, after)):
        for part in range(parts):
            sweeps.search_arm(_plan(), _study(trials=trials), scripted, journal, "rates", part, parts)
        assert len(_points(journal)) == trials


def test_whole_arms_are_dealt_out_and_every_part_once():
    assert sweeps.shares(["a", "b", "c"], 2) == [[("a", 0, 1), ("c", 0, 1)], [("b", 0, 1)]]
    assert sweeps.shares(["a"], 1) == [[("a", 0, 1)]]
    for arms, workers in ((["a"], 3), (["a", "b"], 5), (["a", "b", "c"], 7), (["a", "b", "c"], 1)):
        dealt = [share for worker in sweeps.shares(arms, workers) for share in worker]
        assert len(dealt) == len(set(dealt))
        for arm in arms:
            parts = [(part, of) for name, part, of in dealt if name == arm]
            assert sorted(part for part, _ in parts) == list(range(parts[0][1]))


# Kills


@pytest.fixture
def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


class Killed(BaseException):
    """The end of a worker."""


@pytest.mark.parametrize("sampler", ["tpe", "random", "quasi_random"])
@pytest.mark.parametrize("victim", [0, 3])
def test_the_numbers_of_a_killed_trial_are_tried_again(
    tmp_path, journal, scripted, dead_pid, monkeypatch, victim, sampler
):
    study = _study(trials=6, sampler=sampler)
    sweeps.search_arm(_plan(), study, scripted, tmp_path / "whole.journal", "rates")

    def kill(trial):
        if trial.number == victim:
            raise Killed

    scripted.hook = staticmethod(kill)
    with monkeypatch.context() as patch:
        patch.setattr(sweeps.os, "getpid", lambda: dead_pid)
        with pytest.raises(Killed):
            sweeps.search_arm(_plan(), study, scripted, journal, "rates")
    scripted.hook = staticmethod(lambda trial: None)
    sweeps.open_arms(study, journal, ["rates"], True)
    sweeps.search_arm(_plan(), study, scripted, journal, "rates")
    ended = [trial for trial in _trials(journal) if storage.counted(trial)]
    assert [trial.params for trial in ended] == _points(tmp_path / "whole.journal")
    assert [("enqueued" in trial.user_attrs) for trial in ended] == [True] + [False] * 5
    assert Counter(trial.state.name for trial in _trials(journal)) == {"COMPLETE": 6, "FAIL": 1}


def test_a_trial_killed_before_it_drew_its_numbers_keeps_the_papers(journal, scripted):
    study = _study(trials=1)
    opened = storage.open_study(storage.open_storage(journal), "rates", True, "none")
    opened.enqueue_trial(space.paper_default(_plan().arm), user_attrs={"enqueued": True})
    opened.ask()
    sweeps.open_arms(study, journal, ["rates"], True)
    sweeps.search_arm(_plan(), study, scripted, journal, "rates")
    last = _trials(journal)[-1]
    assert last.params == pytest.approx(space.paper_default(_plan().arm))
    assert last.user_attrs["enqueued"] is True


def test_a_trial_that_runs_elsewhere_or_lives_is_left_alone(journal, dead_pid):
    opened = storage.open_study(storage.open_storage(journal), "rates", True, "none")
    for pid, host in ((os.getpid(), platform.node()), (dead_pid, "another machine"), (dead_pid, platform.node())):
        trial = opened.ask()
        trial.set_user_attr("pid", pid)
        trial.set_user_attr("host", host)
    storage.close_killed(opened)
    assert [trial.state.name for trial in _trials(journal)] == ["RUNNING", "RUNNING", "FAIL"]


def test_a_younger_process_with_the_same_number_is_not_the_trials(journal, monkeypatch):
    opened = storage.open_study(storage.open_storage(journal), "rates", True, "none")
    trial = opened.ask()
    trial.set_user_attr("host", platform.node())
    trial.set_user_attr("pid", os.getpid())
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: time.time() + 60)
    storage.close_killed(opened)
    assert _trials(journal)[0].state.name == "FAIL"


def test_a_worker_that_dies_ends_the_others_and_the_sweep(tmp_path):
    """The other one would wait for its share of the trials."""
    script = "import sys, time\nopen(f'{sys.argv[1]}/{sys.argv[2]}', 'w').close()\n"
    script += "sys.exit(3) if sys.argv[2] == '1' else time.sleep(100)"
    start = time.monotonic()
    with pytest.raises(StudyFailed, match=r"Worker 1 \(status 3\) of the sweep stopped.* run the same command again"):
        sweeps.run_workers(["-c", script, str(tmp_path)], 2)
    assert time.monotonic() - start < 20
    sweeps.run_workers(["-c", "pass"], 2)


def test_a_worker_ends_with_the_process_that_started_it():
    script = "import threading, time\nfrom archbench.sweeps.worker import _end_with_parent\n"
    script += "threading.Thread(target=_end_with_parent, daemon=True).start()\nprint('on', flush=True)\ntime.sleep(100)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, **pipes) as worker:
        assert worker.stdout.readline() == b"on\n"
        assert worker.poll() is None
        worker.stdin.close()
        assert worker.wait(timeout=30) == 1


# Storage


def test_a_database_may_hold_the_trials(tmp_path, monkeypatch, scripted):
    monkeypatch.setenv("OPTUNA_STORAGE", f"sqlite:///{tmp_path}/optuna.db")
    sweeps.search_arm(_plan(), _study(), scripted, tmp_path / "study.journal", "rates")
    assert len(_points(tmp_path / "study.journal")) == 5
    assert (tmp_path / "optuna.db").exists()
    assert not (tmp_path / "study.journal").exists()


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "nosuch://host/db",
        "sqlite:////no/such/folder/optuna.db",
        "postgresql+nodriver://ann:secret@127.0.0.1:1/db",
    ],
)
def test_a_database_that_cannot_be_opened_is_told_without_its_password(tmp_path, monkeypatch, url):
    monkeypatch.setenv("OPTUNA_STORAGE", url)
    with pytest.raises(StorageUnreachable, match=r"OPTUNA_STORAGE=.* cannot be opened") as caught:
        storage.open_storage(tmp_path / "study.journal")
    assert "secret" not in str(caught.value)
    assert "unset it to use the file" in str(caught.value)


# Real trials and tables


def _rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_study_leaves_its_trials_its_best_settings_and_their_runs(bench, journal, tmp_path):
    study, plan = _study(trials=3), _plan()
    sweeps.open_arms(study, journal, ["rates"], bench.task.maximize)
    sweeps.search_arm(plan, study, bench, journal, "rates")
    quiet = Pace(1e9, lambda *_: None)
    sweeps.finish_arm(plan, study, bench, PREPARED, journal, "rates", tmp_path, quiet)
    sweeps.write_tables([plan], study, journal, {"momentum": "rates"}, tmp_path)
    rows = _rows(tmp_path / "trials.csv")
    assert list(rows[0]) == [
        *("study", "arm", "number", "state", "value", "epochs_run", "seconds", "worker", "enqueued"),
        *("param_learning_rate", "param_momentum"),
    ]
    assert [(row["study"], row["arm"], row["number"], row["state"]) for row in rows] == [
        ("rates", "momentum", str(number), "complete") for number in range(3)
    ]
    assert [row["enqueued"] for row in rows] == ["True", "False", "False"]
    assert (float(rows[0]["param_learning_rate"]), float(rows[0]["param_momentum"])) == pytest.approx((0.01, 0.9))
    curves = _rows(tmp_path / "trials_history.csv")
    assert [(row["number"], row["epoch"]) for row in curves] == [(str(n), str(e)) for n in range(3) for e in (1, 2)]
    for row in rows:  # a trial's value is its best epoch's
        assert float(row["value"]) == max(float(c["value"]) for c in curves if c["number"] == row["number"])
    best = yaml.safe_load((tmp_path / "best.yaml").read_text())["momentum"]
    chosen = rows[best["number"]]
    assert best["value"] == float(chosen["value"]) == max(float(row["value"]) for row in rows)
    assert best["params"]["momentum"] == float(chosen["param_momentum"])
    summary = run_folder.read_json(tmp_path / "metrics.json")["momentum"]
    assert summary["trials"] == {"complete": 3, "pruned": 0, "failed": 0}
    assert summary["accuracy"]["n"] == 2
    for seed in (0, 1):
        final = yaml.safe_load((tmp_path / "final" / "momentum" / f"seed-{seed}" / "settings.yaml").read_text())
        assert final["optimizer"] == {"name": "momentum", **best["params"]}
    # The trial trained as the final run of the same seed and numbers did.
    history = run_folder.read_history(tmp_path / "final" / "momentum" / "seed-0" / "history.csv")
    values = [float(row["value"]) for row in curves if int(row["number"]) == best["number"]]
    assert [row["validation_accuracy"] for row in history] == values


def test_the_number_of_the_best_trial_is_its_number_in_the_table(journal, scripted, dead_pid, tmp_path):
    """A killed trial has a number in Optuna's storage and no row in the table."""
    opened = storage.open_study(storage.open_storage(journal), "rates", True, "none")
    killed = opened.ask()
    for name, value in (("host", platform.node()), ("pid", dead_pid)):
        killed.set_user_attr(name, value)
    sweeps.open_arms(_study(), journal, ["rates"], True)
    sweeps.search_arm(_plan(), _study(), scripted, journal, "rates")
    run_folder.write_json(tmp_path / "final" / "momentum" / "metrics.json", {})
    sweeps.write_tables([_plan()], _study(), journal, {"momentum": "rates"}, tmp_path)
    best = yaml.safe_load((tmp_path / "best.yaml").read_text())["momentum"]
    rows = _rows(tmp_path / "trials.csv")
    assert [row["number"] for row in rows] == list("01234")
    assert float(rows[best["number"]]["value"]) == best["value"] == max(float(row["value"]) for row in rows)


def test_an_arm_whose_trials_all_diverge_stays_in_every_table(bench, journal, tmp_path, monkeypatch):
    def diverge(*arguments, **options):
        raise Diverged(3, "training loss")

    monkeypatch.setattr(sweeps, "fit", diverge)
    study, plan = _study(trials=2), _plan()
    (tmp_path / "final" / "momentum" / "seed-0").mkdir(parents=True)  # of an earlier search
    sweeps.search_arm(plan, study, bench, journal, "rates")
    quiet = Pace(1e9, lambda *_: None)
    sweeps.finish_arm(plan, study, bench, PREPARED, journal, "rates", tmp_path, quiet)
    sweeps.write_tables([plan], study, journal, {"momentum": "rates"}, tmp_path)
    rows = _rows(tmp_path / "trials.csv")
    assert [(row["state"], row["value"], row["epochs_run"]) for row in rows] == [("failed", "", "0")] * 2
    best = yaml.safe_load((tmp_path / "best.yaml").read_text())
    assert best == {"momentum": {"params": None, "value": None, "number": None}}
    summary = run_folder.read_json(tmp_path / "metrics.json")
    assert summary == {"momentum": {"trials": {"complete": 0, "pruned": 0, "failed": 2}}}
    assert not (tmp_path / "final" / "momentum").exists()


def test_a_trial_that_is_stopped_early_is_marked_pruned(bench, journal, tmp_path, monkeypatch):
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: trial.number > 0)
    study, plan = _study(trials=3), _plan()
    sweeps.search_arm(plan, study, bench, journal, "rates")
    run_folder.write_json(tmp_path / "final" / "momentum" / "metrics.json", {})
    sweeps.write_tables([plan], study, journal, {"momentum": "rates"}, tmp_path)
    rows = _rows(tmp_path / "trials.csv")
    assert [(row["state"], row["epochs_run"]) for row in rows] == [("complete", "2"), ("pruned", "1"), ("pruned", "1")]
    assert [row["value"] != "" for row in rows] == [True, False, False]
    assert len(_rows(tmp_path / "trials_history.csv")) == 4


def test_arms_with_other_numbers_share_one_table(journal, scripted, tmp_path):
    sgd = {"optimizer": "sgd", "space": {"learning_rate": RATE}}
    plans = [_plan(), _plan(sgd, "sgd")]
    for plan in plans:
        sweeps.search_arm(plan, _study(trials=2), scripted, journal, plan.name)
        run_folder.write_json(tmp_path / "final" / plan.name / "metrics.json", {})
    sweeps.write_tables(plans, _study(trials=2), journal, {"momentum": "momentum", "sgd": "sgd"}, tmp_path)
    filled = [(row["arm"], row["param_momentum"] != "") for row in _rows(tmp_path / "trials.csv")]
    assert filled == [("momentum", True)] * 2 + [("sgd", False)] * 2


@pytest.mark.parametrize("begun", [True, False])
def test_a_sweep_whose_code_was_changed_on_the_way_says_so(journal, scripted, tmp_path, begun):
    """The workers then worked on a study of another name."""
    if begun:
        sweeps.open_arms(_study(), journal, ["as it began"], True)
    sweeps.search_arm(_plan(), _study(), scripted, journal, "as it is now")
    with pytest.raises(StudyFailed, match=r"'momentum' has 0 of its 5 trials .* were changed while it ran. Run the"):
        sweeps.write_tables([_plan()], _study(), journal, {"momentum": "as it began"}, tmp_path)
    assert not (tmp_path / "metrics.json").exists()


def test_the_settings_of_a_trial_are_the_arms_with_its_numbers():
    plan = _plan({"optimizer": {"name": "momentum", "learning_rate": 0.5}, "space": {"momentum": MASS}})
    first, second = plan.settings({"momentum": 0.7})
    assert first["optimizer"] == {"name": "momentum", "learning_rate": 0.5, "momentum": 0.7}
    assert (first["seed"], second["seed"]) == (0, 1)
    ids = {first["id"], second["id"], plan.trials[0]["id"], plan.settings({"momentum": 0.8})[0]["id"]}
    assert len(ids) == 4
    assert plan.settings({"momentum": 0.7})[0]["id"] == first["id"]
