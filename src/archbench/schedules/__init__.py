"""Schedules: functions from a step number to a learning rate."""

from archbench.catalogue import Catalogue

SCHEDULES = Catalogue(
    "schedule",
    __name__,
    needs={
        "smoke": "options with which a test tries it; smoke={} if the defaults do",
    },
)
schedule = SCHEDULES.declare
