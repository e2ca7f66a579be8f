"""`archbench show <benchmark>`: a benchmark of the params.yaml here, as its recipes and the defaults make it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from archbench.cli import display
from archbench.config import Benchmark, Config, check_name
from archbench.stages import open_pipeline

KIND = "benchmarks"


def is_one(name: str) -> bool:
    """Whether there is a params.yaml here that has such a benchmark; raises `ConfigError` where it cannot be read."""
    return Path("params.yaml").is_file() and name in open_pipeline()[0].benchmarks


def show(slug: str, as_json: bool) -> None:
    """Print every setting of a benchmark, with where it comes from if that is not the benchmark itself."""
    config, folders = open_pipeline()
    check_name("benchmark", slug, config.benchmarks)
    from archbench import resolve
    from archbench.architectures.scale import describe_scale
    from archbench.cli.data import look_up

    plan, benchmark = resolve.resolve(config, slug), config.benchmarks[slug]
    card = look_up(benchmark.dataset, config.datasets, folders).card
    scale = describe_scale(plan.settings["architecture"], card.input_shape if card else None, plan.words)
    facts = {"recipe": list(benchmark.recipe), "seeds": list(plan.seeds), **plan.settings, "scale": scale}
    if as_json:
        display.print_json({"kind": KIND, "name": slug, **facts})
        return
    display.print_title(f"{slug} (benchmark of {config.pipeline})")
    display.print_fields({key: f"{_written(given)}{_origin(config, benchmark, key)}" for key, given in facts.items()})


def _written(value: Any) -> str:
    """A value as params.yaml writes it, in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _origin(config: Config, benchmark: Benchmark, key: str) -> str:
    from archbench.resolve import SETTINGS_FROM_TRAINING, recipe_of

    recipe = recipe_of(config, benchmark, key)
    if recipe:
        return f"  # recipes.{recipe}"
    return "  # training" if key in SETTINGS_FROM_TRAINING and getattr(benchmark, key) is None else ""
