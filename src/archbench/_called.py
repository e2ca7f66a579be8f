"""Modules that can be called: `archbench.catalogue` and `archbench.results` are packages of code and functions at once.

A module's class may be changed to one with more methods, as the reference of Python has it ("Customizing module
attribute access").
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class Called(ModuleType):
    """A module that is called as the function of its name in a module of `archbench.notebook`."""

    def __call__(self, *given: Any, **options: Any) -> Any:
        """As that function."""
        return getattr(importlib.import_module(self.__calls__), self.__name__.rpartition(".")[2])(*given, **options)


def call(name: str, module: str) -> None:
    """Let the module `name` be called as the function in `module`."""
    sys.modules[name].__calls__ = module
    sys.modules[name].__class__ = Called
