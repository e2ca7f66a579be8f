"""Every optimizer: reaches known minima, takes its paper's steps, and keeps its state through a file."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.optimizers import OPTIMIZERS
from archbench.optimizers.second_order import LBFGS
from archbench.training.build import tell_weights
from archbench.training.feed import Feed
from archbench.training.full_batch import FullBatch
from archbench.training.program import Learner, Program
from completeness import check_rows
from made_up import MadeUp

ENTRIES = {entry.name: entry for entry in OPTIMIZERS}
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "optimizer_steps.csv").open()))
STEPS = 20_000
SURFACES = {
    "bowl": (lambda x, y: (x**2 + y**2) / 2, (1.5, -1.0), (0.0, 0.0), 1e-3),
    "badly scaled bowl": (lambda x, y: (x**2 + 0.02 * y**2) / 2, (1.5, -1.0), (0.0, 0.0), 1e-2),
    "rosenbrock": (lambda x, y: ((1 - x) ** 2 + 100 * (y - x**2) ** 2) / 100, (-0.5, 0.5), (1.0, 1.0), 1e-1),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_rate_may_be_a_whole_number(name):
    made = OPTIMIZERS.build({"name": name, "learning_rate": 1})
    assert float(made.learning_rate) == 1.0


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
    task = MadeUp(losses)
    knobs = {name: [(optimizer, name)] for entry in OPTIMIZERS for name in entry.facts["numbers"]}
    knobs = {name: holders for name, holders in knobs.items() if hasattr(optimizer, name)}
    return Learner(model, {}, {"network": model}, task, optimizer, knobs=knobs)


def _descend(program: Program, entry, rates) -> np.ndarray:
    """The point after a step at each of `rates`."""
    if entry.name == "lbfgs":
        return _search(program, rates)
    numbers = {name: {**entry.options, **entry.facts["smoke"]}[name] for name in entry.facts["numbers"]}
    data = program.place({"x": np.zeros((1, 1), "float32")})
    program.train(data, np.zeros((len(rates), 1)), len(rates), rates, numbers)
    return program.learner.model.get_weights()[0]


def _search(program: Program, rates) -> np.ndarray:
    """As `_descend`, in two epochs with the line search: as much of the rates as an L-BFGS needs."""
    feed = Feed(program, {"x": np.zeros((3, 1), "float32")}, resident_bytes=1000)
    for part in np.array_split(rates[:40], 2):
        FullBatch(program, feed, 2).train(np.ones(len(part)), {})
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
    told = "name, options, two gradients and the weight after the step of each, which starts at 1"
    check_rows(set(ENTRIES), {row["name"] for row in GOLDEN}, "optimizer_steps.csv", told)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["name"])
def test_takes_the_steps_of_its_paper(row):
    optimizer = OPTIMIZERS.build({"name": row["name"], **json.loads(row["options"])})
    weight = keras.Variable(1.0, dtype="float32", name="kernel")
    optimizer.build([weight])
    if isinstance(optimizer, LBFGS):
        return _follow(optimizer, row)
    for step in ("1", "2"):
        optimizer.apply([ops.convert_to_tensor(float(row[f"gradient_{step}"]))], [weight])
        assert float(ops.convert_to_numpy(weight)) == pytest.approx(float(row[f"w{step}"]), abs=2e-6)
    return None


def _follow(optimizer, row):
    """The two steps of an L-BFGS whose line search would take the rate for the length."""
    weight, before = np.array([1.0]), None
    for step in ("1", "2"):
        gradient = np.array([float(row[f"gradient_{step}"])])
        if before is not None:
            optimizer.remember(weight - before[0], gradient - before[1])
        before = weight, gradient
        weight = weight + float(optimizer.learning_rate) * optimizer.direction(gradient)
        assert weight[0] == pytest.approx(float(row[f"w{step}"]), abs=2e-6)


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


@pytest.mark.parametrize("name", ["lars", "lamb"])
def test_a_bias_takes_a_plain_step_without_trust_ratio_or_decay(name):
    """LARS's is momentum's, LAMB's is Adam's, where all ratios would make it 0.001 or 5 times as long."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(25, bias_initializer="ones")])
    optimizer = OPTIMIZERS.build({"name": name, "learning_rate": 0.1, "weight_decay": 0.5})
    tell_weights(optimizer, model)
    optimizer.build(model.trainable_variables)
    optimizer.apply([ops.ones(variable.shape) for variable in model.trainable_variables], model.trainable_variables)
    np.testing.assert_allclose(ops.convert_to_numpy(model.layers[-1].bias), 0.9, atol=1e-5)


