"""Shared by all tests."""

import ctypes
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

import archbench  # noqa: F401 -- chooses the Keras backend, so it comes before any `import keras`


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where time is limited, what fits into it is run and the rest is told, instead of all being lost at its end."""
    parser.addoption("--until", type=float, metavar="SECONDS", help="Start no test after this time (since 1970).")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where files of tests are dealt out to processes, those that take long go first, so that all end together.

    Where there is a limit of time they go last, for then a few of them would cost many others.
    """
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(item.path for item in items)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    limited = config.getoption("until") is not None
    items.sort(key=lambda item: ((item.path in slow) == limited, -sizes[item.path]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what would start too late, before its fixtures cost anything."""
    until = item.config.getoption("until")
    if until is not None and time.time() > until:
        pytest.skip("NOT RUN: the time that was given with --until is over")


@pytest.fixture(autouse=True, scope="module")
def little_memory() -> Iterator[None]:
    """Give back what a file of tests built: thousands of networks, in cycles that Python seldom looks for by itself."""
    yield
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
