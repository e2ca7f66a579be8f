"""What a sweep leaves and takes up: half-written journals, full disks, kills, other sweeps, leftovers, tried points."""

import csv
import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from multiprocessing import get_context

import keras
import optuna
import pytest
import toys

from archbench import errors, kept, stages
from archbench.cli.forecast import small_spaces
from archbench.config import Study, check_config
from archbench.records import run_folder
from archbench.sweeps import benches as programs
from archbench.sweeps import budget, storage, workers
from archbench.sweeps import study as sweeps
from archbench.sweeps import trial as running
from archbench.sweeps.benches import Benches, Full
from archbench.sweeps.storage import JournalDamaged
from archbench.sweeps.study import ArmPlan

optuna.logging.set_verbosity(optuna.logging.WARNING)
RATE = {"low": 1e-4, "high": 0.3, "log": True}
BATCH = {"low": 15, "high": 17, "integer": True}
MLP = {"architecture": {"name": "mlp", "units": [4]}, "parts": {}, "augmentation": [], "epochs": 2}
"""A network that is compiled in a moment."""


def _study(arm, **changes) -> Study:
    values = {"base": {"architecture": "mlp", "dataset": "stripes"}, "trials": 6, "epochs": 2, "pruner": "none"}
    return Study.model_validate(
        {**values, "workers": 1, **changes, "arms": {"sgd": {"optimizer": "sgd", "space": arm}}}
    )


def _plan(study, name="sgd") -> ArmPlan:
    arm = study.arms["sgd"]
    settings = {**MLP, "optimizer": arm.optimizer.spec, "benchmark": f"rates/{name}"}
    return ArmPlan(name, arm.space, [toys.settings(**settings)], study.sampler)


def _search(study, journal, benches, parts=1, name="sgd"):
    sweeps.open_arms(study, journal, [name], True)
    for part in range(parts):
        sweeps.search_arm(_plan(study, name), study, benches, journal, name, True, (part, parts))


class Scripted:
    """Trials that end at once, in place of benches and training: the value follows from the rate alone."""

    def __init__(self, seconds=0.0):
        self.seconds, self.trained = seconds, []

    def check_room(self):
        """There always is."""

    def run(self, study, asked, benches, folds):
        for trial, settings in asked:
            time.sleep(self.seconds)
            self.trained.append(trial.user_attrs["turn"])
            rate = settings["optimizer"].get("learning_rate", 0.01)
            for epoch in (1, 2):
                trial.report(rate * epoch, epoch)
            trial.set_user_attr("epochs_run", 2)
            trial.set_user_attr("seconds", self.seconds)
            study.tell(trial, -((rate - 0.02) ** 2) - settings["batch_size"])


@pytest.fixture
def scripted(monkeypatch):
    script = Scripted()
    monkeypatch.setattr(sweeps, "run_trials", script.run)
    monkeypatch.setattr(sweeps, "run_benchmark", _end_at_once)
    return script


def _end_at_once(trials, prepared, folder, pace, *, bench):
    run_folder.write_json(folder / "metrics.json", {"settings": [trial["id"] for trial in trials]})


@pytest.fixture
def journal(tmp_path, monkeypatch):
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    return tmp_path / "rates.journal"


def _counted(journal, trials, name="sgd"):
    return budget.counted(optuna.load_study(study_name=name, storage=storage.open_storage(journal)), trials)


def _told(journal, trials=6):
    """What the trials of a budget say, but for their time and their process."""
    own = ("seconds", "pid")
    return [
        (t.params, t.value, t.intermediate_values, {k: v for k, v in t.user_attrs.items() if k not in own})
        for t in _counted(journal, trials)
    ]


