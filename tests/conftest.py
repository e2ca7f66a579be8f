"""Shared by all tests."""

from collections import Counter

import pytest

import archbench  # noqa: F401 -- chooses the Keras backend, so it comes before any `import keras`


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where files of tests are dealt out to processes, those that take long go first, so that all end together."""
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(item.path for item in items)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, -sizes[item.path]))
