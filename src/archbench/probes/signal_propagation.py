"""How large signals are, layer by layer, on their way through a network and back.

Glorot and Bengio 2010, AISTATS 9, section 4.2.1; He et al. 2015, arXiv:1502.01852, section 2.2, who follow the variance
of the responses of layers with weights, before their activation, and of the gradients with respect to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops

from archbench.architectures.kernels import kernels
from archbench.options import Count, Epochs
from archbench.probes import probe
from archbench.probes.subject import Subject
from archbench.tasks.base import Arrays
from archbench.training.numbers import tunable_numbers
from archbench.training.program import Learner, Program
from archbench.training.split import open_split


@probe("signal_propagation", source="He et al. 2015, arXiv:1502.01852, section 2.2")
def signal_propagation(
    subjects: Iterator[Subject], *, examples: Count | None = None, epochs: Epochs = (0,)
) -> dict[str, pd.DataFrame]:
    """Norms of what the layers give, and of the gradients with respect to it, layer by layer.

    One training step's forward and backward pass, without the step, on the first `examples` of the training split; by
    default as many as a batch has; after each of `epochs` of training, where 0 is before the first. A row a layer with
    a kernel, input first, part by part: `values` is how many numbers it gives for an example, over all its calls;
    `activation_norm` is sqrt(mean over examples of |h|^2), where h are these numbers, before the activation that
    follows; `gradient_norm` the same of dl/dh, where l is the example's own loss; `weight_norm` and
    `weight_gradient_norm` are those of the layer's kernels and of the batch's loss, penalties included. Sums of squares
    are in float32: below 1e-19 a norm counts as 0, above 1e19 it is infinite. All but the weights are missing where no
    gradient reaches a layer. A chain of L linear layers with the weights a I multiplies both norms by a^L.
    """
    rows: list[dict[str, Any]] = []
    for subject in subjects:
        first, count = subject.first(examples)
        learner = subject.learner(batch_size=count)
        meter = Meter(learner, first, count, tunable_numbers(subject.settings))
        rows += subject.followed(learner, epochs, meter.read)
    return {"layers": pd.DataFrame(rows)}


@dataclass(frozen=True)
class Gauge:
    """A layer and what measures it."""

    part: str
    layer: keras.Layer
    meter: keras.Variable
    """(3,), zeros: its gradients are the sums of squares of the layer's outputs and of their gradients, and how many
    numbers these are."""


@dataclass(frozen=True)
class Gauged(Learner):
    """A learner whose gradients are, after those of the weights, what the gauges measure."""

    gauges: Sequence[Gauge] = ()

    @property
    def trainable(self) -> list[keras.Variable]:
        """The weights and the meters."""
        return [*super().trainable, *(gauge.meter for gauge in self.gauges)]

    @property
    def state(self) -> list[keras.Variable]:
        """What the program reads and changes."""
        return [*super().state, *(gauge.meter for gauge in self.gauges)]


class Meter:
    """Measures every layer with a kernel, on the `count` examples in `arrays`.

    The layers of `learner` stay changed: it is of no other use. `numbers` are the tunable ones.
    """

    def __init__(self, learner: Learner, arrays: Arrays, count: int, numbers: Mapping[str, float]) -> None:
        self._gauges = [_gauge(name, layer) for name, part in learner.parts.items() for layer in _layers(part)]
        own = {field.name: getattr(learner, field.name) for field in fields(learner)}
        self._program = Program(Gauged(**own, gauges=self._gauges), xla=False)
        split = open_split(self._program, arrays, batch_size=count, resident_bytes=0, group=None)
        ((self._data, self._rows),) = split.feeds[0].batches(np.arange(count)[None])
        self._count, self._numbers = count, numbers

    def read(self) -> list[dict[str, Any]]:
        """A row a layer, as `signal_propagation` says, with the weights as they are now."""
        shares = np.full(self._count, 1 / self._count)
        _, gradients, counted = self._program.gradient(self._data, self._rows, shares, self._numbers)
        variables = self._program.learner.trainable
        by_variable = {id(v): np.asarray(g, "float64") / counted for v, g in zip(variables, gradients, strict=True)}
        return [_row(number, gauge, by_variable, self._count) for number, gauge in enumerate(self._gauges, start=1)]


def _layers(model: keras.Model) -> Iterator[keras.Layer]:
    """The layers with kernels, those of models inside it one by one."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif kernels(layer):
            yield layer


def _gauge(part: str, layer: keras.Layer) -> Gauge:
    """A gauge on all that `layer` gives from now on."""
    meter, call = keras.Variable(np.zeros(3, "float32"), name="meter", autocast=False), layer.call

    def measured(*inputs: Any, **how: Any) -> Any:
        tensor = ops.convert_to_tensor(meter)
        return keras.tree.map_structure(lambda output: _metered(output, tensor), call(*inputs, **how))

    object.__setattr__(layer, "call", measured)  # past Keras's tracking
    return Gauge(part, layer, meter)


@ops.custom_gradient
def _metered(x: Any, meter: Any) -> tuple[Any, Callable[..., Any]]:
    """`x` as it is; what a gauge measures leaves the compiled program, out of any loop, as the gradient of `meter`."""

    def gradient(back: Any) -> tuple[Any, Any]:
        squares = [ops.sum(ops.square(ops.cast(one, "float32"))) for one in (x, back)]
        return back, ops.stack([*squares, ops.cast(ops.size(x), "float32")])

    return x, gradient


def _row(number: int, gauge: Gauge, gradients: Mapping[int, np.ndarray], count: int) -> dict[str, Any]:
    squares, back, values = gradients[id(gauge.meter)]
    reached = values > 0
    own = [kernel for kernel in kernels(gauge.layer) if id(kernel) in gradients]
    return {
        "part": gauge.part,
        "layer": number,
        "kind": type(gauge.layer).__name__,
        "values": values / count if reached else np.nan,
        "activation_norm": np.sqrt(squares / count) if reached else np.nan,
        "gradient_norm": np.sqrt(back * count) if reached else np.nan,  # of the mean loss: 1 / count of an example's
        "weight_norm": _norm([ops.convert_to_numpy(kernel) for kernel in kernels(gauge.layer)]),
        "weight_gradient_norm": _norm([gradients[id(kernel)] for kernel in own]) if own else np.nan,
    }


def _norm(arrays: Sequence[np.ndarray]) -> float:
    return float(np.sqrt(sum(np.sum(np.square(array, dtype="float64")) for array in arrays)))
