"""Datasets: loaders from files to arrays, one data set a file."""

from archbench.catalogue import Catalogue

DATASETS = Catalogue(
    "dataset",
    __name__,
    needs={
        "licence": "the licence of its data",
        "kind": 'where they come from: kind="embedded", "generated", "download" or "manual"',
        "bytes": "the size of what is downloaded; 0 where nothing is",
    },
    takes={
        "smoke": "options that make it small, for tests",
        "contains": "a function of its options to what it holds once it is there",
        "same_splits": "that every split holds the same examples: something is made of them, and nothing foretold",
        "files": "a function of its options to the files that it downloads, where these are not all",
        "reads": "a function of data/raw and its options to the files that it reads from a folder of the user's own",
    },
)
dataset = DATASETS.declare
