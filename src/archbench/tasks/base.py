"""What every task tells the one training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import keras
import numpy as np

from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.layers.draws import Seed

Arrays = Mapping[str, np.ndarray]
"""Named arrays with the examples along their first axis."""
Batch = Mapping[str, Any]
"""Named tensors of the examples of a step, which are along their first axis."""
Mean = Callable[..., Any]
"""`(values, weight=None)`, both (batch,), to one number."""


INPUTS = {1: "features", 2: "sequence", 3: "image", 4: "video"}
"""Number of axes of an input -> the array that holds such ones."""


@dataclass(frozen=True)
class Smoke:
    """A tiny data set that a task takes."""

    arrays: Arrays
    input: str
    class_names: tuple[str, ...] = ()
    label_names: Mapping[str, list[str]] = field(default_factory=dict)
    vocabulary: tuple[str, ...] = ()


def smoke_inputs(shape: Sequence[int], examples: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Bytes of a shape, under the name of an array that has so many axes."""
    return {INPUTS[len(shape)]: random.integers(0, 256, (examples, *shape), dtype=np.uint8)}


class TaskMismatch(UserError):
    """A data set or a network that lacks what a task needs."""


class Net(Protocol):
    """The network of a step, with the training flag and the precision bound."""

    training: bool
    carried: dict[str, Any]
    """What the task carries from batch to batch: it reads what the batch before left, and puts there what it leaves."""

    def __call__(self, *inputs: Any, part: str = "network") -> Any:
        """What a part answers to `inputs`, in float32; in evaluation a call with the same tensors is made once."""


