"""archbench: train every classic architecture under the same conditions, and compare them."""

import os

from archbench import _quiet

# Keras fixes its backend at import, and TensorFlow reads its log level there, so both are set before either is.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
_quiet.hush()
