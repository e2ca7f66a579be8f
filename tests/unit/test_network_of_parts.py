"""Tasks that call the parts of a network themselves: weights, draws, what is carried, and examples of uneven length."""

from __future__ import annotations

import dataclasses
import types

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.parted import Network, parts_of
from archbench.architectures.profile import profile
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.tasks.base import Task
from archbench.training import machine
from archbench.training.checkpoint import Progress
from archbench.training.fit import Recipe, fit
from archbench.training.full_batch import NotFullBatch, only
from archbench.training.program import Learner, Program
from archbench.training.split import open_split

KEPT = 10**9


class Uneven:
    """A column of rows of uneven length, padded with zeros to the longest asked for."""

    def __init__(self, rows):
        self.rows = [np.asarray(row, "float32") for row in rows]
        self.lengths = np.array([len(row) for row in rows])
        self.nbytes = 4 * int(self.lengths.sum())

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, some):
        longest = max(len(self.rows[row]) for row in some)
        return np.stack([np.pad(self.rows[row], (0, longest - len(self.rows[row]))) for row in some])


class Toy(Task):
    """Reads `x`; everything else is given."""

    monitor, maximize, needs = "loss", False, ("y",)

    def __init__(self, losses, predict=None, **own):
        self._losses, self._predict = losses, predict or (lambda net, batch, seed: {})
        vars(self).update(own)

    def reads(self):
        return {"x": keras.InputSpec(shape=(None, None), dtype="float32")}

    def arrays(self, split):
        return {name: value for name, value in split.items() if name != "x"}

    def losses(self, net, batch, seed):
        return self._losses(net, batch, seed)

    def predict(self, net, batch, seed):
        return self._predict(net, batch, seed)

    def scores(self, arrays, predictions, means):
        return {"seen": float(len(predictions["found"])), "twice": 2 * means["loss"]} if predictions else {}


def _linear(start, name):
    inputs = keras.Input((1,))
    dense = layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(start), name=name)
    return keras.Model(inputs, dense(inputs))


def _learner(task, parts=None, carried=()) -> Learner:
    parts = parts or {"first": _linear(2.0, "first"), "second": _linear(3.0, "second")}
    model = Network(parts)
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(model.trainable_variables)
    kept = {name: keras.Variable(np.zeros(shape, "float32"), trainable=False) for name, shape in carried}
    return Learner(model, {}, parts, task, optimizer, carried=kept)


def _step(learner, batch, rows=None, rate=0.1):
    program = Program(learner, xla=True)
    count = len(next(iter(batch.values())))
    rows = np.arange(count)[None] if rows is None else np.array(rows)
    return program.train(program.place(batch), rows, len(rows), np.full(len(rows), rate), {})


def _kernels(learner):
    return [float(weights[0, 0]) for weights in learner.model.get_weights()]


def test_a_part_is_called_as_often_as_the_task_likes():
    """loss = v w w x; its slopes at w = 2, v = 3, x = 1 are 2 v w = 12 and w w = 4."""

    def losses(net, batch, seed):
        once = net(batch["x"], part="first")
        return {"loss": net(net(once, part="first"), part="second")[:, 0]}

    learner = _learner(Toy(losses))
    logs = _step(learner, {"x": np.ones((2, 1), "float32")})
    assert logs["loss"] == pytest.approx(12)
    assert _kernels(learner) == pytest.approx([2 - 1.2, 3 - 0.4])


