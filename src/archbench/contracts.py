"""What every entry of a catalogue must keep, tried on one of them: what `archbench check-plugin` does.

An entry is put into a small benchmark of its kind, on the tiny data that its task brings, and trained by the same loop
as all else: whatever is wrong with its shapes, its gradients or its file shows there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from archbench.architectures import ARCHITECTURES
from archbench.catalogue import Entry
from archbench.config import check_config
from archbench.datasets import store
from archbench.datasets.card import Card
from archbench.datasets.prepare import prepare
from archbench.datasets.store import SPLITS, Prepared
from archbench.errors import UserError
from archbench.records.read import read_whole
from archbench.resolve import resolve
from archbench.tasks import TASKS
from archbench.training.build import build_learner, build_task
from archbench.training.run import Pace, Workbench, run_benchmark

EXAMPLES, EPOCHS = 24, 12
TRIED = "softmax_regression"
"""The network that an optimizer, a schedule or a loss is tried on."""
IN_PARTS = ("activation", "normalization", "initializer", "regularizer")
"""Kinds that stand in the parts of a network."""
WHERE: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "optimizer": lambda name: {"optimizer": name},
    "schedule": lambda name: {"schedule": name},
    "preprocessor": lambda name: {"preprocessing": name},
    "augmentation": lambda name: {"augmentation": [name], "architecture": _small("lenet5")},
    "loss": lambda name: {"task": {"name": ARCHITECTURES[TRIED].facts["task"], "loss": name}},
    **{kind: lambda name, kind=kind: {"parts": {kind: name}, "architecture": _small("mlp")} for kind in IN_PARTS},
}
"""Kind -> the keys of a benchmark that use an entry of it."""


class Broken(UserError):
    """A contract that an entry does not keep."""


@dataclass(frozen=True)
class Verdict:
    """One contract, held against one entry."""

    entry: Entry
    contract: str
    fault: str | None
    """None where it is kept."""


def check(entry: Entry) -> Iterator[Verdict]:
    """Every contract of an entry's kind; after one that is broken the rest is not tried."""
    with tempfile.TemporaryDirectory() as folder:
        tries = _CONTRACTS.get(entry.kind, _swapped)(entry, Path(folder))
        while True:
            try:
                contract = next(tries)
            except StopIteration:
                return
            except Exception as error:  # whatever it is, the user wants to know it
                yield Verdict(entry, "works", str(error) if isinstance(error, UserError) else repr(error))
                return
            yield Verdict(entry, contract, None)


def _architecture(entry: Entry, folder: Path) -> Iterator[str]:
    task = TASKS[entry.facts["task"]]
    data = _data(task, entry.facts["smoke_input"], folder)
    benchmark = {"architecture": _small(entry.name), "preprocessing": _preprocessing(task, data.card)}
    run = yield from _trains(benchmark, data, folder)
    settings = dict(run.settings)
    asked = build_task(settings, data.card)
    before = build_learner(settings, data.card, asked, settings["seed"]).model
    _check_outputs(before, asked.outputs())
    after = keras.saving.load_model(run.path / "model.keras", safe_mode=True)
    for old, new in zip(before.trainable_variables, after.trainable_variables, strict=True):
        if np.array_equal(np.asarray(old), np.asarray(new)):
            raise Broken(f"the weight {old.path} is after training what it was before: no gradient reaches it")
    yield "every weight learns, and the saved model loads in safe mode"


def _check_outputs(model: keras.Model, asked: int) -> None:
    """Of a network that answers with one row of numbers, whether these are as many as it was asked for."""
    answers = getattr(model, "output", None)
    if isinstance(answers, keras.KerasTensor) and len(answers.shape) == 2 and answers.shape[-1] != asked:
        raise Broken(f"it answers with {answers.shape[-1]} numbers, and was asked for {asked}: use `outputs`")


def _task(entry: Entry, folder: Path) -> Iterator[str]:
    network = ARCHITECTURES[entry.facts["smoke"]]
    data = _data(entry, network.facts["smoke_input"], folder)
    benchmark = {"architecture": _small(network.name), "task": entry.name}
    run = yield from _trains({**benchmark, "preprocessing": _preprocessing(entry, data.card)}, data, folder)
    scores = run.metrics["scores"]["test"]
    if entry.build.monitor not in {*scores, "loss"}:
        raise Broken(f"its scores are {', '.join(scores)}, and its monitor is {entry.build.monitor}")
    yield "its scores hold the one that it is judged by"


