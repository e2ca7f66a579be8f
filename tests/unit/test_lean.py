"""Keras's lean import: the libraries stay out of it, and are there for those who import them afterwards."""

import os
import subprocess
import sys

import pytest

CODE = """
import sys
import archbench
from archbench._lean import import_keras
import_keras()
print("keras" in sys.modules, *(name in sys.modules for name in ("sklearn", "pandas", "jax")))
import jax, keras, pandas, sklearn.neighbors
from archbench.architectures import ARCHITECTURES
print(keras.backend.backend(), sklearn.neighbors.NearestNeighbors.__name__, len(ARCHITECTURES["knn"].name))
"""


@pytest.mark.parametrize(
    ("backend", "found"), [("tensorflow", "True False False False"), ("jax", "True False False True")]
)
def test_keras_comes_alone_and_its_companions_later(backend, found):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == [found, f"{backend} NearestNeighbors 3"]
