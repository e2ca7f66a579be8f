"""Schedules: functions from a step number to a learning rate."""

from archbench.catalogue import Catalogue

SCHEDULES = Catalogue("schedule", __name__)
schedule = SCHEDULES.declare
