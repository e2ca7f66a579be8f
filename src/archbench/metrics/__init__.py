"""Metrics: functions from arrays of targets and predictions to one number, on the host."""

from archbench.catalogue import Catalogue

METRICS = Catalogue("metric", __name__)
metric = METRICS.declare
