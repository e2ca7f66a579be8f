"""Preprocessing: layers in front of a network, fitted on the training split alone."""

from archbench.catalogue import Catalogue

PREPROCESSING = Catalogue("preprocessor", __name__)
preprocessor = PREPROCESSING.declare
