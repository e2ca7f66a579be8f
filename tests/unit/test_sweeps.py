"""Sweeps: equal budgets, nothing repeated, nothing lost by a kill, and tables that tell it all."""

import csv
import os
import platform
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import ClassVar

import optuna
import psutil
import pytest
import toys
import yaml

from archbench.config import Arm, Study
from archbench.records import run_folder
from archbench.results.studies import read_study
from archbench.sweeps import budget, space, storage, workers
from archbench.sweeps import study as sweeps
from archbench.sweeps import trial as running
from archbench.sweeps.benches import Benches
from archbench.sweeps.storage import StorageUnreachable
from archbench.sweeps.study import ArmPlan, StudyFailed
from archbench.sweeps.workers import WorkersFailed
from archbench.training import machine
from archbench.training.fit import Diverged
from archbench.training.run import Pace

optuna.logging.set_verbosity(optuna.logging.WARNING)
PREPARED = toys.stripes()
RATE = {"low": 1e-4, "high": 0.3, "log": True}
MASS = {"low": 0.01, "high": 0.5, "log": True, "one_minus": True}
ARM = {"optimizer": "momentum", "space": {"learning_rate": RATE, "momentum": MASS}}
PLAIN = {"parts": {}, "augmentation": [], "epochs": 2, "optimizer": {"name": "momentum"}}


def _study(**changes) -> Study:
    values = {"base": {"architecture": "lenet5", "dataset": "stripes"}, "trials": 5, "epochs": 2, "pruner": "none"}
    return Study.model_validate({**values, "arms": {"momentum": ARM}, **changes})


def _plan(arm=ARM, name="momentum", seeds=(0, 1), sampler="tpe") -> ArmPlan:
    arm = Arm.model_validate(arm)
    base = {**PLAIN, "optimizer": arm.optimizer.spec, "benchmark": f"rates/{name}"}
    return ArmPlan(name, arm.space, [toys.settings(**base, seed=seed) for seed in seeds], sampler)


def _search(plan, study, benches, journal, name, part=0, parts=1):
    sweeps.search_arm(plan, study, benches, journal, name, True, (part, parts))


def _finish(plan, study, benches, journal, folder):
    quiet = Pace(1e9, lambda *_: None)
    sweeps.finish_arm(plan, study, benches, PREPARED, journal, "rates", True, folder, quiet)


@pytest.fixture(scope="module")
def benches():
    return Benches(PREPARED, None)


@pytest.fixture
def journal(tmp_path, monkeypatch):
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    return tmp_path / "study.journal"


@pytest.fixture
def scripted(monkeypatch):
    """Trials that end at once, with a value worked out from their numbers; `hook` runs before each ends.

    `groups` is how many were asked for at once, time by time. It stands for the benches, which have room.
    """

    class Script:
        hook = staticmethod(lambda trial: None)
        check_room = staticmethod(lambda: None)
        groups: ClassVar[list[int]] = []

    def run(study, asked, benches, folds):
        Script.groups.append(len(asked))
        for trial, settings in asked:
            Script.hook(trial)
            trial.set_user_attr("seconds", 0.0)
            study.tell(trial, -((settings["optimizer"]["learning_rate"] - 0.02) ** 2))

    monkeypatch.setattr(sweeps, "run_trials", run)
    return Script


def _trials(journal, name="rates"):
    return storage.open_study(storage.open_storage(journal), name, True, "none").get_trials()


def _default(plan):
    return space.paper_default(plan.space, plan.trials[0])


def _points(journal):
    return [trial.params for trial in _trials(journal) if budget.ended(trial)]


# What is tried


def test_the_first_trial_has_the_papers_numbers(journal, scripted):
    _search(_plan(), _study(), scripted, journal, "rates")
    first, *rest = _trials(journal)
    assert space.values_of(first.params, _plan().space) == pytest.approx({"learning_rate": 0.01, "momentum": 0.9})
    assert first.user_attrs["enqueued"] is True
    assert not any("enqueued" in trial.user_attrs for trial in rest)


def test_a_default_outside_its_range_moves_to_the_border():
    narrow = {"learning_rate": {**RATE, "high": 1e-3}, "momentum": {**MASS, "low": 0.2}}
    plan = _plan({"optimizer": "momentum", "space": narrow})
    assert _default(plan) == pytest.approx({"learning_rate": 1e-3, "momentum": 0.2})
    given = _plan({"optimizer": {"name": "momentum", "learning_rate": 0.03}, "space": ARM["space"]})
    assert _default(given)["learning_rate"] == pytest.approx(0.03)


