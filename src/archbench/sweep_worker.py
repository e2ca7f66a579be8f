"""One worker process of a sweep: `python -m archbench.sweep_worker STUDY NUMBER`, its input a pipe."""

from __future__ import annotations

import os
import sys
import threading

import optuna

from archbench._lean import leave
from archbench.errors import guarded
from archbench.stages import run_sweep_worker
from archbench.sweeps.benches import Full
from archbench.sweeps.workers import AGAIN


def _end_with_parent() -> None:
    """End this process when its input does: the process that shares out the work is gone."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with guarded():
        try:
            run_sweep_worker(sys.argv[1], int(sys.argv[2]))
        except Full:
            leave(AGAIN)
    leave()
