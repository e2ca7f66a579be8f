"""Data sets that are made from another one of params.yaml, once that is prepared: `{noisy: {of: digits, share: 0.4}}`.

The loader of such a data set takes the other as its second parameter, `of`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from archbench.catalogue import Entry
from archbench.config import check_name
from archbench.datasets import DATASETS
from archbench.datasets.card import Card
from archbench.datasets.ready import current_card, open_prepared
from archbench.datasets.store import Prepared
from archbench.errors import UserError

if TYPE_CHECKING:
    from archbench.config import DataSet


class WrongParent(UserError):
    """A data set that is made from another and does not say which, or says one and is made from none."""


class Circle(UserError):
    """Data sets that are made from each other."""


def is_derived(entry: Entry) -> bool:
    """Whether a loader makes its data set from another one."""
    return "of" in inspect.signature(entry.build).parameters


def check(slug: str, datasets: Mapping[str, DataSet]) -> None:
    """Raise a `UserError` where the data set `slug` has a wrong name, option or parent, or hangs on itself."""
    named = datasets[slug]
    entry, options = DATASETS.resolve(named.spec)
    entry.check_whole(options)
    if named.of is None and is_derived(entry):
        raise WrongParent(
            f"{entry.name} is made from another data set, and `of` does not say from which. Give it a key of datasets, "
            f"as {{name: {entry.name}, of: {next((other for other in datasets if other != slug), 'digits')}}}."
        )
    if named.of is not None and not is_derived(entry):
        raise WrongParent(f"{entry.name} is made from no other data set. Leave `of` out.")
    ancestors(slug, datasets)


def ancestors(slug: str, datasets: Mapping[str, DataSet]) -> tuple[str, ...]:
    """The data sets that `slug` is made from, the nearest first; raises `Circle`, or `ConfigError` for an unknown."""
    line = [slug]
    while (parent := datasets[line[-1]].of) is not None:
        check_name("data set", parent, datasets)
        if parent in line:
            raise _circle(line[line.index(parent) :], datasets)
        line.append(parent)
    return tuple(line[1:])


def open_data(slug: str, datasets: Mapping[str, DataSet], prepared: Path, raw: Path) -> Prepared:
    """The data set in `prepared`/`slug`, if it is whole and what params.yaml and the code would make of what it is of.

    Raises `NotReady` with the command that prepares it, or the one that it is made from.
    """
    named, of = datasets[slug], None
    if ancestors(slug, datasets):
        of = open_data(named.of, datasets, prepared, raw).card.sha256
    return open_prepared(named.spec, prepared / slug, raw, of)


def known_card(slug: str, datasets: Mapping[str, DataSet], prepared: Path) -> Card | None:
    """The card of `slug` where it, and what it is made from, are those of params.yaml and of the code; else None."""
    named, of = datasets[slug], None
    if ancestors(slug, datasets):
        parent = known_card(named.of, datasets, prepared)
        if parent is None:
            return None
        of = parent.sha256
    return current_card(named.spec, prepared / slug, of)


def _circle(line: list[str], datasets: Mapping[str, DataSet]) -> Circle:
    """One message for all who hang on the same circle: it begins with the one that params.yaml names first."""
    first = line.index(next(slug for slug in datasets if slug in line))
    line = [*line[first:], *line[:first]]
    return Circle(
        f"datasets: {' of '.join([*line, line[0]])} goes round in a circle. One of these must be made from no other."
    )
