"""What `mlflow.pyfunc.load_model` loads of a model logged here: `MLmodel` names this module.

MLflow's own loader for Keras answers with one array that holds a mapping where a network has several outputs, as the
capsules and the autoencoder have, and draws a progress bar for every answer.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


class Served:
    """A network that answers arrays with arrays, several outputs by their names in the signature."""

    def __init__(self, network: keras.Model) -> None:
        self._network = network

    def predict(self, data: Any, params: Any = None) -> np.ndarray | dict[str, np.ndarray]:
        """The outputs for `data`: an array, a list or a data frame, with the examples along the first axis."""
        return self._network.predict(np.asarray(data), verbose=0)


def _load_pyfunc(path: str) -> Served:
    """Called by MLflow with the path of the `.keras` file."""
    return Served(keras.saving.load_model(path, safe_mode=True))
