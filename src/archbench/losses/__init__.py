"""Losses: functions from targets and outputs to one number an example."""

from archbench.catalogue import Catalogue

LOSSES = Catalogue(
    "loss",
    __name__,
    needs={
        "values": 'what it compares: values="labels", "signs", "shares", "numbers", "boxes", or "objects" in a grid, '
        "of anchors, or on maps"
    },
    takes={"over": 'over="scores" where the loss of a classification may be it, "maps" where only one of maps may'},
)
loss = LOSSES.declare