class Task:
    """What is read, compared, predicted and scored, of one kind of output.

    The training loop knows no task by name. It calls `arrays` once a split on the host; `losses`, `predict` and `show`
    inside compiled programs, with the network to call as often as they like; `means` there over a batch to train on
    and on the host over a whole split; and `scores` on the host over a whole split.
    """

    monitor: ClassVar[str]
    """The validation score that chooses the best epoch."""
    maximize: ClassVar[bool]
    """Whether a larger `monitor` is better."""
    needs: ClassVar[tuple[str, ...]]
    """The arrays that a data set must hold for this task."""
    carry: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    """What is carried from batch to batch -> its shape for one example of a batch: each row of a batch is then a stream
    of examples, which goes on where that of the batch before ended."""
    buckets: int = 1
    """Into how many groups of like length examples of varying length are put, each padded to its own longest."""
    swells: float = 1.0
    """How many numbers a network works on at once for each value of an example, about, where these are far more than
    for a pixel: evaluation then takes so much smaller batches."""
    timed: ClassVar[bool] = False
    """Whether the end of a run measures how many examples a second it predicts."""
    predict_every: int = 1
    """Validation examples are predicted, and their `scores` taken, in the first of every so many epochs; 0: in none,
    where `monitor` is a loss. Test examples are always."""

    def __init__(self, card: Card) -> None:
        missing = [name for name in self.needs if name not in card.arrays]
        if missing:
            raise TaskMismatch(
                f"The data set {card.name!r} has no {' and no '.join(missing)}, which {type(self).__name__.lower()} "
                f"needs. It has: {', '.join(card.arrays)}."
            )
        self.card = card

    @classmethod
    def labels(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The arrays that a task with these options compares with, known before there is a card."""
        return cls.needs

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """At least `examples` that this task takes, with inputs of `shape` (without the batch), for tests."""
        raise NotImplementedError

    def reads(self) -> dict[str, keras.InputSpec]:
        """The arrays that the network reads, with shape (None, ...) and type; by default the data set's input.

        Numbers are read as float32, whatever they are kept as; tokens stay the whole numbers that they are.
        """
        dtype = "int32" if self.card.vocabulary else "float32"
        return {self.card.input: keras.InputSpec(shape=(None, *self.card.input_shape), dtype=dtype)}

    def scaled(self) -> tuple[str, ...]:
        """Of the arrays that the network reads, those that preprocessing brings to the scale of the input; it alone.

        Tokens have no scale.
        """
        return () if self.card.vocabulary else (self.card.input,)

    def outputs(self) -> int:
        """The number of outputs an architecture is asked for: classes, values, or channels."""
        raise NotImplementedError

    def meet(self, parts: Mapping[str, keras.Model]) -> None:
        """See the parts of the network as soon as it is built: `carry` may be what these say.

        Raises `TaskMismatch` where the network is none for this task.
        """

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Learn what decoding needs (anchors, say) from training data and the parts of the network, not trained yet.

        Called with the fresh weights of every seed: what is learnt depends on the data alone, and weights may be set.

        Raises `TaskMismatch` where the network is none for this task.
        """

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """What goes to the device beside what the network reads, one row an example: to compare with, mostly.

        Evaluation that draws at random draws with a row of these too, so that it never depends on its batches.
        """
        return {name: np.asarray(split[name]) for name in self.needs if name not in self.reads()}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """Per-example numbers, each (batch,): `loss` is minimised, all are logged.

        Where there is a `weight`, an example counts so much in the means of the others. `batch` holds what `reads` and
        `arrays` name; of what is read, that which the network is to read: augmented and preprocessed.
        """
        raise NotImplementedError

    def means(self, losses: Mapping[str, Any], arrays: Batch, mean: Mean) -> dict[str, Any]:
        """`losses` over the examples: of a batch, as tensors, in training; of a whole split, as arrays, after it.

        `mean(values)` is the mean over all examples, `mean(values, weight)` that in which each counts its `weight`.
        """
        weight = losses.get("weight")
        return {name: mean(values, weight) for name, values in losses.items() if name != "weight"}

    def coupled(self, arrays: Arrays) -> bool:
        """Whether what an example adds to the loss depends on which others stand in its batch."""
        return False

    def inference(self, outputs: Any) -> Any:
        """Of what a network of one part answers, symbolic or not, what is used once it is trained: all, or less."""
        return outputs

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """What `scores` needs of a batch, as arrays with the examples first."""
        raise NotImplementedError

    def show(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """What pictures need of the few examples that they show, beside what `predict` gives."""
        return {}

    def picked(self, arrays: Arrays, predictions: Arrays, most: int) -> np.ndarray:
        """The rows of at most `most` examples of a split that pictures show: the first."""
        return np.arange(min(most, len(next(iter(predictions.values())))))

    def kept(self, arrays: Arrays, predictions: Arrays) -> dict[str, np.ndarray]:
        """What figures tell of a whole test split, beside its scores: small arrays, of any shape.

        An array `mistakes` (example,) says how far off the prediction of each example is.
        """
        return {}

    def mistakes(self, arrays: Arrays, predictions: Arrays) -> np.ndarray | None:
        """How far off the prediction of each example is, (example,), 0 where it is right; None where its loss tells."""
        return self.kept(arrays, predictions).get("mistakes")

    def probabilities(self, outputs: Any) -> Any:
        """How likely each class is (batch, class), by what a network of one part answers. Raises `TaskMismatch`."""
        raise TaskMismatch(
            f"{type(self).__name__.lower()} does not say how likely each of several classes is. Give the benchmark a "
            "task that does, as classification."
        )

    def calls(self) -> dict[str, float]:
        """How often an example runs a part of the network, for its cost; a part that is not named: once."""
        return {}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """The metrics of a whole split, on the host; `means` are those of the losses."""
        raise NotImplementedError


class Direct(Task):
    """A task that calls the network once, and works on what it answers."""

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """Those of `compare`."""
        read = [batch[name] for name in self.reads()]
        others = {name: value for name, value in batch.items() if name not in self.reads()}
        return self.compare(net(*read), others, read[0])

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """That of `decode`."""
        return self.decode(net(*(batch[name] for name in self.reads())))

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """Per-example losses of the network's `outputs`; `inputs` is what it read (first)."""
        raise NotImplementedError

    def decode(self, outputs: Any) -> dict[str, Any]:
        """What the network's `outputs` say, as arrays with the batch first."""
        raise NotImplementedError
