"""A prepared data set as a notebook has it: its splits as arrays, its card, and batches to train on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from archbench.datasets.card import Card
from archbench.datasets.columns import Arrays
from archbench.errors import UserError, listed, shown
from archbench.notebook import html

if TYPE_CHECKING:
    import tensorflow

    from archbench.config import DataSet

TARGETS = ("label", "labels", "target", "mask", "present")
"""Arrays that are foretold, the first of which a batch has beside its input unless another is named."""
Batch = tuple[np.ndarray, np.ndarray] | np.ndarray


class NoSuchSplit(UserError):
    """A split or an array that a data set does not have."""


@dataclass(frozen=True)
class Data:
    """A data set, prepared: `data["train"]["image"]` is an array, and `data.card` says what it holds."""

    slug: str
    named: Mapping[str, DataSet]
    """This data set and those that it is made from, by their slugs, as params.yaml would have them."""
    card: Card
    splits: Mapping[str, Arrays]
    """Split -> array -> its examples, read from disk as they are used."""

    def __getitem__(self, split: str) -> Arrays:
        """The arrays of a split; raises `NoSuchSplit`."""
        if split not in self.splits:
            raise NoSuchSplit(f"{self.slug} has no split {shown(split)}. It has: {listed(self.splits)}.")
        return self.splits[split]

    def numpy(
        self, split: str = "train", batch_size: int = 32, *, target: str | None = None, seed: int | None = None
    ) -> Iterator[Batch]:
        """Batches of a split, once: (input, target), or inputs alone where there is nothing to foretell.

        The last has what is left. With `seed` the examples are in an order that it draws, else in their own.
        """
        arrays, other = self[split], self._target(target)
        count = len(arrays[self.card.input])
        order = np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
        for start in range(0, count, batch_size):
            rows = order[start : start + batch_size]
            batch = np.asarray(arrays[self.card.input][rows])
            yield batch if other is None else (batch, np.asarray(arrays[other][rows]))

    def tf(
        self, split: str = "train", batch_size: int = 32, *, target: str | None = None, seed: int | None = None
    ) -> tensorflow.data.Dataset:
        """The batches of `numpy` as a `tf.data.Dataset`, as often as it is read, to give to `fit`."""
        import tensorflow as tf

        arrays, other = self[split], self._target(target)
        specs = tuple(
            tf.TensorSpec((None, *arrays[name].shape[1:]), tf.dtypes.as_dtype(arrays[name].dtype))
            for name in filter(None, (self.card.input, other))
        )
        signature = specs if len(specs) > 1 else specs[0]
        return tf.data.Dataset.from_generator(
            lambda: self.numpy(split, batch_size, target=target, seed=seed), output_signature=signature
        )

    def _target(self, asked: str | None) -> str | None:
        """The array that is foretold."""
        if asked is not None and asked not in self.card.arrays:
            raise NoSuchSplit(f"{self.slug} has no array {shown(asked)}. It has: {listed(self.card.arrays)}.")
        return asked or next((name for name in TARGETS if name in self.card.arrays), None)

    def _fields(self) -> dict[str, Any]:
        card = self.card
        arrays = (f"{name} {one['dtype']} {tuple(one['shape'])}" for name, one in card.arrays.items())
        fields = {
            "examples": ", ".join(f"{size:,} {split}" for split, size in card.split_sizes.items()),
            "input": card.input,
            "arrays": ", ".join(arrays),
            "classes": listed(card.class_names, ""),
            "odd files": ", ".join(f"{count:,} {what}" for what, count in card.odd_files.items()),
            "source": card.source,
            "licence": card.licence,
        }
        return {name: value for name, value in fields.items() if value}

    def __repr__(self) -> str:
        return "\n".join([f"data set {self.slug}", *(f"  {name}: {value}" for name, value in self._fields().items())])

    def _repr_html_(self) -> str:
        return html.table(f"data set {self.slug}", self._fields())
