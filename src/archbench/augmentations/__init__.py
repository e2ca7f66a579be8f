"""Augmentations: random changes of a training batch, on the device, inside the compiled program."""

from archbench.catalogue import Catalogue

AUGMENTATIONS = Catalogue("augmentation", __name__)
augmentation = AUGMENTATIONS.declare
