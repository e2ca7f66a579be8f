"""Initializers: builders of Keras initializers."""

from archbench.catalogue import Catalogue

INITIALIZERS = Catalogue("initializer", __name__)
initializer = INITIALIZERS.declare
