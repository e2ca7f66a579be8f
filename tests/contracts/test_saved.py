"""Every saved model loads in a fresh process by Keras and by MLflow, in safe mode, and gives the stored predictions."""

import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import types
from functools import partial
from itertools import zip_longest
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from load_saved import of_parts

import archbench
from archbench.architectures import ARCHITECTURES
from archbench.architectures.parted import Network
from archbench.parts import CATALOGUES
from archbench.preprocessing import PREPROCESSING
from archbench.records.read import RunFolder
from archbench.records.run_folder import write_json
from archbench.tasks import TASKS
from archbench.tasks.base import Direct
from archbench.tracking._model import write_model
from archbench.tracking.signature import describe
from archbench.training import machine
from archbench.training.build import build_learner, build_task
from archbench.training.run import inference
from random_weights import random_weights
from smoke_data import smoke

LOAD = Path(__file__).with_name("load_saved.py")
EXAMPLES = 4
SETTINGS = {
    "pipeline": "toy",
    "benchmark": "saved",
    "parts": {},
    "precision": "float32",
    "preprocessing": {"name": "standardize"},
    "augmentation": [],
    "optimizer": {"name": "adam"},
    "clip": None,
    "batch_size": EXAMPLES,
}
LENET = {"name": "lenet5", "maps": [4, 6], "units": [16, 12]}


def _architectures():
    """Every architecture at its smoke size, but for those that differ from one before in depth alone."""
    seen = {}
    for entry in ARCHITECTURES:
        built = (entry.build, repr(sorted({**entry.options, **entry.facts["smoke"]}.items())))
        seen.setdefault(built, {"architecture": {"name": entry.name, **entry.facts["smoke"]}})
    return {changes["architecture"]["name"]: changes for changes in seen.values()}


def _parts():
    """LeNets with every entry of every kind of part in one of them."""
    columns = [[{"name": e.name, **e.facts.get("smoke", {})} for e in one] for one in CATALOGUES.values()]
    for row in zip_longest(*columns):
        parts = {piece: spec for piece, spec in zip(CATALOGUES, row, strict=True) if spec}
        yield "-".join(spec["name"] for spec in parts.values()), {"architecture": LENET, "parts": parts}


CASES = {
    **_architectures(),
    **dict(_parts()),
    **{f"input-{one.name}": {"architecture": LENET, "preprocessing": {"name": one.name}} for one in PREPROCESSING},
    **{f"in-{kind}": {"architecture": LENET, "precision": kind} for kind in ("mixed_bfloat16", "mixed_float16")},
    "drops": {"architecture": LENET, "parts": {"dropout": 0.2, "spatial_dropout": True}},
    "drops-paths": {
        "architecture": {"name": "nasnet_mobile", **ARCHITECTURES["nasnet_mobile"].facts["smoke"], "drop_path": 0.4}
    },
    "several-labels": {"architecture": LENET, "task": {"name": "multi_task", "heads": ["present", "count"]}},
}
"""Name of a saved model -> what of `SETTINGS` is otherwise."""


def _task(entry) -> dict:
    own = {"name": entry.facts["task"], **entry.facts.get("task_options", {})}
    return own | {key: entry.facts[key] for key in ("auxiliary_weight",) if key in entry.facts}


def _trained(changes) -> tuple[keras.Model, np.ndarray]:
    """What training saves for these settings, with weights as training leaves them, and an input."""
    entry = ARCHITECTURES[changes["architecture"]["name"]]
    only = TASKS[entry.facts["task"]].facts.get("preprocessing") == "none"
    chosen = {**SETTINGS, **({"preprocessing": {"name": "none"}} if only else {}), "task": _task(entry), **changes}
    card, arrays = smoke(chosen["task"]["name"], entry.facts["smoke_input"], EXAMPLES)
    task = build_task(chosen, card)
    learner = build_learner(chosen, card, task, seed=0)
    for part in learner.parts.values():
        part.set_weights(random_weights(part))
    task.learn(arrays, learner.parts)
    read = task.reads()[card.input].dtype
    return inference(learner.model, task), arrays[card.input][np.arange(EXAMPLES)].astype(read)


