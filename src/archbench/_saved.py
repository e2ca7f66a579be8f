"""Saved networks load wherever this package is installed, with no module of it imported beforehand.

A `.keras` file names the classes of its layers, and in safe mode Keras takes only those that are registered, which
happens when their module is imported; it never imports a module that a file names, unless it is Keras's own. So all
modules that register a class are imported when a first network is loaded: a tenth of a second then, and nothing in the
commands that never import Keras. Keras has no hook for this: the function of its own that reads a `.keras` file is
wrapped, the one which `keras.models.load_model`, `keras.saving.load_model` and MLflow all come to.

`mlflow.keras.load_model` runs nothing that the model's folder names; `MlflowPlugin` is the entry point by which MLflow
imports this package with itself.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from archbench._around import around

READER = "keras.src.saving.saving_lib"


def let_keras_load() -> None:
    """Have Keras know this package's classes when it loads a network, be it imported already or later."""
    if READER in sys.modules:
        _wrap(sys.modules[READER])
    else:
        around(READER, _then_wrap)


def register() -> None:
    """Import every module that registers a class with Keras."""
    from archbench.architectures import ARCHITECTURES
    from archbench.optimizers import OPTIMIZERS
    from archbench.parts import CATALOGUES

    for catalogue in (ARCHITECTURES, OPTIMIZERS, *CATALOGUES.values()):
        list(catalogue)


@contextmanager
def _then_wrap(reader: ModuleType) -> Iterator[None]:
    yield
    _wrap(reader)


def _wrap(reader: ModuleType) -> None:
    load = reader.load_model

    @functools.wraps(load)
    def load_model(*args: Any, **options: Any) -> Any:
        register()
        return load(*args, **options)

    reader.load_model = load_model


class MlflowPlugin:
    """MLflow imports the entry points of its run contexts with itself; as one, this says nothing of a run."""

    def in_context(self) -> bool:
        """Whether this has tags for the run that starts: never."""
        return False

    def tags(self) -> dict[str, str]:
        """No tags."""
        return {}
