"""Tasks: what an output means."""

from archbench.catalogue import Catalogue

TASKS = Catalogue(
    "task",
    __name__,
    needs={
        "smoke": "an architecture whose smoke form answers this task, which tests train on its `smoke` data",
    },
    takes={
        "preprocessing": "the only preprocessing that it goes with",
    },
)
task = TASKS.declare
