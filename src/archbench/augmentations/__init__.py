"""Augmentations: random changes of a training batch, on the device, inside the compiled program."""

from archbench.catalogue import Catalogue

AUGMENTATIONS = Catalogue(
    "augmentation",
    __name__,
    needs={
        "smoke": "options with which a test tries it; smoke={} if the defaults do",
    },
    takes={
        "spoils": "labels that it makes wrong: those of places, where it moves things",
        "tasks": "the only tasks that it goes with, where it changes targets",
    },
)
augmentation = AUGMENTATIONS.declare