def test_examples_count_as_much_as_their_weight_in_training_and_after_it():
    """Weights 1 and 3, losses 6 and 12: the mean is 10.5, that of the squares beside it 117."""

    def losses(net, batch, seed):
        value = net(net(batch["x"], part="first"), part="second")[:, 0]
        return {"loss": value, "square": value**2, "weight": batch["w"]}

    batch = {"x": np.array([[1], [2]], "float32"), "w": np.array([1, 3], "float32")}
    learner = _learner(Toy(losses, predict_every=0))
    split = open_split(Program(learner, xla=False), batch, batch_size=1, resident_bytes=KEPT, group=None)
    assert split.scores(1, predicted=False)[0] == pytest.approx({"loss": 10.5, "square": 117})
    logs = _step(learner, batch)
    assert {name: logs[name] for name in ("loss", "square")} == pytest.approx({"loss": 10.5, "square": 117})
    assert "weight" not in logs
    assert _kernels(learner)[0] == pytest.approx(2 - 0.1 * 3 * (1 * 1 + 3 * 2) / 4)


def test_what_is_drawn_in_training_goes_on_after_a_checkpoint_and_evaluation_draws_the_same_always():
    def losses(net, batch, seed):
        drawn = keras.random.normal((2, 1), seed=seed)
        return {"loss": net(batch["x"], part="first")[:, 0] * 0 + drawn[:, 0]}

    batch = {"x": np.ones((2, 1), "float32")}
    learner = _learner(Toy(losses, predict_every=0))
    program = Program(learner, xla=True)
    data, rows = program.place(batch), np.arange(2)[None]
    step = lambda: program.train(data, rows, 1, np.zeros(1), {})["loss"]  # noqa: E731
    first = step()
    state = learner.read_state()
    second = step()
    assert second != first
    learner.write_state(state)
    assert step() == second
    split = open_split(program, batch, batch_size=2, resident_bytes=KEPT, group=None)
    found = [split.scores(2, predicted=False)[0]["loss"] for _ in range(2)]
    assert found[0] == found[1]


def test_in_evaluation_a_call_with_the_same_tensors_is_made_once():
    calls = []

    class Counted(layers.Layer):
        def call(self, x):
            calls.append(1)
            return x

    inputs = keras.Input((1,))
    learner = _learner(
        Toy(
            lambda net, batch, seed: {"loss": net(batch["x"])[:, 0]},
            lambda net, batch, seed: {"found": net(batch["x"])[:, 0]},
        ),
        {"network": keras.Model(inputs, Counted()(inputs))},
    )
    calls.clear()
    program = Program(learner, xla=False)
    found = program.answer("predictions", program.place({"x": np.array([[1], [5]], "float32")}), np.array([0, 1, 1]))
    assert found["found"].tolist() == found["loss/loss"].tolist() == [1, 5, 5]
    assert len(calls) == 1


def _adding(net, batch, seed):
    """What is carried is the sum of the stream so far."""
    net.carried["total"] = net.carried["total"] + batch["x"]
    return {"loss": net.carried["total"][:, 0]}


def test_a_row_of_a_batch_goes_on_where_the_one_before_ended_and_begins_anew_each_time():
    """1..7 in two streams: 1 2 3 and 4 5 6 train, the seventh fills no step; evaluation takes it too."""
    learner = _learner(Toy(_adding, carry={"total": (1,)}, predict_every=0), carried=[("total", (2, 1))])
    program = Program(learner, xla=True)
    x = np.arange(1, 8, dtype="float32")[:, None]
    split = open_split(program, {"x": x}, batch_size=2, resident_bytes=KEPT, group=None)
    for _ in range(2):
        seen = []
        for data, rows, count in split.chunks(0, 0, 2, 2):
            for row in rows[:count]:
                logs = program.train(data, row[None], 1, np.zeros(1), {})
                seen.append(logs["loss"])
        assert seen == [(1 + 4) / 2, (3 + 9) / 2, (6 + 15) / 2]
        found = split.answer("losses", 2)["loss/loss"].tolist()
        assert found == [1, 3, 6, 10, 5, 11, 18]  # 1..4 and 5..7


