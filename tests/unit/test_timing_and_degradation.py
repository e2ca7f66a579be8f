"""The probes of times and of degradation: every layer measured, bytes by hand, losses as training has them."""

import math
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import toys

from archbench.figures.layers import errors_by_tensor, loss_by_depth, times_by_layer
from archbench.page.sections.timing import _backward
from archbench.probes.degradation import degradation
from archbench.probes.slopes import with_slopes
from archbench.probes.subject import Subject
from archbench.probes.timing import measure, milliseconds, surely, timing
from archbench.results.layers import cost_sums, degrades, fit_by_depth, gradient_verdicts, median_costs
from archbench.training.run import Pace, Workbench, run_benchmark

MLP = {"architecture": {"name": "mlp", "units": [6, 5]}, "augmentation": [], "parts": {}}


def _subject(data, tmp_path, **changes):
    return Subject("only", toys.settings(**changes), data(), tmp_path)


def test_every_layer_is_timed_and_its_bytes_are_counted(tmp_path):
    found = timing(iter([_subject(toys.stripes, tmp_path, **MLP)]), examples=10, repeats=2)["layers"]
    dense = found[found["kind"] == "Dense"]
    # 256 pixels to 6, 5 and 3 units, in float32 for 10 examples; Adam keeps two numbers a weight.
    sizes = [256 * 6 + 6, 6 * 5 + 5, 5 * 3 + 3]
    assert dense["weight_bytes"].tolist() == [4 * size for size in sizes]
    assert dense["optimizer_bytes"].tolist() == [8 * size for size in sizes]
    assert dense["activation_bytes"].tolist() == [4 * 10 * units for units in (6, 5, 3)]
    assert (found["forward_ms"] > 0).all()
    assert (dense["optimizer_ms"] > 0).all()
    assert (found[found["kind"] == "Relu"][["weight_bytes", "optimizer_ms"]] == 0).all(axis=None)
    assert {"Relu", "Dense", "Flatten"} <= set(found["kind"])


def test_what_is_timed_is_a_pass_forward_and_the_gradient_of_random_weights_of_it(tmp_path, monkeypatch):
    """Of the sum of what a linear layer gives, a compiler would know the gradient without computing anything."""
    timed = []

    def tensors(given):
        return keras.tree.map_structure(lambda one: keras.ops.convert_to_tensor(np.array(one)), given)

    monkeypatch.setattr("archbench.probes.timing.compiled", lambda function, moved=(): function)
    monkeypatch.setattr(
        "archbench.probes.timing.milliseconds",
        lambda calls, repeats: (
            timed.append([function(*tensors(given)) for function, given in calls]) or np.ones((2, 3))
        ),
    )
    given = keras.Input((5,))
    dense = keras.layers.Dense(3)
    keras.Model(given, dense(given))
    kernel = np.array(keras.ops.convert_to_numpy(dense.kernel))  # before the optimizer's step
    measure(dense, 4, toys.settings(**MLP), 3)
    forward, (total, (by_kernel, by_bias, by_input)) = keras.tree.map_structure(keras.ops.convert_to_numpy, timed[0])
    pulled = by_input @ np.linalg.pinv(kernel).T  # what weighs the outputs, from kernel by it
    assert pulled.std() > 0.1  # which are no ones
    np.testing.assert_allclose(by_input, pulled @ kernel.T, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(by_bias, pulled.sum(axis=0), rtol=1e-4, atol=1e-5)
    assert by_kernel.shape == kernel.shape
    assert total == pytest.approx((forward * pulled).sum(), rel=1e-3)


def test_calls_take_turns_and_a_difference_within_noise_is_none():
    order = []
    taken = milliseconds([(order.append, ["a"]), (order.append, ["b"])], 2)
    assert (taken.shape, order) == ((2, 2), ["a", "b"] * 3)
    # Of 25, the 8th is the lower end of the 95 % interval of a median: 7 below 0 are still chance's.
    above = np.arange(1.0, 26)
    assert surely(above) == 13
    assert surely(above - 7.5) == 5.5
    assert math.isnan(surely(above - 8))


def test_the_program_of_a_layers_gradient_gives_its_value_and_slopes():
    """x^2 y at 3 and 2, weighed by 5: 90; by x 2 x y = 12, and by y x^2 = 9, times 5."""
    function = with_slopes(lambda moved, weight: moved[0] ** 2 * moved[1] * weight)
    given = [keras.ops.convert_to_tensor(one) for one in (3.0, 2.0)]
    total, slopes = function(given, keras.ops.convert_to_tensor(5.0))
    assert [float(one) for one in (total, *slopes)] == [90, 60, 45]


@pytest.mark.parametrize(("data", "changes"), [(toys.sums, toys.LSTM), (toys.stripes, {"augmentation": []})])
def test_networks_of_any_kind_are_timed(data, changes, tmp_path):
    subject = _subject(data, tmp_path, **changes)
    found = timing(iter([subject]), examples=2, repeats=1)["layers"]
    assert (found[["forward_ms", "optimizer_ms"]] >= 0).all(axis=None)
    assert not (found["backward_ms"] < 0).any()
    weights = sum(int(np.prod(w.shape)) for w in subject.learner().parts["network"].weights)
    assert found["weight_bytes"].sum() >= 4 * weights


def test_costs_are_medians_over_seeds_and_sums_over_layers():
    rows = [
        {
            "arm": "a",
            "seed": seed,
            "part": "p",
            "layer": layer,
            "kind": f"K{layer}",
            "forward_ms": ms,
            "backward_ms": 1.0,
        }
        | {"optimizer_ms": 0.5, "activation_bytes": 8, "weight_bytes": 4, "optimizer_bytes": 2}
        for seed, ms in ((0, 1.0), (1, 9.0), (2, 2.0))
        for layer in (1, 2)
    ]
    rows[1]["forward_ms"] = 30.0  # of the first seed's second layer
    rows = [*rows, *({**row, "layer": 3, "kind": "K3", "backward_ms": math.nan} for row in rows[::2])]
    costs = median_costs(pd.DataFrame(rows))
    assert costs["forward_ms"].tolist() == [2, 9, 2]
    (sums,) = cost_sums(pd.DataFrame(rows)).to_dict("records")
    assert (sums["forward_ms"], sums["backward_ms"], sums["activation_bytes"]) == (13, 2, 24)
    assert (sums["layers"], sums["unknown"]) == (3, 1)
    assert _backward(SimpleNamespace(**sums)) == "2 ms (without 1 layer)"
    assert _backward(SimpleNamespace(backward_ms=0.0, layers=2, unknown=2)) == "–"
    assert _backward(SimpleNamespace(backward_ms=1.5, layers=2, unknown=0)) == "1.5 ms"
    assert (sums["slowest"], sums["ms"]) == ("K2 2", 10.5)
    assert len(times_by_layer(costs).axes) == 2


def test_losses_on_training_data_are_those_of_the_network_as_it_is(tmp_path):
    subject = _subject(toys.stripes, tmp_path, **MLP, epochs=3, optimizer={"name": "sgd", "learning_rate": 0.1})
    found = degradation(iter([subject]), epochs=[0, 3])["networks"].set_index("epoch")
    trial = toys.settings(**MLP, epochs=3, optimizer={"name": "sgd", "learning_rate": 0.1})
    bench = Workbench(trial, toys.stripes())
    bench.start(trial)
    fresh, _ = bench.split("train").scores(16)
    assert found.loc[0, "loss"] == pytest.approx(fresh["loss"], rel=1e-5)
    assert found.loc[0, "error"] == pytest.approx(1 - fresh["accuracy"], abs=1e-6)
    assert found.loc[3, "loss"] < found.loc[0, "loss"]
    assert (found["depth"] == 3).all()
    assert not found["shortcuts"].any()


def test_depth_and_shortcuts_are_read_off_the_network_and_finished_runs_are_not_trained_again(tmp_path):
    residual = {"architecture": {"name": "resnet20", "widths": [2, 2, 2]}, "augmentation": [], "parts": {}, "epochs": 1}
    trial = toys.settings(**residual, benchmark="resnet")
    runs = tmp_path / "runs/toy"
    run_benchmark([trial], toys.stripes(), runs / "resnet", Pace(60.0, lambda *_: None))
    (row,) = degradation(iter([Subject("resnet", trial, toys.stripes(), runs, trained=True)]))["networks"].to_dict(
        "records"
    )
    assert (row["depth"], row["shortcuts"], row["epoch"]) == (20, True, 0)
    model = keras.saving.load_model(runs / "resnet/seed-0/model.keras")
    training = toys.stripes().splits["train"]
    logits = np.asarray(keras.ops.convert_to_numpy(model(training["image"].astype("float32"))), "float64")
    nats = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), training["label"]]
    assert row["loss"] == pytest.approx(nats.mean(), rel=1e-4)