@pytest.mark.parametrize("sampler", ["tpe", "random", "quasi_random", "grid", "gp"])
def test_every_arm_gets_its_budget_of_different_points_the_same_each_time(tmp_path, journal, scripted, sampler):
    study, plan = _study(trials=9), _plan(sampler=sampler)
    for place in (journal, tmp_path / "again.journal"):
        _search(plan, study, scripted, place, "rates")
        _search(plan, study, scripted, place, "rates")  # there is nothing left to do
    points = _points(journal)
    assert len(_trials(journal)) == len({str(point) for point in points}) == 9
    assert points == _points(tmp_path / "again.journal")
    for point in points:
        assert 1e-4 <= point["learning_rate"] <= 0.3
        assert 0.01 <= point["momentum"] <= 0.5
    _search(plan, _study(trials=9, seed=1), scripted, journal, "other seed")
    assert [trial.params for trial in _trials(journal, "other seed")][1:] != points[1:]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_workers_that_share_an_arm_spend_its_budget_and_repeat_no_point(journal, scripted, sampler):
    study, plan = _study(trials=21), _plan(sampler=sampler)
    scripted.hook = staticmethod(lambda trial: time.sleep(0.005))
    workers = [
        threading.Thread(target=_search, args=(plan, study, scripted, journal, "rates", part, 2)) for part in (0, 1)
    ]
    sweeps.open_arms(study, journal, ["rates"], True)
    for worker in workers:
        worker.start()
    sweeps.wait_for_parts(study, journal, "rates", True)
    for worker in workers:
        worker.join()
    assert len({str(point) for point in _points(journal)}) == len(_trials(journal)) == 21
    assert Counter(trial.user_attrs["part"] for trial in _trials(journal)) == {0: 11, 1: 10}


@pytest.mark.parametrize("parts", [1, 2])
def test_trials_side_by_side_are_asked_for_at_once_and_spend_the_same_budget(journal, scripted, parts):
    """A sampler that does not learn gives them the points that it gives one after the other."""
    plan, points = _plan(sampler="random"), []
    for together, groups in ((1, [1] * 7), (3, {1: [3, 3, 1], 2: [3, 1, 3]}[parts])):
        scripted.groups.clear()
        for part in range(parts):
            _search(plan, _study(trials=7, side_by_side=together), scripted, journal, f"rates-{together}", part, parts)
        assert scripted.groups == groups
        points.append([trial.params for trial in _trials(journal, f"rates-{together}")])
    assert points[0] == points[1]
    assert len({str(point) for point in points[0]}) == 7


def test_trials_that_were_killed_side_by_side_are_tried_again(tmp_path, journal, scripted, dead_pid, monkeypatch):
    study, plan = _study(trials=7, side_by_side=3), _plan(sampler="random")
    _search(plan, study, scripted, tmp_path / "whole.journal", "rates")

    def kill(trial):
        if trial.number == 4:  # of the second group the first one has ended
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(sweeps.os, "getpid", lambda: dead_pid)
        scripted.hook = staticmethod(kill)
        with pytest.raises(Killed):
            _search(plan, study, scripted, journal, "rates")
    scripted.hook = staticmethod(lambda trial: None)
    sweeps.open_arms(study, journal, ["rates"], True)
    _search(plan, study, scripted, journal, "rates")
    assert [str(point) for point in _points(journal)] == [str(point) for point in _points(tmp_path / "whole.journal")]
    assert Counter(trial.state.name for trial in _trials(journal)) == {"COMPLETE": 7, "FAIL": 2}


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_another_number_of_workers_does_not_change_the_budget(journal, scripted, before, after):
    for trials, parts in ((4, before), (7, after)):
        for part in range(parts):
            _search(_plan(), _study(trials=trials), scripted, journal, "rates", part, parts)
        assert len(_points(journal)) == trials


