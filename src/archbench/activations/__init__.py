"""Activations: functions from a tensor to a tensor of the same shape."""

from archbench.catalogue import Catalogue

ACTIVATIONS = Catalogue("activation", __name__)
activation = ACTIVATIONS.declare
