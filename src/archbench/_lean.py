"""A quick start and a quick end of a stage: a pipeline is many short processes.

Keras and TensorFlow take libraries along in their import for those who hand them such objects, or draw by Keras:
scikit-learn, pandas, JAX (below TensorFlow), Matplotlib and IPython, a third of the seconds that it takes. Nothing here
hands Keras a data frame, wraps a Keras model as an estimator or draws by Keras; where this package uses these libraries
itself it imports them afterwards, as ever.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

ALONG = ("sklearn", "pandas", "jax", "matplotlib", "IPython")


def import_keras() -> None:
    """Import Keras as where the libraries of `ALONG` are not installed; the backend's own is never left out."""
    absent = [name for name in ALONG if name not in sys.modules and name != os.environ["KERAS_BACKEND"]]
    sys.modules.update(dict.fromkeys(absent))  # None: an import of it raises ImportError
    try:
        import keras  # noqa: F401
    finally:
        for name in absent:
            del sys.modules[name]


def leave(status: int = 0) -> NoReturn:
    """End the process when all is written: taking TensorFlow down in good order would take most of a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
