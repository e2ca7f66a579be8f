"""Independent implementations, run in a Python of their own: PyTorch and what stands on it is no dependency of ours.

`ARCHBENCH_REFERENCE_PYTHON` names an interpreter with torch, torchvision and timm; without it these tests are skipped,
and the golden numbers that the same scripts once gave are what is compared. Arrays go through files.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

PYTHON = "ARCHBENCH_REFERENCE_PYTHON"
LACKS = 3
"""What a script exits with where its Python lacks a package that it needs, beside PyTorch."""


def reference(script: str, *arguments: str, **arrays: Any) -> Mapping[str, np.ndarray]:
    """What `tests/references/<script>.py` makes of `arrays`: it reads its second last argument and writes its last.

    Both are .npz files; `arguments` come before them. Skips the test where there is no interpreter to run it.
    """
    python = os.environ.get(PYTHON)
    if not python:
        pytest.skip(f"needs PyTorch in a Python of its own: set {PYTHON}")
    with TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.npz", Path(folder) / "made.npz"
        np.savez(given, **arrays)
        path = Path(__file__).parent / f"{script}.py"
        # Without our path: the reference must not find archbench, or anything of its Python.
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        command = [python, str(path), *arguments, str(given), str(made)]
        done = subprocess.run(command, env=environment, timeout=600, check=False)
        if done.returncode == LACKS:
            pytest.skip(f"the Python of {PYTHON} lacks a package that {script}.py needs")
        done.check_returncode()
        with np.load(made) as found:
            return dict(found)


def torchvisions(what: str, cases: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, np.ndarray]]:
    """What the part `what` of torchvision's Faster R-CNN makes of the arrays of each case: see `regions.py`."""
    given = {f"{case}.{name}": array for case, arrays in cases.items() for name, array in arrays.items()}
    found: dict[str, dict[str, np.ndarray]] = {case: {} for case in cases}
    for made, array in reference("regions", what, **given).items():
        case, _, name = made.partition(".")
        found[case][name] = array
    return found
