"""What a probe looks into: a network as training would start it, or as a finished run left it, with its data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archbench.datasets.columns import take
from archbench.datasets.store import Prepared
from archbench.errors import UserError
from archbench.records.read import read_run
from archbench.records.run_folder import WEIGHTS, WITHOUT_WEIGHTS
from archbench.tasks.base import Arrays
from archbench.training.build import build_learner, build_task
from archbench.training.checkpoint import Progress
from archbench.training.fit import Diverged, fit
from archbench.training.program import Learner
from archbench.training.run import Workbench
from archbench.training.start import saved_parts


class NoRun(UserError):
    """A finished run that a probe looks into and that is not there."""


class AlreadyTrained(UserError):
    """Epochs of training that are asked of the network of a finished run."""


class NothingSeen(UserError):
    """Training that diverges before there is anything to look at."""


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

    def first(self, examples: int | None) -> tuple[Arrays, int]:
        """The first `examples` of the training split, by default as many as a batch has, and how many these are."""
        count = min(examples or self.settings["batch_size"], self.prepared.card.split_sizes["train"])
        training = self.prepared.splits["train"]
        return {name: take(column, np.arange(count)) for name, column in training.items()}, count

    def followed(
        self, learner: Learner, epochs: Collection[int], look: Callable[[], Sequence[Mapping[str, Any]]]
    ) -> list[dict[str, Any]]:
        """The rows that `look` finds in `learner` after each of `epochs`, with whose they are; as `watch` says.

        Raises `NothingSeen` where there are none.
        """
        rows: list[dict[str, Any]] = []
        seen: list[int] = []

        def take_down(epoch: int) -> None:
            seen.append(epoch)
            rows.extend({"arm": self.arm, "seed": self.seed, "epoch": epoch, **row} for row in look())

        self.watch(learner, epochs, take_down)
        if not seen:
            raise NothingSeen(
                f"{self.arm} diverged before its epoch {min(epochs)} was done. Choose a smaller learning rate, or an "
                "earlier epoch."
            )
        return rows

    def watch(self, learner: Learner, epochs: Collection[int], look: Callable[[int], None]) -> None:
        """Train a copy, and `look` at `learner`, which is one of `learner()`, with its weights after each of `epochs`.

        After 0 they are as they are. It is trained as a benchmark of so many epochs as the last of `epochs` is; where
        that diverges, there is no more to look at. Raises `AlreadyTrained`.
        """
        if 0 in epochs:
            look(0)
        if not any(epochs):
            return
        if self.trained:
            raise AlreadyTrained(
                f"{self.arm} is a finished run, and {max(epochs)} epochs of training are to be looked at. Give the "
                "probe a base in place of runs, or leave out epochs."
            )
        settings = {**self.settings, "epochs": max(epochs), "early_stopping": None}
        bench = Workbench(settings, self.prepared, self.runs)

        def after_epoch(progress: Progress) -> None:
            if progress.epoch in epochs:
                with bench.program.learner.averaged():
                    learner.model.set_weights(bench.program.learner.model.get_weights())
                look(progress.epoch)

        recipe, progress = bench.start(settings), Progress(settings["id"])
        with suppress(Diverged):
            fit(bench.program, recipe, bench.training, bench.validation, progress, after_epoch=after_epoch)

    def _model(self) -> Path:
        slug = self.settings["benchmark"]
        run = read_run(self.runs / slug / f"seed-{self.seed}")
        if run.state != "finished":
            why = f"is {run.state}" if run.fault is None else f"is damaged ({run.fault.path.name} {run.fault.fault})"
        elif run.settings["id"] != self.settings["id"]:
            why = "is of other settings, code or data than params.yaml asks for now"
        elif not run.has_weights:
            why = f"has no model: {WITHOUT_WEIGHTS}"
        else:
            return run.path / WEIGHTS
        raise NoRun(f"{run.path}, which this probe looks into, {why}. Run: dvc repro train@{slug}")
