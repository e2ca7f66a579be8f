"""Nearest neighbors.

Cover, Hart, "Nearest neighbor pattern classification", IEEE Transactions on Information Theory 13(1), 1967. Differs
from the paper: k and the metric are chosen by five-fold cross-validation on the training split.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from archbench.architectures import architecture
from archbench.catalogue import WrongOption
from archbench.options import Count

Metric = Literal["l2", "l1"]
SKLEARN_METRICS = {"l2": "euclidean", "l1": "manhattan"}
FOLDS = 5


def keep(parts: Mapping[str, keras.Model], arrays: Mapping[str, np.ndarray], seed: int) -> None:
    """Let the network keep its training examples `x` with their `label`, whole groups in one fold."""
    (neighbors,) = (layer for layer in parts["network"].layers if isinstance(layer, Neighbors))
    neighbors.fit(arrays["x"], arrays["label"], seed, arrays.get("group"))


@architecture(
    "knn",
    source="Cover, Hart 1967, IEEE Transactions on Information Theory 13(1)",
    task="classification",
    minimum=1,
    paper_input=(28, 28, 1),
    paper_outputs=10,
    swaps=(),
    fit=keep,
    smoke={"examples": 10, "neighbors": (1, 3)},
    smoke_input=(4, 4, 1),
)
def knn(
    x,
    outputs: int,
    *,
    examples: Count = 60_000,
    neighbors: tuple[Count, ...] = (1, 3, 5, 7, 9, 15),
    metrics: tuple[Metric, ...] = ("l2", "l1"),
):
    """The k nearest training examples vote; nothing is trained by gradients.

    `x` (batch, ...) of any shape to logits (batch, `outputs`): the logarithm of (votes + 1) / (k + `outputs`).
    `examples` is the number of training examples that are kept; `neighbors` and `metrics` are what cross-validation
    chooses from. Squared `l2` distances are right to about 1e-7 of the squared distance from the median of the training
    examples, wherever that lies; clusters a thousand times as far apart as their members are need `l1`. Raises
    `WrongOption` where a fold would hold fewer examples than neighbors.
    """
    most = examples - -(-examples // FOLDS)
    if not neighbors or not metrics or not 1 <= min(neighbors) <= max(neighbors) <= most:
        raise WrongOption(
            f"knn: neighbors is {list(neighbors)} and metrics {list(metrics)}, with {examples} training examples. Give "
            f"at least one of each; k may be 1 to {most}, the examples of {FOLDS - 1} of {FOLDS} folds."
        )
    return Neighbors(outputs, examples, neighbors, metrics, dtype="float32")(x)


@keras.saving.register_keras_serializable("archbench")
class Neighbors(layers.Layer):
    """Keeps training examples with their votes, and lets the nearest of them vote.

    `fit` fills it on the host; what it keeps are weights, so that saving, loading and both backends need nothing else.
    """

    def __init__(
        self, outputs: int, examples: int, neighbors: Sequence[int], metric_names: Sequence[Metric], **options
    ) -> None:
        super().__init__(**options)
        self.outputs, self.examples = outputs, examples
        self.neighbors, self.metric_names = tuple(neighbors), tuple(metric_names)  # `metrics` is Keras's own

    def build(self, input_shape):
        """The examples (example, value), their votes (example, class), their centre (value,), and k and the metric."""
        kept = {"initializer": "zeros", "trainable": False}
        self.kept = self.add_weight(shape=(self.examples, math.prod(input_shape[1:])), name="examples", **kept)
        self.votes = self.add_weight(shape=(self.examples, self.outputs), name="votes", **kept)
        self.centre = self.add_weight(shape=self.kept.shape[1:], name="centre", **kept)
        self.k = self.add_weight(shape=(), name="k", **kept)
        self.by_l1 = self.add_weight(shape=(), name="by_l1", **kept)

    def call(self, x):
        """`x` (batch, ...) to logits (batch, class)."""
        x = ops.reshape(x, (-1, self.kept.shape[1]))
        # Both are weights, not constants: another fit must not need another compilation.
        distances = ops.cond(self.by_l1 > 0.5, lambda: self._l1(x), lambda: self._l2(x))
        _, nearest = ops.top_k(-distances, max(self.neighbors))  # (batch, neighbor), the nearest first
        counts = ops.cast(ops.cast(ops.arange(max(self.neighbors)), "float32") < self.k, "float32")
        votes = ops.sum(ops.take(self.votes, nearest, axis=0) * counts[:, None], axis=1)
        return ops.log((votes + 1.0) / (self.k + self.outputs))

    def fit(self, inputs: np.ndarray, labels: np.ndarray, seed: int, group: np.ndarray | None = None) -> None:
        """Keep `inputs` (example, ...) with `labels` (example,), and choose k and the metric by cross-validation.

        Its folds keep together the examples of one `group` (example,).
        """
        flat = np.asarray(inputs, "float32").reshape(self.examples, -1)
        metric, k = choose(flat, labels, self.metric_names, self.neighbors, seed, group)
        self.kept.assign(flat)
        self.votes.assign(np.eye(self.outputs, dtype="float32")[labels])
        self.centre.assign(np.median(flat, axis=0))
        self.k.assign(k)
        self.by_l1.assign(metric == "l1")

    def compute_output_shape(self, input_shape):
        """The shape `call` gives."""
        return (input_shape[0], self.outputs)

    def get_config(self):
        """The arguments of the constructor."""
        own = {name: getattr(self, name) for name in ("outputs", "examples", "neighbors", "metric_names")}
        return {**super().get_config(), **own}

    def multiply_adds(self, input_shape, output_shape) -> int:
        """A product, or an absolute difference, for each value of each example."""
        return math.prod(self.kept.shape)

    def _l1(self, x):
        # One query at a time: all differences at once would not fit into memory.
        kept = ops.convert_to_tensor(self.kept)
        return ops.map(lambda one: ops.sum(ops.abs(kept - one), axis=1), x)

    def _l2(self, x):
        """The squares, less |x|^2, which is the same for all examples: (batch, example).

        Around the examples' median, since far from it float32 would cancel |kept|^2 against 2 x kept. The median is one
        of the values, or between two of them, so numbers on a grid stay on it: equal distances stay equal.
        """
        kept, x = self.kept - self.centre, x - self.centre
        return ops.sum(ops.square(kept), axis=1) - 2.0 * ops.matmul(x, ops.transpose(kept))


def choose(
    inputs: np.ndarray,
    labels: np.ndarray,
    metrics: Sequence[Metric],
    neighbors: Sequence[int],
    seed: int,
    group: np.ndarray | None = None,
) -> tuple[Metric, int]:
    """The metric and k with the highest accuracy over five folds; on a tie the first of each list.

    `inputs` float32 (example, value), `labels` integers (example,); `seed` shuffles the examples into folds, which keep
    together those of one `group` (example,). Raises `WrongOption` where there are fewer groups than folds.
    """
    candidates = [(metric, k) for metric in metrics for k in neighbors]
    # Half a second to import, which every process that looks up a name among the architectures would pay.
    from sklearn.model_selection import GroupKFold, KFold
    from sklearn.neighbors import NearestNeighbors

    if len(candidates) == 1:
        return candidates[0]
    if group is not None and len(np.unique(group)) < FOLDS:
        raise WrongOption(
            f"knn: neighbors and metrics are chosen over {FOLDS} folds of whole groups of examples, and there are "
            f"{len(np.unique(group))} groups. Give one of each."
        )
    right = dict.fromkeys(candidates, 0)
    kind = KFold if group is None else GroupKFold
    for rest, held_out in kind(FOLDS, shuffle=True, random_state=seed).split(inputs, groups=group):
        for metric in metrics:
            search = NearestNeighbors(algorithm="brute", metric=SKLEARN_METRICS[metric]).fit(inputs[rest])
            nearest = search.kneighbors(inputs[held_out], max(neighbors), return_distance=False)
            votes = np.eye(labels.max() + 1, dtype=np.int32)[labels[rest[nearest]]].cumsum(axis=1)  # of the first k
            for k in neighbors:
                right[metric, k] += int((votes[:, k - 1].argmax(axis=1) == labels[held_out]).sum())
    return max(candidates, key=right.__getitem__)
