"""Normalizations: builders of layers that keep the shape."""

from archbench.catalogue import Catalogue

NORMALIZATIONS = Catalogue("normalization", __name__)
normalization = NORMALIZATIONS.declare