# The journal


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid", "gp"])
def test_a_journal_that_was_cut_anywhere_goes_on_to_the_same_trials(journal, scripted, sampler, tmp_path):
    study = _study({"learning_rate": RATE}, sampler=sampler)
    _search(study, journal, scripted)
    whole, content = _told(journal), journal.read_bytes()
    cuts = range(1, 61) if sampler == "random" else (25, 300, len(content) // 2)
    for cut in cuts:
        journal.write_bytes(content[:-cut])
        _search(study, journal, scripted)
        assert _told(journal) == whole, cut


def test_a_last_line_that_no_one_can_read_is_cut_and_one_further_up_is_named(journal, scripted):
    study = _study({"learning_rate": RATE})
    _search(study, journal, scripted)
    whole, content = _told(journal), journal.read_bytes()
    for rubbish in (b'{"op_code":', b"\0\0\0\0\n", b"\xff\n", b"3\n"):
        journal.write_bytes(content + rubbish)
        assert _told(journal) == whole
        assert journal.read_bytes() == content
    lines = content.splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:6], lines[6][:-9] + b"\n", *lines[7:]]))
    with pytest.raises(JournalDamaged, match=rf"Line 7 of {len(lines)} of .*rates.journal is damaged.*: rm .*journal$"):
        _search(study, journal, scripted)


def test_what_a_killed_writer_left_behind_is_cut_before_the_next_record(journal, scripted):
    """Others write on until they are told that one of them is gone."""
    shared = storage.open_storage(journal)
    study = storage.open_study(shared, "sgd", True, "none")
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"wor')
    study.ask()
    assert all(json.loads(line) for line in journal.read_bytes().splitlines())
    assert len(storage.open_study(storage.open_storage(journal), "sgd", True, "none").trials) == 1


def test_a_record_for_which_there_is_no_place_is_not_begun(journal):
    study = storage.open_study(storage.open_storage(journal), "sgd", True, "none")
    before, (soft, hard) = journal.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 25, hard))
    try:
        with pytest.raises(OSError, match="No space left on device") as caught:
            study.ask()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(journal))
    assert journal.read_bytes() == before
    study.ask()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 36 kB, and what makes it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        return subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
        )

    if shutil.which("mount") is None or mount("size=36k").returncode:
        pytest.skip("a file system can be mounted by root alone")
    yield folder, lambda: mount("remount,size=10m").check_returncode()
    subprocess.run(["umount", folder], check=True)


def test_a_study_on_a_full_disk_loses_nothing(small_disk, scripted, tmp_path):
    (folder, enlarge), study = small_disk, _study({"learning_rate": RATE}, trials=40, sampler="random")
    _search(study, tmp_path / "whole.journal", scripted)
    journal = folder / "rates.journal"
    for _ in range(2):  # the second one begins on the full disk
        with pytest.raises(OSError, match="No space left on device"):
            _search(study, journal, scripted)
    spent = len(_counted(journal, 40))
    assert 5 < spent < 40
    enlarge()
    scripted.trained.clear()
    _search(study, journal, scripted)
    assert len(scripted.trained) == 40 - spent
    assert _told(journal, 40) == _told(tmp_path / "whole.journal", 40)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_worker_without_place_ends_with_one_line(number, capsys):
    with pytest.raises(SystemExit, match="2"), errors.guarded():
        raise OSError(number, os.strerror(number), "/studies/rates.journal")
    assert capsys.readouterr().err == (
        f"error: {os.strerror(number)}: /studies/rates.journal. Mend this, then run the command again; what is written "
        "so far is kept.\n"
    )
    with pytest.raises(FileNotFoundError), errors.guarded():
        raise FileNotFoundError(errno.ENOENT, "no", "file")


# Kills


@pytest.mark.parametrize("together", [1, 2])
def test_a_sweep_that_was_killed_at_any_moment_ends_as_one_that_was_not(journal, monkeypatch, tmp_path, together):
    study, script, moments = (
        _study({"learning_rate": RATE}, trials=9, side_by_side=together),
        Scripted(0.01),
        random.Random(0),
    )
    monkeypatch.setattr(sweeps, "run_trials", script.run)
    whole = tmp_path / "whole.journal"
    _search(study, whole, script)
    kills = 0
    while kills < 8:
        process = get_context("fork").Process(target=_search, args=(study, journal, script))
        process.start()
        process.join(moments.uniform(0.02, 0.25))
        if process.exitcode is not None:  # it was faster
            journal.unlink()
            continue
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        kills += 1
    start = time.monotonic()
    _search(study, journal, script)
    assert _told(journal, 9) == _told(whole, 9)
    assert time.monotonic() - start < 25  # Optuna's own lock waits 30 seconds for a process that was killed in it