def test_what_is_carried_gets_no_gradient_from_later_steps():
    """Truncated back-propagation: of the second step's loss only what it adds itself has a slope."""

    def losses(net, batch, seed):
        net.carried["total"] = net.carried["total"] + net(batch["x"], part="first")
        return {"loss": net.carried["total"][:, 0]}

    learner = _learner(Toy(losses, carry={"total": (1,)}), carried=[("total", (1, 1))])
    _step(learner, {"x": np.array([[1], [10]], "float32")}, rows=[[0], [1]])
    assert _kernels(learner)[0] == pytest.approx(2 - 0.1 * 1 - 0.1 * 10)


LENGTHS = [3, 1, 0, 7, 2, 7, 5, 1, 4, 6, 2]


def _uneven() -> dict:
    random = np.random.default_rng(0)
    return {
        "x": Uneven([random.normal(size=length) for length in LENGTHS]),
        "y": np.arange(len(LENGTHS), dtype="float32"),
    }


def _summed(net, batch, seed):
    return {"loss": ops.sum(batch["x"], axis=1) + 0 * net(batch["y"][:, None], part="first")[:, 0]}


def _found(net, batch, seed):
    return {"found": batch["x"], "place": batch["y"]}


@pytest.mark.parametrize("buckets", [1, 2, 3, 5])
def test_examples_of_like_length_are_padded_to_their_own_longest(buckets):
    arrays = _uneven()
    program = Program(_learner(Toy(_summed, _found, buckets=buckets)), xla=False)
    split = open_split(program, arrays, batch_size=2, resident_bytes=KEPT, group=None)
    assert len(split.feeds) == buckets
    widths = [feed.arrays["x"].shape[1] for feed in split.feeds]
    assert widths == [max(LENGTHS[row] for row in rows) for rows in split.rows] == sorted(widths)
    held = sum(width * len(rows) for width, rows in zip(widths, split.rows, strict=True))
    assert split.padding == pytest.approx(1 - sum(LENGTHS) / held)
    answers = split.answer("predictions", 2)
    assert answers["place"].tolist() == list(range(len(LENGTHS)))
    np.testing.assert_array_equal(answers["found"], arrays["x"][range(len(LENGTHS))])
    expected = [float(row.sum()) for row in arrays["x"].rows]
    assert answers["loss/loss"] == pytest.approx(expected, abs=1e-5)
    shown = np.array([8, 0, 3])
    assert split.show(shown) == {}


def test_no_bucket_is_too_small_for_a_batch():
    program = Program(_learner(Toy(_summed, _found, buckets=5)), xla=False)
    split = open_split(program, _uneven(), batch_size=4, resident_bytes=KEPT, group=None)
    assert len(split.feeds) == 2
    assert split.steps(4) == 2


def test_every_full_batch_of_every_bucket_is_taken_once_an_epoch_and_they_take_turns():
    program = Program(_learner(Toy(_summed, _found, buckets=3)), xla=False)
    split = open_split(program, _uneven(), batch_size=1, resident_bytes=KEPT, group=None)
    orders = []
    for epoch in range(3):
        rows, turns = [], []
        for data, chunk, count in split.chunks(0, epoch, 1, 2):
            (number,) = (n for n, feed in enumerate(split.feeds) if feed.placed is data)
            rows += split.rows[number][chunk[:count].ravel()].tolist()
            turns.append(number)
        assert sorted(rows) == list(range(len(LENGTHS)))
        assert turns != sorted(turns), "short ones come first"
        orders.append(rows)
    assert orders[0] != orders[1] != orders[2]
    again = [split.rows[0].tolist(), [len(c) for c in split._cut(0, 0, 1, 2)]]
    assert again[1] == [2, 2, 2]


def _recipe(split, epochs=3, batch_size=2) -> Recipe:
    steps = split.steps(batch_size)
    factor = SCHEDULES.build("constant", Horizon(steps, epochs, batch_size))
    return Recipe(
        seed=0, epochs=epochs, batch_size=batch_size, factor=factor, numbers={}, steps_per_epoch=steps,
        steps_per_call=3, step_examples=batch_size,
    )  # fmt: skip


