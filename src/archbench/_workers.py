"""The start of processes that do not run the script of the one that starts them.

A process of `multiprocessing` imports the `__main__` of its parent first. A script that keeps its statements behind no
`if __name__ == "__main__"`, as the pages of pipelines/ and most scripts of users do not, would run once more in it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def without_script() -> Iterator[None]:
    """Processes that start within the body know nothing of this one's `__main__`: it is an empty module meanwhile."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
