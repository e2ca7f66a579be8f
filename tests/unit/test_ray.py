"""`archbench run --engine ray`: the bits of a serial run on a cluster, of which any part may be lost."""

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

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
