"""Entries of the catalogues from Python: listed, and built as params.yaml's benchmarks build them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from archbench.config import DataSet
from archbench.errors import listed
from archbench.notebook import place
from archbench.notebook.data import Data

if TYPE_CHECKING:
    import keras

Spec = str | Mapping[str, Any]


def catalogue(kind: str) -> pd.DataFrame:
    """All entries of a kind, `"architectures"`, `"optimizers"`, `"datasets"`, ..., a row each.

    Indexed by name, with `what` it is, its `source`, its `options` with their defaults, and a column for every fact
    that entries of this kind declare.
    """
    from archbench.cli import index

    package = index.find_kind(kind)
    if package == index.KIND:
        found = [row for row in index.rows() if row.kind == package]
        rows = [{"name": row.name, "what": row.what, "source": row.source} for row in found]
        return pd.DataFrame(rows).set_index("name")
    one = index.catalogues()[package]
    facts = [fact for fact in (*one.needs, *one.takes) if fact != "source"]
    rows = [
        {
            "name": entry.name,
            "what": entry.what,
            "source": entry.source,
            "options": listed((f"{name}={value!r}" for name, value in entry.options.items()), ""),
            **{fact: entry.facts.get(fact) for fact in facts if not callable(entry.facts.get(fact))},
        }
        for entry in one
    ]
    return pd.DataFrame(rows).set_index("name")


def network(
    name: str,
    input_shape: Sequence[int],
    outputs: int,
    *,
    parts: Mapping[str, Any] | None = None,
    **options: Any,
) -> keras.Model:
    """An architecture as a `keras.Model`, for `train`; where it is one function of its inputs, for `compile` and `fit`.

    `input_shape` is that of one example, without the batch; `outputs` how many classes or numbers it answers with: as
    logits, so that a loss needs `from_logits=True`. `parts` swaps pieces, `{"activation": "gelu"}`. One with heads that
    only help to train answers with a dictionary; one of several parts has them in `net.parts`, and needs `train`.
    """
    from archbench.architectures.network import build_network
    from archbench.notebook.given import remember

    spec = {"name": name, **options}
    return remember(build_network(spec, tuple(input_shape), outputs, parts or {}), spec, input_shape, outputs)


def optimizer(name: str, **options: Any) -> keras.optimizers.Optimizer:
    """An optimizer of Keras, for `compile`.

    Where it decays weights it decays all of them; `train` leaves out biases and scales, as
    `exclude_from_weight_decay` of the optimizer does.
    """
    from archbench.optimizers import OPTIMIZERS

    return OPTIMIZERS.build({"name": name, **options})


def dataset(name: str | Mapping[str, Any], *, of: Data | Spec | None = None, **options: Any) -> Data:
    """A data set of the catalogue, downloaded or made where it is not there yet, and prepared.

    Paths of data of your own count from the working folder. `of` is the data set that a derived one is made from. What
    is prepared is kept (see `archbench.notebook.place`), and prepared again where options, code or files changed.
    """
    from archbench import stages
    from archbench.datasets import derived
    from archbench.datasets.store import NotReady

    folders = place.folders()
    parent = of if of is None or isinstance(of, Data) else dataset(of)
    spec = {"name": name, **options} if isinstance(name, str) else {**name, **options}
    more = {} if parent is None else {"of": parent.slug}
    slug = _slug({**spec, **more})
    named = {**(parent.named if parent else {}), slug: DataSet(**spec, **more)}
    try:
        prepared = derived.open_data(slug, named, folders.prepared, folders.raw)
    except NotReady:
        stages.prepare_one(named, folders, slug)
        prepared = derived.open_data(slug, named, folders.prepared, folders.raw)
    return Data(slug, named, prepared.card, prepared.splits)


def _slug(spec: Mapping[str, Any]) -> str:
    """A name for a data set with its options: the loader's, and a few digits where there are options."""
    if len(spec) == 1:
        return str(spec["name"])
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True, default=str).encode()).hexdigest()
    return f"{spec['name']}-{digest[:8]}"
