"""A run that was cut off goes on as if nothing had happened, wherever the cut was."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import toys
from test_language_modelling import _learner
from train_toy import TRIALS

from archbench.records import run_folder
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.training.checkpoint import Progress
from archbench.training.feed import Feed
from archbench.training.fit import Recipe, fit
from archbench.training.program import Program
from archbench.training.run import Pace, Workbench, run_benchmark
from archbench.training.split import Split, open_split

STRIPES, SUMS, SQUARES = toys.stripes(), toys.sums(), toys.squares()
ALWAYS = Pace(1e-9, lambda run, row, epochs, monitor: None)
BUSY = "regions that a step draws, and masks"
"""Where TensorFlow's threads round last bits of losses otherwise in one run of thirty on a busy machine.

Resumed or not; a fault of resuming shows in each."""

CASES = {
    "dropout, augmentation, adam, cosine": (STRIPES, {}),
    "batch normalization, nesterov, piecewise, clipping": (
        STRIPES,
        {
            "parts": {"normalization": {"name": "batch"}},
            "augmentation": [{"name": "flip"}],
            "optimizer": {"name": "nesterov", "learning_rate": 0.02},
            "schedule": {"name": "piecewise", "epochs": [1, 3], "factors": [0.5, 0.1]},
            "clip": {"global_norm": 0.5},
        },
    ),
    "float16 with loss scaling, adamw": (STRIPES, {"precision": "mixed_float16", "optimizer": {"name": "adamw"}}),
    "averaged weights": (STRIPES, {"average": {"decay": 0.9}}),
    "samples of a VAE, rmsprop": (STRIPES, {**toys.VAE, "optimizer": {"name": "rmsprop"}}),
    BUSY: (toys.with_instances(SQUARES), toys.MASKS),
    "pictures of several sizes": (SQUARES, toys.SEVERAL_SIZES),
    "lstm, adadelta": (SUMS, {**toys.LSTM, "optimizer": {"name": "adadelta"}}),
}


class Stopped(BaseException):
    """What a test does to a run; not an Exception, so that no handler takes it for one."""


class Cut:
    """A renaming of files that works so many times, and at the next one ends the run before or after it."""

    def __init__(self, rename, survived, after):
        self.rename, self.left, self.after = rename, survived, after

    def __call__(self, source, target):
        self.left -= 1
        if self.left >= 0 or self.after:
            self.rename(source, target)
        if self.left < 0:
            raise Stopped


def _stop_after(epochs, bench, path):
    """A hook that writes a checkpoint after so many epochs and ends the run."""

    def hook(progress):
        if progress.epoch == epochs:
            progress.state = bench.program.learner.read_state()
            progress.save(path)
            raise Stopped

    return hook


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_ends_with_the_same_bits(case, tmp_path):
    if case == BUSY:
        with contextlib.suppress(AssertionError):
            _resume(case, tmp_path)
            return
    _resume(case, tmp_path)


def _resume(case, tmp_path):
    prepared, changes = CASES[case]
    trial = toys.settings(**changes)
    bench = Workbench(trial, prepared)
    whole = toys.train(bench, trial)
    weights, state = toys.weights(bench), bench.program.learner.read_state()
    for epochs in (1, 3):
        path = tmp_path / f"{epochs}.npz"
        with pytest.raises(Stopped):
            toys.train(bench, trial, after_epoch=_stop_after(epochs, bench, path))
    fresh = Workbench(trial, prepared)
    for epochs in (1, 3):
        progress = toys.train(fresh, trial, Progress.load(tmp_path / f"{epochs}.npz", trial["id"]))
        assert toys.without_seconds(progress.history) == toys.without_seconds(whole.history)
        toys.assert_same_bits(toys.weights(fresh), weights)
        toys.assert_same_bits(fresh.program.learner.read_state(), state)


def _stop_within(epoch, calls, bench, path):
    """A hook that writes a checkpoint after so many calls of an epoch and ends the run."""

    def hook(progress):
        if (progress.epoch, progress.within["calls"]) == (epoch, calls):
            progress.state = bench.program.learner.read_state()
            progress.save(path)
            raise Stopped

    return hook


def _in_two_feeds(bench):
    """The training split of stripes as if it had examples of two lengths."""
    arrays, rows = bench.training.arrays, [np.arange(16), np.arange(16, 70)]  # a step, and three
    read = {"image": bench.prepared.splits["train"]["image"], **arrays}
    feeds = [Feed(bench.program, {name: value[some] for name, value in read.items()}, 10**9) for some in rows]
    return Split(bench.program, feeds, arrays, read, rows=rows)


KINDS = {
    "on the device": lambda bench: bench.training,
    "streamed": lambda bench: toys.streamed(bench, "train"),
    "in two feeds": _in_two_feeds,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", ["dropout, augmentation, adam, cosine", "float16 with loss scaling, adamw"])
def test_a_run_cut_off_within_an_epoch_goes_on_there(case, kind, tmp_path):
    """Not at its beginning: no step is taken twice, and the epoch's means are over all of its steps."""
    prepared, changes = CASES[case]
    trial = toys.settings(**changes, steps_per_call=1)
    bench = Workbench(trial, prepared)
    training = KINDS[kind](bench)
    options = {
        "splits": (training, bench.validation),
        "recipe": {"steps_per_call": 1, "steps_per_epoch": training.steps(16)},
    }
    whole = toys.train(bench, trial, **options)
    weights, state = toys.weights(bench), bench.program.learner.read_state()
    for epoch, calls in itertools.product((0, 2), range(1, training.steps(16))):
        path = tmp_path / f"{epoch}-{calls}.npz"
        with pytest.raises(Stopped):
            toys.train(bench, trial, **options, after_call=_stop_within(epoch, calls, bench, path))
        fresh = Workbench(trial, prepared)
        taken, train = [], fresh.program.train

        def counting(*given, taken=taken, train=train, **more):
            taken.append(given[2])
            return train(*given, **more)

        fresh.program.train = counting
        again = {**options, "splits": (KINDS[kind](fresh), fresh.validation)}
        progress = toys.train(fresh, trial, Progress.load(path, trial["id"]), **again)
        assert toys.without_seconds(progress.history) == toys.without_seconds(whole.history)
        toys.assert_same_bits(toys.weights(fresh), weights)
        toys.assert_same_bits(fresh.program.learner.read_state(), state)
        assert sum(taken) == (4 - epoch) * training.steps(16) - calls


