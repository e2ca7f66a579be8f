"""What the cases are given and what they train: small data made on the spot, benchmarks as params.yaml has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archbench import resolve
from archbench.config import Config, Speed, check_config
from archbench.datasets import prepare, store
from archbench.datasets.store import Prepared
from archbench.project import Folders
from archbench.training.run import Workbench

CIFAR_SHAPE = (32, 32, 3)
CLASSES = 10

TrialSettings = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """What a measurement is given."""

    options: Speed
    folder: Path
    """Empty, and gone afterwards."""
    config: Config
    """The pipeline that is measured; most measurements bring their own benchmark."""
    folders: Folders


def made_ready(spec: Mapping[str, Any], folder: Path) -> Prepared:
    """A data set of the catalogue, prepared at `folder`/<name>."""
    slug = spec["name"]
    prepare.prepare(dict(spec), slug, folder / slug, folder / "raw")
    return store.load(folder / slug)


def digits(size: int, batch_size: int, folder: Path) -> Prepared:
    """Digits at `size` pixels, the training split cut to whole batches, so that both sides take the same steps."""
    whole = made_ready({"name": "digits", "size": size}, folder / "whole")
    train = whole.splits["train"]
    kept = len(train["label"]) // batch_size * batch_size
    splits = {**whole.splits, "train": {name: array[:kept] for name, array in train.items()}}
    return _written("digits", whole.card.class_names, splits, folder)


def cifar_like(training: int, other: int, folder: Path) -> Prepared:
    """Random images of CIFAR-10's shape: `training` to train on, `other` each to validate and to test on."""
    random = np.random.default_rng(0)

    def examples(count: int) -> dict[str, np.ndarray]:
        return {
            "image": random.integers(0, 256, (count, *CIFAR_SHAPE), dtype=np.uint8),
            "label": np.arange(count, dtype=np.int32) % CLASSES,
        }

    splits = {"train": examples(training), "validation": examples(other), "test": examples(other)}
    return _written("cifar10", tuple("0123456789"), splits, folder)


def trial(benchmark: Mapping[str, Any], prepared: Prepared) -> TrialSettings:
    """The resolved settings of `benchmark` on `prepared`, with the defaults of params.yaml and seed 0."""
    name = prepared.card.name
    config = check_config(
        {
            "pipeline": "speed",
            "seeds": [0],
            "datasets": {name: {}},
            "benchmarks": {"speed": {**benchmark, "dataset": name}},
        }
    )
    return resolve.resolve(config, "speed").trial_settings(0, prepared.card.sha256)


def workbench(benchmark: Mapping[str, Any], prepared: Prepared) -> tuple[Workbench, TrialSettings]:
    """A workbench of the training program for `benchmark`, and its trial's settings."""
    settings = trial(benchmark, prepared)
    return Workbench(settings, prepared), settings


def _written(name: str, class_names: tuple[str, ...], splits: store.Splits, folder: Path) -> Prepared:
    fields = {
        "name": name,
        "source": "archbench speed",
        "licence": "not distributed",
        "input": "image",
        "class_names": class_names,
        "labels": ("label",),
    }
    store.write(folder / name, fields, splits)
    return store.load(folder / name)
