"""Datasets: loaders from files to arrays, one data set a file."""

from archbench.catalogue import Catalogue

DATASETS = Catalogue(
    "dataset",
    __name__,
    needs={
        "licence": "the licence of its data",
        "kind": 'where they come from: kind="embedded", "generated", "download", "manual" or "own"',
        "bytes": "the size of what is downloaded; 0 where nothing is",
    },
    takes={
        "smoke": "options that make it small, for tests",
        "contains": "a function of its options to what it holds once it is there",
        "same_splits": "that every split holds the same examples: something is made of them, and nothing foretold",
        "files": "a function of its options to the files that it downloads, where these are not all",
        "paths": "the options that name files and folders of the user's own: when one changes, it is prepared again",
        "reads": "a function of data/raw and its options to the files that it reads from a folder of the user's own",
    },
)
dataset = DATASETS.declare
