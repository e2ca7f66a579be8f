"""Every optimizer: reaches known minima, takes its paper's steps, and keeps its state through a file."""

import csv
import json
import types
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.optimizers import OPTIMIZERS
from archbench.training.program import Learner, Program

ENTRIES = {entry.name: entry for entry in OPTIMIZERS}
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "optimizer_steps.csv").open()))
STEPS = 20_000
SURFACES = {
    "bowl": (lambda x, y: (x**2 + y**2) / 2, (1.5, -1.0), (0.0, 0.0), 1e-3),
    "badly scaled bowl": (lambda x, y: (x**2 + 0.02 * y**2) / 2, (1.5, -1.0), (0.0, 0.0), 1e-2),
    "rosenbrock": (lambda x, y: ((1 - x) ** 2 + 100 * (y - x**2) ** 2) / 100, (-0.5, 0.5), (1.0, 1.0), 1e-1),
}


class Point(keras.layers.Layer):
    """A point of the plane, and a function's value there whatever the input."""

    def __init__(self, function, start):
        super().__init__()
        self.function = function
        self.place = self.add_weight(shape=(2,), initializer=keras.initializers.Constant(np.array(start)))

    def call(self, inputs):
        return self.function(self.place[0], self.place[1]) + 0.0 * inputs


def _learner(surface, optimizer) -> Learner:
    """A learner whose loss is the height of a surface."""
    function, start, *_ = SURFACES[surface]
    inputs = keras.Input((1,), name="x")
    model = keras.Model(inputs, Point(function, start)(inputs))
    optimizer.build(model.trainable_variables)
    losses = lambda outputs, targets, inputs: {"loss": outputs[:, 0]}  # noqa: E731
    task = types.SimpleNamespace(card=types.SimpleNamespace(input="x"), losses=losses)
    return Learner(model, lambda raw: raw, model, task, optimizer)


def _descend(program: Program, entry, rates) -> np.ndarray:
    """The point after a step at each of `rates`."""
    numbers = {name: {**entry.options, **entry.facts["smoke"]}[name] for name in entry.facts["numbers"]}
    data = program.place({"x": np.zeros((1, 1), "float32")})
    program.train(data, np.zeros((len(rates), 1)), len(rates), rates, numbers)
    return program.learner.model.get_weights()[0]


def _rates(entry) -> np.ndarray:
    """The entry's smoke rate, falling to 0: an optimizer whose steps have a fixed length never rests otherwise."""
    rate = {**entry.options, **entry.facts["smoke"]}["learning_rate"]
    return rate * np.linspace(1, 0, STEPS)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", ENTRIES)
def test_reaches_the_minimum(name, surface):
    *_, minimum, nearness = SURFACES[surface]
    entry = ENTRIES[name]
    program = Program(_learner(surface, entry(**entry.facts["smoke"])), xla=True)
    assert np.linalg.norm(_descend(program, entry, _rates(entry)) - minimum) < nearness


def test_every_optimizer_has_golden_steps_and_every_row_an_optimizer():
    assert {row["name"] for row in GOLDEN} == set(ENTRIES)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["name"])
def test_takes_the_steps_of_its_paper(row):
    optimizer = OPTIMIZERS.build({"name": row["name"], **json.loads(row["options"])})
    weight = keras.Variable(1.0, dtype="float32", name="kernel")
    optimizer.build([weight])
    for step in ("1", "2"):
        optimizer.apply([ops.convert_to_tensor(float(row[f"gradient_{step}"]))], [weight])
        assert float(ops.convert_to_numpy(weight)) == pytest.approx(float(row[f"w{step}"]), abs=2e-6)


@pytest.mark.parametrize("name", ENTRIES)
def test_goes_on_after_its_state_went_through_a_file(name, tmp_path):
    entry = ENTRIES[name]
    rates = _rates(entry)[:20]
    program = Program(_learner("rosenbrock", entry(**entry.facts["smoke"])), xla=True)
    start = program.learner.read_state()
    _descend(program, entry, rates[:10])
    np.savez(tmp_path / "state.npz", *program.learner.read_state())
    whole = _descend(program, entry, rates[10:])
    program.learner.write_state(start)
    with np.load(tmp_path / "state.npz") as file:
        program.learner.write_state(list(file.values()))
    np.testing.assert_array_equal(_descend(program, entry, rates[10:]), whole)
    assert (whole != start[0]).all()


@pytest.mark.parametrize("name", ENTRIES)
def test_keras_can_save_it(name):
    entry = ENTRIES[name]
    optimizer = entry(**entry.facts["smoke"])
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()


@pytest.mark.parametrize("name", ENTRIES)
def test_the_numbers_it_lets_be_tuned_are_options_that_keras_reads_each_step(name):
    entry = ENTRIES[name]
    optimizer = entry(**entry.facts["smoke"])
    for number in entry.facts["numbers"]:
        assert getattr(optimizer, number) == {**entry.options, **entry.facts["smoke"]}[number]


def test_adamw_decays_kernels_and_nothing_else():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization()])
    model.set_weights([np.full(weight.shape, 2.0) for weight in model.weights])
    optimizer = OPTIMIZERS.build({"name": "adamw", "learning_rate": 0.1, "weight_decay": 0.5})
    optimizer.build(model.trainable_variables)
    optimizer.apply([ops.zeros(weight.shape) for weight in model.trainable_variables], model.trainable_variables)
    values = {weight.name: ops.convert_to_numpy(weight) for weight in model.trainable_variables}
    assert set(values) == {"kernel", "bias", "gamma", "beta"}
    np.testing.assert_allclose(values.pop("kernel"), 2.0 * (1 - 0.1 * 0.5), rtol=1e-6)
    for value in values.values():
        np.testing.assert_array_equal(value, 2.0)
