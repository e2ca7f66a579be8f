"""Our training program with and without XLA: the measurements behind the rule of `xla: auto`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from archbench.config import Speed
from archbench.datasets.store import Prepared
from archbench.speed.pairs import interleave, row
from archbench.speed.workshop import made_ready, workbench
from archbench.training.fit import epoch_order

STEPS = 4
"""Steps of one call: with XLA a convolution in a loop can take twenty times as long."""

BALLOONS = {"name": "balloons", "examples": 100, "size": 64}
DIGITS = {"name": "digits", "size": 32}
ADDING = {"name": "adding", "length": 50, "examples": 500}

NETWORKS: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "lenet5": ({"architecture": "lenet5"}, DIGITS),
    "mlp": ({"architecture": {"name": "mlp", "units": [128, 128]}}, DIGITS),
    "alexnet": (
        {"architecture": {"name": "alexnet", "widths": [12, 32, 48, 48, 32], "dense_width": 256, "stem": [5, 1]}},
        DIGITS,
    ),
    "vgg11": (
        {"architecture": {"name": "vgg11", "width": 8, "dense_width": 64}, "parts": {"normalization": "batch"}},
        DIGITS,
    ),
    "googlenet": (
        {"architecture": {"name": "googlenet", "modules": [1, 4], "width": 16, "dense_width": 64, "stem_stride": 1}},
        DIGITS,
    ),
    "inception_v3": (
        {"architecture": {"name": "inception_v3", "width": 8, "blocks": [1, 1, 1], "small_stem": True}},
        DIGITS,
    ),
    "resnet18": ({"architecture": {"name": "resnet18", "width": 16}}, DIGITS),
    "densenet121": (
        {"architecture": {"name": "densenet121", "blocks": [3, 6, 12, 8], "growth": 8, "stem_width": 16}},
        DIGITS,
    ),
    "capsnet": (
        {
            "architecture": {"name": "capsnet", "width": 32, "types": 4, "hidden": [64, 128], "size": 5},
            "preprocessing": "rescale",
        },
        DIGITS,
    ),
    "resnet20": ({"architecture": {"name": "resnet20", "widths": [4, 8, 16]}}, DIGITS),
    "unet": (
        {"architecture": {"name": "unet", "width": 8, "depth": 2, "padding": "same"}, "batch_size": 16},
        BALLOONS,
    ),
    "yolo_v2": ({"architecture": {"name": "yolo_v2", "width": 8, "stages": 3}}, BALLOONS),
    "lstm": (
        {"architecture": {"name": "lstm", "units": 64}, "preprocessing": "none", "batch_size": 64},
        ADDING,
    ),
    "vae": ({"architecture": {"name": "vae"}, "preprocessing": "rescale"}, DIGITS),
}
"""Name -> the benchmark, small as in the tour, and its data set; the batch is 32 where none is given."""


def table(speed: Speed, folder: Path) -> list[dict]:
    """A row a network: steps a second with XLA (ours) and without (baseline). JAX has no "without", hence no rows."""
    if keras.backend.backend() == "jax":
        return []
    ready: dict[str, Prepared] = {}
    rows = []
    for name, (benchmark, dataset) in NETWORKS.items():
        slug = dataset["name"]
        if slug not in ready:
            ready[slug] = made_ready(dataset, folder)
        rows.append(_row(name, benchmark, ready[slug], speed.repeats))
    return rows


class Chunk:
    """One call of the compiled program, of `STEPS` steps."""

    def __init__(self, benchmark: Mapping[str, Any], prepared: Prepared, xla: str) -> None:
        bench, settings = workbench({**benchmark, "xla": xla}, prepared)
        self._program, self._numbers = bench.program, bench.start(settings).numbers
        order = epoch_order(0, 0, bench.training.feed.examples, settings["batch_size"])
        self._order = np.resize(order, (STEPS, settings["batch_size"]))
        self._data, _, _ = next(bench.training.feed.chunks(self._order, STEPS))
        self.compile_seconds = self._seconds(0)

    def __call__(self) -> float:
        """Steps a second."""
        return STEPS / self._seconds(STEPS)

    def _seconds(self, count: int) -> float:
        start = time.perf_counter()
        self._program.train(self._data, self._order, count, np.full(STEPS, 1e-4), self._numbers)
        return time.perf_counter() - start


def _row(name: str, benchmark: Mapping[str, Any], prepared: Prepared, repeats: int) -> dict:
    on, off = (Chunk(benchmark, prepared, xla) for xla in ("on", "off"))
    pair = interleave(on, off, repeats)
    note = f"ours: XLA on, compiled in {on.compile_seconds:.1f} s; baseline: XLA off, {off.compile_seconds:.1f} s"
    return row(f"xla-{name}", "steps/s", pair, note)