def test_numbers_that_were_drawn_in_part_are_drawn_again(journal, scripted, tmp_path):
    """A kill between two records of one trial."""
    space = {"learning_rate": RATE, "batch_size": {"low": 2, "high": 60, "integer": True}}
    for sampler in ("tpe", "random", "grid"):
        study, whole, cut = _study(space, sampler=sampler), tmp_path / f"{sampler}.whole", tmp_path / f"{sampler}.cut"
        _search(study, whole, scripted)
        lines = whole.read_bytes().splitlines(keepends=True)
        drawn = [number for number, line in enumerate(lines) if b'"param_name":"learning_rate"' in line]
        for number in drawn[1:4]:
            cut.write_bytes(b"".join(lines[: number + 1]))
            _search(study, cut, scripted)
            assert _told(cut) == _told(whole)


# One sweep at a time


HOLD = """
import sys
from pathlib import Path
from archbench.sweeps.workers import only_workers, run_workers
with only_workers(Path(sys.argv[1])) as lock:
    run_workers(["-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"], 1, lock)
"""
"""A sweep whose worker does not notice that it is alone."""


def test_a_sweep_waits_for_the_workers_of_one_that_was_killed(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "rates")]
    began = threading.Event()

    def follow():
        with workers.only_workers(tmp_path / "rates"):
            began.set()

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sweep:
        worker = int(sweep.stdout.readline())
        sweep.kill()
        sweep.wait()
        thread = threading.Thread(target=follow)
        thread.start()
        try:
            assert not began.wait(1.0)
        finally:
            os.kill(worker, signal.SIGKILL)
        assert began.wait(30)
        thread.join()


PARAMS = """\
pipeline: small
datasets: {digits: {size: 16}}
benchmarks: {}
studies:
  rates:
    base: {architecture: lenet5, dataset: digits}
    arms: {sgd: {optimizer: sgd, space: {learning_rate: {low: 0.001, high: 1.0, log: true}}}}
    trials: 2
    epochs: 1
"""


def test_two_sweeps_of_one_study_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(tmp_path)
    order = []

    @contextmanager
    def live(folders, seconds):
        yield type("Tracker", (), {"message": "tracked"})

    def sweep(config, folders, slug):
        order.append("begins")
        if len(order) == 1:
            other.start()
            time.sleep(1)
        order.append("ends")

    monkeypatch.setattr(stages, "live", live)
    monkeypatch.setattr(stages, "_sweep", sweep)
    monkeypatch.setattr(kept, "keep_study", lambda *_: None)
    other = threading.Thread(target=stages.sweep, args=("rates",))
    stages.sweep("rates")
    other.join(30)
    assert order == ["begins", "ends"] * 2
    assert "rates is being written by process" in capsys.readouterr().err


# Leftovers


def _written(study, journal, folder, names=("sgd",)):
    """All that a sweep writes into its folder, but for seconds."""
    plans = [_plan(study, name) for name in names]
    sweeps.clear_folder(folder, names)
    for plan in plans:
        sweeps.finish_arm(plan, study, None, None, journal, plan.name, True, folder, None)
    sweeps.write_tables(plans, study, journal, {name: name for name in names}, True, folder)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.*")}


