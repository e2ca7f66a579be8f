"""Training steps of the same network in PyTorch, in another Python: the other side of `in_torch.py`."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from archbench.architectures import ARCHITECTURES
from archbench.speed.workshop import TrialSettings
from archbench.training.run import Workbench

PYTHON = "ARCHBENCH_REFERENCE_PYTHON"
"""The variable that names a Python with PyTorch: it is no dependency of ours."""
SCRIPT = Path(__file__).with_name("in_torch.py")


class NotInTorch(RuntimeError):
    """A network that cannot be trained there, and why."""


class Eager:
    """PyTorch on batches that our network reads, from its weights as they are now."""

    what = "PyTorch, eager"

    def __init__(self, process: subprocess.Popen[str], count: int) -> None:
        self._process, self._count = process, count
        self.losses: list[float] = []
        """Of each step of the last call."""

    def __call__(self) -> float:
        """Steps a second."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        try:
            asked.write("\n")
            asked.flush()
            answer = answers.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            said = self._process.communicate()[1].strip().splitlines()
            raise NotInTorch(said[-1] if said else f"it ended with exit status {self._process.returncode}")
        found = json.loads(answer)
        self.losses = found["loss"]
        return self._count / found["seconds"]


@contextmanager
def eager(bench: Workbench, settings: TrialSettings, batches: Sequence[dict[str, np.ndarray]]) -> Iterator[Eager]:
    """PyTorch in the Python that `PYTHON` names, until the body ends.

    Raises `NotInTorch` where there is none, and where the network is not one of `in_torch.py`, at the first call.
    """
    python = os.environ.get(PYTHON)
    if not python:
        raise NotInTorch(f"set {PYTHON} to a Python with PyTorch")
    learner = bench.program.learner
    weights = {f"weight{number}": keras.ops.convert_to_numpy(w) for number, w in enumerate(learner.trainable)}
    read = [{name: keras.ops.convert_to_numpy(v) for name, v in learner.read(batch).items()} for batch in batches]
    columns = {name: np.stack([batch[name] for batch in read]) for name in read[0]}
    with tempfile.TemporaryDirectory(prefix="archbench-torch-") as folder:
        given, network = Path(folder) / "given.npz", Path(folder) / "network.json"
        np.savez(given, **weights, **columns)
        network.write_text(json.dumps(_described(bench, settings)), encoding="utf-8")
        # Without our path: that Python has packages of its own.
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        try:
            process = subprocess.Popen(
                [python, str(SCRIPT), str(given), str(network)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except OSError as error:
            raise NotInTorch(f"{PYTHON} is {python}: {error.strerror}") from None
        with process:
            try:
                yield Eager(process, len(batches))
            finally:
                process.kill()


def _described(bench: Workbench, settings: TrialSettings) -> dict:
    """What `in_torch.py` needs to know of the network."""
    architecture = settings["architecture"]
    options = {name: value for name, value in ARCHITECTURES[architecture["name"]].options.items() if name != "parts"}
    told = {**options, **architecture, "outputs": bench.task.outputs(), "dropout": settings["parts"].get("dropout", 0)}
    reading = getattr(bench.task, "reading", None)
    if hasattr(reading, "anchors"):
        told |= {"anchors": np.asarray(reading.anchors).tolist(), "stride": np.asarray(reading.stride).tolist()}
    return told