def test_weights_that_start_at_0_move_under_lars_and_lamb():
    for name in ("lars", "lamb"):
        kernel = keras.Variable(np.zeros(3), dtype="float32", name="kernel")
        optimizer = OPTIMIZERS.build({"name": name, "learning_rate": 0.1})
        optimizer.build([kernel])
        optimizer.apply([ops.ones(3)], [kernel])
        np.testing.assert_allclose(ops.convert_to_numpy(kernel), -0.1, atol=1e-5)


def _one_step(optimizer, weights, gradient):
    """A kernel after one step."""
    kernel = keras.Variable(np.array(weights), dtype="float32", name="kernel")
    optimizer.build([kernel])
    optimizer.apply([ops.convert_to_tensor(np.array(gradient, "float32"))], [kernel])
    return ops.convert_to_numpy(kernel)


@pytest.mark.parametrize(("limit", "norm"), [(None, 5.0), (2.0, 2.0)])
def test_lamb_decays_inside_its_trust_ratio(limit, norm):
    """By hand: r = (1, 1), r + 0.1 w = (1.3, 1.4) of norm sqrt(3.65), and |w| = 5."""
    optimizer = OPTIMIZERS.build({"name": "lamb", "learning_rate": 0.1, "weight_decay": 0.1, "phi_high": limit})
    expected = np.array([3.0, 4.0]) - 0.1 * norm / np.sqrt(3.65) * np.array([1.3, 1.4])
    np.testing.assert_allclose(_one_step(optimizer, [3.0, 4.0], [2.0, 2.0]), expected, atol=2e-6)


def test_lars_takes_the_norms_of_the_whole_tensor():
    """By hand: |w| = 5, |g| = 13, l = 0.5 * 5 / (13 + 0.1 * 5)."""
    optimizer = OPTIMIZERS.build({"name": "lars", "learning_rate": 0.1, "weight_decay": 0.1, "trust": 0.5})
    expected = np.array([3.0, 4.0]) - 0.1 * 2.5 / 13.5 * np.array([5.3, 12.4])
    np.testing.assert_allclose(_one_step(optimizer, [3.0, 4.0], [5.0, 12.0]), expected, atol=1e-6)


def test_adafactor_keeps_a_row_and_a_column_and_steps_by_their_product():
    weights = np.array([[1.0, 2.0, 3.0], [2.0, 0.0, 1.0]])
    gradient = np.array([[1.0, 2.0, 2.0], [3.0, 1.0, 0.5]])
    optimizer = OPTIMIZERS.build({"name": "adafactor", "learning_rate": 0.1, "clip_threshold": 100.0})
    moved = _one_step(optimizer, weights, gradient)
    squares = gradient**2
    square = np.outer(squares.sum(1), squares.sum(0)) / squares.sum()
    rms = np.sqrt((weights**2).mean())
    np.testing.assert_allclose(moved, weights - 0.1 * rms * gradient / np.sqrt(square), atol=2e-6)
    assert sorted(tuple(variable.shape) for variable in optimizer.variables if variable.ndim) == [(2,), (3,)]


