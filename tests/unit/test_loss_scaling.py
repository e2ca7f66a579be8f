"""Loss scaling: a step whose gradients overflow is skipped whole, whatever clips them, and is told as skipped."""

import math

import keras
import numpy as np
import pytest
import toys
from keras import ops

from archbench.optimizers import OPTIMIZERS
from archbench.records import run_folder
from archbench.regularizers import REGULARIZERS
from archbench.training import build
from archbench.training.program import Clip, Learner, Program
from archbench.training.run import Workbench
from made_up import MadeUp

CLIPS = [None, Clip("value", 0.5), Clip("norm", 0.5), Clip("global_norm", 0.5)]
OVERFLOWS = {
    "infinite": [[1e3, 1.0], [1e3, 1.0]],  # 1e38 * 1e3
    "no number": [[1e3, 1.0], [-1e3, 1.0]],  # infinity less infinity
}
START = np.array([[3.0], [-2.0]], "float32")


def _learner(clip, scale) -> Learner:
    """The loss is the output of one linear unit, so the gradient is the mean input, times the scale."""
    inputs = keras.Input((2,), name="x")
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    model.set_weights([START])
    optimizer = keras.optimizers.LossScaleOptimizer(OPTIMIZERS.build("momentum"), initial_scale=scale)
    optimizer.build(model.trainable_variables)
    shrink = REGULARIZERS.build({"name": "l1", "strength": 0.1, "proximal": True})
    task = MadeUp(lambda outputs, targets, inputs: {"loss": 1e-3 * outputs[:, 0]})
    return Learner(
        model, {}, {"network": model}, task, optimizer, clip=clip, constraints=[(model.trainable_variables[0], shrink)]
    )


def _step(learner: Learner, x, rate=1.0) -> dict[str, float]:
    program = Program(learner, xla=False)
    return program.train(program.place({"x": np.array(x, "float32")}), np.arange(2)[None], 1, np.full(1, rate), {})


def _slots(learner: Learner) -> dict[str, np.ndarray]:
    own = ("dynamic_scale", "step_counter")
    return {v.path: ops.convert_to_numpy(v) for v in learner.optimizer.variables if not v.path.endswith(own)}


@pytest.mark.parametrize("clip", CLIPS, ids=str)
@pytest.mark.parametrize("x", OVERFLOWS.values(), ids=OVERFLOWS)
def test_an_overflow_changes_nothing_but_the_scale(x, clip):
    learner = _learner(clip, 2.0**10)
    _step(learner, [[1.0, 1.0], [1.0, 1.0]])  # so that the slots hold something
    weights, slots = learner.model.get_weights()[0], _slots(learner)
    learner.optimizer.dynamic_scale.assign(1e38)
    assert float(ops.convert_to_numpy(learner.optimizer.step_counter)) == 1
    logs = _step(learner, np.multiply(x, 1e3))
    np.testing.assert_array_equal(learner.model.get_weights()[0], weights)
    for path, value in _slots(learner).items():
        np.testing.assert_array_equal(value, slots[path], err_msg=path)
    assert float(ops.convert_to_numpy(learner.optimizer.dynamic_scale)) == pytest.approx(0.5e38, rel=1e-6)
    assert float(ops.convert_to_numpy(learner.optimizer.step_counter)) == 0
    assert math.isnan(logs["gradient_norm"])
    assert (logs["finite"], logs["steps"]) == (1, 1)
    assert math.isfinite(logs["loss"])


@pytest.mark.parametrize("clip", CLIPS, ids=str)
@pytest.mark.parametrize("scale", [1.0, 2.0**10])
def test_a_step_that_does_not_overflow_is_clipped_without_its_scale(scale, clip):
    """The gradient is [3, 4] of norm 5; then the weights shrink by 0.1 at rate 1."""
    learner = _learner(clip, scale)
    logs = _step(learner, [[2000.0, 4000.0], [4000.0, 4000.0]])
    step = {None: [3, 4], "value": [0.5, 0.5], "norm": [0.3, 0.4], "global_norm": [0.3, 0.4]}[clip and clip.kind]
    moved = START[:, 0] - step
    expected = np.sign(moved) * (np.abs(moved) - 0.1)
    expected = np.where(np.abs(moved) < 0.1, 0, expected)
    np.testing.assert_allclose(learner.model.get_weights()[0][:, 0], expected, atol=1e-5)
    assert logs["gradient_norm"] == pytest.approx(5, rel=1e-5)
    assert float(ops.convert_to_numpy(learner.optimizer.dynamic_scale)) == scale


def test_a_run_counts_the_steps_that_it_skipped_and_goes_on(monkeypatch, tmp_path):
    """From a scale far too high: halved once a skipped step, and nothing learned until it is low enough."""
    first = 2.0**23
    scaled = lambda settings: keras.optimizers.LossScaleOptimizer(  # noqa: E731
        OPTIMIZERS.build(settings["optimizer"]), initial_scale=first
    )
    monkeypatch.setattr(build, "build_optimizer", scaled)
    trial = toys.settings(precision="mixed_float16", augmentation=[], parts={}, epochs=6, clip={"value": 0.1})
    bench = Workbench(trial, toys.stripes())
    history = toys.train(bench, trial).history
    skipped = [row["skipped_steps"] for row in history]
    assert skipped[0] == 4 > 0 == skipped[-1]  # every step of the first epoch, none of the last
    assert np.isnan(history[0]["gradient_norm"])
    assert np.isfinite(history[-1]["gradient_norm"])
    assert float(ops.convert_to_numpy(bench.program.learner.optimizer.dynamic_scale)) == first / 2 ** sum(skipped)
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    run_folder.write_history(tmp_path / "history.csv", history)
    read = run_folder.read_history(tmp_path / "history.csv")
    np.testing.assert_equal(read, history)


def test_a_run_without_loss_scaling_has_no_column_of_skipped_steps():
    trial = toys.settings(epochs=1)
    assert "skipped_steps" not in toys.train(Workbench(trial, toys.stripes()), trial).history[0]
