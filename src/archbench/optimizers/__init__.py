"""Optimizers: builders of Keras optimizers whose numbers a sweep may change without recompiling."""

from archbench.catalogue import Catalogue

OPTIMIZERS = Catalogue("optimizer", __name__)
optimizer = OPTIMIZERS.declare
