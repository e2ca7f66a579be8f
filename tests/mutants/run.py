"""Put every fault into a copy of the code, one at a time, and run the tests that must notice: `python -m mutants.run`.

Each run of tests is a process forked off one that has imported the slow libraries already, and never this package: it
imports the changed copy. A test that fails has noticed, and so has one that never ends; one that cannot be collected
has not. Ends with 1 where tests fail without any fault, where under 95 % are noticed, where a survivor has no reason,
and where a fault with a reason to survive is noticed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from mutants import PROJECT, Mutant, areas, read

LEAST = 0.95
"""The share of faults that must be noticed."""
COPIED = (
    "src", "tests", "pipelines", "params.yaml", "dvc.yaml", "pyproject.toml", "README.md", "docs", "Makefile",
    ".dvc/config",
)  # fmt: skip
SLOW = ("keras", "tensorflow", "sklearn.neighbors", "scipy.stats", "pandas", "matplotlib.pyplot", "mlflow", "pytest")
"""Imported once, before the first fork: TensorFlow alone takes seconds."""
PASSED, FAILED = 0, 1
"""pytest's exit codes; all others are mistakes in what is to be run."""
FORK = get_context("fork")


@dataclass(frozen=True)
class Outcome:
    """What became of one run of tests."""

    code: int | None
    """pytest's exit code; None where it did not end in time."""
    seconds: float
    output: str

    @property
    def word(self) -> str:
        """For the table."""
        return {None: "hung", FAILED: "noticed", PASSED: "SURVIVED"}.get(self.code, f"EXIT {self.code}")

    @property
    def noticed(self) -> bool:
        """Whether a test failed or never ended."""
        return self.code in (None, FAILED)


def main() -> int:
    """Try the faults that the command line names, and say which of them survived."""
    parser = argparse.ArgumentParser(prog="python -m mutants.run", description="Which faults do the tests notice?")
    parser.add_argument("areas", nargs="*", metavar="area", help=f"{', '.join(areas())}; all where none is given")
    parser.add_argument("--jobs", type=int, default=2, help="runs of tests at the same time")
    parser.add_argument("--seconds", type=float, default=300.0, help="after which a run counts as one without end")
    parser.add_argument("--only", default="", help="faults in files whose path this expression finds")
    given = parser.parse_args()
    if strange := set(given.areas) - set(areas()):
        parser.error(f"no area is called {', '.join(sorted(strange))}. There are: {', '.join(areas())}.")
    mutants = [mutant for mutant in read(given.areas or areas()) if re.search(given.only, mutant.file)]
    for mutant in mutants:
        mutant.put_into((PROJECT / mutant.path).read_text(encoding="utf-8"))
    _import_what_is_slow()
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        ProcessPoolExecutor(given.jobs, FORK, _copy_project, (folder,)) as pool,
    ):
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        for outcome in pool.map(_run, [tests[job :: given.jobs] for job in range(given.jobs)]):
            if outcome.code != PASSED:
                print(f"{outcome.output}\nTests fail where there is no fault: mend that first.")
                return 1
        outcomes = []
        for mutant, outcome in zip(mutants, pool.map(_try, mutants, [given.seconds] * len(mutants)), strict=True):
            print(f"{outcome.word:9}{outcome.seconds:5.0f} s  {mutant.area}/{mutant.file}: {mutant.why}", flush=True)
            outcomes.append(outcome)
    return _summary(mutants, outcomes)


def _summary(mutants: Sequence[Mutant], outcomes: Sequence[Outcome]) -> int:
    pairs = list(zip(mutants, outcomes, strict=True))
    noticed = sum(outcome.noticed for outcome in outcomes)
    faults = 0
    for mutant, outcome in pairs:
        if outcome.noticed == (mutant.survives is None):
            continue
        faults += outcome.noticed or mutant.survives is None
        said = "" if outcome.noticed else f" {mutant.survives or 'No reason is given.'}"
        print(f"\n{outcome.word}: {mutant.file}: {mutant.why}{said}\n- {mutant.old}\n+ {mutant.new}")
        if outcome.code not in (None, FAILED, PASSED):
            print(outcome.output)
        if outcome.noticed:
            print("It is noticed: take its reason to survive away.")
    print(f"\n{noticed} of {len(pairs)} faults noticed, {noticed / max(1, len(pairs)):.1%}.")
    return int(faults > 0 or noticed < LEAST * len(pairs))


def _import_what_is_slow() -> None:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # its thread would not outlive a fork
    sys.modules["archbench"] = None  # which MLflow imports with itself: a process forked off would not see the fault
    with warnings.catch_warnings(action="ignore"):  # MLflow tells that it could not
        for name in SLOW:
            importlib.import_module(name)
    del sys.modules["archbench"]


def _copy_project(folder: str) -> None:
    """Make this worker a copy of its own, and stay in it."""
    copy = Path(folder, str(os.getpid()))
    for name in COPIED:
        origin, ignored = PROJECT / name, shutil.ignore_patterns("__pycache__")
        (shutil.copytree if origin.is_dir() else _copy_file)(origin, copy / name, ignore=ignored)
    os.chdir(copy)
    os.environ["PYTHONPATH"] = str(copy / "src")
    sys.path.insert(0, str(copy / "src"))


def _copy_file(origin: Path, target: Path, ignore: object) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(origin, target)


def _try(mutant: Mutant, seconds: float) -> Outcome:
    """Run a mutant's tests on the copy with its fault in it."""
    sound = mutant.path.read_text(encoding="utf-8")
    try:
        _write(mutant.path, mutant.put_into(sound))
        return _run(mutant.tests, seconds)
    finally:
        _write(mutant.path, sound)


def _write(path: Path, source: str) -> None:
    path.write_text(source, encoding="utf-8")
    # Python takes a file of the same second and size for the one that it compiled.
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def _run(tests: Sequence[str], seconds: float | None = None) -> Outcome:
    """Run tests in a process of their own, which is ended with all that it started after `seconds`."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = FORK.Process(target=_pytest, args=(tests, output.fileno()))
        process.start()
        process.join(seconds)
        code = process.exitcode
        if code is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.join()
        output.seek(0)
        return Outcome(code, time.monotonic() - start, output.read().decode(errors="replace"))


def _pytest(tests: Sequence[str], output: int) -> None:
    import pytest

    os.setsid()
    for stream in (1, 2):
        os.dup2(output, stream)
    options = ["-x", "-q", "-p", "no:cacheprovider"]
    code = pytest.main([*options, *(f"tests/{test}" for test in tests)]) if tests else PASSED
    sys.stdout.flush()
    os._exit(code)  # TensorFlow need not be taken down


if __name__ == "__main__":
    sys.exit(main())
