"""One benchmark: every seed trained in one process with one compilation, each into its run folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from archbench.architectures.parted import Network, whole
from archbench.architectures.profile import Profile, profile
from archbench.datasets.columns import Arrays, lengths, take
from archbench.datasets.store import SPLITS, Prepared
from archbench.errors import UserError
from archbench.records import run_folder
from archbench.records.summary import write_summary
from archbench.tasks.base import Task
from archbench.tracking.signature import describe as describe_signature
from archbench.training import full_batch, machine, pieces, snapshots
from archbench.training.build import Settings, build_learner, build_recipe, build_task
from archbench.training.checkpoint import Progress
from archbench.training.fit import Diverged, Recipe, fit
from archbench.training.fitted import fit_at_once, is_fitted, one_step
from archbench.training.numbers import learning_rate, tunable_numbers
from archbench.training.program import Learner, Program
from archbench.training.shown import picture_arrays
from archbench.training.snapshots import Snapshots
from archbench.training.split import Split, open_split

SHOWN_EXAMPLES = 48
"""Test examples whose inputs and predictions a run folder keeps, for the gallery."""


class TooFewExamples(UserError):
    """A batch that the training split cannot fill."""


@dataclass(frozen=True)
class Pace:
    """What decides how often a run writes and shows, and nothing of its result."""

    checkpoint_seconds: float
    show: Callable[[str, Mapping[str, float], int, str], None]
    """Called after each epoch with the run's name, its row of the history, the epochs to do, and the monitor."""


class Workbench:
    """What the trials of one benchmark share: the data on the device and the compiled program.

    Trials may differ in all that `program_key` leaves out; all else of `settings` is fixed by the first. `runs` is the
    folder of the pipeline's runs, needed where weights are another's.
    """

    def __init__(self, settings: Settings, prepared: Prepared, runs: Path | None = None) -> None:
        self.prepared, self.card, self._runs = prepared, prepared.card, runs
        self.task = build_task(settings, self.card)
        training_examples = self.card.split_sizes["train"]
        if settings["batch_size"] > training_examples:
            raise TooFewExamples(
                f"batch_size is {settings['batch_size']}, but the training split of {self.card.name!r} has "
                f"{training_examples} examples. Choose a batch_size of at most {training_examples}."
            )
        full_batch.check(settings)
        learner = self._fresh_learner(settings)
        size = inference(whole(learner.parts), self.task), self.task.calls(), self._typical_length()
        self.profile: Profile = profile(*size)
        self.xla, self.xla_rule = machine.use_xla(settings["xla"], learner.model)
        self.program = Program(learner, self.xla, settings.get("devices", 1))
        self._batch_size, self._resident_bytes = settings["batch_size"], settings["resident_megabytes"] * 2**20
        self.training, self.validation = self.split("train"), self.split("validation")
        if not is_fitted(settings):
            pieces.settle(self.program, self.training, settings, tunable_numbers(settings))

    def split(self, name: str) -> Split:
        """A split of the data with this task's arrays, on the device if it fits."""
        return self._open(self.prepared.splits[name])

    def sample(self) -> Split:
        """As many training examples as there are for validation, from all over the split, or the first in streams."""
        count = self.sample_size
        rows = np.arange(count) if self.task.carry else np.arange(count) * self.training.examples // count
        return self._open({name: take(array, rows) for name, array in self.prepared.splits["train"].items()})

    @property
    def sample_size(self) -> int:
        """How many training examples are scored at the end: they need not be known better than the others."""
        return min(self.validation.examples, self.training.examples)

    def _open(self, arrays: Arrays) -> Split:
        return open_split(
            self.program,
            arrays,
            batch_size=self._batch_size,
            resident_bytes=self._resident_bytes,
            group=np.asarray(arrays[self.card.group]) if self.card.group else None,
        )

    def _typical_length(self) -> int:
        """How long an array is on average that the network reads and whose examples are of unlike length; else 1."""
        columns = [self.prepared.splits["train"][name] for name in self.task.reads()]
        found = [counts.mean() for counts in map(lengths, columns) if counts is not None]
        return round(float(np.mean(found))) if found else 1

    def start(self, settings: Settings) -> Recipe:
        """Give the program the fresh weights of a trial, and return its recipe."""
        if self._fresh_key != _fresh_key(settings):
            self._fresh_learner(settings)
        learner = self.program.learner
        learner.write_state(self._fresh_state)
        learner.optimizer.learning_rate = learning_rate(settings)
        steps = self.training.steps(settings["batch_size"])
        return build_recipe(settings, settings["seed"], self.training.examples, steps)

    def _fresh_learner(self, settings: Settings) -> Learner:
        """A learner with the weights that a trial starts from, which are remembered for the trials like it."""
        fresh = build_learner(settings, self.card, self.task, settings["seed"], self._runs)
        self.task.learn(self.prepared.splits["train"], fresh.parts)
        self._fresh_key, self._fresh_state = _fresh_key(settings), fresh.read_state()
        return fresh


