"""Checkpoints: all that a run needs to go on as if it had never stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from archbench.records.run_folder import named, read_arrays, write_arrays


@dataclass
class Progress:
    """Where a run stands between two epochs, or two calls of the compiled program."""

    trial: str
    """The id of the settings, code and data; a checkpoint of another trial is not used."""
    epoch: int = 0
    """Epochs done."""
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float = float("nan")
    best_validation: dict[str, float] = field(default_factory=dict)
    best_weights: list[np.ndarray] = field(default_factory=list)
    """The model's variables after the best epoch."""
    state: list[np.ndarray] = field(default_factory=list)
    """Every variable of the learner: weights, optimizer slots, random states."""
    micro_batch: int | None = None
    """Examples whose gradient is taken at once; None where that is the whole batch."""
    within: dict[str, Any] = field(default_factory=dict)
    """Of an epoch that has begun, what `fit` needs to go on with it; empty between epochs."""
    seconds: float = 0.0
    """Time spent so far, over all the run's processes."""

    @property
    def begun(self) -> bool:
        """Whether there is anything to go on from."""
        return self.epoch > 0 or bool(self.within)

    def save(self, path: Path) -> None:
        """Write the checkpoint whole or not at all."""
        facts = {
            "trial": self.trial,
            "epoch": self.epoch,
            "history": self.history,
            "best_epoch": self.best_epoch,
            "best_score": self.best_score,
            "best_validation": self.best_validation,
            "micro_batch": self.micro_batch,
            "within": self.within,
            "seconds": self.seconds,
        }
        arrays: dict[str, Any] = {"facts": np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)}
        arrays |= {f"state_{n:05d}": value for n, value in enumerate(self.state)}
        arrays |= {f"best_{n:05d}": value for n, value in enumerate(self.best_weights)}
        write_arrays(path, arrays)

    @classmethod
    def load(cls, path: Path, trial: str) -> Progress | None:
        """The checkpoint at `path` if it belongs to `trial`, else None. Raises `BrokenRecord`."""
        if not path.exists():
            return None
        arrays = read_arrays(path)
        with named(path):
            facts = json.loads(arrays["facts"].tobytes())
            if facts["trial"] != trial:
                return None
            return cls(
                **facts,
                state=[arrays[name] for name in sorted(arrays) if name.startswith("state_")],
                best_weights=[arrays[name] for name in sorted(arrays) if name.startswith("best_")],
            )
