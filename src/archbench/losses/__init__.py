"""Losses: functions from targets and outputs to one number an example."""

from archbench.catalogue import Catalogue

LOSSES = Catalogue("loss", __name__)
loss = LOSSES.declare