@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_muon_sets_the_singular_values_of_a_hidden_matrix_and_steps_like_adamw_at_each_output(shape):
    """Against the singular value decomposition: five times a s + b s^3 + c s^5 on the values over their norm."""
    random = np.random.default_rng(0)
    weights, gradient = random.normal(size=(2, *shape))
    inputs, first, second, hidden = keras.Input(shape[:1]), *(keras.layers.Dense(width) for width in (6, 2, shape[1]))
    x = hidden(inputs)
    model = keras.Model(inputs, [first(x), second(x)])
    hidden.kernel.assign(weights)
    starts = [ops.convert_to_numpy(head.kernel) for head in (first, second)]
    optimizer = OPTIMIZERS.build({"name": "muon", "learning_rate": 0.1, "weight_decay": 0.0})
    tell_weights(optimizer, model)
    optimizer.build(model.trainable_variables)
    gradients = [ops.ones(variable.shape) for variable in model.trainable_variables]
    gradients[0] = ops.convert_to_tensor(gradient.astype("float32"))
    optimizer.apply(gradients, model.trainable_variables)
    left, values, right = np.linalg.svd(gradient, full_matrices=False)
    values = values / np.linalg.norm(values)
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    expected = weights - 0.1 * 0.2 * np.sqrt(5) * (left * values) @ right
    np.testing.assert_allclose(ops.convert_to_numpy(hidden.kernel), expected, atol=2e-5)
    for head, start in zip((first, second), starts, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(head.kernel), start - 0.1, atol=1e-5)


def test_adagrad_scales_small_gradients_as_it_does_large_ones():
    """Keras's 1e-7 under the root would make this step 0.003 long."""
    optimizer = OPTIMIZERS.build({"name": "adagrad", "learning_rate": 0.1})
    np.testing.assert_allclose(_one_step(optimizer, [1.0], [1e-5]), 0.9, atol=2e-3)


def test_lbfgs_follows_the_inverse_of_a_quadratic_once_it_has_seen_every_direction():
    """With exact pairs along as many directions as there are weights, the two-loop recursion is Newton's step."""
    random = np.random.default_rng(0)
    root = random.normal(size=(4, 4))
    hessian = root @ root.T + np.eye(4)
    weight = keras.Variable(np.zeros(4), dtype="float32", name="kernel")
    optimizer = OPTIMIZERS.build("lbfgs")
    optimizer.build([weight])
    conjugate = np.linalg.eigh(hessian)[1].T
    for step in conjugate:
        optimizer.remember(step, hessian @ step)
    gradient = random.normal(size=4)
    np.testing.assert_allclose(optimizer.direction(gradient), -np.linalg.solve(hessian, gradient), rtol=1e-4)
    optimizer.forget()
    np.testing.assert_allclose(optimizer.direction(gradient), -gradient / np.linalg.norm(gradient))


def test_lbfgs_scales_by_its_newest_pair():
    """Nocedal, Wright 2006, equation 7.20: across all pairs, the step is s'y / y'y of the last one times the slope."""
    weight = keras.Variable(np.zeros(3), dtype="float32", name="kernel")
    optimizer = OPTIMIZERS.build("lbfgs")
    optimizer.build([weight])
    optimizer.remember(np.array([1.0, 0.0, 0.0]), np.array([4.0, 0.0, 0.0]))
    optimizer.remember(np.array([0.0, 1.0, 0.0]), np.array([0.0, 2.0, 0.0]))
    np.testing.assert_allclose(optimizer.direction(np.array([0.0, 0.0, 3.0])), [0.0, 0.0, -1.5])


def test_lbfgs_does_not_keep_a_pair_along_which_the_gradient_falls():
    weight = keras.Variable(np.zeros(2), dtype="float32", name="kernel")
    optimizer = OPTIMIZERS.build({"name": "lbfgs", "pairs": 2})
    optimizer.build([weight])
    optimizer.remember(np.array([1.0, 0.0]), np.array([-1.0, 0.0]))
    optimizer.remember(np.array([1.0, 0.0]), np.array([0.0, 1.0]))  # it stays as it is: its inverse would be infinite
    np.testing.assert_allclose(optimizer.direction(np.array([3.0, 4.0])), [-0.6, -0.8])
