"""Optimizers: builders of Keras optimizers whose numbers a sweep may change without recompiling."""

from archbench.catalogue import Catalogue

OPTIMIZERS = Catalogue(
    "optimizer",
    __name__,
    needs={
        "numbers": "its options beside learning_rate that a sweep changes without compiling anew, or ()",
        "smoke": "options with which a test tries it; smoke={} if the defaults do",
    },
    takes={
        "full_batch": "True where a step needs the gradient of all data",
    },
)
optimizer = OPTIMIZERS.declare
