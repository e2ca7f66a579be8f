"""What MLflow accepts as names and values of metrics, parameters and tags, and how they are shown.

MLflow draws a section of charts for every group of metrics, the part of a name before the slash: `train/loss`,
`validation/accuracy`, `test/accuracy`, `model/parameters`, `system/train_seconds`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

LONGEST_NAME = 250
LONGEST_PARAMETER = 6000
LONGEST_TAG = 5000
METRICS_A_CALL = 1000
PARAMETERS_A_CALL = 100


def clean_name(name: str) -> str:
    """A name MLflow accepts: what it refuses becomes `_`, so `mAP@0.5` is `mAP_0.5`."""
    allowed = re.sub(r"[^\w.\- :/]", "_", name)
    return "/".join(part for part in allowed.split("/") if part not in ("", ".", ".."))[:LONGEST_NAME]


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings with dotted names; lists and empty mappings are leaves."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from flatten(inner, f"{prefix}.{name}" if prefix else str(name))
    else:
        yield prefix, value


def as_params(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as MLflow parameters, cut where MLflow would cut; the whole of them is an artifact.

    What is not set (null, an empty list or mapping) is left out: a reader compares what is.
    """
    leaves = ((name, value) for name, value in flatten(settings) if value not in (None, [], {}))
    return {clean_name(name): _as_text(value)[:LONGEST_PARAMETER] for name, value in leaves}


def as_numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of nested mappings by clean name; all else MLflow would store as something else."""
    numbers = {}
    for name, value in flatten(values):
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            numbers[clean_name(name)] = float(value)
    return numbers


def as_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Tags as texts."""
    return {name: _as_text(value)[:LONGEST_TAG] for name, value in tags.items()}


def grouped(column: str) -> str:
    """The name in MLflow of a column of a history: `validation_loss` is `validation/loss`."""
    split, _, name = column.partition("_")
    return f"{split}/{name}" if split in ("train", "validation", "health") else f"train/{column}"


def points(values: Mapping[str, Any], timestamp: int, step: int) -> list[Metric]:
    """One MLflow point for every finite number."""
    from mlflow.entities import Metric

    return [Metric(name, value, timestamp, step) for name, value in as_numbers(values).items()]


def log(
    client: MlflowClient,
    run_id: str,
    metrics: Sequence[Metric] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, Any] | None = None,
) -> None:
    """Log all in as few calls as MLflow's limits allow; the tags go last, so they vouch for the rest."""
    from mlflow.entities import Param, RunTag

    pairs = [Param(name, value) for name, value in (params or {}).items()]
    while len(pairs) > PARAMETERS_A_CALL:
        client.log_batch(run_id, params=pairs[:PARAMETERS_A_CALL])
        pairs = pairs[PARAMETERS_A_CALL:]
    room = METRICS_A_CALL - len(pairs) - len(tags or {})
    while len(metrics) > room:
        client.log_batch(run_id, metrics=metrics[:room])
        metrics = metrics[room:]
    labels = [RunTag(name, value) for name, value in as_tags(tags or {}).items()]
    if metrics or pairs or labels:
        client.log_batch(run_id, metrics=metrics, params=pairs, tags=labels)


def _as_text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(part, Mapping) and "name" in part for part in value):
        return ", ".join(map(_as_call, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_call(part: Mapping[str, Any]) -> str:
    """A chosen part with its options: `shift(pixels=4)`."""
    options = ", ".join(f"{name}={_as_text(value)}" for name, value in part.items() if name != "name")
    return f"{part['name']}({options})" if options else str(part["name"])
