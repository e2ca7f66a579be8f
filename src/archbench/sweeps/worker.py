"""One worker process of a sweep: `python -m archbench.sweeps.worker STUDY NUMBER`."""

from __future__ import annotations

import sys

import optuna

from archbench.stages import run_sweep_worker

if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    run_sweep_worker(sys.argv[1], int(sys.argv[2]))
