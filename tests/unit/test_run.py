"""`archbench run`: the bits of a serial run, whatever died on the way, and a DVC that finds all done."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest
import yaml

from archbench.cli import run as command
from archbench.cli.running import View, last_line
from archbench.config import Compute, check_config
from archbench.engines import Job, ray, urgencies
from archbench.engines.crew import Crew, Event
from archbench.engines.local import Processes
from archbench.errors import UserError
from archbench.project import Folders
from archbench.training.checkpoint import Progress

PROJECT = Path(__file__).parents[2]
PARAMS = """\
pipeline: toy
seeds: [0, 1]
datasets: {digits: {size: 16}}
training: {epochs: 2, checkpoint_seconds: 0.001, batch_size: 64, optimizer: adam}
benchmarks:
  small: {architecture: {name: mlp, units: [8]}, dataset: digits}
  tuned: {architecture: {name: mlp, units: [8]}, dataset: digits, start: {from: small, train: all}, epochs: 1}
  large: {architecture: {name: mlp, units: [64, 64]}, dataset: digits, epochs: 30}
studies:
  rates:
    base: {architecture: {name: mlp, units: [8]}, dataset: digits, seeds: [0]}
    arms: {sgd: {optimizer: sgd, space: {learning_rate: {low: 0.001, high: 1.0, log: true}}}}
    trials: 2
    epochs: 1
