"""Architectures: functions from an input tensor to outputs, one family a file."""

from archbench.catalogue import Catalogue

ARCHITECTURES = Catalogue("architecture", __name__)
architecture = ARCHITECTURES.declare
