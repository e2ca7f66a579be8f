"""Jobs on Ray, Moritz et al. 2018, arXiv:1712.05889: on one machine, or on all of a cluster that share the project.

Ray finds a place for each job and tells what was lost. A process of Ray's keeps a `nursery`, which imports once and
forks every job as `local` does, so the bits are the same. Where the driver, a process of Ray's or a machine is gone,
the nursery's input ends and so does its job; one that goes on elsewhere waits at the lock of its folder until then, and
starts from the checkpoint.
"""

from __future__ import annotations

import json
import math
import os
import platform
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archbench.config import Compute
from archbench.engines import Job
from archbench.engines.crew import Ended
from archbench.errors import UserError
from archbench.interrupts import stopping

LOCALHOST = "127.0.0.1"
OBJECT_STORE_BYTES = 100_000_000
"""Of a Ray of our own: names of stages are all that goes through it."""
CARRIED = ("ARCHBENCH_", "JAX_", "KERAS_", "OMP_", "OPTUNA_", "PYTHON", "TF_", "XLA_")
"""What the variables are called that decide what a job does: those of the driver hold wherever it runs."""
RAYS_OWN = ("OMP_NUM_THREADS",)
"""That Ray sets for its processes; a job is to have the threads that it has without Ray."""
AS_NEEDED = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""GPU memory is taken when it is needed: several workers may share a device."""


class NoRay(UserError):
    """A Ray that is not installed, or does not answer."""


class NoRoom(UserError):
    """A worker that is larger than each machine of the cluster."""


class NotShared(UserError):
    """A machine of the cluster that does not see the project's folder."""


@dataclass(frozen=True)
class Order:
    """What a process of Ray's needs to know of a job."""

    stage: str
    log: str
    command: tuple[str, ...]
    """Of the nursery, after the Python that runs it."""
    environment: Mapping[str, str]
    here: str
    """The project's folder, which all machines share."""
    mark: str
    """A file that the driver wrote in it."""


@dataclass(frozen=True)
class Task:
    """One attempt at a job: a task of Ray's."""

    ray: Any
    reference: Any

    def ended(self) -> Ended | None:
        """How it ended; None while it runs. Raises `NotShared`."""
        if not self.ray.wait([self.reference], timeout=0)[0]:
            return None
        try:
            ended, host = self.ray.get(self.reference)
        except self.ray.exceptions.RayTaskError:
            raise
        except self.ray.exceptions.RayError:  # the process or the machine is gone
            return "killed"
        if ended is None:
            raise NotShared(
                f"{host} does not see {Path.cwd()} as this machine does, and the machines of a cluster share the "
                "project. Put it on a file system that all of them mount at this path, or: archbench run --engine local"
            )
        return ended


class Workers:
    """The engine of a Ray that runs."""

    def __init__(
        self, ray: Any, compute: Compute, work: str, log_of: Callable[[str], Path], mark: Path, dashboard: str
    ) -> None:
        """`work` names what does a stage, `module:function`; `dashboard` is Ray's address for a browser, or empty."""
        self._ray, self._jobs, self._log_of, self._mark = ray, compute.jobs, log_of, mark
        self._cpus, self._gpus = compute.cpus_per_worker, compute.gpus_per_worker
        if self._gpus is None:
            self._gpus = 1.0 if any(node.get("GPU") for node in self._nodes()) else 0.0
        limit = () if compute.timeout_minutes is None else (str(60 * compute.timeout_minutes),)
        self._command = ("-m", "archbench.engines.nursery", work, *limit)
        self._environment = {name: value for name, value in os.environ.items() if name.startswith(CARRIED)}
        self._dashboard = dashboard
        # A process of Ray's is used again and again, also one with a GPU; which job goes on is for a crew to say.
        self._task = ray.remote(max_calls=0, max_retries=0)(do)
        if not self.widest():
            raise NoRoom(
                f"A worker is to have {self._cpus:g} CPUs and {self._gpus:g} GPUs, and no machine of this Ray has. "
                f"There are: {'; '.join(map(_room, self._nodes())) or 'none'}. "
                "Give less by --cpus-per-worker and --gpus-per-worker"
            )

    def describe(self) -> str:
        """One line on where jobs run."""
        nodes = len(self._nodes())
        page = f"; dashboard: http://{self._dashboard}" if self._dashboard else ""
        return f"Ray: {self.slots()} workers at a time on {nodes} machine{'s' if nodes > 1 else ''}{page}"

    def slots(self) -> int:
        """Workers that there is room for now; at least one, which waits where all machines are lost."""
        room = sum(map(self._fits, self._nodes()))
        return max(min(room, self._jobs or room), 1)

    def widest(self) -> int:
        """Workers that fit one machine."""
        return min(max(map(self._fits, self._nodes()), default=0), self._jobs or sys.maxsize)

    def start(self, job: Job) -> Task:
        """Begin a job."""
        order = Order(
            job.stage,
            str(self._log_of(job.stage).absolute()),
            self._command,
            self._environment,
            str(Path.cwd()),
            str(self._mark),
        )
        gpus = self._gpus * job.processes
        resources = {"num_cpus": self._cpus * job.processes, "num_gpus": gpus if gpus < 1 else math.ceil(gpus)}
        return Task(self._ray, self._task.options(**resources).remote(order))

    def wait(self, runs: Sequence[Task], seconds: float) -> None:
        """Return when one of `runs` ends, or after so many seconds."""
        self._ray.wait([one.reference for one in runs], timeout=seconds)

    def stop(self, runs: Sequence[Task]) -> None:
        """End them all: their nurseries end with the processes of Ray's."""
        for one in runs:
            self._ray.cancel(one.reference, force=True)

    def _nodes(self) -> list[dict[str, float]]:
        """What each machine has."""
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def _fits(self, node: Mapping[str, float]) -> int:
        """Workers that fit a machine."""
        cpus = math.floor(node.get("CPU", 0) / self._cpus)
        return min(cpus, math.floor(node.get("GPU", 0) / self._gpus)) if self._gpus else cpus


