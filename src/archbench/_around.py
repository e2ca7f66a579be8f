"""What stands around the import of another package's module, which is not imported for it.

Keras and TensorFlow take seconds to import, and most commands need neither: what has to happen at their import is
named here beforehand.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

Surround = Callable[[ModuleType], AbstractContextManager]


def around(name: str, surround: Surround) -> None:
    """Let the code of the module `name` run within `surround(module)` when it is imported, which it is not yet."""
    sys.meta_path.insert(0, _Finder(name, surround))


class _Finder(MetaPathFinder):
    """Finds one module as Python would, and lets it load within a context."""

    def __init__(self, name: str, surround: Surround) -> None:
        self._name, self._surround = name, surround

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The module's spec from the finders after this one, with a loader that enters the context."""
        if name != self._name:
            return None
        place = sys.meta_path.index(self)
        specs = (finder.find_spec(name, path, target) for finder in sys.meta_path[place + 1 :])
        spec = next((found for found in specs if found is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def within(module: ModuleType) -> None:
                with self._surround(module):
                    execute(module)

            spec.loader.exec_module = within
        return spec