def _plain() -> tuple[keras.Model, np.ndarray]:
    """A network of Keras's own layers."""
    given = keras.Input((2,))
    return keras.Model(given, keras.layers.Dense(3)(given)), np.ones((EXAMPLES, 2), "float32")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Every case as the MLflow model that a finished run becomes, and what it answers here: name -> arrays."""
    models, runs, here = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("runs"), {}
    facts = machine.describe(False, "off", "float32")
    for name, make in {"plain": _plain, **{name: partial(_trained, one) for name, one in CASES.items()}}.items():
        model, x = make()
        run = runs / name
        run.mkdir()
        model.save(run / "model.keras")
        write_json(run / "signature.json", describe(model))
        logged = types.SimpleNamespace(artifact_location=str(models / name), source_run_id="0" * 32, model_id="m-0")
        np.save(run / "input.npy", x)
        if isinstance(model, Network):  # which MLflow keeps as a file
            (models / name / "data").mkdir(parents=True)
            shutil.copy(run / "model.keras", models / name / "data")
            shutil.copy(run / "input.npy", models / name)
            here[name] = of_parts(model)
            continue
        write_model(models / name, RunFolder(run, SETTINGS, facts, [], {}, {}), logged)
        shutil.copy(run / "input.npy", models / name)
        outputs = model(x, training=False)
        outputs = outputs if isinstance(outputs, dict) else {"output": outputs}
        here[name] = {output: ops.convert_to_numpy(value) for output, value in outputs.items()}
    return models, here


FEW = ("lenet5_1998", "capsnet", "knn", "drops", "several-labels", "in-mixed_bfloat16")
"""For MLflow on JAX, which goes the ways that are walked in full on TensorFlow: own classes, several outputs."""
PARTED = [one.name for one in ARCHITECTURES if not issubclass(TASKS[one.facts["task"]].build, Direct)]
WHOLE = [name for name in CASES if name not in PARTED]
"""For MLflow, which serves networks of one part."""
OF_TASKS = {ARCHITECTURES[name].facts["task"]: name for name in _architectures() if name in WHOLE}.values()
"""One of each task: what `pyfunc` asks of an input and makes of outputs follows from these."""
JOURNEYS = [
    ("keras", "tensorflow", CASES),
    ("keras", "jax", CASES),
    pytest.param(("mlflow.keras", "tensorflow", WHOLE), marks=pytest.mark.slow),
    pytest.param(("mlflow.pyfunc", "tensorflow", [*dict.fromkeys((*FEW, *OF_TASKS))]), marks=pytest.mark.slow),
    ("mlflow.keras", "jax", FEW),
    ("mlflow.pyfunc", "jax", FEW),
]


@pytest.fixture(scope="module", params=JOURNEYS, ids=lambda one: f"{one[0]}-{one[1]}")
def answers(request, saved, tmp_path_factory):
    """What the models answer in a fresh process, loaded in one way on one backend: name -> arrays; or its errors."""
    way, backend, names = request.param
    out = tmp_path_factory.mktemp("answers")
    # JAX compiles every operation of every network apart: most of the time goes into optimizing what runs once.
    quick = {"XLA_FLAGS": "--xla_backend_optimization_level=0"} if backend == "jax" else {}
    done = subprocess.run(
        [sys.executable, LOAD, way, saved[0], out, *names],
        env={**os.environ, **quick, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: np.load(out / f"{name}.npz") for name in names}


def test_gives_the_stored_predictions(answers, saved):
    wrong = {}
    for name, there in answers.items():
        expected = saved[1][name]
        assert set(there) == set(expected), name
        # Compilers round at other places: in mixed precision by bfloat16's 2^-8, layer after layer.
        tolerance = 0.05 if "in-mixed" in name else 1e-4
        for output, value in expected.items():
            scale = max(1.0, np.abs(value).max())
            if not np.allclose(there[output], value, rtol=1e-4, atol=tolerance * scale):
                wrong[name, output] = np.abs(there[output] - value).max() / scale
    assert not wrong


def test_every_class_that_a_module_registers_is_known_to_whoever_loads_a_network():
    """Over all modules of the package: one that no catalogue imports would be missing in a fresh process."""
    code = "import archbench, keras; archbench._saved.register(); print(*sorted(keras.saving.get_custom_objects()))"
    known = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    for module in pkgutil.walk_packages(archbench.__path__, "archbench."):
        if module.name not in ("archbench.__main__", "archbench.speed.in_torch"):  # programs, one of another Python
            importlib.import_module(module.name)
    ours = [name for name in keras.saving.get_custom_objects() if name.startswith("archbench>")]
    assert set(ours) <= set(known)


@pytest.mark.parametrize("order", ["import keras, archbench", "import archbench, keras"])
def test_keras_may_be_imported_before_this_package_or_after_it(order, saved):
    path = saved[0] / "lenet5_1998" / "data" / "model.keras"
    code = f"{order}; print(len(keras.saving.load_model({str(path)!r}).weights))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0
