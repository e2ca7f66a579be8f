"""Probes: looks inside networks, a file each: functions from subjects to tables, run as stages of their own.

A probe whose function takes `subjects` (`probes.subject`) is given the networks that params.yaml names for it, one at a
time; one that takes none works on its options alone. It returns its tables by name, a row an observation, and
pictures as arrays, and draws nothing: the report draws from these.
"""

from archbench.catalogue import Catalogue

PROBES = Catalogue("probe", __name__)
probe = PROBES.declare
SUBJECTS = "subjects"
"""The parameter of a probe that looks into networks."""