def test_streams_go_on_within_an_epoch_with_what_was_carried(tmp_path):
    """What the compilation and the evaluation of the run that goes on carry is not what training does."""

    def made():
        learner, _ = _learner(40)
        tokens = np.random.default_rng(0).integers(4, 7, (40, 6)).astype("int32")
        program = Program(learner, xla=False)
        split = open_split(program, {"tokens": tokens}, batch_size=2, resident_bytes=10**9, group=None)
        horizon = Horizon(20, 2, 2)
        pace = {"epochs": 2, "batch_size": 2, "steps_per_epoch": 20, "steps_per_call": 5, "step_examples": 2}
        return program, split, Recipe(seed=0, numbers={}, factor=SCHEDULES.build("constant", horizon), **pace)

    def trained(progress, after_call=lambda progress: None):
        program, split, recipe = made()
        if progress.state:
            program.learner.write_state(progress.state)
        fit(program, recipe, split, split, progress, after_epoch=lambda _: None, after_call=after_call)
        return program.learner.read_state()

    keras.utils.set_random_seed(0)
    program, split, recipe = made()
    start = program.learner.read_state()
    whole, cut = Progress("t", state=start), Progress("t", state=start)
    state = trained(whole)
    path = tmp_path / "checkpoint.npz"

    def stop(progress):
        if (progress.epoch, progress.within["calls"]) == (1, 2):
            progress.state = program.learner.read_state()
            progress.save(path)
            raise Stopped

    program.learner.write_state(start)
    with pytest.raises(Stopped):
        fit(program, recipe, split, split, cut, after_epoch=lambda _: None, after_call=stop)
    found = Progress.load(path, "t")
    toys.assert_same_bits(trained(found), state)
    assert toys.without_seconds(found.history) == toys.without_seconds(whole.history)


