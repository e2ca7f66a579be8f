"""Stage `sources`: the package to data/sources/<pipeline>/, for each stage the digests of the code that it runs."""

from archbench.errors import guarded
from archbench.interrupts import heeded

with heeded(), guarded():
    from archbench import stages  # heavy, so that an interrupt can come while it is imported

    stages.sources()
