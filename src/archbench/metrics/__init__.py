"""Metrics: functions from arrays of targets and predictions to one number, on the host."""

import re

from archbench.catalogue import Catalogue

METRICS = Catalogue(
    "metric",
    __name__,
    needs={
        "values": 'what it compares: values="labels", "scores", "numbers", "tokens", "texts", "maps", "detections" '
        'or "distances"',
    },
    takes={
        "gives": "what it gives where that is no number",
        "less_is_better": "less_is_better=True if it counts errors",
        "smoke": "options with which a test tries it; smoke={} if the defaults do",
    },
)
metric = METRICS.declare


def directions() -> dict[str, bool]:
    """Metric -> whether more of it is better, of all that are numbers."""
    return {one.name: not one.facts.get("less_is_better") for one in METRICS if "gives" not in one.facts}


def direction(score: str) -> bool | None:
    """Whether more of a task's score is better; None for one that is neither a loss nor named after a metric.

    The name of a metric may have that of a head before it and a number behind: `color_accuracy`, `top_5`.
    """
    if score.split("_")[-1] == "loss":
        return False
    plain = re.sub(r"_[0-9.]+$", "", score)
    named = {name.removesuffix("_k"): better for name, better in directions().items()}
    fitting = [name for name in named if name in (score, plain) or plain.endswith(f"_{name}")]
    return named[max(fitting, key=len)] if fitting else None