@pytest.mark.parametrize(("sampler", "parts"), [("tpe", 1), ("random", 1), ("random", 2)])
def test_only_the_first_trials_of_a_study_count(journal, scripted, tmp_path, sampler, parts):
    few, many = (_study({"learning_rate": RATE}, trials=n, sampler=sampler, workers=parts) for n in (3, 6))
    folder, fresh = tmp_path / "rates", tmp_path / "fresh"
    for name in ("sgd", "old"):
        _search(many, journal, scripted, parts, name)
    before = _written(many, journal, folder, ("old", "sgd"))
    for name in ("new", "sgd"):
        _search(few, journal, scripted, parts, name)
        _search(few, tmp_path / "fresh.journal", scripted, parts, name)
    written = _written(few, journal, folder, ("new", "sgd"))
    assert written == _written(few, tmp_path / "fresh.journal", fresh, ("new", "sgd"))
    rows = list(csv.DictReader(written["trials.csv"].splitlines()))
    assert [(row["arm"], row["number"]) for row in rows] == [(arm, str(n)) for arm in ("new", "sgd") for n in range(3)]
    assert [row["enqueued"] for row in rows] == ["True", "False", "False"] * 2
    assert {name for name in written if name.startswith("final/")} == {
        f"final/{a}/metrics.json" for a in ("new", "sgd")
    }
    scripted.trained.clear()
    _search(many, journal, scripted, parts)
    assert not scripted.trained  # they are there again
    assert _written(many, journal, folder, ("old", "sgd")) == before


def test_the_best_of_the_trials_that_count_is_not_the_best_of_those_that_are_there(journal, scripted, tmp_path):
    study = _study({"learning_rate": RATE}, trials=20, sampler="random")
    _search(study, journal, scripted)
    values = [trial.value for trial in _counted(journal, 20)]
    later = next(n for n in range(2, 20) if values[n] == max(values[: n + 1]) > max(values[:n]))
    for trials in (later, later + 1):
        written = _written(study.model_copy(update={"trials": trials}), journal, tmp_path / "rates")
        assert f"number: {values.index(max(values[:trials]))}\n" in written["best.yaml"]
    assert f"number: {later}\n" in written["best.yaml"]


def test_another_number_of_workers_goes_on_with_the_trials_that_are_there(journal, scripted):
    for trials, parts, trained in ((4, 3, 4), (7, 1, 3), (9, 2, 2), (9, 5, 0)):
        scripted.trained.clear()
        _search(_study({"learning_rate": RATE}, trials=trials, sampler="random"), journal, scripted, parts)
        assert len(scripted.trained) == trained
        assert len(_counted(journal, trials)) == trials


# Points that were tried


@pytest.fixture
def trainings(monkeypatch):
    """The batch size of every training that was begun."""
    begun = []

    def fit(program, recipe, *arguments, **options):
        begun.append(recipe.batch_size)
        return true(program, recipe, *arguments, **options)

    true = running.fit
    monkeypatch.setattr(running, "fit", fit)
    return begun


@pytest.mark.parametrize(("sampler", "folds"), [("tpe", None), ("grid", None), ("random", 2)])
def test_a_point_is_trained_once(journal, trainings, tmp_path, monkeypatch, sampler, folds):
    study = _study({"batch_size": BATCH}, sampler=sampler, folds=folds, trials=8)
    benches = Benches(toys.stripes(), folds)
    _search(study, journal, benches)
    points = [trial.params["batch_size"] for trial in _counted(journal, 8)]
    assert sorted(trainings) == sorted([*set(points)] * (folds or 1))
    monkeypatch.setattr(sweeps, "run_benchmark", _end_at_once)
    written = _written(study, journal, tmp_path / "rates")
    rows = list(csv.DictReader(written["trials.csv"].splitlines()))
    result = ("state", "value", "epochs_run", "param_batch_size")
    for number, row in enumerate(rows):
        first = points.index(points[number])
        assert row["same_as"] == ("" if first == number else str(first))
        assert [row[name] for name in result] == [rows[first][name] for name in result]
        assert (float(row["seconds"]) == 0.0) == (first != number)
    again = toys.train(Benches(toys.stripes(), None).get(one := _plan(study).settings({"batch_size": 15})[0]), one)
    if folds is None and 15 in points:
        assert float(rows[points.index(15)]["value"]) == again.best_score  # as a training of its own gives