def _fresh_key(settings: Settings) -> tuple[int, Any]:
    """What the fresh weights of the trials of one benchmark depend on."""
    return settings["seed"], settings["parts"].get("initializer")


def run_benchmark(
    trials: Sequence[Settings],
    prepared: Prepared,
    folder: Path,
    pace: Pace,
    *,
    bench: Callable[[], Workbench] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train every trial (one a seed) that is not finished, and write the summary over all of them.

    `bench` may give one that has compiled these settings already; it is asked only if there is something to train.
    """
    folders = {trial["seed"]: folder / f"seed-{trial['seed']}" for trial in trials}
    for other in set(folder.glob("seed-*")) - set(folders.values()):
        shutil.rmtree(other)  # of a seed that is asked for no more: it would count among these
    todo = [t for t in trials if run_folder.finished_metrics(folders[t["seed"]], t["id"]) is None]
    if todo:
        run_folder.remove(folder / "metrics.json")  # of other settings: no seed of these is summed up yet
        made = bench() if bench else Workbench(todo[0], prepared, folder.parent)
        for trial in todo:
            _train_one(made, trial, folders[trial["seed"]], pace, callbacks)
    for path in folders.values():  # only now, and of all: a kill may have come between the metrics of one and this
        run_folder.remove(path / "checkpoint.npz")
    write_summary(folder, list(folders.values()))


def _train_one(
    bench: Workbench,
    settings: Settings,
    folder: Path,
    pace: Pace,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """One seed, from its last checkpoint if it has one, to a finished or diverged run folder."""
    recipe = bench.start(settings)
    if is_fitted(settings):
        recipe = one_step(recipe, bench.training.examples)
    progress = _open_folder(bench, settings, folder)
    record = _Recorder(bench, folder, pace, recipe.epochs, progress)
    train = partial(fit, after_call=record.keep)
    if is_fitted(settings):
        train = partial(fit_at_once, settings["architecture"]["name"])
    if "keep_every" in settings:
        record.snapshots = Snapshots(folder, settings["keep_every"], bench.validation, progress.epoch)
    outcome: dict[str, Any] = {"state": "finished", "message": None, "diverged_at_step": None}
    scores: dict[str, dict[str, float]] = {"test": {}}
    speed: dict[str, float] = {}
    try:
        train(
            bench.program,
            recipe,
            bench.training,
            bench.validation,
            progress,
            after_epoch=record.after_epoch,
            callbacks=callbacks,
        )
        scores, speed = _test(bench, settings, folder)
        _save_model(inference(bench.program.learner.model, bench.task), folder)
    except Diverged as error:
        outcome |= {"state": "diverged", "message": str(error), "diverged_at_step": error.step}
    run_folder.write_json(folder / "timings.json", {**_timings(progress, recipe, record.seconds()), **speed})
    outcome["scores"] = {"validation": progress.best_validation, **scores}
    facts = _facts(bench.task, bench.profile, progress) | {
        "training_examples": bench.training.examples,
        "scored_examples": {**bench.card.split_sizes, "train": bench.sample_size},
        "programs": bench.program.compiled,
        "padding": bench.training.padding,
    }
    if "micro_batch" in settings:
        facts["micro_batch"] = bench.program.micro_batch or settings["batch_size"]
    run_folder.seal(folder, outcome | facts)


def _open_folder(bench: Workbench, settings: Settings, folder: Path) -> Progress:
    """Prepare a run folder, and take up its checkpoint if it is one of this very trial."""
    try:
        progress = Progress.load(folder / "checkpoint.npz", settings["id"])
    except run_folder.BrokenRecord as error:
        print(f"{error.path} {error.fault}: training starts anew", flush=True)
        run_folder.remove(error.path)
        progress = None
    progress = progress or Progress(settings["id"], micro_batch=bench.program.micro_batch)
    if progress.micro_batch != bench.program.micro_batch:  # what fitted when it began may not be what fits now
        bench.program.take_in_pieces(progress.micro_batch)
    run_folder.clear(folder, kept=("checkpoint.npz", snapshots.FILE) if progress.begun else ())
    run_folder.write_yaml(folder / "settings.yaml", dict(settings))
    facts = machine.describe(bench.xla, bench.xla_rule, settings["precision"])
    run_folder.write_json(folder / "machine.json", facts)
    run_folder.write_history(folder / "history.csv", progress.history)
    if progress.state:
        bench.program.learner.write_state(progress.state)
    return progress


class _Recorder:
    """Writes history after each epoch and checkpoints between calls, and keeps the time over all processes of a run."""

    def __init__(self, bench: Workbench, folder: Path, pace: Pace, epochs: int, progress: Progress) -> None:
        self._bench, self._folder, self._pace, self._epochs = bench, folder, pace, epochs
        self.snapshots: Snapshots | None = None
        self._start = time.perf_counter() - progress.seconds
        self._last_checkpoint = time.perf_counter()

    def seconds(self) -> float:
        return time.perf_counter() - self._start

    def after_epoch(self, progress: Progress) -> None:
        row = progress.history[-1]
        run_folder.append_history(self._folder / "history.csv", row)
        if self.snapshots:
            with self._bench.program.learner.averaged():
                self.snapshots.after_epoch(progress.epoch)
        self._pace.show(self._folder.name, row, self._epochs, self._bench.task.monitor)
        self.keep(progress)

    def keep(self, progress: Progress) -> None:
        """Write a checkpoint, if it is time for one."""
        if time.perf_counter() - self._last_checkpoint >= self._pace.checkpoint_seconds:
            progress.state = self._bench.program.learner.read_state()
            progress.seconds = self.seconds()
            progress.save(self._folder / "checkpoint.npz")
            self._last_checkpoint = time.perf_counter()


def _test(bench: Workbench, settings: Settings, folder: Path) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """The one place that reads test data: what the gallery shows, and the scores of the chosen model by split.

    A sample of the training split, and splits beside the three that every data set has, are scored as the test split
    is. Also how fast it predicts, for tasks that ask.
    """
    test = bench.split("test")
    size = settings["batch_size"]
    scores, predictions = pieces.scored(bench.program, test, "test", size)
    shown = bench.task.picked(test.arrays, predictions, SHOWN_EXAMPLES)
    run_folder.write_arrays(folder / "predictions.npz", picture_arrays(bench.card, test, predictions, shown))
    others = [name for name in bench.prepared.splits if name not in SPLITS]
    left, _ = pieces.scored(bench.program, bench.sample(), "training", size)
    further = {name: pieces.scored(bench.program, bench.split(name), name, size)[0] for name in others}
    speed = {"predicted_per_second": test.predicted_per_second()} if bench.task.timed else {}
    return {"test": scores, "train": left, **further}, speed


def inference(model: keras.Model, task: Task) -> keras.Model:
    """`model` as it answers after training: without the heads that only help to train."""
    if isinstance(model, Network):
        return model
    answers = task.inference(model.output)
    return model if answers is model.output else keras.Model(model.input, answers, name=model.name)


def _save_model(model: keras.Model, folder: Path) -> None:
    """The chosen model, and the shapes it reads and writes, which its own file does not tell without Keras."""
    temporary = folder / ".unfinished.keras"  # Keras wants the suffix
    try:
        model.save(temporary)
        temporary.replace(folder / "model.keras")
    finally:
        temporary.unlink(missing_ok=True)
    run_folder.write_json(folder / "signature.json", describe_signature(model))


def _facts(task: Task, size: Profile, progress: Progress) -> dict[str, Any]:
    return {
        "epochs_run": progress.epoch,
        "best_epoch": progress.best_epoch,
        "monitor": task.monitor,
        "maximize": task.maximize,
        "parameters": size.parameters,
        "parameters_total": size.parameters_total,
        "multiply_adds": size.multiply_adds,
    }


def _timings(progress: Progress, recipe: Recipe, total_seconds: float) -> dict[str, Any]:
    parts = ("compile_seconds", "input_seconds", "step_seconds", "evaluation_seconds")
    sums = {part: sum(row[part] for row in progress.history) for part in parts}
    steps = progress.history[-1]["step"] if progress.history else 0
    step_seconds = sums["step_seconds"] or float("nan")
    return {
        **sums,
        "train_seconds": sums["input_seconds"] + sums["step_seconds"],
        "total_seconds": total_seconds,
        "examples_per_second": steps * recipe.step_examples / step_seconds,
        "step_milliseconds": 1e3 * step_seconds / steps if steps else float("nan"),
        "peak_memory_bytes": machine.peak_memory_bytes(),
    }
