"""Shared by all tests."""

import archbench  # noqa: F401 -- chooses the Keras backend, so it comes before any `import keras`
