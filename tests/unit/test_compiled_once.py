"""XLA compiles a program of steps once, whatever it is called with afterwards."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import keras
import pytest

TRAINING = """
import sys
import toys
from archbench.training.run import Workbench

changes = {"classes": {}, "states": {**toys.LSTM}}[sys.argv[1]]
trial = toys.settings(**changes, xla="on", steps_per_call=3)
prepared = toys.sums() if sys.argv[1] == "states" else toys.stripes()
toys.train(Workbench(trial, prepared), trial)
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="JAX's own tests hold that it compiles once")
@pytest.mark.parametrize("what", ["classes", "states"])
def test_no_program_is_compiled_for_what_it_is_called_with(what, tmp_path):
    """Two chunks an epoch, of which the last is watched: that is told by a value, not by another program."""
    environment = {**os.environ, "XLA_FLAGS": f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"}
    here = Path(__file__).parent
    environment["PYTHONPATH"] = os.pathsep.join([str(here), str(here.parent), environment.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", TRAINING, what], check=True, env=environment, capture_output=True)
    names = [re.sub(r"^module_\d+\.", "", path.name) for path in tmp_path.glob("*before_optimizations.txt")]
    programs = Counter(name for name in names if "inference_function" in name)
    assert len(programs) >= 2  # steps and answers
    assert set(programs.values()) == {1}, programs
