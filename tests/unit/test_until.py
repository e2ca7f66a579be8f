"""Tests within a limit of time: what is not started is told, and what takes long is not started first."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import pytest_collection_modifyitems

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("until", "told"), [("5", "skipped"), ("5e12", "passed")])
def test_no_test_starts_after_its_time_and_the_summary_says_so(until, told):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_prose.py"]
    done = subprocess.run([*command, "--until", until], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert [word for word in ("passed", "skipped", "failed") if f" {word}" in done.stdout] == [told]
    assert ("tests/conftest.py" in done.stdout and "NOT RUN: " in done.stdout) == (told == "skipped")


@pytest.mark.parametrize(("until", "order"), [(None, "slow large small"), (5e12, "large small slow")])
def test_files_that_take_long_come_first_or_last_where_time_is_limited(until, order):
    def item(name, slow=False):
        return SimpleNamespace(path=name, get_closest_marker=lambda _: slow)

    items = [item("small"), item("large"), item("slow", slow=True), item("large")]
    pytest_collection_modifyitems(SimpleNamespace(workerinput={}, getoption={"until": until}.get), items)
    assert " ".join(dict.fromkeys(one.path for one in items)) == order
