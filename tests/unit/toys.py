"""Data sets of a few dozen examples in memory, and settings that train on them in a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from archbench.datasets import store
from archbench.datasets.card import Card
from archbench.datasets.store import Prepared
from archbench.resolve import identify
from archbench.tasks.base import Task
from archbench.training.checkpoint import Progress
from archbench.training.feed import Feed
from archbench.training.fit import fit
from archbench.training.run import Workbench
from archbench.training.split import Split

SIZES = {"train": 70, "validation": 30, "test": 20}
SETTINGS: dict[str, Any] = {
    "pipeline": "toy",
    "benchmark": "lenet5-stripes",
    "seed": 0,
    "architecture": {"name": "lenet5", "maps": [2, 3], "units": [8]},
    "scale": "tiny",
    "dataset": "stripes",
    "task": {"name": "classification"},
    "parts": {"dropout": 0.25},
    "xla": "off",
    "precision": "float32",
    "preprocessing": {"name": "standardize"},
    "augmentation": [{"name": "shift", "pixels": 1}],
    "optimizer": {"name": "adam", "learning_rate": 0.01},
    "schedule": {"name": "cosine"},
    "epochs": 4,
    "batch_size": 16,
    "clip": None,
    "early_stopping": None,
    "resident_megabytes": 16,
    "steps_per_call": 100,
    "dataset_sha256": "0",
    "code_sha256": "0",
}
LSTM = {
    "architecture": {"name": "lstm", "units": 4},
    "task": {"name": "sequence_regression"},
    "preprocessing": {"name": "none"},
    "augmentation": [],
    "parts": {},
}
VAE = {
    "architecture": {"name": "vae", "hidden": 8, "latent": 2},
    "task": {"name": "reconstruction"},
    "preprocessing": {"name": "rescale"},
    "augmentation": [],
    "parts": {},
}
TWO_STAGES = {
    "architecture": {
        "name": "faster_rcnn_fpn",
        "block": "basic",
        "blocks": [1, 1],
        "width": 8,
        "channels": 8,
        "hidden": 16,
        "pool": 3,
    },
    "task": {
        "name": "region_detection",
        "anchor_scale": [2],
        "canonical": 64,
        "proposals": 12,
        "sampled_anchors": 32,
        "sampled_regions": 8,
        "max_detections": 4,
    },
    "augmentation": [{"name": "flip"}],
    "parts": {},
}
MASKS = {
    **TWO_STAGES,
    "architecture": {**TWO_STAGES["architecture"], "name": "mask_rcnn", "mask_pool": 4, "mask_depth": 1},
    "task": {**TWO_STAGES["task"], "name": "instance_segmentation"},
}
SEVERAL_SIZES = {
    "architecture": {"name": "yolo_v3", "width": 2, "blocks": [1, 1, 1], "anchors": 2},
    "task": {"name": "detection", "loss": "yolo_v3", "heights": [24, 32], "max_detections": 4},
    "augmentation": [{"name": "shift", "pixels": 2}],
    "parts": {},
}


def settings(**changes: Any) -> dict[str, Any]:
    """The settings of a trial with its id."""
    changed = {**SETTINGS, **changes}
    return {"id": identify(changed), **changed}


def stripes() -> Prepared:
    """Pictures of 16 pixels with a bright stripe at one of three heights, which is their class."""

    def split(examples: int, seed: int) -> dict[str, np.ndarray]:
        random = np.random.default_rng(seed)
        label = random.integers(3, size=examples).astype("int32")
        image = random.integers(0, 60, (examples, 16, 16, 1)).astype("uint8")
        for picture, kind in zip(image, label, strict=True):
            picture[5 * kind : 5 * kind + 5] += 120
        return {"image": image, "label": label}

    return _prepared("stripes", "image", ("low", "middle", "high"), split)


def sums() -> Prepared:
    """Sequences of six pairs of numbers and the sum of the first of each."""

    def split(examples: int, seed: int) -> dict[str, np.ndarray]:
        sequence = np.random.default_rng(seed).random((examples, 6, 2), "float32")
        return {"sequence": sequence, "target": sequence[:, :, 0].sum(axis=1, keepdims=True) / 6}

    return _prepared("sums", "sequence", (), split)


def squares() -> Prepared:
    """Dark pictures of 32 pixels with a red square or none, and a blue one."""

    def split(examples: int, seed: int) -> dict[str, np.ndarray]:
        random = np.random.default_rng(seed)
        image = random.integers(0, 60, (examples, 32, 32, 3)).astype("uint8")
        boxes, label = np.zeros((examples, 2, 4), "float32"), np.full((examples, 2), -1, "int32")
        for row, kind in np.ndindex(examples, 2):
            if kind or random.random() < 0.7:
                side = random.integers(7, 15)
                top, left = random.integers(0, 33 - side, 2)
                image[row, top : top + side, left : left + side, 2 * kind] = 220
                boxes[row, kind], label[row, kind] = (top, left, top + side, left + side), kind
        return {"image": image, "boxes": boxes, "box_label": label}

    return _prepared("squares", "image", ("red", "blue"), split)


def with_instances(squares: Prepared) -> Prepared:
    """The squares of each picture as a map of instances; the second lies over the first."""
    splits = {}
    for name, arrays in squares.splits.items():
        instances = np.zeros(arrays["image"].shape[:3], "uint8")
        for (example, row), label in np.ndenumerate(arrays["box_label"]):
            if label >= 0:
                top, left, bottom, right = arrays["boxes"][example, row].astype(int)
                instances[example, top:bottom, left:right] = row + 1
        splits[name] = {**arrays, "instances": instances}
    told = {**squares.card.arrays, "instances": {"shape": [32, 32], "dtype": "uint8"}}
    return replace(squares, card=replace(squares.card, arrays=told), splits=splits)


def _prepared(name: str, given: str, class_names: Sequence[str], split: Any) -> Prepared:
    splits = {kind: split(size, seed) for seed, (kind, size) in enumerate(SIZES.items())}
    card = Card(
        name=name,
        source="made up",
        licence="none",
        input=given,
        arrays={key: {"shape": list(a.shape[1:]), "dtype": str(a.dtype)} for key, a in splits["train"].items()},
        split_sizes=SIZES,
        class_names=tuple(class_names),
        labels=("label",) if class_names else (),
        strata="label" if class_names else None,
        statistics=store.statistics(splits["train"][given]),
        sha256=store.digest(splits),
    )
    return Prepared(card, splits)


def train(bench: Workbench, trial: dict[str, Any], progress: Progress | None = None, **options: Any) -> Progress:
    """Train one trial on a bench to the end, or on from `progress`; `recipe` changes what it says."""
    recipe = replace(bench.start(trial), **options.pop("recipe", {}))
    progress = progress or Progress(trial["id"])
    if progress.state:
        bench.program.learner.write_state(progress.state)
    training, validation = options.pop("splits", (bench.training, bench.validation))
    after_epoch = options.pop("after_epoch", lambda progress: None)
    fit(bench.program, recipe, training, validation, progress, after_epoch=after_epoch, **options)
    return progress


def streamed(bench: Workbench, name: str) -> Split:
    """A split of the bench that is not kept on the device."""
    task: Task = bench.task
    arrays = bench.prepared.splits[name]
    targets = task.arrays(arrays)
    feed = Feed(bench.program, {task.card.input: arrays[task.card.input], **targets}, 0)
    return Split(bench.program, [feed], targets, arrays)


def weights(bench: Workbench) -> list[np.ndarray]:
    """The model's weights; after training those of the best epoch."""
    return [np.array(value) for value in bench.program.learner.model.get_weights()]


def without_seconds(history: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """A history but for its columns that no two runs share."""
    return [{name: value for name, value in row.items() if not name.endswith("_seconds")} for row in history]


def assert_same_bits(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> None:
    """Equal arrays in the same order, to the bit."""
    assert len(ours) == len(theirs) > 0
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
