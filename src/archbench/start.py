"""Checks of the key `start` of a benchmark, made when params.yaml is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import keras

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import outline, swapped_parts
from archbench.architectures.parted import parts_of
from archbench.catalogue import Catalogue
from archbench.config import Benchmark, Config, ConfigError, check_name
from archbench.datasets import DATASETS
from archbench.errors import UserError
from archbench.parts import CATALOGUES
from archbench.training.start import describe_source, frozen, matched

ALIKE = ("activation", "normalization")
"""Parts that weights are trained for; the others may change from one training to the next."""
NOT_THE_SHAPE = ("classes", "train_examples", "examples", "seed", "validation", "test", "missing", "held_out")
"""Options of data sets that leave an example's shape as it is."""


def check_start(config: Config, slug: str, benchmark: Benchmark) -> None:
    """Raise a `UserError` where the benchmark `slug` cannot start from the weights it names."""
    start, benchmarks = benchmark.start, config.benchmarks
    if start.file:  # its layers are compared when training begins, before the first step
        describe_source(start.model_dump(by_alias=True), 0, Path())
        return
    check_name("benchmark", start.source, benchmarks)
    _check_chain(config, slug, start.source)
    source = benchmarks[start.source]
    _check_seeds(config, benchmark, source)
    if ARCHITECTURES[source.architecture.name].facts.get("fit"):
        raise ConfigError(f"{source.architecture.name} has no weights to start from. Leave start out.")
    if start.parts is None:
        if _spec(benchmark) != _spec(source):
            raise _unlike("architecture", start.source, source.architecture, benchmark.architecture, _NAMED)
        _check_shapes(config, benchmark, source)
    _check_pieces(benchmark, source)
    _check_layers(benchmark, source)


def _check_chain(config: Config, slug: str, source: str) -> None:
    chain = [slug]
    while source not in chain:
        chain.append(source)
        here = config.benchmarks.get(source)
        if here is None or here.start is None or here.start.file:
            return
        source = here.start.source
    raise ConfigError(f"start goes round in a circle: {' from '.join([*chain, source])}. One must start fresh.")


def _check_seeds(config: Config, benchmark: Benchmark, source: Benchmark) -> None:
    lacking = sorted(set(benchmark.seeds or config.seeds) - set(source.seeds or config.seeds))
    if lacking:
        raise ConfigError(
            f"every seed starts from the same seed of {benchmark.start.source!r}, which has no seed "
            f"{', '.join(map(str, lacking))}. Give it the same seeds."
        )


def _check_shapes(config: Config, benchmark: Benchmark, source: Benchmark) -> None:
    """Refuse data sets of one loader whose options give them other shapes; of two loaders, training tells."""
    mine, theirs = (config.datasets.get(one.dataset) for one in (benchmark, source))
    if mine is None or theirs is None or mine.name != theirs.name:
        return
    defaults = DATASETS[mine.name].options
    for name, default in defaults.items():
        options = [{**defaults, **one.spec}[name] for one in (mine, theirs)]
        if name not in NOT_THE_SHAPE and options[0] != options[1]:
            raise ConfigError(
                f"its data set has {name} {options[0]!r}, that of {benchmark.start.source!r} {options[1]!r}: the "
                f"network reads one input shape. Give both the same (default {default!r})."
            )


_SAME = "Give both the same."
_NAMED = "Give both the same, or name what is taken: parts: {mine: theirs}."


def _unlike(what: str, slug: str, theirs: Any, mine: Any, advice: str) -> ConfigError:
    return ConfigError(
        f"{slug!r} has the {what} {_shown(theirs)}, and this benchmark {_shown(mine)}: its weights fit no other "
        f"network. {advice}"
    )


def _spec(benchmark: Benchmark) -> dict[str, Any]:
    """The architecture with all its options, but for its parts, which stand beside it."""
    spec = _whole(ARCHITECTURES, benchmark.architecture.spec)
    return {name: value for name, value in spec.items() if name != "parts"}


def _whole(catalogue: Catalogue, spec: Any) -> dict[str, Any]:
    """What `spec` names, with every option that is not given."""
    entry, options = catalogue.resolve(spec)
    return json.loads(json.dumps({"name": entry.name, **entry.options, **options}, default=repr))


def _check_pieces(benchmark: Benchmark, source: Benchmark) -> None:
    """Refuse a piece that was swapped in one of two networks and is another in the other.

    Two architectures may differ in those of their papers: what is taken from one to the other was built for it.
    """
    for piece in ALIKE:
        mine, theirs = (getattr(one.parts, piece) for one in (benchmark, source))
        if (mine or theirs) and _piece(benchmark, piece) != _piece(source, piece):
            raise _unlike(piece, benchmark.start.source, theirs, mine, _SAME)


def _piece(benchmark: Benchmark, piece: str) -> dict[str, Any] | None:
    """A piece of a network with all its options; None where the architecture has no pieces to swap."""
    entry = ARCHITECTURES[benchmark.architecture.name]
    if "parts" not in entry.options:
        return None
    return _whole(CATALOGUES[piece], getattr(swapped_parts(entry, benchmark.parts.changes), piece))


def _check_layers(benchmark: Benchmark, source: Benchmark) -> None:
    """Refuse layers that do not match, and a `train` that names none or leaves nothing to train.

    Both networks are outlined for the input and the outputs of one paper; a source that is whole, for the pictures of
    the part that starts from it, which may be pieces of these. Where the source cannot be built for them, or only one
    of the two is told by its data how many tokens there are, layers are compared when training begins, before the first
    step.
    """
    told = {"vocabulary" in ARCHITECTURES[one.architecture.name].options for one in (benchmark, source)}
    if len(told) > 1:
        return
    start = benchmark.start.model_dump(by_alias=True)
    facts = ARCHITECTURES[benchmark.architecture.name].facts
    shape, outputs = facts["paper_input"], facts["paper_outputs"]
    mine = _outline(json.dumps(_spec(benchmark)), shape, outputs, json.dumps(benchmark.parts.changes))
    read = [
        tuple(mine[own].inputs[0].shape[1:])
        for own, other in (start["parts"] or {}).items()
        if other == "network" and own in mine
    ]
    shape = next((own for own in read if len(own) == len(shape)), shape)
    try:
        theirs = _outline(json.dumps(_spec(source)), shape, outputs, json.dumps(source.parts.changes))
    except UserError:
        return
    frozen(mine, matched(mine, theirs, start), start["train"])


@cache
def _outline(spec: str, shape: tuple[int, ...], outputs: int, pieces: str) -> Mapping[str, keras.Model]:
    """The parts of a network for inputs of a `shape`; shapes alone."""
    return parts_of(outline(json.loads(spec), shape, outputs, json.loads(pieces)))


def _shown(value: Any) -> str:
    if value is None:
        return "of its paper"
    return json.dumps(value.spec)
