"""`archbench run --engine ray`: the bits of a serial run on a cluster, of which any part may be lost."""

import json
import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from test_run import Toy, _wait_for

from archbench.cli.running import last_line
from archbench.config import Compute
from archbench.engines import Job
from archbench.engines import ray as engine
from archbench.engines.crew import Crew, Event

ray = pytest.importorskip("ray", reason="not installed: pip install 'archbench[ray]'")
from ray.cluster_utils import Cluster  # noqa: E402

WORK = "test_run:work"


@pytest.fixture
def cluster(monkeypatch):
    """A head that computes nothing, and two machines of one CPU."""
    paths = [str(Path(__file__).parent), *sys.path]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    made.machines = [made.add_node(num_cpus=1) for _ in range(2)]
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


@contextmanager
def _workers(cluster, folder: Path, **compute):
    compute = Compute(engine="ray", address=cluster.address, **compute)
    with engine.workers(compute, WORK, lambda stage: folder / f"{stage.partition('@')[0]}.log", folder) as workers:
        yield workers


def _jobs(folder: Path, *jobs: tuple[str, int]) -> dict[str, Job]:
    return {f"{name}@{folder}": Job(f"{name}@{folder}", (), 1.0, processes) for name, processes in jobs}


def test_jobs_run_on_the_machines_of_a_cluster_and_a_killed_one_is_tried_again(cluster, tmp_path):
    told: list[Event] = []
    with _workers(cluster, tmp_path) as workers:
        assert (workers.slots(), workers.widest()) == (2, 1)
        assert workers.describe() == "Ray: 2 workers at a time on 3 machines"
        jobs = _jobs(tmp_path, ("one", 1), ("fail", 1), ("die-once", 1), ("die-always", 1))
        outcomes = Crew(workers, 1, told.append).run(jobs, lambda: None)
    assert {name.partition("@")[0]: outcome for name, outcome in outcomes.items()} == {
        "one": "done", "fail": "failed", "die-once": "done", "die-always": "failed"
    }  # fmt: skip
    assert (tmp_path / "die-once.tries").read_text() == "xx"
    assert (tmp_path / "die-always.tries").read_text() == "xx"
    assert (tmp_path / "one.log").read_text() == "one says\n"
    assert last_line(tmp_path / "fail.log") == "ValueError: no luck"
    assert sorted(path.name for path in tmp_path.glob(".run.*")) == []


def test_a_job_goes_on_elsewhere_where_its_machine_is_lost(cluster, tmp_path):
    told: list[Event] = []
    began: list[int] = []

    def between() -> None:
        """Lose the machine that the job is on; where it goes on, end it."""
        if not (pid := _pid(tmp_path)):
            return
        began.append(pid)
        if len(began) == 1:
            above = {process.pid for process in psutil.Process(pid).parents()}
            machine = next(one for one in cluster.machines if _raylet(one) in above)
            cluster.remove_node(machine, allow_graceful=False)
        else:
            assert not psutil.pid_exists(began[0])
            os.kill(pid, signal.SIGTERM)

    with _workers(cluster, tmp_path) as workers:
        outcomes = Crew(workers, 1, told.append).run(_jobs(tmp_path, ("sleep", 1)), between)
        assert workers.slots() == 1
    assert len(began) == 2
    assert [event.what for event in told] == ["began", "killed", "began", "failed"]
    assert list(outcomes.values()) == ["failed"]
    assert last_line(tmp_path / "sleep.log") == "archbench: terminated"


def _pid(folder: Path) -> int | None:
    """The process of the job `sleep`, told once."""
    file = folder / "pid"
    if not file.exists() or not (text := file.read_text()):
        return None
    file.unlink()
    return int(text)


def _raylet(machine) -> int:
    return machine.all_processes["raylet"][0].process.pid


