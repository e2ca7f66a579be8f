"""Stage `speed`: our loops against plain ones to runs/<pipeline>/speed.csv."""

from archbench.errors import guarded
from archbench.interrupts import heeded

with heeded(), guarded():
    from archbench import stages  # heavy, so that an interrupt can come while it is imported

    stages.speed()
