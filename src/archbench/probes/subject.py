"""What a probe looks into: a network as training would start it, or as a finished run left it, with its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archbench.datasets.store import Prepared
from archbench.errors import UserError
from archbench.records.read import read_run
from archbench.training.build import build_learner, build_task
from archbench.training.program import Learner
from archbench.training.start import saved_parts


class NoRun(UserError):
    """A finished run that a probe looks into and that is not there."""


@dataclass(frozen=True)
class Subject:
    """One network of one seed."""

    arm: str
    """What tells it from the others: an arm of the probe, or the benchmark whose run it is."""
    settings: Mapping[str, Any]
    """Those of a trial, as training has them."""
    prepared: Prepared
    runs: Path
    """The folder of the pipeline's runs."""
    trained: bool = False
    """Whether the weights are those of its finished run, instead of fresh ones."""

    @property
    def seed(self) -> int:
        """What its fresh weights are drawn with."""
        return self.settings["seed"]

    def learner(self, **changes: Any) -> Learner:
        """The network with all that a step needs, built anew at each call; `changes` go over the settings.

        Raises `NoRun`.
        """
        settings = {**self.settings, **changes}
        task = build_task(settings, self.prepared.card)
        if self.trained:  # loading draws random numbers, so it comes before the seed is set
            theirs, settings = saved_parts(self._model()), {**settings, "start": None}
        learner = build_learner(settings, self.prepared.card, task, self.seed, self.runs)
        task.learn(self.prepared.splits["train"], learner.parts)  # which may set weights
        if self.trained:
            for name, part in learner.parts.items():
                part.set_weights(theirs[name].get_weights())
        return learner

    def _model(self) -> Path:
        slug = self.settings["benchmark"]
        run = read_run(self.runs / slug / f"seed-{self.seed}")
        if run.state != "finished":
            why = f"is {run.state}" if run.fault is None else f"is damaged ({run.fault.path.name} {run.fault.fault})"
        elif run.settings["id"] != self.settings["id"]:
            why = "is of other settings, code or data than params.yaml asks for now"
        else:
            return run.path / "model.keras"
        raise NoRun(f"{run.path}, which this probe looks into, {why}. Run: dvc repro train@{slug}")