@pytest.mark.parametrize("buckets", [1, 3])
def test_as_many_programs_are_compiled_as_there_are_feeds(buckets):
    learner = _learner(Toy(_summed, _found, buckets=buckets))
    program = Program(learner, xla=False)
    split = open_split(program, _uneven(), batch_size=2, resident_bytes=KEPT, group=None)
    progress = Progress("trial")
    fit(program, _recipe(split), split, split, progress, after_epoch=lambda progress: None)
    assert program.compiled == len(split.feeds) == buckets
    assert [row["step"] for row in progress.history] == [split.steps(2) * epoch for epoch in (1, 2, 3)]


def test_examples_of_several_lengths_are_no_full_batch():
    program = Program(_learner(Toy(_summed, _found, buckets=2)), xla=False)
    split = open_split(program, _uneven(), batch_size=2, resident_bytes=KEPT, group=None)
    with pytest.raises(NotFullBatch, match="Examples of 2 lengths are no single batch"):
        only(split.feeds)


@pytest.mark.parametrize(("every", "taken"), [(1, [1, 1, 1, 1, 1]), (2, [1, 0, 1, 0, 1]), (0, [0, 0, 0, 0, 0])])
def test_predictions_are_made_in_the_epochs_that_the_task_asks_for(every, taken):
    learner = _learner(Toy(_summed, _found, predict_every=every))
    program = Program(learner, xla=False)
    arrays = {"x": np.ones((6, 3), "float32"), "y": np.arange(6, dtype="float32")}
    split = open_split(program, arrays, batch_size=2, resident_bytes=KEPT, group=None)
    progress = Progress("trial")
    fit(program, _recipe(split, epochs=5), split, split, progress, after_epoch=lambda progress: None)
    assert len({tuple(row) for row in progress.history}) == 1  # the same columns
    seen = [row.get("validation_seen", np.nan) for row in progress.history]
    assert [int(value == 6) for value in seen] == taken
    assert np.isnan(seen).tolist() == [not one for one in taken]
    assert all(row["validation_loss"] == 3 for row in progress.history)


def test_a_network_of_parts_is_saved_and_loaded_in_safe_mode(tmp_path):
    pair = keras.Input((3,), name="a"), keras.Input((2,), dtype="int32", name="b")
    both = keras.Model(
        pair, {"sum": layers.Dense(2)(layers.Concatenate()([pair[0], ops.cast(pair[1], "float32")])), "b": pair[1]}
    )
    parts = {"second": _linear(3.0, "second"), "both": both}
    network = Network(parts, {"a": layers.Normalization(mean=[1.0, 2, 3], variance=[1.0, 4, 9])}, name="pair")
    network.save(tmp_path / "net.keras")
    loaded = keras.saving.load_model(tmp_path / "net.keras", safe_mode=True)
    assert list(loaded.parts) == ["second", "both"]
    assert loaded.name == "pair"
    assert [w.shape for w in loaded.weights] == [w.shape for w in network.weights]
    inputs = np.ones((1, 3), "float32"), np.array([[4, 5]], "int32")
    for name in ("sum", "b"):
        mine, theirs = (ops.convert_to_numpy(one(*inputs, part="both")[name]) for one in (network, loaded))
        np.testing.assert_array_equal(mine, theirs)
    x = np.array([[3.0, 4.0, 9.0]], "float32")
    assert ops.convert_to_numpy(loaded.preprocessing["a"](x)).tolist() == [[2, 1, 2]]
    assert ops.convert_to_numpy(loaded(np.ones((1, 1)), part="second")).tolist() == [[3]]
    assert parts_of(both) == {"network": both}


