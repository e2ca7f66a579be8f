"""Trials of one arm in turn, against side by side in one vectorised program, on JAX.

`python -m archbench.speed.side_by_side FOLDER REPEATS` prints the rows as JSON: a process of its own, since a
process has one backend.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import optuna

from archbench.config import Range
from archbench.speed.pairs import interleave, row
from archbench.speed.workshop import Site, digits, trial
from archbench.sweeps import space
from archbench.sweeps.benches import Benches
from archbench.sweeps.trial import Asked, run_trials
from archbench.tuning import with_values

TOGETHER = 8
EPOCHS = 4
BATCH_SIZE = 32
SPACE = {
    "learning_rate": Range(low=1e-4, high=1e-2, log=True),
    "beta_1": Range(low=0.01, high=0.5, log=True, one_minus=True),
}
NETWORKS = {"mlp": {"name": "mlp", "units": [64, 64]}, "lenet5": {"name": "lenet5"}}
"""Dense layers, whose products of several trials are one larger product, and convolutions, which have none."""


def trials_a_minute(site: Site) -> list[dict]:
    """A row a network, measured in a process on JAX."""
    command = [sys.executable, "-m", "archbench.speed.side_by_side", str(site.folder), str(site.options.repeats)]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    # In a session of its own: an interrupt at the terminal is for this process alone.
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _rows(folder: Path, repeats: int) -> list[dict]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    prepared = digits(16, BATCH_SIZE, folder)
    benches = Benches(prepared, None)
    rows = []
    for name, architecture in NETWORKS.items():
        benchmark = {"architecture": architecture, "optimizer": "adam", "epochs": EPOCHS, "batch_size": BATCH_SIZE}
        settings = trial(benchmark, prepared)
        pair = interleave(_side(settings, benches, run_trials), _side(settings, benches, _in_turn), repeats)
        note = (
            f"{name} on digits at 16 pixels, {TOGETHER} trials of {EPOCHS} epochs, one process; ours: side by side "
            "under vmap; baseline: one after the other in their shared program"
        )
        rows.append(row(f"side-by-side-{name}", "trials/min", pair, note))
    return rows


def _side(
    settings: dict[str, Any], benches: Benches, run: Callable[[optuna.Study, Sequence[Asked], Benches, None], None]
) -> Callable[[], float]:
    """Run the same trials once, as `run` does; trials a minute."""

    def once() -> float:
        sampler = optuna.samplers.RandomSampler(seed=0)
        study = optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.NopPruner())
        asked = []
        for _ in range(TOGETHER):
            drawn = study.ask(space.distributions(SPACE))
            asked.append((drawn, with_values(settings, space.values_of(drawn.params, SPACE))))
        start = time.perf_counter()
        run(study, asked, benches, None)
        return 60 * TOGETHER / (time.perf_counter() - start)

    return once


def _in_turn(study: optuna.Study, asked: Sequence[Asked], benches: Benches, folds: None) -> None:
    for one in asked:
        run_trials(study, [one], benches, folds)


if __name__ == "__main__":
    if keras.backend.backend() != "jax":
        raise SystemExit("This measurement needs KERAS_BACKEND=jax.")
    print(json.dumps(_rows(Path(sys.argv[1]), int(sys.argv[2]))))
