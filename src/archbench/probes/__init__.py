"""Probes: looks inside networks, a file each: functions from subjects to tables, run as stages of their own.

A probe whose function takes `subjects` (`probes.subject`) is given the networks that params.yaml names for it, one at a
time; one that takes none works on its options alone. It returns its tables by name, a row an observation, and beside
them, where pictures are to be drawn, arrays by name; it draws nothing: the report does.
"""

from typing import Any

from archbench.catalogue import Catalogue

PROBES = Catalogue(
    "probe",
    __name__,
    takes={"trainings": "its option that says how often it trains each network, where it does"},
)
probe = PROBES.declare
SUBJECTS = "subjects"
"""The parameter of a probe that looks into networks."""
Found = dict[str, Any]
"""Name -> a table, or a mapping of arrays."""
