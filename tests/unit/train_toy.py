"""Train the toy benchmark in a process of its own, slowly enough to be killed: `train_toy.py FOLDER [locked]`."""

import sys
import time
from contextlib import nullcontext
from pathlib import Path

import toys

from archbench.locks import only_writer
from archbench.training.run import Pace, run_benchmark

SECONDS_AN_EPOCH = 0.15
TRIALS = [toys.settings(seed=seed, epochs=5, early_stopping={"patience": 4, "least_gain": 0.0}) for seed in (0, 1)]


def linger(run: str, row: dict, epochs: int, monitor: str) -> None:
    """Give a test time to look."""
    time.sleep(SECONDS_AN_EPOCH)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with only_writer(folder, "train toy") if sys.argv[2:] else nullcontext():
        run_benchmark(TRIALS, toys.stripes(), folder, Pace(1e-6, linger))
