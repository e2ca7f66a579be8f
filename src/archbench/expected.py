"""What params.yaml says that the test scores of a benchmark will be: `expect` and `beats`, looked up and checked."""

from __future__ import annotations

from dataclasses import dataclass

from archbench.config import Config, ConfigError, check_name
from archbench.errors import listed, shown
from archbench.metrics import direction, directions
from archbench.tasks import TASKS


@dataclass(frozen=True)
class Expected:
    """One expectation of one benchmark."""

    benchmark: str
    metric: str
    """A test score."""
    maximize: bool
    """Whether more of it is better."""
    needed: float
    """The least score, or the largest where less is better; beside `against`, how much better it must be, at least."""
    against: str | None = None
    """The benchmark that must be beaten, where one must."""


def expected_of(config: Config, slug: str, task: str) -> list[Expected]:
    """The expectations of the benchmark `slug`, which has this task; raises `ConfigError`."""
    return [*expected_scores(config, slug, task), *expected_gains(config, slug, task)]


def expected_scores(config: Config, slug: str, task: str) -> list[Expected]:
    """What stands in `expect`."""
    given = config.benchmarks[slug].expect
    return [Expected(slug, metric, _maximize(metric, TASKS[task].build), needed) for metric, needed in given.items()]


def expected_gains(config: Config, slug: str, task: str) -> list[Expected]:
    """What stands in `beats`."""
    found, judged = [], TASKS[task].build
    for beat in config.benchmarks[slug].beats:
        check_name("benchmark", beat.benchmark, config.benchmarks)
        if beat.benchmark == slug:
            raise ConfigError(f"{slug} cannot beat itself. Name another benchmark.")
        metric = beat.metric or judged.monitor
        found.append(Expected(slug, metric, _maximize(metric, judged), beat.by, beat.benchmark))
    return found


def _maximize(metric: str, task: type) -> bool:
    """Whether more of a test score is better."""
    better = task.maximize if metric == task.monitor else direction(metric)
    if better is None:
        raise ConfigError(
            f"nothing tells whether more or less of {shown(metric)} is better. It takes {task.monitor}, or a score "
            f"named after a metric: {listed(directions())}."
        )
    return better