def _room(node: Mapping[str, float]) -> str:
    return f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs"


@contextmanager
def workers(compute: Compute, work: str, log_of: Callable[[str], Path], folder: Path) -> Iterator[Workers]:
    """The engine of the Ray that `compute` asks for, of which one of our own ends with the body.

    `folder` is one that all machines see. Raises `NoRay` and `NoRoom`.
    """
    ray = _ray()
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder.absolute() / f".run.{uuid.uuid4().hex}"
    mark.touch()
    try:
        context = _connect(ray, compute.address or os.environ.get("RAY_ADDRESS"))
        yield Workers(ray, compute, work, log_of, mark, getattr(context, "dashboard_url", None) or "")
    finally:
        mark.unlink(missing_ok=True)
        if not stopping():  # there is no time: a Ray of our own ends with this process
            ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise NoRay(
            "The engine ray needs Ray, which is not installed. Run: pip install 'archbench[ray]', or choose this "
            "machine: archbench run --engine local"
        ) from None
    return ray


def _connect(ray: Any, address: str | None) -> Any:
    """Ray's own description of itself; a Ray of our own is started where there is no address."""
    own = {
        "address": "local",
        "dashboard_host": LOCALHOST,
        "_node_ip_address": LOCALHOST,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return ray.init(**({"address": address} if address else own), log_to_driver=False, logging_level="error")
    except Exception as error:  # Ray raises this very class where a machine is too busy to start it
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
        where = f"No Ray answers at {address}" if address else "Ray does not start"
        raise NoRay(f"{where}: {reason}. To start one: ray start --head, or: archbench run --engine local") from None
    finally:
        for number, handler in handlers.items():  # Ray puts one of its own there
            signal.signal(number, handler)


_kept: list[tuple[Any, subprocess.Popen]] = []
"""The nursery of this process of Ray's, and what it was started with."""


def do(order: Order) -> tuple[Ended | None, str]:
    """Do a job in a process of Ray's: how it ended, None where the project is not shared, and the machine."""
    host = platform.node()
    if not Path(order.mark).is_file():
        return None, host
    nursery = _nursery(order)
    with suppress(BrokenPipeError):
        nursery.stdin.write(json.dumps([order.stage, order.log]).encode() + b"\n")
        nursery.stdin.flush()
    answer = nursery.stdout.readline().decode().strip()
    if not answer:
        _kept.clear()
    return answer or "killed", host


def _nursery(order: Order) -> subprocess.Popen:
    """The nursery of this process, or a new one where this order needs another, as for another GPU."""
    environment = {name: value for name, value in os.environ.items() if name not in RAYS_OWN}
    environment = {**AS_NEEDED, **environment, **order.environment}
    needed = (order.command, environment, order.here)
    if not _kept or _kept[0][0] != needed:
        while _kept:
            _, old = _kept.pop()
            old.communicate()
        command = [sys.executable, *order.command]
        process = subprocess.Popen(
            command, cwd=order.here, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        _kept.append((needed, process))
    return _kept[0][1]
