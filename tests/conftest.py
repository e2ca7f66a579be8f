"""Shared by all tests."""

import ctypes
import gc
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

import archbench  # noqa: F401 -- chooses the Keras backend, so it comes before any `import keras`


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where files of tests are dealt out to processes, those that take long go first, so that all end together."""
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(item.path for item in items)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, -sizes[item.path]))


@pytest.fixture(autouse=True, scope="module")
def little_memory() -> Iterator[None]:
    """Give back what a file of tests built: thousands of networks, in cycles that Python seldom looks for by itself."""
    yield
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
