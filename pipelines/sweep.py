"""Stage `sweep@<study>`: prepared data to studies/<pipeline>/<study>."""

import sys

from archbench.errors import guarded
from archbench.interrupts import heeded

with heeded(), guarded():
    from archbench import stages  # heavy, so that an interrupt can come while it is imported

    stages.sweep(sys.argv[1])