def _dataset(entry: Entry, folder: Path) -> Iterator[str]:
    spec = {"name": entry.name, **entry.facts.get("smoke", {})}
    cards = [prepare(spec, "toy", folder / place, folder / "raw") for place in ("one", "other")]
    yield "it can be prepared: arrays, labels and splits fit together"
    if cards[0].sha256 != cards[1].sha256:
        raise Broken("prepared twice, it has other content: draw from a generator with a seed of its options")
    yield "prepared again it is the same, to the byte"
    data = store.load(folder / "one")
    seen: dict[bytes, str] = {}
    for name, arrays in data.splits.items() if not entry.facts.get("same_splits") else ():
        for row in arrays[data.card.input]:
            other = seen.setdefault(np.asarray(row).tobytes(), name)
            if other != name:
                raise Broken(f"an example of {name} is one of {other} too: give Raw a `group`, or leave repeats out")
    yield "no two splits share an example"


def _swapped(entry: Entry, folder: Path) -> Iterator[str]:
    """An entry that a benchmark can use in place of another one; of other kinds the declaration alone is held."""
    yield "it declares the facts of its kind"
    if entry.kind not in WHERE:
        return
    benchmark = {"architecture": _small(TRIED), "preprocessing": "none", **WHERE[entry.kind](entry.name)}
    network = ARCHITECTURES[benchmark["architecture"]["name"]]
    task = TASKS[network.facts["task"]]
    yield from _trains(benchmark, _data(task, network.facts["smoke_input"], folder), folder)


_CONTRACTS = {"architecture": _architecture, "task": _task, "dataset": _dataset}


def _trains(benchmark: dict[str, Any], data: Prepared, folder: Path) -> Iterator[str]:
    """Trains twice; gives the contracts that are kept, and returns the first run."""
    values = {
        "pipeline": "contract",
        "seeds": [0],
        "training": {"epochs": EPOCHS, "batch_size": EXAMPLES // 4, "xla": "off"},
        "datasets": {"toy": {"name": "digits"}},
        "benchmarks": {"one": {"dataset": "toy", "optimizer": {"name": "adam", "learning_rate": 0.01}, **benchmark}},
    }
    plan = resolve(check_config(values), "one")
    trials = [plan.trial_settings(0, data.card.sha256, folder, data.card.input_shape)]
    bench = Workbench(trials[0], data, folder)
    for name in ("first", "second"):
        run_benchmark(trials, data, folder / name, Pace(3600.0, lambda *_: None), bench=lambda: bench)
    first, second = (read_whole(folder / name / "seed-0") for name in ("first", "second"))
    if first.metrics["state"] != "finished":
        raise Broken(first.metrics["message"])
    yield "it trains, is scored and saved"
    losses = [row["train_loss"] for row in first.history]
    if not losses[-1] < losses[0]:
        raise Broken(f"its training loss does not fall: {losses[0]:.4g} after an epoch, {losses[-1]:.4g} at the end")
    yield "its training loss falls"
    if first.progress(EPOCHS) != second.progress(EPOCHS):
        raise Broken("the same seed gives another history: draw random numbers from the seed that is given")
    yield "the same seed gives the same history"
    return first


def _data(task: Entry, shape: tuple[int, ...], folder: Path) -> Prepared:
    """The tiny data set that a task brings, in three splits."""
    splits, made = {}, None
    for seed, split in enumerate(SPLITS):
        made = task.build.smoke(shape, EXAMPLES, np.random.default_rng(seed))
        splits[split] = dict(made.arrays)
    fields = {
        "name": "toy",
        "source": "made up",
        "licence": "none",
        "input": made.input,
        "class_names": tuple(made.class_names),
        "label_names": {name: list(names) for name, names in made.label_names.items()},
        "vocabulary": tuple(made.vocabulary),
    }
    store.write(folder / "data", fields, splits)
    return store.load(folder / "data")


def _small(architecture: str) -> dict[str, Any]:
    return {"name": architecture, **_plain(ARCHITECTURES[architecture].facts["smoke"])}


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as params.yaml would write them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def _preprocessing(task: Entry, card: Card) -> str:
    """The one that a task goes with; tokens have no scale."""
    scaled = not card.vocabulary and "mean" in card.statistics
    return task.facts.get("preprocessing", "standardize" if scaled else "none")
