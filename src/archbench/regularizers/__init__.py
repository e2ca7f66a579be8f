"""Regularizers: builders of Keras weight penalties."""

from archbench.catalogue import Catalogue

REGULARIZERS = Catalogue("regularizer", __name__)
regularizer = REGULARIZERS.declare