def test_a_checkpoint_within_an_epoch_comes_when_it_is_time(tmp_path):
    """At each call where every moment is time, at none where it never is; its epoch has no row yet."""
    seen, trial = {}, toys.settings(epochs=1, steps_per_call=1)
    for name, seconds in (("always", 1e-9), ("never", 1e9)):
        bench = Workbench(trial, STRIPES)
        seen[name] = []
        train = bench.program.train

        def look(*given, name=name, train=train, **more):
            path = tmp_path / name / "seed-0" / "checkpoint.npz"
            found = Progress.load(path, trial["id"])
            seen[name].append(found and (found.epoch, found.within["calls"], len(found.history)))
            return train(*given, **more)

        bench.program.train = look
        pace = Pace(seconds, lambda *_: None)
        run_benchmark([trial], STRIPES, tmp_path / name, pace, bench=lambda bench=bench: bench)
    assert seen == {"always": [None, None, (0, 1, 0), (0, 2, 0), (0, 3, 0)], "never": [None] * 5}


def test_early_stopping_counts_on_after_a_resume(tmp_path, monkeypatch):
    """The best epoch is the second; patience two ends the run after the fourth, also if it is cut off in between."""
    trial = toys.settings(epochs=9, early_stopping={"patience": 2, "least_gain": 0.0})
    bench = Workbench(trial, STRIPES)
    scores = [0.1, 0.7, 0.6, 0.5, 0.9]

    def script(done):
        given = iter(scores[done:])
        monkeypatch.setattr(bench.task, "scores", lambda *_: {"accuracy": next(given), "f1": 0.0})

    script(0)
    whole = toys.train(bench, trial)
    weights = toys.weights(bench)
    assert (whole.epoch, whole.best_epoch) == (4, 2)
    for cut in (1, 3, 4):  # at 4 the patience is spent already: no further epoch may run
        script(0)
        with pytest.raises(Stopped):
            toys.train(bench, trial, after_epoch=_stop_after(cut, bench, tmp_path / "checkpoint.npz"))
        script(cut)
        progress = toys.train(bench, trial, Progress.load(tmp_path / "checkpoint.npz", trial["id"]))
        assert (progress.epoch, progress.best_epoch) == (4, 2)
        toys.assert_same_bits(toys.weights(bench), weights)


def test_a_resumed_run_counts_the_compilation_apart(tmp_path):
    trial = toys.settings(epochs=2)
    bench = Workbench(trial, STRIPES)
    with pytest.raises(Stopped):
        toys.train(bench, trial, after_epoch=_stop_after(1, bench, tmp_path / "checkpoint.npz"))
    progress = Progress.load(tmp_path / "checkpoint.npz", trial["id"])
    last = toys.train(Workbench(trial, STRIPES), trial, progress).history[-1]
    assert last["compile_seconds"] > 10 * last["step_seconds"]