"""


def test_the_longest_way_goes_first():
    jobs = {
        "a": Job("a", (), 1.0), "b": Job("b", ("a",), 10.0), "c": Job("c", ("a",), 2.0), "d": Job("d", ("b", "c"), 3.0),
        "e": Job("e", (), 12.0),
    }  # fmt: skip
    assert urgencies(jobs) == {"a": 14.0, "b": 13.0, "c": 5.0, "d": 3.0, "e": 12.0}


def work(stage: str) -> None:
    """What a job of these tests does, by its name: `KIND@FOLDER`."""
    kind, _, folder = stage.partition("@")
    folder = Path(folder)
    print(f"{kind} says")
    if kind == "fail":
        raise ValueError("no luck")
    if kind.startswith("die"):
        tries = folder / f"{kind}.tries"
        count = len(tries.read_text()) + 1 if tries.exists() else 1
        tries.write_text("x" * count)
        if kind == "die-always" or count == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    if kind == "sleep":
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(600)
    with open(folder / "order", "a") as order:
        print(kind, file=order)


def _crew(folder: Path, processes: int, *jobs: tuple[str, tuple[str, ...], float]) -> tuple[dict, list[Event], Crew]:
    named = {f"{name}@{folder}": Job(f"{name}@{folder}", tuple(f"{one}@{folder}" for one in needs), seconds)
             for name, needs, seconds in jobs}  # fmt: skip
    told: list[Event] = []
    crew = Crew(Processes(work, processes, lambda stage: folder / "logs" / stage.partition("@")[0]), 2, told.append)
    outcomes = crew.run(named, lambda: None)
    return {name.partition("@")[0]: outcome for name, outcome in outcomes.items()}, told, crew


def test_jobs_run_in_their_order_and_what_needs_a_failed_one_is_left_out(tmp_path):
    jobs = (("one", (), 1.0), ("two", ("one",), 1.0), ("three", (), 9.0), ("fail", (), 3.0), ("four", ("fail",), 1.0),
            ("five", ("four",), 1.0))  # fmt: skip
    outcomes, told, crew = _crew(tmp_path, 1, *jobs)
    assert outcomes == {
        "one": "done", "two": "done", "three": "done", "fail": "failed", "four": "left out", "five": "left out"
    }  # fmt: skip
    assert (tmp_path / "order").read_text().split() == ["three", "one", "two"]
    assert (tmp_path / "logs" / "one").read_text() == "one says\n"
    assert last_line(tmp_path / "logs" / "fail") == "ValueError: no luck"
    assert [event.what for event in told if event.job.stage.startswith("f")] == [
        "began", "failed", "left out", "left out"
    ]  # fmt: skip
    assert crew.running == []


def test_a_killed_job_is_tried_again_and_at_last_given_up(tmp_path):
    outcomes, told, _ = _crew(tmp_path, 2, ("die-once", (), 1.0), ("die-always", (), 1.0), ("other", (), 1.0))
    assert outcomes == {"die-once": "done", "die-always": "failed", "other": "done"}
    assert (tmp_path / "die-once.tries").read_text() == "xx"
    assert (tmp_path / "die-always.tries").read_text() == "xxx"
    assert sum(event.what == "killed" for event in told) == 3


def test_jobs_that_keep_more_processes_busy_wait_for_them(tmp_path):
    crowd: list[int] = []
    wide = {name: Job(f"{name}@{tmp_path}", (), seconds, count) for name, seconds, count in
            (("a", 9.0, 1), ("b", 8.0, 2), ("c", 7.0, 1))}  # fmt: skip
    jobs = {job.stage: job for job in wide.values()}
    crew = Crew(Processes(work, 2, lambda stage: tmp_path / f"{stage.partition('@')[0]}.log"), 2, lambda event: None)
    assert set(crew.run(jobs, lambda: crowd.append(sum(one.job.processes for one in crew.running))).values()) == {
        "done"
    }
    assert max(crowd) <= 2
    assert set((tmp_path / "order").read_text().split()) == {"a", "b", "c"}


def test_a_job_over_its_time_is_stopped_and_what_needs_it_is_left_out(tmp_path):
    jobs = {f"{name}@{tmp_path}": Job(f"{name}@{tmp_path}", tuple(needs), 1.0) for name, needs in
            (("sleep", []), ("four", [f"sleep@{tmp_path}"]))}  # fmt: skip
    told: list[Event] = []
    engine = Processes(work, 1, lambda stage: tmp_path / "log", 10.0)
    outcomes = Crew(engine, 2, told.append).run(jobs, lambda: None)
    assert list(outcomes.values()) == ["over time", "left out"]
    assert [event.what for event in told] == ["began", "over time", "left out"]
    assert 10 <= told[1].seconds < 60
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_retries_are_as_many_as_asked_for(tmp_path):
    name = f"die-always@{tmp_path}"
    crew = Crew(Processes(work, 1, lambda stage: tmp_path / "log"), 0, lambda event: None)
    assert crew.run({name: Job(name, (), 1.0)}, lambda: None) == {name: "failed"}
    assert (tmp_path / "die-always.tries").read_text() == "x"


def _config(**compute):
    return check_config({"pipeline": "toy", "datasets": {"digits": {}}, "benchmarks": {}, "compute": compute})


def test_options_go_before_params_yaml():
    config = _config(engine="ray", jobs=3, gpus_per_worker=0.5, retries=1, timeout_minutes=2)
    given = command._compute(config, engine=None, jobs=5, gpus_per_worker=0.0, retries=None, timeout_minutes=None)
    assert given == Compute(engine="ray", jobs=5, gpus_per_worker=0.0, retries=1, timeout_minutes=2)
    local = command._compute(config, engine="local", jobs=None)
    with command._engine(local, Folders(PROJECT, "toy")) as engine:
        assert engine.slots() == 3
    with pytest.raises(UserError, match=r"^--gpus-per-worker is for the engine ray, .* Add: --engine ray$"):
        command._compute(_config(), gpus_per_worker=1.0)


def test_without_ray_one_message_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    told = r"Ray, which is not installed. Run: pip install 'archbench\[ray\]', or .* archbench run --engine local"
    with pytest.raises(ray.NoRay, match=told), ray.workers(Compute(engine="ray"), "test_run:work", Path, tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_run import work
from archbench.engines import Job
from archbench.engines.crew import Crew
from archbench.engines.local import Processes
if __name__ == "__main__":
    name = f"sleep@{sys.argv[1]}"
    log = lambda stage: Path(sys.argv[1], sys.argv[3])
    print(Crew(Processes(work, 1, log), 2, lambda event: None).run({name: Job(name, (), 1.0)}, lambda: None)[name])
"""


