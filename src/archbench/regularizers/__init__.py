"""Regularizers: builders of Keras weight penalties, called with the layout of the kernel that they act on."""

from archbench.catalogue import Catalogue

REGULARIZERS = Catalogue(
    "regularizer",
    __name__,
    takes={
        "numbers": "its options that a sweep may change without compiling anew",
        "smoke": "options with which a test tries it; smoke={} if the defaults do",
    },
)
regularizer = REGULARIZERS.declare
