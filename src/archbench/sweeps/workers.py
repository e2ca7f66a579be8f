"""The worker processes of a sweep: how many programs one may compile, who ends when, and who waits for whom."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from archbench.errors import UserError

POLL_SECONDS = 0.5
AGAIN = 75
"""The exit status of a worker that has done all that one process should: a fresh one goes on in its place."""


class WorkersFailed(UserError):
    """A sweep whose workers did not all finish."""


@contextmanager
def only_workers(folder: Path) -> Iterator[int]:
    """Wait until no worker of an earlier sweep into `folder` lives, and give the lock that tells whether one does.

    Workers inherit it, and the system drops it with the last process that has it: where a sweep was killed alone, its
    workers, which end by themselves, are waited for before their trials are taken to be dead.
    """
    path = folder.with_name(f".{folder.name}.workers.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def run_workers(command: Sequence[str], workers: int, lock: int) -> None:
    """Run the workers of a study side by side, as processes of this Python that have `lock`.

    A worker that ends with the status `AGAIN` is started again. If one fails, the others are stopped, since they may
    wait for it, and `WorkersFailed` is raised. Their standard input is a pipe that ends with this process, however it
    ends: that tells them to end too.
    """

    def start(worker: int) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, *command, str(worker)], stdin=subprocess.PIPE, pass_fds=(lock,))

    running = [start(worker) for worker in range(workers)]
    try:
        while None in (codes := [process.poll() for process in running]) or AGAIN in codes:
            if any(code not in (None, 0, AGAIN) for code in codes):
                break
            for worker, code in enumerate(codes):
                if code == AGAIN:
                    running[worker].communicate()
                    running[worker] = start(worker)
            time.sleep(POLL_SECONDS)
    finally:
        for process in running:
            process.kill()
            process.communicate()
    failed = [f"{worker} (status {code})" for worker, code in enumerate(codes) if code not in (None, 0, AGAIN)]
    if failed:
        raise WorkersFailed(
            f"Worker {', '.join(failed)} of the sweep stopped; an error of its own stands above. The trials that "
            "ended are kept: run the same command again to go on."
        )
