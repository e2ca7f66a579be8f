"""Every example of docs/adding.md, written into a copy of the package and used."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs" / "adding.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^`(src/archbench/[\w/]+\.py)`:\n\n```python\n(.*?)```$", TEXT, re.DOTALL | re.MULTILINE))
PARAMS = {
    "pipeline": "toy",
    "seeds": [0],
    "training": {"epochs": 1, "optimizer": "sign_descent", "schedule": "root", "preprocessing": "halved"},
    "datasets": {"two_points": {"examples": 90}},
    "benchmarks": {
        "layers": {
            "architecture": {"name": "two_layers", "units": 16},
            "dataset": "two_points",
            "task": {"name": "classification", "loss": "wrong_chance"},
            "augmentation": ["negative"],
        },
        "parts": {
            "architecture": "lenet5",
            "dataset": "two_points",
            "parts": {
                "activation": "squared_relu",
                "normalization": "maximum",
                "initializer": "one_value",
                "regularizer": {"name": "fourth", "strength": 0.1},
            },
        },
    },
}
USED = """
import json
import keras
import numpy as np
from archbench.activations import ACTIVATIONS
from archbench.datasets.card import Card
from archbench.initializers import INITIALIZERS
from archbench.losses import LOSSES
from archbench.metrics import METRICS
from archbench.normalizations import NORMALIZATIONS
from archbench.optimizers import OPTIMIZERS
from archbench.regularizers import REGULARIZERS
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.tasks import TASKS

def plain(value):
    return np.asarray(keras.ops.convert_to_numpy(value), "float64").round(6).tolist()

weight = keras.Variable([1.0, 2.0])
OPTIMIZERS["sign_descent"](learning_rate=0.5).apply([keras.ops.convert_to_tensor([-3.0, 0.1])], [weight])
mean_of = TASKS["mean_of"].build
smoke = mean_of.smoke((8, 8, 1), 3, np.random.default_rng(0))
pair = {"target": np.array([[1.0]])}, {"target": np.array([[3.0]])}
print(json.dumps({
    "optimizer": plain(weight),
    "schedule": plain(SCHEDULES["root"](Horizon(2, 2))(np.array([0, 3]))),
    "activation": plain(ACTIVATIONS["squared_relu"](np.array([-1.0, 3.0]))),
    "normalization": plain(NORMALIZATIONS["maximum"](2)(np.array([[1.0, -4.0]], "float32"))),
    "initializer": plain(INITIALIZERS["one_value"](value=0.25)((2,))),
    "regularizer": plain(REGULARIZERS["fourth"](strength=0.5)(keras.ops.convert_to_tensor([1.0, 2.0]))),
    "loss": plain(LOSSES["wrong_chance"](np.array([1]), np.array([[0.0, 0.0]], "float32"))),
    "metric": METRICS["largest_error"](np.array([1.0, 2.0]), np.array([1.5, 0.0])),
    "task": mean_of.scores(None, *pair, {})["mse"],
    "said": bool(np.isclose(smoke.arrays["target"][0, 0], smoke.arrays["image"][0].mean())),
}))
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Runs a command in a project whose package holds all the examples."""
    folder = tmp_path_factory.mktemp("adding")
    shutil.copytree(PROJECT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for path, text in EXAMPLES.items():
        assert not (folder / path).exists(), path
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "pipelines").mkdir()
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS, sort_keys=False))

    def run(*command: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_every_kind_that_a_catalogue_holds_has_an_example():
    kinds = {Path(path).parts[2] for path in EXAMPLES}
    assert kinds == {
        "architectures", "optimizers", "schedules", "activations", "normalizations", "initializers", "regularizers",
        "losses", "metrics", "augmentations", "preprocessing", "datasets", "tasks", "figures", "probes", "page",
    }  # fmt: skip


def test_every_example_computes_what_it_says(copy):
    """By hand: 1 - 0.5 sign(-3) = 1.5; 1 / sqrt(4); 3^2; 1/4; 0.5 (1 + 16); of two equal scores each has a half."""
    assert json.loads(copy("-c", USED).splitlines()[-1]) == {
        "optimizer": [1.5, 1.5],
        "schedule": [1.0, 0.5],
        "activation": [0.0, 9.0],
        "normalization": [[0.25, -1.0]],
        "initializer": [0.25, 0.25],
        "regularizer": 8.5,
        "loss": [0.5],
        "metric": 2.0,
        "task": 4.0,
        "said": True,
    }


def test_params_yaml_may_name_every_one_of_them(copy):
    for benchmark in PARAMS["benchmarks"]:
        assert f"{benchmark}: test accuracy" in copy("-m", "archbench", "train", benchmark)
    assert "16" in copy("-m", "archbench", "probe", "powers").splitlines()[-1]
    assert "two_layers" in copy("-m", "archbench", "show", "two_layers")
    page = copy("-m", "archbench", "report").splitlines()[-2].split()[-1]
    assert "There are 2 runs." in (Path(page).parent / "pages" / "counted.html").read_text()


def test_no_example_is_named_as_it_is_not_declared(copy):
    """A catalogue tells of a fact that is missing; none of the examples lacks one."""
    assert "note:" not in copy("-m", "archbench", "list")
