"""Stage `probe@<name>`: prepared data, or runs/<pipeline>, to probes/<pipeline>/<name>."""

import sys

from archbench.errors import guarded
from archbench.interrupts import heeded

with heeded(), guarded():
    from archbench import stages  # heavy, so that an interrupt can come while it is imported

    stages.probe(sys.argv[1])
