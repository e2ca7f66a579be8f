"""Stage `train@<benchmark>`: prepared data to runs/<pipeline>/<benchmark>/seed-<n>."""

import sys

from archbench._lean import leave
from archbench.errors import guarded
from archbench.interrupts import heeded

with heeded(), guarded():
    from archbench import stages  # heavy, so that an interrupt can come while it is imported

    stages.train(sys.argv[1])
leave()
