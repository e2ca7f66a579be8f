"""Stage `report`: runs/<pipeline> and studies/<pipeline> to reports/<pipeline>."""

from archbench.errors import guarded
from archbench.interrupts import heeded

with heeded(), guarded():
    from archbench import stages  # heavy, so that an interrupt can come while it is imported

    print(f"report: {stages.report()}")