def test_a_checkpoint_comes_back_as_it_was_saved(tmp_path):
    progress = Progress("abc", epoch=2, history=[{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": float("inf")}])
    progress.state = [np.float32([1.5, np.nan]), np.arange(3, dtype=np.uint32), np.int64(7)]
    progress.best_weights = [np.full((2, 2), 1e-45, np.float32) for _ in range(12)]
    progress.save(tmp_path / "deep" / "checkpoint.npz")
    found = Progress.load(tmp_path / "deep" / "checkpoint.npz", "abc")
    assert np.isnan(found.best_score)
    assert replace(found, state=[], best_weights=[], best_score=0) == replace(
        progress, state=[], best_weights=[], best_score=0
    )
    toys.assert_same_bits(found.state, [np.asarray(value) for value in progress.state])
    toys.assert_same_bits(found.best_weights, progress.best_weights)


def test_the_checkpoint_of_another_trial_is_not_used(tmp_path):
    assert Progress.load(tmp_path / "none.npz", "abc") is None
    Progress("abc", epoch=2).save(tmp_path / "checkpoint.npz")
    assert Progress.load(tmp_path / "checkpoint.npz", "abd") is None
    assert Progress.load(tmp_path / "checkpoint.npz", "abc").epoch == 2


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The run folders of `train_toy`, and the bench that made them."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    bench = Workbench(TRIALS[0], STRIPES)
    run_benchmark(TRIALS, STRIPES, folder, ALWAYS, bench=lambda: bench)
    return folder, bench


def _results(folder: Path) -> dict:
    """The metrics of a whole run, without the digests of files that hold dates and seconds."""
    metrics = run_folder.check(folder)
    return {**metrics, "files": sorted(metrics["files"])}


def _assert_as_uninterrupted(folder: Path, expected: Path) -> None:
    for seed in (trial["seed"] for trial in TRIALS):
        ours, theirs = folder / f"seed-{seed}", expected / f"seed-{seed}"
        histories = [run_folder.read_history(path / "history.csv") for path in (ours, theirs)]
        assert toys.without_seconds(histories[0]) == toys.without_seconds(histories[1])
        assert _results(ours) == _results(theirs)
        models = [keras.saving.load_model(path / "model.keras").get_weights() for path in (ours, theirs)]
        toys.assert_same_bits(*models)
        found, known = (run_folder.read_arrays(path / "predictions.npz") for path in (ours, theirs))
        assert found.keys() == known.keys()
        toys.assert_same_bits(list(found.values()), list(known.values()))
        assert {path.name for path in ours.iterdir()} == {path.name for path in theirs.iterdir()}


def test_kill_9_at_any_moment_costs_nothing_but_time(uninterrupted, tmp_path):
    """A real process, killed in its first seed and in its second, then let go on."""
    moments = [("seed-0/history.csv", 3), ("seed-1/history.csv", 4)]
    script = Path(__file__).with_name("train_toy.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for name, lines in moments:
        process = subprocess.Popen([sys.executable, str(script), str(tmp_path)], env=environment)
        deadline = time.monotonic() + 120
        while not ((tmp_path / name).exists() and (tmp_path / name).read_text().count("\n") >= lines):
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        seed = (tmp_path / name).parent
        assert run_folder.finished_metrics(seed, TRIALS[int(seed.name[-1])]["id"]) is None
        assert not (tmp_path / "metrics.json").exists()
    subprocess.run([sys.executable, str(script), str(tmp_path)], env=environment, check=True, timeout=120)
    rows = run_folder.read_history(tmp_path / "seed-1" / "history.csv")
    assert sum(row["compile_seconds"] > 0 for row in rows) == 2  # it did go on from a checkpoint
    _assert_as_uninterrupted(tmp_path, uninterrupted[0])


def test_a_kill_at_any_write_costs_nothing_but_time(tmp_path, monkeypatch):
    """The run is cut off before, and after, each renaming of a file in turn, until it gets through."""
    trial = toys.settings(epochs=2, steps_per_call=3)  # so that an epoch takes two calls
    bench = Workbench(trial, STRIPES)
    run_benchmark([trial], STRIPES, tmp_path / "whole", ALWAYS, bench=lambda: bench)
    for after in (False, True):
        for survived in itertools.count():
            folder = tmp_path / f"{after}-{survived}"
            with monkeypatch.context() as patch:
                cut = Cut(os.replace, survived, after)
                patch.setattr(os, "replace", cut)
                with contextlib.suppress(Stopped):
                    run_benchmark([trial], STRIPES, folder, ALWAYS, bench=lambda: bench)
            run_benchmark([trial], STRIPES, folder, ALWAYS, bench=lambda: bench)
            _assert_same_seed(folder / "seed-0", tmp_path / "whole" / "seed-0")
            if cut.left >= 0:
                break
        assert survived > 8


def _assert_same_seed(ours: Path, theirs: Path) -> None:
    histories = [run_folder.read_history(path / "history.csv") for path in (ours, theirs)]
    assert toys.without_seconds(histories[0]) == toys.without_seconds(histories[1])
    assert _results(ours) == _results(theirs)
    assert {path.name for path in ours.iterdir()} == {path.name for path in theirs.iterdir()}


def test_what_a_killed_writer_left_is_swept_away(uninterrupted, tmp_path):
    folder = tmp_path / "seed-0"
    folder.mkdir()
    for name in (".checkpoint.npz.123.tmp", ".unfinished.keras", "model.keras"):
        (folder / name).write_bytes(b"half")
    run_benchmark(TRIALS[:1], STRIPES, tmp_path, ALWAYS, bench=lambda: uninterrupted[1])
    assert {path.name for path in folder.iterdir()} == {path.name for path in (uninterrupted[0] / "seed-0").iterdir()}


def test_metrics_of_other_settings_are_gone_before_training_starts(uninterrupted, tmp_path):
    """A finished run of other settings must not pass for one of these while they train."""
    other = toys.settings(epochs=1, early_stopping=TRIALS[0]["early_stopping"])
    run_benchmark([other], STRIPES, tmp_path, ALWAYS, bench=lambda: uninterrupted[1])
    seen = []

    def look(run, row, epochs, monitor):
        seen.append([(path / "metrics.json").exists() for path in (tmp_path, tmp_path / run)])

    run_benchmark(TRIALS[:1], STRIPES, tmp_path, Pace(1e9, look), bench=lambda: uninterrupted[1])
    assert seen == [[False, False]] * len(seen) != []


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


@pytest.mark.parametrize("name", ["model.keras", "history.csv", "metrics.json", "settings.yaml"])
def test_a_damaged_run_is_trained_again_and_no_other(uninterrupted, tmp_path, capsys, name):
    whole, bench = uninterrupted
    shutil.copytree(whole, tmp_path / "runs")
    damaged = tmp_path / "runs" / "seed-1" / name
    _noise(damaged)
    before = (tmp_path / "runs" / "seed-0" / "machine.json").stat().st_mtime_ns
    run_benchmark(TRIALS, STRIPES, tmp_path / "runs", ALWAYS, bench=lambda: bench)
    assert f"{damaged} " in (told := capsys.readouterr().out)
    assert told.count("the run is trained again") == 1
    assert (tmp_path / "runs" / "seed-0" / "machine.json").stat().st_mtime_ns == before
    _assert_as_uninterrupted(tmp_path / "runs", whole)
    run_benchmark(TRIALS, STRIPES, tmp_path / "runs", ALWAYS, bench=pytest.fail)  # there is nothing left to train
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("damage", [_noise, lambda path: path.write_bytes(path.read_bytes()[:-40]), Path.touch])
def test_a_broken_checkpoint_costs_its_epochs_and_is_told(uninterrupted, tmp_path, capsys, damage):
    whole, bench = uninterrupted
    path = tmp_path / "seed-0" / "checkpoint.npz"
    Progress(TRIALS[0]["id"], epoch=2).save(path)
    damage(path)
    if damage is Path.touch:
        path.write_bytes(b"")
    run_benchmark(TRIALS, STRIPES, tmp_path, ALWAYS, bench=lambda: bench)
    told = capsys.readouterr().out
    assert f"{path} cannot be read" in told
    assert "training starts anew" in told
    _assert_as_uninterrupted(tmp_path, whole)


def test_two_trainings_of_one_benchmark_at_once_do_not_mix(uninterrupted, tmp_path):
    """Two real processes, started together: the second waits, and then finds that there is nothing to do."""
    script = Path(__file__).with_name("train_toy.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(script), str(tmp_path / "runs"), "locked"]
    both = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert sum("is being written by" in text for text in told) == 1
    for seed in (0, 1):
        rows = run_folder.read_history(tmp_path / "runs" / f"seed-{seed}" / "history.csv")
        assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
    _assert_as_uninterrupted(tmp_path / "runs", uninterrupted[0])
