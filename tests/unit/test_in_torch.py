"""PyTorch's side of the steps that are measured: the same networks, by the losses of some steps of training."""

import os
import stat

import keras
import numpy as np
import pytest

from archbench import resolve
from archbench.config import check_config
from archbench.datasets import prepare
from archbench.datasets.derived import open_data
from archbench.project import Folders
from archbench.speed import run, steps
from archbench.speed.eager import PYTHON, NotInTorch, eager
from archbench.training.run import Workbench

DATASETS = {
    "digits": {"size": 32},
    "small": {"name": "digits", "size": 16},
    "balloons": {"size": 32, "examples": 60},
    "adding": {"length": 9, "examples": 100},
    "dates": {"examples": 100},
}
NETWORKS = {
    "mlp": {"architecture": {"name": "mlp", "units": [12, 7]}, "parts": {"dropout": 0}},
    "lenet5": {"architecture": {"name": "lenet5", "maps": [4, 5], "units": [9, 8]}},
    "resnet20": {"architecture": {"name": "resnet20", "widths": [4, 5, 8]}, "dataset": "small"},
    "unet": {
        "architecture": {"name": "unet", "width": 4, "depth": 2, "padding": "same"},
        "parts": {"normalization": {"name": "batch"}, "dropout": 0},
        "dataset": "balloons",
    },
    "yolo_v2": {"architecture": {"name": "yolo_v2", "width": 4, "stages": 3}, "dataset": "balloons"},
    "lstm": {"architecture": {"name": "lstm", "units": 5}, "dataset": "adding"},
    "transformer": {
        "architecture": {"name": "transformer_base", "width": 8, "hidden": 12, "heads": 2, "depth": 2},
        "task": {"name": "translation", "smoothing": 0},
        "parts": {"dropout": 0},
        "preprocessing": "none",
        "dataset": "dates",
    },
    "vae": {"architecture": {"name": "vae", "hidden": 12, "latent": 3}, "preprocessing": "rescale"},
    "line": {"architecture": "softmax_regression"},
}
CONFIG = check_config(
    {
        "pipeline": "small",
        "datasets": DATASETS,
        "benchmarks": {name: {"dataset": "digits", "batch_size": 7, **spec} for name, spec in NETWORKS.items()},
        "speed": {"steps": ["line", "mlp"], "minimum_seconds": 0.01},
    }
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return Folders(tmp_path_factory.mktemp("small"), "small")


def prepared(folders, slug):
    folder = folders.prepared / slug
    if not folder.exists():
        prepare.prepare({"name": slug, **DATASETS[slug]}, slug, folder, folders.raw)
    return open_data(slug, CONFIG.datasets, folders.prepared, folders.raw)


def sides(folders, name):
    """A bench, its settings as they are measured, and some batches."""
    plan = resolve.resolve(CONFIG, name)
    data = prepared(folders, plan.settings["dataset"])
    settings = plan.trial_settings(3, data.card.sha256, folders.runs)
    settings = {**settings, "augmentation": [], "optimizer": dict(steps.OPTIMIZER)}
    bench = Workbench(settings, data, folders.runs)
    return bench, settings, steps.Ours(bench, settings, 6).batches()


def losses(bare):
    """Of each step of the bare loop."""
    found, step = [], bare._step
    bare._step = lambda batch: found.append(step(batch)) or found[-1]
    bare()
    return np.array([float(keras.ops.convert_to_numpy(loss)) for loss in found])


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "line"])
def test_steps_in_pytorch_lose_what_ours_do(folders, name):
    if not os.environ.get(PYTHON):
        pytest.skip(f"needs PyTorch in a Python of its own: set {PYTHON}")
    bench, settings, batches = sides(folders, name)
    with eager(bench, settings, batches) as other:
        assert other() > 0
        # The code of a VAE is drawn: a nat or two in hundreds.
        np.testing.assert_allclose(
            other.losses, losses(steps.Bare(bench, settings, batches)), rtol=2e-3 if name == "vae" else 3e-4
        )
        first = other.losses
        other()
    assert other.losses[0] < first[0]  # it goes on from where it was


def test_a_network_that_is_not_written_there_is_named_and_the_others_are_measured(folders, monkeypatch, capfd):
    if not os.environ.get(PYTHON):
        pytest.skip(f"needs PyTorch in a Python of its own: set {PYTHON}")
    prepared(folders, "digits")
    path = run.measure(CONFIG, folders, ["steps"])
    assert (
        "steps-line-torch: not measured: softmax_regression is not written in PyTorch; there are mlp,"
        in capfd.readouterr().out
    )
    lines = path.read_text().splitlines()
    cases = [line.split(",")[0] for line in lines[1:]]
    assert cases == ["steps-line", "steps-line-fit", "steps-mlp", "steps-mlp-fit", "steps-mlp-torch"]
    assert "baseline: PyTorch, eager" in lines[-1]


@pytest.mark.parametrize(
    ("python", "says"),
    [
        (None, f"set {PYTHON} to a Python with PyTorch"),
        ("/no/such/python", "No such file"),
        ("broken", "no torch here"),
    ],
)
def test_without_pytorch_it_says_why(folders, tmp_path, monkeypatch, python, says):
    if python == "broken":
        script = tmp_path / "python"
        script.write_text("#!/bin/sh\necho one >&2\necho no torch here >&2\nexit 1\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        python = str(script)
    monkeypatch.delenv(PYTHON, raising=False)
    if python:
        monkeypatch.setenv(PYTHON, python)
    bench, settings, batches = sides(folders, "mlp")
    with pytest.raises(NotInTorch, match=says), eager(bench, settings, batches) as other:
        other()
