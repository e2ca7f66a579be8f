"""Initializers: builders of Keras initializers, called with the layout of the kernel to be filled."""

from archbench.catalogue import Catalogue

INITIALIZERS = Catalogue("initializer", __name__)
initializer = INITIALIZERS.declare
