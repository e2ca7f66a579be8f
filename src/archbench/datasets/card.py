"""The card of a prepared data set: what its arrays hold and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Card:
    """Everything about a prepared data set but its arrays; `dataset.json` is its written form."""

    name: str
    source: str
    licence: str
    input: str
    """The array a network reads: `image` (height, width, channel), `sequence` (step, feature) or `features`."""
    arrays: dict[str, dict]
    """Array name -> `{"shape": [without the example axis], "dtype": "uint8"}`."""
    split_sizes: dict[str, int]
    """Examples in `train`, `validation` and `test`."""
    class_names: tuple[str, ...] = ()
    class_counts: dict[str, list[int]] = field(default_factory=dict)
    """Split -> examples of each class, where the data set has a `label`."""
    statistics: dict[str, list[float]] = field(default_factory=dict)
    """Of the input over the training split alone: `mean`, `deviation` along the last axis, `minimum`, `maximum`."""
    sha256: str = ""
    """Digest of the content of every array, in the order of their names."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, without the batch axis."""
        return tuple(self.arrays[self.input]["shape"])
