"""How training goes, by groups of layers: what gradients, steps and activations tell before the score does.

Glorot and Bengio 2010, AISTATS 9, look at the gradients and the saturation of layers as training goes on; that a step
should be about a thousandth of the weights is a rule of thumb of the notes of Stanford's course CS231n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from archbench.architectures.activity import ACTIVATIONS, observed, operations, passes

if TYPE_CHECKING:
    from archbench.training.program import Learner

GROUPS = 4
"""Of consecutive layers, from the input on, at most."""
PREFIX = "health_"
"""What the columns of a history begin with that hold these numbers, each for a group counted from 1:
`health_gradient_1`, the norm of its gradient; `health_update_1`, that of the step in parts of that of its weights;
`health_dead_1`, the share of its units that no gradient passes, where it has any with an activation."""


class Watch:
    """What is watched of a learner: its weights and its activations, each in one of its groups of layers."""

    def __init__(self, learner: Learner) -> None:
        self.trainable = list(learner.trainable)
        layers = _layer_numbers([weight.path for weight in self.trainable])
        count = max(layers, default=0) + 1
        self.groups = min(GROUPS, count)
        self.group_of = [number * self.groups // count for number in layers]
        known = {id(weight): group for weight, group in zip(self.trainable, self.group_of, strict=True)}
        self._activations: list[tuple[Any, int]] = []
        group = 0
        for part in learner.parts.values():
            for operation in operations(part):
                own = [known[id(w)] for w in getattr(operation, "trainable_variables", ()) if id(w) in known]
                group = own[-1] if own else group
                if type(operation).__name__ in ACTIVATIONS:
                    self._activations.append((operation, group))

    def weights(self) -> list[Any]:
        """The weights as they are now: on TensorFlow a variable, converted, is read where it is used."""
        return [ops.copy(weight) for weight in self.trainable]

    def steps(self, now: Any, gradients: Sequence[Any], before: Sequence[Any]) -> Any:
        """(3, group): sums of squares of `gradients`, of what a step changed of `before`, and of that; 0 unless `now`.

        The weights are read as they are after the step.
        """
        after = self.weights()

        def measured() -> Any:
            changes = [new - old for new, old in zip(after, before, strict=True)]
            return ops.stack([self._by_group(tensors) for tensors in (gradients, changes, before)])

        return ops.cond(now, measured, lambda: ops.zeros((3, self.groups)))

    def _by_group(self, tensors: Sequence[Any]) -> Any:
        sums = [ops.zeros(())] * self.groups
        for tensor, group in zip(tensors, self.group_of, strict=True):
            sums[group] = sums[group] + ops.sum(ops.square(ops.cast(tensor, "float32")))
        return ops.stack(sums)

    def units(self, now: Any, forward: Callable[[], Any], level: Callable[[], Any]) -> Any:
        """(2, group): how many units no gradient passes in `forward`, which is called, and how many there are.

        0 unless `now`. Units whose activation is called inside a loop of that are left out: what `level` makes stands
        beside no such loop's tensors.
        """
        if not self._activations:
            return ops.zeros((2, self.groups))

        def measured() -> Any:
            found: dict[int, Any] = {}
            beside = level()

            def look(place: int, call: Callable[..., Any], x: Any) -> None:
                if len(x.shape) > 1 and x.shape[-1] is not None and _traced_with(x, beside):
                    passed = ops.any(passes(call, x), axis=tuple(range(len(x.shape) - 1)))
                    found[place] = passed if place not in found else ops.logical_or(found[place], passed)

            with observed([operation for operation, _ in self._activations], look):
                forward()
            dead, units = ([ops.zeros(())] * self.groups for _ in range(2))
            for place, passed in found.items():
                _, group = self._activations[place]
                dead[group] = dead[group] + ops.sum(ops.cast(ops.logical_not(passed), "float32"))
                units[group] = units[group] + float(passed.shape[0])
            return ops.stack([ops.stack(dead), ops.stack(units)])

        return ops.cond(now, measured, lambda: ops.zeros((2, self.groups)))


def _traced_with(one: Any, other: Any) -> bool:
    """Whether two tensors are traced into the same program, and not one of them into a loop of it."""
    return all(getattr(one, name, None) is getattr(other, name, None) for name in ("graph", "_trace"))


def _layer_numbers(paths: Sequence[str]) -> list[int]:
    """The number of the layer, from 0, that each weight is of, by the `paths` of all weights in their order."""
    numbers, last = [], None
    for path in paths:
        layer = path.rpartition("/")[0]
        numbers.append((numbers[-1] if numbers else -1) + (layer != last or not numbers))
        last = layer
    return numbers


def columns(steps: np.ndarray, units: np.ndarray, norm: float) -> dict[str, float]:
    """The columns of a history, from what `Watch` measured and the norm of the whole gradient.

    `steps` may hold gradients that are scaled, all alike.
    """
    gradients, changes, weights = np.sqrt(np.asarray(steps, "float64"))
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = np.sqrt(np.sum(gradients**2))
        each: Mapping[str, np.ndarray] = {
            "gradient": norm * gradients / whole if whole else gradients,
            "update": changes / weights,
            "dead": units[0] / units[1],
        }
    return {
        f"{PREFIX}{name}_{group}": float(value)
        for name, values in each.items()
        for group, value in enumerate(values, start=1)
        if name != "dead" or units[1][group - 1]
    }
