"""The way of each optimizer over surfaces of two numbers whose shape is known.

Goodfellow, Bengio, Courville 2016, Deep Learning, section 8.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import keras
import numpy as np
import pandas as pd
from keras import layers, ops
from pydantic import Field

from archbench.optimizers import OPTIMIZERS
from archbench.options import NonNegative, Positive, Seed
from archbench.probes import probe
from archbench.probes.surfaces import SURFACES
from archbench.tasks.base import Batch, Net, Task
from archbench.training.feed import Feed
from archbench.training.full_batch import FullBatch, is_full_batch
from archbench.training.program import Learner, Program

BOTTOM = 1e-3
"""The bottom is reached where what is left of the height of the start is at most so much of it."""


STILL = 2
"""Steps without moving after which an optimizer of all data is at its end: they take the longest where none helps."""
RATES = (3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0)
"""So wide that the best lies within, from 0.001 of nesterov to 300 of adadelta; lbfgs searches along a line itself."""
Names = Annotated[tuple[str, ...], Field(max_length=100)]
Rates = Annotated[tuple[Positive, ...], Field(min_length=1, max_length=64)]
Steps = Annotated[int, Field(ge=1, le=100_000)]


@probe("optimizer_paths", source="Rosenbrock 1960; Goodfellow, Bengio, Courville 2016, Deep Learning, section 8.2")
def optimizer_paths(
    *,
    optimizers: Names = (),
    rates: Rates = RATES,
    steps: Steps = 300,
    noise: NonNegative = 1.0,
    seed: Seed = 0,
) -> dict[str, pd.DataFrame]:
    """Steps to the bottom of a narrow bowl, a saddle, Rosenbrock's valley and a noisy bowl, and the way there.

    Every optimizer, or those named, at each of the `rates`, of which the best counts: that with the fewest steps to a
    height of a thousandth of the start's, or where none gets there in `steps`, the lowest at last. `noise` is the
    deviation of what is added to the gradient of the noisy bowl. `bottoms`: a row an optimizer and surface with that
    `rate`, the steps to the bottom (missing where it is not reached), the height after the last step in parts of the
    start's, and at how many rates the bottom was reached; `paths`: the points of that rate, a row a step.
    """
    bottoms, paths = [], []
    for name in optimizers or [entry.name for entry in OPTIMIZERS]:
        descent = Descent(name, steps, noise)
        for surface in SURFACES:
            tried = {rate: descent.path(surface, rate, seed) for rate in rates}
            rate = min(rates, key=lambda one: rank(surface, tried[one]))
            found = heights(surface, tried[rate])
            reached = [steps_to_bottom(heights(surface, path)) for path in tried.values()]
            known = {"optimizer": name, "surface": surface, "rate": rate}
            bottoms.append(
                {
                    **known,
                    "steps": steps_to_bottom(found),
                    "height_left": found[-1] / found[0],
                    "rates_that_reach": int(np.isfinite(reached).sum()),
                    "rates": len(rates),
                }
            )
            for step, ((x, y), height) in enumerate(zip(tried[rate], found, strict=True)):
                paths.append({**known, "step": step, "x": x, "y": y, "height": height})
    return {"bottoms": pd.DataFrame(bottoms), "paths": pd.DataFrame(paths)}


def heights(surface: str, path: np.ndarray) -> np.ndarray:
    """The height (point,) of each point of `path` (point, 2), without noise; infinite where it left the plane."""
    with np.errstate(all="ignore"):
        found = SURFACES[surface].height(*path.astype("float64").T)
    return np.where(np.isfinite(found), found, np.inf)


def steps_to_bottom(height: np.ndarray) -> float:
    """After how many steps `height` (point,), which begins at the start, is first at the bottom; NaN for never."""
    low = np.flatnonzero(height <= BOTTOM * height[0])
    return float(low[0]) if len(low) else np.nan


def rank(surface: str, path: np.ndarray) -> tuple[float, float]:
    """What the best of several paths has the least of: steps to the bottom, then the last height."""
    found = heights(surface, path)
    taken = steps_to_bottom(found)
    return (np.inf if np.isnan(taken) else taken), float(found[-1])


class Descent:
    """One optimizer, compiled once for all surfaces and rates."""

    def __init__(self, name: str, steps: int, noise: float) -> None:
        self._name, self._steps = name, steps
        given = keras.Input((len(SURFACES),))
        self._point = Point(steps + 1)
        model = keras.Model(given, self._point(given))
        optimizer = OPTIMIZERS.build(name)
        optimizer.build(model.trainable_variables)
        learner = Learner(model, {}, {"network": model}, Heights(noise), optimizer)
        self._program = Program(learner, xla=False)
        self._fresh = learner.read_state()

    def path(self, surface: str, rate: float, seed: int) -> np.ndarray:
        """The points (step, 2) from the start on, as far as their heights are finite."""
        learner, number = self._program.learner, list(SURFACES).index(surface)
        learner.write_state(self._fresh)
        learner.randomness.state.assign(keras.random.SeedGenerator(seed).state)
        self._point.place.assign(np.array([SURFACES[surface].start], "float32"))
        one = {"surface": np.eye(len(SURFACES), dtype="float32")[[number]]}
        if is_full_batch(self._name):
            return self._on_all(one, rate)
        data, order = self._program.place(one), np.zeros((self._steps, 1), "int32")
        logs = self._program.train(data, order, self._steps, np.full(self._steps, rate), {})
        seen = ops.convert_to_numpy(self._point.seen)[: int(logs["steps"])]
        return np.concatenate([seen, ops.convert_to_numpy(self._point.place)])

    def _on_all(self, one: Mapping[str, np.ndarray], rate: float) -> np.ndarray:
        """The same of an optimizer that takes its steps on all data, which are one example here."""
        whole = FullBatch(self._program, Feed(self._program, one, 2**20), 1)
        points = [np.array(ops.convert_to_numpy(self._point.place))]
        for _ in range(self._steps):
            logs = whole.train(np.array([rate]), {})
            points.append(np.array(ops.convert_to_numpy(self._point.place)))
            stands = len(points) > STILL and all((one == points[-1]).all() for one in points[-1 - STILL : -1])
            if not logs["finite"] or stands:
                break
        return np.concatenate(points)


class Point(layers.Layer):
    """A point (1, 2) which is a weight, and remembers where it was seen."""

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.place = self.add_weight(shape=(1, 2), initializer="zeros", name="kernel")
        self.seen = self.add_weight(shape=(most, 2), initializer="zeros", trainable=False, name="seen")
        self.count = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False, name="count")

    def call(self, x: Any) -> Any:
        """The point (1, 2), whatever `x` is."""
        here, place = ops.convert_to_tensor(self.place), ops.convert_to_tensor(self.count)
        seen = ops.convert_to_tensor(self.seen)
        self.seen.assign(ops.scatter_update(seen, ops.reshape(place, (1, 1)), ops.stop_gradient(here)))
        self.count.assign(place + 1)
        return here

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int, int]:
        """One point."""
        return (1, 2)


class Heights(Task):
    """The height of the surface that the batch names by one of its numbers."""

    monitor, maximize, needs = "loss", False, ()

    def __init__(self, noise: float) -> None:
        self._noise = noise

    def reads(self) -> dict[str, keras.InputSpec]:
        """Which surface."""
        return {"surface": keras.InputSpec(shape=(None, len(SURFACES)), dtype="float32")}

    def losses(self, net: Net, batch: Batch, seed: Any) -> dict[str, Any]:
        """The height at the network's point, tilted at random where the surface is noisy."""
        point = net(batch["surface"])
        x, y = point[:, 0], point[:, 1]
        tilt = ops.sum(keras.random.normal((1, 2), seed=seed) * point, axis=-1) * self._noise
        found = [surface.height(x, y) + surface.noise * tilt for surface in SURFACES.values()]
        chosen = ops.cast(batch["surface"], "bool")
        return {"loss": ops.sum(ops.where(chosen, ops.stack(found, axis=-1), 0.0), axis=-1)}
