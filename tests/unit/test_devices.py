"""One network on several devices: the numbers of a single one, shares that are equal, and clear refusals."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from test_pieces import _resolved
from test_resolve import VALUES

from archbench.config import ConfigError
from archbench.training import devices

TRAINED = """
import json, sys
import keras, numpy as np
import toys
from keras import ops
from archbench.training.run import Workbench

KINDS = {
    "batch normalization, a penalty and momentum": {
        "parts": {"normalization": {"name": "batch"}, "regularizer": {"name": "l2", "strength": 0.01}, "dropout": 0.25},
        "optimizer": {"name": "momentum", "learning_rate": 0.05},
    },
    "pieces": {"micro_batch": 8, "parts": {}, "augmentation": []},
}
kind, count = sys.argv[1], int(sys.argv[2])
prepared = toys.stripes()
trial = toys.settings(**KINDS[kind], epochs=2, devices=count)
bench = Workbench(trial, prepared)
progress = toys.train(bench, trial)
learner = bench.program.learner
first = learner.optimizer.variables[-1].value  # as a step left it; the weights are those of the best epoch
rows = bench.program._backend._rows(bench.training.feeds[0].placed, np.arange(16, dtype="int32"))
scores, predictions = bench.split("test").scores(16)
np.savez(sys.argv[3], *learner.read_state(), **{f"said_{k}": v for k, v in predictions.items()})
print(json.dumps({
    "history": toys.without_seconds(progress.history),
    "devices": len(first.sharding.device_set),
    "share": next(iter(rows.values())).addressable_shards[0].data.shape[0],
}))
"""


def trained(folder, kind, count):
    """What a process that sees four devices leaves of a run on `count` of them, and the arrays."""
    # Most of the time would go into optimizing what runs a few times.
    flags = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": flags, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", TRAINED, kind, str(count), str(folder / f"{count}.npz")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(folder / f"{count}.npz") as arrays:
        return json.loads(done.stdout.splitlines()[-1]), dict(arrays)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["batch normalization, a penalty and momentum", "pieces"])
def test_four_devices_learn_what_one_does(kind, tmp_path):
    one, alone = trained(tmp_path, kind, 1)
    four, shared = trained(tmp_path, kind, 4)
    assert (one["devices"], one["share"]) == (1, 16)
    assert (four["devices"], four["share"]) == (4, 4)  # each has its quarter of a batch, and the weights
    assert alone.keys() == shared.keys()
    for name, expected in alone.items():
        np.testing.assert_allclose(shared[name].astype("float64"), expected.astype("float64"), rtol=1e-5, atol=1e-5)
    for row, expected in zip(four["history"], one["history"], strict=True):
        assert row == pytest.approx(expected, rel=1e-4, abs=1e-5, nan_ok=True)


def refused(monkeypatch, backend, **training):
    monkeypatch.setattr("keras.backend.backend", lambda: backend)
    with pytest.raises(ConfigError) as caught:
        _resolved({**VALUES, "training": {**VALUES.get("training", {}), "batch_size": 48, **training}})
    return str(caught.value)


def test_what_cannot_be_shared_is_refused_before_anything_runs(monkeypatch):
    told = refused(monkeypatch, "tensorflow", devices=4)
    assert "4 devices share a network on the JAX backend alone, and this is tensorflow. Set KERAS_BACKEND=jax" in told
    told = refused(monkeypatch, "jax", devices=5)
    assert "batch_size is 48, which is no equal share for each of 5 devices. Choose a multiple of 5." in told
    assert "micro_batch is 6, which is no equal share" in refused(monkeypatch, "jax", devices=4, micro_batch=6)
    assert "devices" in refused(monkeypatch, "jax", devices=0)
    monkeypatch.undo()
    _resolved({**VALUES, "training": {**VALUES.get("training", {}), "devices": 1}})


def test_more_devices_than_there_are_are_refused_with_their_names(monkeypatch):
    monkeypatch.setattr("keras.distribution.list_devices", lambda: ["gpu:0", "gpu:1"])
    with pytest.raises(devices.NotOnDevices, match=r"devices is 3, and there are 2: gpu:0, gpu:1. Choose devices: 2"):
        devices.spread(3)
    assert devices.spread(1) is None