def test_a_job_over_its_time_is_stopped(cluster, tmp_path):
    with _workers(cluster, tmp_path, timeout_minutes=0.1) as workers:
        outcomes = Crew(workers, 1, lambda event: None).run(_jobs(tmp_path, ("sleep", 1)), lambda: None)
    assert list(outcomes.values()) == ["over time"]
    assert last_line(tmp_path / "sleep.log") == "archbench: terminated"


def test_what_does_not_fit_is_refused_before_any_work(cluster, tmp_path):
    told = r"2 CPUs and 0 GPUs, and no machine .* 1 CPUs and 0 GPUs"
    with pytest.raises(engine.NoRoom, match=told), _workers(cluster, tmp_path, cpus_per_worker=2):
        pass


def test_a_machine_that_does_not_see_the_project_is_named(cluster, tmp_path):
    with _workers(cluster, tmp_path) as workers:
        next(tmp_path.glob(".run.*")).unlink()
        with pytest.raises(engine.NotShared, match=r"does not see .* archbench run --engine local"):
            Crew(workers, 1, lambda event: None).run(_jobs(tmp_path, ("one", 1)), lambda: None)
    assert not (tmp_path / "order").exists()


def test_an_address_without_a_ray_is_one_message(tmp_path):
    compute, told = Compute(engine="ray", address="auto"), r"^No Ray answers at auto: .* ray start --head"
    with pytest.raises(engine.NoRay, match=told), engine.workers(compute, WORK, Path, tmp_path):
        pass


def _below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def _ended(processes: list[psutil.Process]) -> bool:
    """Whether none of them runs; Ray's own servers take a minute or two to end on a busy machine."""
    left = []
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            left += [one.name()] if one.is_running() and one.status() != psutil.STATUS_ZOMBIE else []
    return not left


@pytest.mark.slow
def test_the_bits_are_those_of_dvc_whatever_is_killed_on_the_way(tmp_path):
    serial = Toy(tmp_path / "serial")
    serial.run("dvc", "repro", "--quiet")
    expected = serial.digests()

    toy = Toy(tmp_path / "toy")
    command = ("archbench", "run", "--engine", "ray", "--jobs", "2")
    driver = toy.start(*command)
    large = toy.folder / "runs/toy/large/seed-0"
    _wait_for((large / "history.csv").exists, 240)
    worker = json.loads((large / "machine.json").read_text())["pid"]
    killed = psutil.Process(worker)
    task = next(one for one in killed.parents() if one.name().startswith("ray::"))
    task.kill()
    _wait_for(lambda: _pid_of(large) not in (None, worker), 240)
    assert _ended([killed])  # before another one writes
    started = _below(driver.pid)
    driver.kill()
    driver.wait()
    _wait_for(lambda: _ended(started), 240)
    told = toy.run(*command)
    assert "Ray: 2 workers at a time on 1 machine" in told
    assert "recorded by DVC" in told
    assert toy.digests() == expected
    left = toy.run("dvc", "repro")
    assert [line for line in left.splitlines() if line.startswith("Running")] == ["Running stage 'report':"]


def _pid_of(folder: Path) -> int | None:
    machine = folder / "machine.json"
    return json.loads(machine.read_text())["pid"] if machine.exists() else None


@pytest.mark.slow
def test_an_interrupt_ends_all_and_the_same_command_goes_on(tmp_path):
    toy = Toy(tmp_path / "toy")
    command = ("archbench", "run", "large", "--engine", "ray")
    driver = toy.start(*command)
    large = toy.folder / "runs/toy/large/seed-0"
    _wait_for((large / "history.csv").exists, 240)
    started = _below(driver.pid)
    driver.send_signal(signal.SIGINT)
    began = time.monotonic()
    told, _ = driver.communicate(timeout=60)
    assert time.monotonic() - began < 10
    assert driver.returncode == 130
    assert told.endswith("archbench: interrupted\n")
    assert "Traceback" not in told
    _wait_for(lambda: _ended(started), 240)
    assert "train@large" in toy.run(*command)
    assert list((toy.folder / "runs/toy").glob(".run.?*")) == [toy.folder / "runs/toy/.run.tracking.log"]
