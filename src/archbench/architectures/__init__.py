"""Architectures: functions from an input tensor to outputs, one family a file."""

from archbench.catalogue import Catalogue

ARCHITECTURES = Catalogue(
    "architecture",
    __name__,
    needs={
        "task": 'what its outputs are for, a name that "archbench list tasks" shows: task="classification"',
        "minimum": "the fewest pixels a side (steps, frames) that it reads: a number, or a function of its options",
        "paper_input": "the shape of one input in its paper, without the batch: paper_input=(224, 224, 3)",
        "paper_outputs": "the number of outputs in its paper: paper_outputs=1000",
        "swaps": 'the parts that may be swapped in it: swaps=("activation", "initializer"), or swaps=()',
        "smoke": "options that make it small enough for a test to train it in seconds; smoke={} if it is",
        "smoke_input": "the shape of an input for that small form: smoke_input=(16, 16, 1)",
    },
    takes={
        "auxiliary_weight": "what the loss of each head that only helps to train counts, where it has such heads",
        "task_options": "options of its task that belong to its paper",
        "fit": "where no gradients train it: what sets the weights, given its parts, training arrays and a seed",
    },
)
architecture = ARCHITECTURES.declare
