"""Normalizations: builders of layers that keep the shape."""

from archbench.catalogue import Catalogue

NORMALIZATIONS = Catalogue(
    "normalization",
    __name__,
    takes={
        "shifts": "True where it adds a trained shift, so that the layer before needs no bias",
        "of": 'of="kernel" where it normalizes weights and not activations',
    },
)
normalization = NORMALIZATIONS.declare
