"""Stage `prepare@<dataset>`: data/raw/<dataset> to data/prepared/<pipeline>/<dataset>."""

import sys

from archbench.errors import guarded
from archbench.interrupts import heeded

with heeded(), guarded():
    from archbench import stages  # heavy, so that an interrupt can come while it is imported

    stages.prepare(sys.argv[1])
