"""Datasets: loaders from files to arrays, one data set a file."""

from archbench.catalogue import Catalogue

DATASETS = Catalogue("dataset", __name__)
dataset = DATASETS.declare
