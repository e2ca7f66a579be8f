"""What a report knows of a data set of params.yaml before it looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archbench.catalogue import Spec
from archbench.datasets.card import Card
from archbench.datasets.store import CARD


@dataclass(frozen=True)
class DataSetHere:
    """A data set of params.yaml, prepared or not."""

    name: str
    spec: Spec
    """Its loader and options."""
    folder: Path
    """Where it is prepared, or would be."""
    raw: Path
    """Where the files that its user gave are looked for, beside those that params.yaml names."""
    of: str | None = None
    """The data set that it is made from."""
    augmentation: Sequence[Spec] = ()
    """That of a benchmark on it."""
    card: Card | None = None
    """Of what is prepared; None where nothing is, or otherwise than params.yaml asks for."""

    @property
    def is_there(self) -> bool:
        """Whether it is prepared, as params.yaml asks for or otherwise."""
        return (self.folder / CARD).is_file()
