"""The health of training: by groups of layers, from inside the program, and the runs that a report marks."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import toys
from keras import layers, ops

from archbench.page.sections.health import health
from archbench.probes.dead_relu import inspect
from archbench.results.gathered import Options, Results
from archbench.results.health import health_table, marks, watched
from archbench.results.runs import Run
from archbench.tracking._values import grouped
from archbench.training.health import Watch, _layer_numbers, columns
from archbench.training.program import Program
from archbench.training.run import Workbench

MLP = {
    "architecture": {"name": "mlp", "units": [6, 5]},
    "parts": {"activation": {"name": "relu"}},
    "optimizer": {"name": "sgd", "learning_rate": 0.5},
    "augmentation": [],
}


def _bench(**changes):
    trial = toys.settings(**{**MLP, **changes})
    bench = Workbench(trial, toys.stripes())
    bench.start(trial)
    return bench


def _norm(arrays):
    return np.sqrt(sum(np.sum(np.square(np.asarray(one, "float64"))) for one in arrays))


@pytest.mark.parametrize("xla", ["off", "on"])
def test_gradients_and_steps_by_group_are_those_of_the_last_step(xla):
    """Plain descent: a step is the rate times the gradient, which another program gives."""
    bench = _bench(xla=xla)
    program, feed = bench.program, bench.training.feeds[0]
    order, rate = np.arange(32).reshape(2, 16), 0.5
    program.train(feed.placed, order[:1], 1, np.full(1, rate), {})
    before = program.learner.parts["network"].get_weights()
    _, gradients, _ = program.gradient(feed.placed, order[1], np.full(16, 1 / 16), {})
    logs = program.train(feed.placed, order[1:], 1, np.full(1, rate), {}, watched=True)
    for group in (1, 2, 3):  # a kernel and a bias each
        own = slice(2 * group - 2, 2 * group)
        assert logs[f"health_gradient_{group}"] == pytest.approx(_norm(gradients[own]), rel=1e-4)
        expected = rate * _norm(gradients[own]) / _norm(before[own])
        assert logs[f"health_update_{group}"] == pytest.approx(expected, rel=1e-3)
    assert "health_gradient_4" not in logs


@pytest.mark.parametrize("data", [(toys.stripes, {}), (toys.squares, toys.TWO_STAGES), (toys.stripes, toys.VAE)])
def test_the_share_of_dead_units_is_that_of_the_last_batch(data):
    make, changes = data
    prepared, trial = make(), toys.settings(**{**MLP, **changes, "batch_size": 4})
    bench = Workbench(trial, prepared)
    bench.start(trial)
    feed = bench.training.feeds[0]
    order = np.array([[4, 5, 6, 7], [0, 1, 2, 3]])
    logs = bench.program.train(feed.placed, order, 2, np.full(2, 1e-3), {}, watched=True)
    first = {name: column[:4] for name, column in prepared.splits["train"].items()}
    rows = inspect(bench.program.learner, first, 4)
    watch = Watch(bench.program.learner)
    counts = np.zeros((watch.groups, 2))
    for (_, group), row in zip(watch._activations, rows, strict=True):
        counts[group] += row["dead"], row["units"]
    expected = {f"health_dead_{group}": dead / units for group, (dead, units) in enumerate(counts, start=1) if units}
    assert {name: logs[name] for name in logs if "dead" in name} == pytest.approx(expected)
    assert expected


def test_layers_are_grouped_in_their_order():
    assert _layer_numbers(["a/kernel", "a/bias", "b/gamma", "c/d/kernel", "c/e/kernel"]) == [0, 0, 1, 2, 3]
    assert _layer_numbers([]) == []
    given = x = keras.Input((3,))
    for _ in range(6):
        x = layers.Dense(2)(x)
    learner = replace(_bench().program.learner, model=keras.Model(given, x), parts={"network": keras.Model(given, x)})
    watch = Watch(learner)
    assert (watch.groups, watch.group_of) == (4, [0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3])


def test_columns_are_norms_shares_and_not_scaled():
    """Gradients 3 and 4 of a whole norm that is said to be 1 and not 5; steps 2 and 0 of weights 4 and 0."""
    found = columns(np.array([[9, 16], [4, 0], [16, 0]]), np.array([[1, 0], [4, 0]]), 1.0)
    assert found["health_gradient_1"] == pytest.approx(0.6)
    assert found["health_gradient_2"] == pytest.approx(0.8)
    assert (found["health_update_1"], found["health_dead_1"]) == (0.5, 0.25)
    assert np.isnan(found["health_update_2"])
    assert "health_dead_2" not in found  # no unit of it has an activation


def test_every_epoch_of_a_run_has_them_and_their_names_make_a_group_of_charts():
    trial = toys.settings(**MLP, epochs=3, steps_per_call=3)  # four steps an epoch, in two calls
    progress = toys.train(Workbench(trial, toys.stripes()), trial)
    for row in progress.history:
        assert [name for name in row if name.startswith("health_")] == [
            *(f"health_{kind}_{group}" for kind in ("gradient", "update") for group in (1, 2, 3)),
            *("health_dead_1", "health_dead_2"),
        ]
        assert np.linalg.norm([row[f"health_gradient_{group}"] for group in (1, 2, 3)]) == pytest.approx(
            row["gradient_norm"], rel=1e-5
        )
    assert grouped("health_update_1") == "health/update_1"


def test_units_inside_a_loop_are_left_out():
    """What is traced into a loop cannot be told outside of it."""
    given = keras.Input((3,))
    part = keras.Model(given, ops.relu(layers.Dense(3)(given)))
    learner = replace(_bench().program.learner, model=part, parts={"network": part})
    watch = Watch(learner)

    def counted(looped):
        def forward(x):
            if looped:
                return ops.while_loop(lambda i, x: i < 2, lambda i, x: (i + 1, part(x)), (ops.convert_to_tensor(0), x))
            return part(x)

        def program(x):
            return watch.units(ops.sum(x) < 1e9, lambda: forward(x), lambda: ops.equal(x, x))

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            return tf.function(program, autograph=False)(tf.ones((2, 3))).numpy()
        import jax

        return np.asarray(jax.jit(program)(np.ones((2, 3), "float32")))

    assert counted(looped=False)[1].tolist() == [3]
    assert counted(looped=True)[1].tolist() == [0]


def _run(state="finished", **health):
    rows = [
        {f"health_{name}": value for name, value in zip(health, each, strict=True)}
        for each in zip(*health.values(), strict=True)
    ]
    return Run("b", 0, Path(), state, rows=rows)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (_run(update_1=[1e-3, 1e-9], dead_1=[0.9, 0.1]), []),  # a schedule may end in tiny steps
        (_run(update_1=[1e-7, 1e-9], dead_1=[0, 0]), [("starves", 1)]),
        (
            _run(update_1=[1e-3, 1e-3], dead_1=[0, 0], update_2=[2, 1e-3], dead_2=[0, 0.5]),
            [("explodes", 2), ("saturates", 2)],
        ),
        (_run("diverged", update_1=[1e-3], dead_1=[np.nan]), [("explodes", None)]),
        (_run(update_1=[np.nan, np.nan], dead_1=[np.nan, np.nan]), []),
    ],
)
def test_runs_are_marked(run, expected):
    assert [(mark.sign, mark.group) for mark in marks([run])] == expected


def test_the_report_has_a_section_where_runs_were_watched():
    bad, good = (
        _run(update_1=[1e-9], dead_1=[0.75], gradient_1=[2.0]),
        Run("c", 0, Path(), "finished", rows=[{"epoch": 1}]),
    )
    assert watched([good, bad]) == [bad]
    tables = {}
    place = type("Place", (), {"write_table": lambda self, name, table: tables.update({name: table})})()
    results = Results("tour", Options(title="t", seeds={}, study_seeds={}), [bad, good], [], {}, None, [])
    (made,) = health(results, place)
    assert "1 of 1 run is marked." in made.blocks[0].text
    assert [row["Sign"] for row in made.blocks[1].rows] == ["starves", "saturates"]
    assert tables["health.csv"].values.tolist() == [["b", 0, 1, 1e-9, 2.0, 1e-9, 0.75]]
    assert list(health(replace(results, runs=[good]), place)) == []
    assert health_table([good]).empty


def test_a_call_that_is_not_watched_tells_nothing():
    bench = _bench()
    feed = bench.training.feeds[0]
    logs = Program(bench.program.learner, xla=False).train(feed.placed, np.arange(16)[None], 1, np.ones(1), {})
    assert not [name for name in logs if name.startswith("health_")]
