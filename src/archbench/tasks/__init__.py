"""Tasks: what an output means."""

from archbench.catalogue import Catalogue

TASKS = Catalogue(
    "task",
    __name__,
    takes={
        "preprocessing": "the only preprocessing that it goes with",
    },
)
task = TASKS.declare
