"""Activations: functions from a tensor to a tensor of the same shape."""

from archbench.catalogue import Catalogue

ACTIVATIONS = Catalogue(
    "activation",
    __name__,
    takes={
        "widening": "the option that says how many times as wide a layer it wants before it",
    },
)
activation = ACTIVATIONS.declare
