"""Metrics: functions from arrays of targets and predictions to one number, on the host."""

from archbench.catalogue import Catalogue

METRICS = Catalogue(
    "metric",
    __name__,
    needs={
        "values": 'what it compares: values="labels", "scores", "numbers" or "detections"',
    },
    takes={
        "gives": "what it gives where that is no number",
        "smoke": "options with which a test tries it; smoke={} if the defaults do",
    },
)
metric = METRICS.declare
