"""archbench: train every classic architecture under the same conditions, and compare them."""

import os

from archbench import _quiet, _saved

# Keras fixes its backend at import, and TensorFlow reads its log level there, so both are set before either is.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
_quiet.hush()
_saved.let_keras_load()