def test_what_has_no_accuracy_has_no_error(tmp_path):
    found = degradation(iter([_subject(toys.sums, tmp_path, **toys.LSTM)]))["networks"]
    assert found["error"].isna().all()
    assert found["loss"].notna().all()
    assert len(loss_by_depth(fit_by_depth(found)).axes) == 1


def test_degradation_is_how_much_the_deepest_fits_worse():
    rows = [
        ("p20", 0, 4, 20, False, 0.2), ("p20", 1, 4, 20, False, 0.4), ("p56", 0, 0, 56, False, 9.0),
        ("p56", 0, 4, 56, False, 0.5), ("r20", 0, 4, 20, True, 0.3), ("r56", 0, 4, 56, True, 0.2),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["arm", "seed", "epoch", "depth", "shortcuts", "loss"]).assign(error=0.1)
    fit = fit_by_depth(table)
    assert fit[["arm", "loss", "n"]].values.tolist() == [
        ["p20", pytest.approx(0.3), 2], ["p56", 0.5, 1], ["r20", 0.3, 1], ["r56", 0.2, 1],
    ]  # fmt: skip
    assert degrades(fit) == {False: pytest.approx(0.2), True: pytest.approx(-0.1)}
    assert degrades(fit[:1]) == {}


@pytest.mark.parametrize(
    ("errors", "rounding", "verdict"),
    [
        ([1e-9, 1e-8], 0, "right"), ([1e-9, 1e-9, 0.5], 0, "near a kink"), ([1e-5, 1e-4], 0, "near a kink"),
        ([0.3, 0.3], 0, "wrong"), ([2e-5, 1e-9], 2e-6, "right"), ([0.3, 0.3], 2e-6, "wrong"),
    ],
)  # fmt: skip
def test_gradients_are_judged_by_their_largest_error_and_by_the_most(errors, rounding, verdict):
    known = {"arm": "a", "number": range(len(errors)), "weight": "w", "rounding": rounding}
    table = pd.DataFrame({**known, "relative_error": errors})
    (row,) = gradient_verdicts(table).itertuples()
    assert (row.verdict, row.largest, row.tensors) == (verdict, max(errors), len(errors))
    assert len(errors_by_tensor(table).axes) == 1
