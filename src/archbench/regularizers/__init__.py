"""Regularizers: builders of Keras weight penalties, called with the layout of the kernel that they act on."""

from archbench.catalogue import Catalogue

REGULARIZERS = Catalogue("regularizer", __name__)
regularizer = REGULARIZERS.declare
