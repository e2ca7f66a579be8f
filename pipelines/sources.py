"""Stage `sources-<kind>`: the source files that all stages of a kind share to data/sources/<pipeline>/<kind>.txt."""

import sys

from archbench.errors import guarded
from archbench.interrupts import heeded

with heeded(), guarded():
    from archbench import stages  # heavy, so that an interrupt can come while it is imported

    stages.sources(sys.argv[1])