def test_whole_arms_are_dealt_out_and_every_part_once():
    assert sweeps.shares(["a", "b", "c"], 2) == [[("a", 0, 1), ("c", 0, 1)], [("b", 0, 1)]]
    assert sweeps.shares(["a"], 1) == [[("a", 0, 1)]]
    for arms, number in ((["a"], 3), (["a", "b"], 5), (["a", "b", "c"], 7), (["a", "b", "c"], 1)):
        dealt = [share for worker in sweeps.shares(arms, number) for share in worker]
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
    study, plan = _study(trials=6), _plan(sampler=sampler)
    _search(plan, study, scripted, tmp_path / "whole.journal", "rates")

    def kill(trial):
        if trial.number == victim:
            raise Killed

    scripted.hook = staticmethod(kill)
    with monkeypatch.context() as patch:
        patch.setattr(sweeps.os, "getpid", lambda: dead_pid)
        with pytest.raises(Killed):
            _search(plan, study, scripted, journal, "rates")
    scripted.hook = staticmethod(lambda trial: None)
    sweeps.open_arms(study, journal, ["rates"], True)
    _search(plan, study, scripted, journal, "rates")
    ended = [trial for trial in _trials(journal) if budget.ended(trial)]
    assert [trial.params for trial in ended] == _points(tmp_path / "whole.journal")
    assert [("enqueued" in trial.user_attrs) for trial in ended] == [True] + [False] * 5
    assert Counter(trial.state.name for trial in _trials(journal)) == {"COMPLETE": 6, "FAIL": 1}


def test_a_trial_killed_before_it_drew_its_numbers_keeps_the_papers(journal, scripted):
    study = _study(trials=1)
    opened = storage.open_study(storage.open_storage(journal), "rates", True, "none")
    opened.ask()
    sweeps.open_arms(study, journal, ["rates"], True)
    _search(_plan(), study, scripted, journal, "rates")
    last = _trials(journal)[-1]
    assert last.params == pytest.approx(_default(_plan()))
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
    with workers.only_workers(tmp_path / "rates") as lock:
        with pytest.raises(
            WorkersFailed, match=r"Worker 1 \(status 3\) of the sweep stopped.* run the same command again"
        ):
            workers.run_workers(["-c", script, str(tmp_path)], 2, lock)
        assert time.monotonic() - start < 20
        workers.run_workers(["-c", "pass"], 2, lock)


def test_a_worker_ends_with_the_process_that_started_it():
    script = "import threading, time\nfrom archbench.sweep_worker import _end_with_parent\n"
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
    _search(_plan(), _study(), scripted, tmp_path / "study.journal", "rates")
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


def test_a_study_leaves_its_trials_its_best_settings_and_their_runs(benches, journal, tmp_path):
    study, plan = _study(trials=3), _plan()
    sweeps.open_arms(study, journal, ["rates"], True)
    _search(plan, study, benches, journal, "rates")
    _finish(plan, study, benches, journal, tmp_path)
    sweeps.write_tables([plan], study, journal, {"momentum": "rates"}, True, tmp_path)
    rows = _rows(tmp_path / "trials.csv")
    assert list(rows[0]) == [
        *("study", "arm", "number", "state", "value", "epochs_run", "seconds", "worker", "enqueued", "same_as"),
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
    _search(_plan(), _study(), scripted, journal, "rates")
    run_folder.write_json(tmp_path / "final" / "momentum" / "metrics.json", {})
    sweeps.write_tables([_plan()], _study(), journal, {"momentum": "rates"}, True, tmp_path)
    best = yaml.safe_load((tmp_path / "best.yaml").read_text())["momentum"]
    rows = _rows(tmp_path / "trials.csv")
    assert [row["number"] for row in rows] == list("01234")
    assert float(rows[best["number"]]["value"]) == best["value"] == max(float(row["value"]) for row in rows)


def test_an_arm_whose_trials_all_diverge_stays_in_every_table(benches, journal, tmp_path, monkeypatch):
    def diverge(*arguments, **options):
        raise Diverged(3, "training loss")

    monkeypatch.setattr(running, "fit", diverge)
    study, plan = _study(trials=2), _plan()
    (tmp_path / "final" / "momentum" / "seed-0").mkdir(parents=True)  # of an earlier search
    _search(plan, study, benches, journal, "rates")
    _finish(plan, study, benches, journal, tmp_path)
    sweeps.write_tables([plan], study, journal, {"momentum": "rates"}, True, tmp_path)
    rows = _rows(tmp_path / "trials.csv")
    assert [(row["state"], row["value"], row["epochs_run"]) for row in rows] == [("failed", "", "0")] * 2
    best = yaml.safe_load((tmp_path / "best.yaml").read_text())
    assert best == {"momentum": {"params": None, "value": None, "number": None}}
    summary = run_folder.read_json(tmp_path / "metrics.json")
    assert summary == {"momentum": {"trials": {"complete": 0, "pruned": 0, "failed": 2}}}
    assert not (tmp_path / "final" / "momentum").exists()


def test_a_trial_that_is_stopped_early_is_marked_pruned(benches, journal, tmp_path, monkeypatch):
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: trial.number > 0)
    study, plan = _study(trials=3), _plan()
    _search(plan, study, benches, journal, "rates")
    run_folder.write_json(tmp_path / "final" / "momentum" / "metrics.json", {})
    sweeps.write_tables([plan], study, journal, {"momentum": "rates"}, True, tmp_path)
    rows = _rows(tmp_path / "trials.csv")
    assert [(row["state"], row["epochs_run"]) for row in rows] == [("complete", "2"), ("pruned", "1"), ("pruned", "1")]
    assert [row["value"] != "" for row in rows] == [True, False, False]
    assert len(_rows(tmp_path / "trials_history.csv")) == 4


