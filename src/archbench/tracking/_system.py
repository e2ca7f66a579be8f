"""What training takes of the machine, looked at from the process beside it: processors, memory, GPUs."""

from __future__ import annotations

import os
import platform
import time
from typing import TYPE_CHECKING

import psutil

from archbench.tracking import _tags
from archbench.tracking._values import log, points

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor

    from archbench.tracking.store import Tracking

OF_A_GPU = ("utilization_percentage", "memory_usage_megabytes")


class Sampler:
    """Points of the curves `system/...` of the runs that one process and its workers train.

    They go to MLflow alone: no run folder holds them, so `archbench sync` cannot make them up later.
    """

    def __init__(self, trainer: int) -> None:
        self._trainer = trainer
        self._taken: dict[int, tuple[float, float]] = {}
        """When a process was looked at last, and its seconds of processors until then."""
        self._gpus = _open_gpus()

    def log(self, tracking: Tracking, running: list[Run]) -> None:
        """Add a point to every curve of those of the `running` runs that are trained here."""
        pids = {process.pid for process in self._tree(self._trainer)}
        here = [run for run in running if run.data.tags[_tags.HOST] == platform.node()]
        mine = [run for run in here if int(run.data.tags[_tags.PID]) in pids and run.data.tags[_tags.KIND] == "seed"]
        now = int(time.time() * 1000)
        samples = {pid: self._sample(pid) for pid in {int(run.data.tags[_tags.PID]) for run in mine}}
        for run in mine:
            seconds = (now - run.info.start_time) // 1000
            log(tracking.client, run.info.run_id, points(samples[int(run.data.tags[_tags.PID])], now, seconds))

    def _sample(self, pid: int) -> dict[str, float]:
        """Percent of one processor since the last look, memory of the process and its workers, and the GPUs."""
        seconds, memory = 0.0, 0
        for process in self._tree(pid):
            try:
                times = process.cpu_times()
                seconds += times.user + times.system
                memory += process.memory_info().rss
            except psutil.Error:
                continue
        now = time.monotonic()
        before, self._taken[pid] = self._taken.get(pid), (now, seconds)
        numbers = {"system/memory_megabytes": memory / 1e6, **self._gpu_numbers()}
        if before is not None:
            numbers["system/cpu_percent"] = max(0.0, 100 * (seconds - before[1]) / (now - before[0]))
        return numbers

    def _gpu_numbers(self) -> dict[str, float]:
        if self._gpus is None:
            return {}
        self._gpus.collect_metrics()
        numbers = self._gpus.aggregate_metrics()
        self._gpus.clear_metrics()
        return {f"system/{name}": value for name, value in numbers.items() if name.endswith(OF_A_GPU)}

    @staticmethod
    def _tree(pid: int) -> list[psutil.Process]:
        """A process and its workers, without the one that looks."""
        try:
            process = psutil.Process(pid)
            return [one for one in (process, *process.children(recursive=True)) if one.pid != os.getpid()]
        except psutil.Error:
            return []


def _open_gpus() -> GPUMonitor | None:
    """MLflow's view of NVIDIA's GPUs; none without such a GPU, or without the package nvidia-ml-py."""
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor

    try:
        return GPUMonitor()
    except (ImportError, RuntimeError):
        return None