def test_a_layer_in_two_parts_is_one_layer_when_it_is_loaded(tmp_path):
    """A table that reads tokens in one part and makes logits in another: 3 x 2 weights, and one set of them."""
    table = layers.ReversibleEmbedding(3, 2)
    tokens, code = keras.Input((), dtype="int32"), keras.Input((2,))
    parts = {
        "read": keras.Model(tokens, table(tokens)),
        "say": keras.Model(code, {"logits": table(code, reverse=True)}),
    }
    network = Network(parts)
    network.save(tmp_path / "net.keras")
    loaded = keras.saving.load_model(tmp_path / "net.keras", safe_mode=True)
    assert [tuple(weight.shape) for weight in loaded.weights] == [(3, 2)]
    loaded.weights[0].assign([[1.0, 0], [0, 1], [1, 1]])
    assert ops.convert_to_numpy(loaded(np.array([2]), part="read")).tolist() == [[1, 1]]
    assert ops.convert_to_numpy(loaded(np.array([[2.0, 3.0]]), part="say")["logits"]).tolist() == [[2, 3, 5]]


def _convolution(side: int) -> keras.Model:
    inputs = keras.Input((side, side, 2))
    return keras.Model(inputs, layers.Conv2D(3, 3)(layers.Conv2D(4, 3, padding="same")(inputs)))


def test_the_cost_of_parts_is_that_of_their_calls():
    """At 8 pixels: 64 x 3 x 3 x 2 x 4 and 36 x 3 x 3 x 4 x 3 multiply-adds, four times, and one of the line."""
    network = Network({"trunk": _convolution(8), "line": _linear(1.0, "line")})
    trunk = 64 * 9 * 8 + 36 * 9 * 12
    cost = profile(network, {"trunk": 4.0})
    assert cost.multiply_adds == 4 * trunk + 1
    assert profile(network).multiply_adds == trunk + 1
    assert cost.parameters == (72 + 4) + (108 + 3) + 1
    assert cost.depth == 3
    assert cost.receptive_field == (5, 5)


def test_what_is_inside_a_nested_model_counts():
    inputs = keras.Input((8, 8, 2))
    inner = _convolution(8)
    nested = keras.Model(inputs, layers.Conv2D(1, 3)(inner(inputs)))
    assert machine.convolves(keras.Model(inputs, layers.Flatten()(inner(inputs))))
    cost = profile(nested)
    assert cost.receptive_field == (7, 7)
    assert cost.depth == 3
    assert cost.multiply_adds == profile(inner).multiply_adds + 16 * 9 * 3


def test_a_layer_is_asked_in_which_state_the_network_runs():
    """Dropout acts in training and not in evaluation, in every part."""
    inputs = keras.Input((1,))
    dropped = keras.Model(inputs, layers.Dropout(0.5, seed=3)(inputs))
    losses = lambda net, batch, seed: {"loss": net(net(batch["x"], part="drop"), part="first")[:, 0]}  # noqa: E731
    learner = _learner(Toy(losses, predict_every=0), {"drop": dropped, "first": _linear(1.0, "first")})
    program = Program(learner, xla=False)
    x = np.ones((64, 1), "float32")
    split = open_split(program, {"x": x}, batch_size=64, resident_bytes=KEPT, group=None)
    assert set(split.answer("losses", 64)["loss/loss"].tolist()) == {1.0}
    assert _step(learner, {"x": x}, rate=0.0)["loss"] not in (0.0, 1.0, 2.0)


def test_a_recipe_counts_the_steps_of_every_feed():
    program = Program(_learner(Toy(_summed, _found, buckets=3)), xla=False)
    split = open_split(program, _uneven(), batch_size=2, resident_bytes=KEPT, group=None)
    sizes = [len(rows) for rows in split.rows]
    assert sizes == [4, 4, 3]
    assert split.steps(2) == 2 + 2 + 1
    rates, _ = dataclasses.replace(_recipe(split), epochs=1).paces(0.1, 0, [])
    assert len(rates) == 5
    assert types.MappingProxyType({}) == Task.carry