# Samplers, folds and axes


def test_a_grid_takes_every_point_of_an_even_lattice(journal, scripted):
    plan, study = _plan(sampler="grid"), _study(trials=9)
    _search(plan, study, scripted, journal, "rates")
    points = {(round(p["learning_rate"], 8), round(p["momentum"], 8)) for p in _points(journal)}
    rates = [1e-4, (1e-4 * 0.3) ** 0.5, 0.3]
    masses = [0.01, (0.01 * 0.5) ** 0.5, 0.5]
    assert points == {(round(a, 8), round(b, 8)) for a in rates for b in masses}


def test_the_gaussian_process_goes_where_its_trials_were_good(journal, scripted):
    """The scripted score is a parabola around 0.02; of random sweeps over this log range one in five comes as close."""
    plan = _plan({"optimizer": "sgd", "space": {"learning_rate": RATE}}, sampler="gp")
    for seed in range(3):
        _search(plan, _study(trials=14, seed=seed), scripted, journal, f"rates-{seed}")
    drawn = [[trial.params["learning_rate"] for trial in _trials(journal, f"rates-{seed}")] for seed in range(3)]
    assert sum(min(abs(rate - 0.02) for rate in rates) < 0.002 for rates in drawn) >= 2


def test_folds_are_scored_one_by_one_and_averaged(journal, tmp_path):
    slow = {"optimizer": "sgd", "space": {"learning_rate": {"low": 1e-2, "high": 3e-2, "log": True}}}
    study, plan, benches = _study(trials=2, folds=3), _plan(slow, seeds=(0,)), Benches(PREPARED, 3)
    _search(plan, study, benches, journal, "rates")
    _finish(plan, study, benches, journal, tmp_path)
    sweeps.write_tables([plan], study, journal, {"momentum": "rates"}, True, tmp_path)
    trials, folds = _rows(tmp_path / "trials.csv"), _rows(tmp_path / "trials_folds.csv")
    assert [(row["arm"], row["number"], row["fold"]) for row in folds] == [
        ("momentum", str(number), str(fold)) for number in range(2) for fold in range(3)
    ]
    for trial in trials:
        scores = [float(row["value"]) for row in folds if row["number"] == trial["number"]]
        assert float(trial["value"]) == pytest.approx(sum(scores) / 3)
        assert trial["epochs_run"] == "6"
    for row in folds:  # the fold's own score, of its own program on its own data
        numbers = {"learning_rate": float(trials[int(row["number"])]["param_learning_rate"])}
        alone = Benches(PREPARED, 3).get(settings := plan.settings(numbers)[0], fold=int(row["fold"]))
        assert toys.train(alone, settings).best_score == pytest.approx(float(row["value"]))
    assert _rows(tmp_path / "arms.csv")[0]["folds"] == "3"
    run_folder.write_yaml(tmp_path / "settings.yaml", sweeps.record("rates", study, "paper", "0"))
    run_folder.write_json(tmp_path / "machine.json", machine.describe(xla=False, xla_rule="", precision="float32"))
    read = read_study(tmp_path, "rates", (0,))  # as the report does
    assert read.arms[0].trial_epochs == 2
    assert not (tmp_path / "trials_history.csv").exists()