def test_trials_side_by_side_that_have_one_point_are_one(journal, scripted):
    study = _study({"batch_size": BATCH}, trials=8, sampler="random", side_by_side=4)
    _search(study, journal, scripted)
    counted = _counted(journal, 8)
    assert len(scripted.trained) == len({trial.params["batch_size"] for trial in counted})
    assert len(counted) == 8


def test_a_plan_tells_which_arms_have_fewer_points_than_trials():
    arms = {
        "sizes": {"space": {"batch_size": BATCH}},
        "rates": {"space": {"learning_rate": RATE, "batch_size": BATCH}},
        "lattice": {"space": {"batch_size": {**BATCH, "low": 10}}, "sampler": "grid"},
    }
    base = {"architecture": "mlp", "dataset": "digits", "optimizer": "sgd"}
    study = {"base": base, "trials": 6, "epochs": 1, "arms": arms}
    config = check_config(
        {"pipeline": "small", "datasets": {"digits": None}, "benchmarks": {}, "studies": {"s": study}}
    )
    assert small_spaces(config) == [{"arm": "s/sizes", "points": 3, "trials": 6}]


@pytest.mark.parametrize("end", ["pruned", "failed"])
def test_a_point_ends_again_as_it_ended_before(journal, scripted, monkeypatch, tmp_path, end):
    def run(study, asked, benches, folds):
        for trial, settings in asked:
            scripted.trained.append(settings["batch_size"])
            trial.report(0.5, 1)
            trial.set_user_attr("seconds", 1.0)
            if end == "failed":
                trial.set_user_attr("diverged_at_step", 7)
            study.tell(trial, state=running.TrialState.PRUNED if end == "pruned" else running.TrialState.FAIL)

    monkeypatch.setattr(sweeps, "run_trials", run)
    study = _study({"batch_size": BATCH}, trials=8)
    _search(study, journal, scripted)
    assert sorted(scripted.trained) == sorted({trial.params["batch_size"] for trial in _counted(journal, 8)})
    rows = list(csv.DictReader(_written(study, journal, tmp_path / "rates")["trials.csv"].splitlines()))
    assert [row["state"] for row in rows] == [end] * 8


# Memory


def test_a_worker_that_is_full_goes_on_afresh_to_the_same_bits(journal, tmp_path, monkeypatch):
    study, prepared, lives = _study({"batch_size": BATCH}, sampler="grid", trials=3), toys.stripes(), 0
    _search(study, tmp_path / "whole.journal", Benches(prepared, None))
    monkeypatch.setattr(programs, "MOST_PROGRAMS", 1)
    while True:
        lives += 1
        try:
            _search(study, journal, Benches(prepared, None))
            break
        except Full:
            continue
    assert lives == 3
    assert len(_counted(journal, 3)) == 3
    assert _told(journal) == _told(tmp_path / "whole.journal")


def test_a_worker_that_asks_for_it_is_started_again(tmp_path):
    script = (
        "import sys, pathlib\nlives = pathlib.Path(sys.argv[1], sys.argv[2])\n"
        "lives.write_text((lives.read_text() if lives.exists() else '') + 'x')\n"
        f"sys.exit({workers.AGAIN} if len(lives.read_text()) < 3 else 0)"
    )
    with workers.only_workers(tmp_path / "rates") as lock:
        workers.run_workers(["-c", script, str(tmp_path)], 2, lock)
    assert [(tmp_path / number).read_text() for number in "01"] == ["xxx", "xxx"]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow alone warns")
def test_a_process_with_many_programs_is_not_warned_of_retracing(caplog):
    import tensorflow

    benches, logger = Benches(toys.stripes(), None), tensorflow.get_logger()
    logger.addHandler(caplog.handler)
    try:
        for size in range(20, 25):
            settings = toys.settings(**{**MLP, "epochs": 1}, batch_size=size)
            toys.train(benches.get(settings), settings)
    finally:
        logger.removeHandler(caplog.handler)
    assert "retracing" not in caplog.text