def test_where_no_log_can_be_written_the_terminal_is_told(tmp_path):
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "full").write_text("no folder")
    command = [sys.executable, tmp_path / "driver.py", tmp_path, Path(__file__).parent, "full/x/log"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "failed\n"
    assert f"error: Not a directory: {tmp_path / 'full'}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "pid").exists()


def test_jobs_end_with_the_driver_that_is_killed(tmp_path):
    (tmp_path / "driver.py").write_text(DRIVER)
    driver = subprocess.Popen([sys.executable, tmp_path / "driver.py", tmp_path, Path(__file__).parent, "log"])
    pid = int(_wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), 120))
    assert psutil.pid_exists(pid)
    driver.kill()
    driver.wait()
    _wait_for(lambda: not psutil.pid_exists(pid), 30)
    assert last_line(tmp_path / "log") == "archbench: terminated"


def _wait_for(what, seconds):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def test_where_no_terminal_is_a_line_says_what_ended(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    jobs = {name: Job(name, (), 5.0) for name in ("train@a", "train@b", "train@c")}
    for name, said in (("train@a", "a: epoch 1\na: test accuracy 0.9 \n\n"), ("train@b", "Trace\nerror: no disk\n")):
        (tmp_path / name).write_text(said)
    with View(jobs, lambda stage: tmp_path / stage, lambda: 2) as view:
        for name, what in (("train@a", "began"), ("train@a", "killed"), ("train@a", "done"), ("train@b", "failed"),
                           ("train@c", "left out")):  # fmt: skip
            view.tell(Event(jobs[name], what, 60.0))
        view.show([])
    assert capsys.readouterr().out.splitlines() == [
        "train@a was killed after 1 min 0 s; it goes on from its checkpoint",
        "[1/3] train@a 1 min 0 s: test accuracy 0.9",
        "[2/3] train@b failed: error: no disk",
        "  all that it said: train@b",
        "[3/3] train@c left out: what it needs is not done",
    ]


class Toy:
    """A small project without git, whose stages are the real ones."""

    def __init__(self, folder: Path, params: str = PARAMS) -> None:
        self.folder = folder
        folder.mkdir()
        shutil.copytree(PROJECT / "pipelines", folder / "pipelines", ignore=lambda where, names: [
            name for name in names if not name.endswith(".py")])  # fmt: skip
        shutil.copytree(
            PROJECT / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache", "config.local")
        )
        (folder / "params.yaml").write_text(params)
        self.environment = {
            **os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1", "KERAS_BACKEND": "tensorflow", "MLFLOW_TRACKING_URI": "",
        }  # fmt: skip
        self.run("archbench", "plan", "--write")

    def start(self, *command: str) -> subprocess.Popen:
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)  # fmt: skip

    def run(self, *command: str, code: int = 0) -> str:
        process = self.start(*command)
        told, _ = process.communicate(timeout=600)
        assert process.returncode == code, told
        return told

    def digests(self) -> dict[str, str]:
        """Of what a run computed, not of when."""
        found = {}
        for path in sorted((self.folder / "runs").rglob("*")):
            if path.name == "predictions.npz":
                found[str(path.relative_to(self.folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
            if path.name == "model.keras":  # which holds its date too
                weights = zipfile.ZipFile(path).read("model.weights.h5")
                found[str(path.relative_to(self.folder))] = hashlib.sha256(weights).hexdigest()
            if path.name == "history.csv":
                lines = [line.split(",") for line in path.read_text().splitlines()]
                kept = [place for place, name in enumerate(lines[0]) if "second" not in name]
                found[str(path.relative_to(self.folder))] = str([[line[place] for place in kept] for line in lines])
        return found


@pytest.mark.slow
def test_the_bits_are_those_of_dvc_whatever_is_killed_on_the_way(tmp_path):
    serial = Toy(tmp_path / "serial")
    serial.run("dvc", "repro", "--quiet")
    expected = serial.digests()
    assert sum(name.endswith("history.csv") for name in expected) == 6

    toy = Toy(tmp_path / "toy")
    driver = toy.start("archbench", "run", "--jobs", "2")
    machine = toy.folder / "runs/toy/large/seed-0/machine.json"
    _wait_for(machine.exists, 120)
    worker = json.loads(machine.read_text())["pid"]
    _wait_for((toy.folder / "runs/toy/large/seed-0/history.csv").exists, 120)
    os.kill(worker, signal.SIGKILL)
    _wait_for(lambda: machine.exists() and json.loads(machine.read_text())["pid"] != worker, 120)
    driver.kill()
    driver.wait()
    told = toy.run("archbench", "run", "--jobs", "2")
    assert "train@large" in told
    assert "recorded by DVC" in told
    assert toy.digests() == expected
    left = toy.run("dvc", "repro")
    assert [line for line in left.splitlines() if line.startswith("Running")] == ["Running stage 'report':"]
    assert toy.run("archbench", "run") == "nothing is out of date. The report: dvc repro\n"


@pytest.mark.slow
def test_only_what_is_named_runs_and_what_it_needs_and_dvc_hears_of_what_was_done(tmp_path):
    toy = Toy(tmp_path / "toy")
    refused = toy.run("archbench", "run", "lenet*", code=2)
    assert "No stage of this pipeline fits 'lenet*'. Run: archbench plan --all" in refused
    blocked = toy.folder / "runs/toy/tuned"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder should be")
    driver = toy.start("archbench", "run", "tuned")
    _wait_for((toy.folder / "runs/toy/small").exists, 120)
    (toy.folder / "params.yaml").write_text(PARAMS + "compute: {jobs: 1, retries: 0, timeout_minutes: 90}\n")
    told, _ = driver.communicate(timeout=300)
    assert driver.returncode == 1
    assert [line.split()[1] for line in told.splitlines() if line.startswith("[")] == [
        "sources", "prepare@digits", "train@small", "train@tuned"
    ]  # fmt: skip
    assert "error: not done: train@tuned. The same command tries them again." in told
    assert "all that it said: runs/toy/.tuned.log" in told
    assert "recorded by DVC: 3 stages" in told  # where stages run is no part of what they are
    assert not (toy.folder / "runs/toy/large").exists()
    status = toy.run("dvc", "status", "train@small", "train@tuned")
    assert "train@tuned" in status
    assert "train@small" not in status

    blocked.unlink()
    driver = toy.start("archbench", "run", "tuned")
    _wait_for(blocked.exists, 120)
    (toy.folder / "params.yaml").write_text(PARAMS.replace("checkpoint_seconds: 0.001", "checkpoint_seconds: 30"))
    told, _ = driver.communicate(timeout=300)
    assert "params.yaml or code changed meanwhile, so DVC is told nothing. Run: dvc repro" in told


@pytest.mark.slow
def test_a_stage_over_its_time_ends_with_a_checkpoint_to_go_on_from(tmp_path):
    toy = Toy(tmp_path / "toy", PARAMS.replace("epochs: 30", "epochs: 1000000"))
    told = toy.run("archbench", "run", "large", "--timeout-minutes", "0.75", code=1)
    assert "train@large stopped after 4" in told
    assert "its timeout_minutes; the same command goes on from its checkpoint" in told
    folder = toy.folder / "runs/toy/large/seed-0"
    settings = yaml.safe_load((folder / "settings.yaml").read_text())
    assert Progress.load(folder / "checkpoint.npz", settings["id"]).epoch > 0
    before = toy.digests()
    assert toy.run("archbench", "run", "small") == "nothing is out of date. The report: dvc repro\n"
    assert "up to date" in toy.run("dvc", "status", "sources", "prepare@digits", "train@small")
    toy.run("archbench", "train", "small")
    assert toy.digests() == before