def test_arms_that_differ_in_inputs_of_the_program_share_it():
    benches = Benches(PREPARED, None)
    base = toys.settings(**PLAIN)
    first = benches.get(base)
    for change in (
        {"schedule": {"name": "constant"}},
        {"parts": {"initializer": {"name": "orthogonal"}}},
        {"optimizer": {"name": "momentum", "learning_rate": 0.5, "momentum": 0.1}},
        {"seed": 3, "epochs": 9},
    ):
        assert benches.get({**base, **change}) is first
    assert benches.get({**base, "batch_size": 8}) is not first
    other = {**base, "parts": {"initializer": {"name": "zeros"}}}
    first.start(other)
    assert not any(v.numpy().any() if hasattr(v, "numpy") else v.any() for v in first.program.learner.trainable[::2])


def test_arms_of_other_networks_train_in_programs_of_their_own_and_count_their_parameters(benches, journal, tmp_path):
    """3 classes of 256 pixels: 256 * 3 + 3 weights, and 256 * 2 + 2 + 2 * 3 + 3 with two hidden units."""
    study = _study(
        base={"architecture": "softmax_regression", "dataset": "stripes"},
        arms={"flat": ARM, "deep": {**ARM, "architecture": {"name": "mlp", "units": [2]}}},
        trials=1,
    )
    plans = []
    for name, arm in study.arms.items():
        spec = (arm.architecture or study.base.architecture).spec
        described = {**PLAIN, "architecture": spec, "benchmark": f"rates/{name}"}
        plans.append(ArmPlan(name, arm.space, [toys.settings(**described, seed=seed) for seed in (0, 1)], "tpe"))
    for plan in plans:
        sweeps.open_arms(study, journal, [plan.name], True)
        _search(plan, study, benches, journal, plan.name)
        quiet = Pace(1e9, lambda *_: None)
        sweeps.finish_arm(plan, study, benches, PREPARED, journal, plan.name, True, tmp_path, quiet)
    sweeps.write_tables(plans, study, journal, {plan.name: plan.name for plan in plans}, True, tmp_path)
    assert [row["architecture"] for row in _rows(tmp_path / "arms.csv")] == ["softmax_regression", "mlp"]
    run_folder.write_yaml(tmp_path / "settings.yaml", sweeps.record("rates", study, "paper", "0"))
    run_folder.write_json(tmp_path / "machine.json", machine.describe(False, "", "float32"))
    arms = {arm.name: (arm.network, arm.parameters) for arm in read_study(tmp_path, "rates", (0, 1)).arms}
    assert arms == {"flat": ("softmax_regression (paper)", 771), "deep": ("mlp, units [2] (paper)", 523)}


def test_arms_with_other_numbers_share_one_table(journal, scripted, tmp_path):
    sgd = {"optimizer": "sgd", "space": {"learning_rate": RATE}}
    plans = [_plan(), _plan(sgd, "sgd")]
    for plan in plans:
        _search(plan, _study(trials=2), scripted, journal, plan.name)
        run_folder.write_json(tmp_path / "final" / plan.name / "metrics.json", {})
    sweeps.write_tables(plans, _study(trials=2), journal, {"momentum": "momentum", "sgd": "sgd"}, True, tmp_path)
    filled = [(row["arm"], row["param_momentum"] != "") for row in _rows(tmp_path / "trials.csv")]
    assert filled == [("momentum", True)] * 2 + [("sgd", False)] * 2


@pytest.mark.parametrize("begun", [True, False])
def test_a_sweep_whose_code_was_changed_on_the_way_says_so(journal, scripted, tmp_path, begun):
    """The workers then worked on a study of another name."""
    if begun:
        sweeps.open_arms(_study(), journal, ["as it began"], True)
    _search(_plan(), _study(), scripted, journal, "as it is now")
    with pytest.raises(StudyFailed, match=r"'momentum' has 0 of its 5 trials .* were changed while it ran. Run the"):
        sweeps.write_tables([_plan()], _study(), journal, {"momentum": "as it began"}, True, tmp_path)
    assert not (tmp_path / "metrics.json").exists()


def test_the_settings_of_a_trial_are_the_arms_with_its_numbers():
    plan = _plan({"optimizer": {"name": "momentum", "learning_rate": 0.5}, "space": {"momentum": MASS}})
    first, second = plan.settings({"momentum": 0.7})
    assert first["optimizer"] == {"name": "momentum", "learning_rate": 0.5, "momentum": 0.7}
    assert (first["seed"], second["seed"]) == (0, 1)
    ids = {first["id"], second["id"], plan.trials[0]["id"], plan.settings({"momentum": 0.8})[0]["id"]}
    assert len(ids) == 4
    assert plan.settings({"momentum": 0.7})[0]["id"] == first["id"]
