"""A full or read-only disk ends every stage in one line and exit code 2, and loses nothing that was written."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import fake_runs as fake
import h5py
import numpy as np
import pytest

from archbench.errors import UserError, guarded, refusal

PAGES = Path(__file__).parents[2] / "pipelines"
PARAMS = """\
pipeline: small
seeds: [0]
datasets: {digits: {size: 16}}
benchmarks:
  lenet5-digits: {architecture: lenet5, dataset: digits}
"""
KILOBYTES = 36


@pytest.fixture
def disk(tmp_path):
    """A file system of its own with 36 kB, at `disk`."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={KILOBYTES}k", "none", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if shutil.which("mount") else None
    if done is None or done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip() if done else 'no mount'}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def _fill(disk: Path) -> None:
    with open(disk / "filler", "wb") as file:
        subprocess.run(["head", "-c", "1M", "/dev/zero"], stdout=file, stderr=subprocess.DEVNULL, check=False)


@pytest.fixture
def project(tmp_path):
    """A project with one finished run; `_place` puts its output on the small disk."""
    root = tmp_path / "project"
    shutil.copytree(PAGES, root / "pipelines", ignore=shutil.ignore_patterns("full", "real", "paper"))
    (root / "params.yaml").write_text(PARAMS)
    (root / "dvc.yaml").write_text("stages: {sources-train: {deps: [params.yaml]}}")
    described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
    own = fake.settings("lenet5-digits", 0, **described)
    fake.write_run(root / "runs/small/lenet5-digits/seed-0", own, 0.9, predictions=fake.digit_predictions())
    return root


def _page(root: Path, *words: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MLFLOW_TRACKING_URI": ""}
    command = [sys.executable, f"pipelines/{words[0]}.py", *words[1:]]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", ["full", "read-only"])
@pytest.mark.parametrize(
    ("words", "output"), [(("sources", "train"), "data"), (("prepare", "digits"), "data"), (("report",), "reports")]
)
def test_a_stage_that_cannot_write_is_one_line_and_goes_on_when_it_can(project, disk, words, output, how):
    (project / output).symlink_to(disk, target_is_directory=True)
    if how == "full":
        _fill(disk)
    else:
        _remount(disk, "ro")
    done = _page(project, *words)
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert ("No space left on device" if how == "full" else "Read-only file system") in line
    assert "Traceback" not in done.stderr
    _remount(disk, "rw,size=20m")
    assert not list(disk.rglob(".*.tmp"))
    done = _page(project, *words)
    assert done.returncode == 0, done.stderr


def test_training_on_a_full_disk_leaves_nothing_half_and_goes_on(disk, tmp_path, capsys):
    """Whatever file it is that finds no place: the disk grows by 8 kB after each try, until the run fits."""
    import toys

    from archbench.records import run_folder
    from archbench.training.run import Pace, Workbench, run_benchmark

    trial, data = toys.settings(epochs=2), toys.stripes()
    bench, pace = Workbench(trial, data), Pace(1e-9, lambda *_: None)
    run_benchmark([trial], data, tmp_path / "whole", pace, bench=lambda: bench)
    messages, size = [], 4
    while True:
        _remount(disk, f"size={size}k")
        try:
            with guarded():
                run_benchmark([trial], data, disk / "toy", pace, bench=lambda: bench)
            break
        except SystemExit:
            messages.append(capsys.readouterr().err)
        assert not list(disk.rglob(".*.tmp")) + list(disk.rglob(".unfinished*"))
        assert run_folder.finished_metrics(disk / "toy" / "seed-0", trial["id"]) is None
        size += 8
    assert len(messages) > 3
    assert all(message.startswith("error: No space left on device: ") for message in messages)
    assert all(message.count("\n") == 1 for message in messages)
    ours, theirs = (run_folder.check(folder / "seed-0") for folder in (disk / "toy", tmp_path / "whole"))
    assert ours["scores"] == theirs["scores"]
    assert ours["files"].keys() == theirs["files"].keys()


def _hdf5() -> None:
    with h5py.File("/dev/full", "w") as file:
        file["a"] = np.zeros(10_000)


def _numpy() -> None:
    with open("/dev/full", "wb") as file:
        np.zeros(100_000).tofile(file)


def _zip() -> None:
    with open("/dev/full", "wb", buffering=0) as file:
        np.savez(file, a=np.zeros(10_000))


def _sqlite(path: Path) -> None:
    path.touch()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        database.execute("create table a (b)")


@pytest.mark.parametrize("write", [_hdf5, _numpy, _zip], ids=["HDF5", "NumPy", "zip"])
def test_the_libraries_errors_of_a_full_disk_are_told_as_such(write, capsys):
    with pytest.raises(SystemExit, match="2"), guarded():
        write()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: No space left on device")


def test_an_error_that_a_full_disk_led_to_is_told_as_such():
    """A library raises an error of its own, from the system's or while it handles that; and one more around it."""
    full = OSError(errno.ENOSPC, "No space left on device", "/x")
    caused, met, around = RuntimeError("not saved"), RuntimeError("not saved"), ValueError("no trial")
    caused.__cause__, met.__context__, around.__cause__ = full, full, met
    for error in (caused, met, around):
        assert refusal(error).startswith("No space left on device: /x")


def test_a_database_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(sqlite3.OperationalError) as told:
        _sqlite(tmp_path / "x.db")
    assert "readonly database" in refusal(told.value)


def test_a_bug_is_not_shown_as_a_full_disk():
    with pytest.raises(KeyError), guarded():
        raise KeyError("x")
    assert refusal(OSError(errno.ECONNRESET, "reset")) is None
    assert refusal(sqlite3.OperationalError("no such table")) is None
    assert refusal(UserError("do this")) == "do this"
    settled = ValueError("no disk error any more")
    settled.__context__, settled.__suppress_context__ = OSError(errno.ENOSPC, "No space left on device", "/x"), True
    assert refusal(settled) is None
