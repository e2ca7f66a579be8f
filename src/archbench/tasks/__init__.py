"""Tasks: what an output means."""

from archbench.catalogue import Catalogue

TASKS = Catalogue("task", __name__)
task = TASKS.declare
