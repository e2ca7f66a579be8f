"""Checks of the key `transfer` of a benchmark, made when params.yaml is read."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import keras

from archbench.architectures import ARCHITECTURES
from archbench.architectures.kernels import layers_with_kernels
from archbench.architectures.network import outline
from archbench.config import Benchmark, Config, ConfigError, check_name
from archbench.datasets import DATASETS

ALIKE = ("activation", "normalization")
"""Parts that weights are trained for; the others may change from one training to the next."""
NOT_THE_SHAPE = ("classes", "train_examples", "examples", "seed", "validation", "test", "missing")
"""Options of data sets that leave an example's shape as it is."""


def check_transfer(config: Config, slug: str, benchmark: Benchmark) -> None:
    """Raise `ConfigError` where the benchmark `slug` cannot start from the weights it names."""
    transfer, benchmarks = benchmark.transfer, config.benchmarks
    check_name("benchmark", transfer.source, benchmarks)
    _check_chain(config, slug, transfer.source)
    source = benchmarks[transfer.source]
    _check_seeds(config, benchmark, source)
    spec, other = _spec(benchmark), _spec(source)
    for what, mine, theirs in (
        ("architecture", spec, other),
        *((part, getattr(benchmark.parts, part), getattr(source.parts, part)) for part in ALIKE),
    ):
        if mine != theirs:
            raise ConfigError(
                f"{transfer.source!r} has the {what} {_shown(theirs)}, and this benchmark {_shown(mine)}: its weights "
                "fit no other network. Give both the same."
            )
    _check_shapes(config, benchmark, source)
    _check_layers(spec, benchmark)


def _check_chain(config: Config, slug: str, source: str) -> None:
    chain = [slug]
    while source not in chain:
        chain.append(source)
        here = config.benchmarks.get(source)
        if here is None or here.transfer is None:
            return
        source = here.transfer.source
    raise ConfigError(f"transfer goes round in a circle: {' from '.join([*chain, source])}. One must start fresh.")


def _check_seeds(config: Config, benchmark: Benchmark, source: Benchmark) -> None:
    lacking = sorted(set(benchmark.seeds or config.seeds) - set(source.seeds or config.seeds))
    if lacking:
        raise ConfigError(
            f"every seed starts from the same seed of {benchmark.transfer.source!r}, which has no seed "
            f"{', '.join(map(str, lacking))}. Give it the same seeds."
        )


def _spec(benchmark: Benchmark) -> dict[str, Any]:
    """The architecture with all its options, but for its parts, which stand beside it."""
    entry, options = ARCHITECTURES.resolve(benchmark.architecture.spec)
    everything = {"name": entry.name, **entry.options, **options}
    return json.loads(json.dumps({name: value for name, value in everything.items() if name != "parts"}, default=repr))


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
                f"its data set has {name} {options[0]!r}, that of {benchmark.transfer.source!r} {options[1]!r}: the "
                f"network reads one input shape. Give both the same (default {default!r})."
            )


def _check_layers(spec: dict[str, Any], benchmark: Benchmark) -> None:
    entry = ARCHITECTURES[spec["name"]]
    if entry.facts.get("fit"):
        raise ConfigError(f"{entry.name} has no weights to start from. Leave transfer out.")
    kernels = _kernels(json.dumps(spec), json.dumps(benchmark.parts.changes))
    if kernels is None:
        raise ConfigError(f"{entry.name} has several outputs, and transfer replaces one last layer. Leave it out.")
    train = benchmark.transfer.train
    if isinstance(train, int) and train > kernels:
        raise ConfigError(
            f"train is {train}, but {entry.name} has {kernels} layers with kernels. Choose 1 to {kernels}, or all."
        )


@cache
def _kernels(spec: str, parts: str) -> int | None:
    """How many layers with kernels a network has, at its paper's input size; None where it has several outputs."""
    chosen = json.loads(spec)
    entry = ARCHITECTURES[chosen["name"]]
    network = outline(chosen, entry.facts["paper_input"], entry.facts["paper_outputs"], json.loads(parts))
    if not isinstance(network.output, keras.KerasTensor):
        return None
    return len(layers_with_kernels(network))


def _shown(value: Any) -> str:
    if value is None:
        return "of its paper"
    return json.dumps(value if isinstance(value, dict) else value.spec)
