"""The probe of dead units: activations by their slopes, a network counted by hand, and rates that kill units."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import toys

from archbench.activations import ACTIVATIONS
from archbench.architectures.activity import activations, observed, passes
from archbench.figures.units import dead_units
from archbench.page.figures import Gallery
from archbench.page.section import Workplace
from archbench.page.sections.dead_relu import dead_relu as section_of
from archbench.probes.dead_relu import NoActivations, dead_relu, inspect
from archbench.probes.subject import NothingSeen, Subject
from archbench.records.probe_folder import ProbeFolder
from archbench.results.units import dead_by_epoch, dead_by_layer, diverged_seeds

PERCEPTRON = {
    "architecture": {"name": "mlp", "units": [4, 3]},
    "preprocessing": {"name": "none"},
    "augmentation": [],
    "parts": {},
}


@pytest.mark.parametrize(
    ("name", "passing"),
    [
        # Of -20, -1, 0, 1 and 20, by the derivatives: a rectifier has a slope above 0, relu6 up to 6; the exponential
        # unit's is exp(x), 2e-9 at -20; the sigmoid's at most 0.25, and 2e-9 at -20 and 20, as tanh's.
        ("relu", [0, 0, 0, 1, 1]),
        ("relu6", [0, 0, 0, 1, 0]),
        ("leaky_relu", [1, 1, 1, 1, 1]),
        ("prelu", [1, 1, 1, 1, 1]),
        ("elu", [0, 1, 1, 1, 1]),
        ("selu", [0, 1, 1, 1, 1]),
        ("gelu", [0, 1, 1, 1, 1]),
        ("silu", [0, 1, 1, 1, 1]),
        ("softplus", [0, 1, 1, 1, 1]),
        ("sigmoid", [0, 1, 1, 1, 0]),
        ("tanh", [0, 1, 1, 1, 0]),
        ("scaled_tanh", [0, 1, 1, 1, 0]),
    ],
)
def test_a_number_passes_a_gradient_where_the_activation_has_a_slope(name, passing):
    given = keras.Input((5,))
    model = keras.Model(given, ACTIVATIONS.build(name, given))
    found = []
    chosen = activations(model)
    x = np.array([[-20, -1, 0, 1, 20]], "float32")
    before = np.asarray(keras.ops.convert_to_numpy(model(x)))
    with observed(chosen, lambda place, call, x: found.append(keras.ops.convert_to_numpy(passes(call, x)))):
        during = np.asarray(keras.ops.convert_to_numpy(model(x)))
    assert [one.astype(int).tolist() for one in found] == [[passing]]
    np.testing.assert_array_equal(before, during)
    model(x)
    assert len(found) == 1  # it is watched no more


def test_large_numbers_pass_as_small_ones_do():
    given = keras.Input((1,))
    (relu,) = activations(keras.Model(given, keras.ops.relu(given)))
    x = np.array([1e-4, 1e6, 1e20, -1e20], "float32")
    assert keras.ops.convert_to_numpy(passes(relu.call, x)).tolist() == [True, True, True, False]


def test_units_of_a_network_whose_weights_are_given_are_counted_by_hand(tmp_path):
    prepared = toys.stripes()
    subject = Subject("only", toys.settings(**PERCEPTRON), prepared, tmp_path)
    learner = subject.learner(batch_size=2)
    first = {name: column[:2] for name, column in prepared.splits["train"].items()}
    first = {**first, "image": np.zeros_like(first["image"])}
    first["image"][1, 0, 0, 0] = 2
    kernel = np.zeros((256, 4))
    kernel[0] = [1, 1, -1, 0]
    # Inputs of the first activation: (-1, 1, -1, 0) and (1, 3, -3, 0): the last two are dead, and 5 of 8 are blocked.
    # It gives (0, 1, 0, 0) and (1, 3, 0, 0), so the second is given (0, 1, 3) and (1, 3, 9), minus (1, 2, 0):
    # (-1, -1, 3) and (0, 1, 9).
    second = [[1, 0, 0], [0, 1, 3], [5, 5, 5], [5, 5, 5]]
    network = learner.parts["network"]
    rest = network.get_weights()[4:]
    network.set_weights([kernel, np.array([-1, 1, -1, 0]), np.array(second), np.array([-1, -2, 0]), *rest])
    rows = inspect(learner, first, 2)
    assert [(r["units"], r["dead"], r["silent"], r["blocked"]) for r in rows] == [(4, 2, 2, 5 / 8), (3, 1, 1, 3 / 6)]
    assert [(r["part"], r["layer"], r["kind"]) for r in rows] == [("network", 1, "Relu"), ("network", 2, "Relu")]


def test_a_large_rate_kills_rectifiers_and_not_those_with_a_slope_below_0(tmp_path):
    def found(activation, rate, clip=None, **options):
        changes = {"parts": {"activation": {"name": activation}}, "optimizer": {"name": "sgd", "learning_rate": rate}}
        settings = toys.settings(**{**PERCEPTRON, **changes, "clip": clip})
        subject = Subject("only", settings, toys.stripes(), tmp_path)
        units = dead_relu(iter([subject]), examples=70, **options)["units"]
        return dead_by_epoch(units).set_index("epoch")

    small, large = found("relu", 1e-9, epochs=[0, 1]), found("relu", 1.0, epochs=[0, 1])
    assert small.loc[0, "dead"] == large.loc[0, "dead"] == small.loc[1, "dead"]
    assert large.loc[1, "dead"] > max(0.5, small.loc[1, "dead"])
    leaky = found("leaky_relu", 1.0, {"global_norm": 1.0}, epochs=[1])  # which diverges where it is not clipped
    assert (leaky.loc[1, "dead"], leaky.loc[1, "blocked"]) == (0, 0)
    with pytest.raises(NothingSeen, match="diverged before"):
        found("leaky_relu", 1e30, epochs=[1])


@pytest.mark.parametrize(
    ("data", "changes", "parts"),
    [
        (toys.squares, toys.TWO_STAGES, 3),
        (toys.stripes, {**toys.VAE, "parts": {"activation": {"name": "relu"}}}, 2),
    ],
)
def test_networks_of_any_task_are_looked_into(data, changes, parts, tmp_path):
    subject = Subject("only", toys.settings(**changes, batch_size=4), data(), tmp_path)
    units = dead_relu(iter([subject]), examples=4, epochs=[0])["units"]
    assert units["part"].nunique() == parts
    assert (units["dead"] <= units["units"]).all()
    assert units["blocked"].between(0.01, 0.99).any()


def test_a_network_without_activations_is_refused(tmp_path):
    subject = Subject("lstm", toys.settings(**toys.LSTM), toys.sums(), tmp_path)
    with pytest.raises(NoActivations, match="lstm has no activation"):
        dead_relu(iter([subject]))


def test_the_report_says_how_many_seeds_diverged(tmp_path):
    """Of two networks the second loses a seed after the first epoch and another after the second."""
    rows = [
        {"arm": arm, "seed": seed, "epoch": epoch, "layer": 1, "units": 8, "dead": epoch, "silent": 8, "blocked": 0.5}
        for arm, lasts in (("relu", (3, 3)), ("leaky", (3, 0, 1)))
        for seed, last in enumerate(lasts)
        for epoch in (0, 1, 3)
        if epoch <= last
    ]
    found = {"units": pd.DataFrame(rows)}
    assert diverged_seeds(found["units"], 3).values.tolist() == [["relu", 2, 0], ["leaky", 3, 2]]
    told = _section(tmp_path, found)
    assert [(row["Network"], row["Epochs"], row["Seeds"], row["Diverged"]) for row in told[1].rows] == [
        ("relu", "3", "n=2", "0 of 2"),
        ("leaky", "3", "n=1", "2 of 3"),
    ]
    assert "Training diverged: leaky (2 of 3 seeds); nothing is known of the units" in told[0].text
    lost = {"units": found["units"].query("epoch == 0 or arm == 'relu'")}
    assert _section(tmp_path, lost)[1].rows[1]["Diverged"] == "3 of 3"
    whole = {"units": found["units"].query("arm == 'relu'")}
    assert "diverged" not in _section(tmp_path, whole)[0].text
    none = {"units": found["units"].query("epoch == 0")}  # of no network is there a later epoch
    assert [row["Diverged"] for row in _section(tmp_path, none)[1].rows] == ["2 of 2", "3 of 3"]


def _section(folder, tables):
    """The text and the table of the report of a probe of the epochs 0, 1 and 3."""
    settings = {"probe": {"name": "dead_relu", "epochs": [0, 1, 3]}}
    probe = ProbeFolder(folder / "units", settings, {}, {"files": {}})
    probe.__dict__["tables"] = tables
    place = Workplace(Gallery(folder / "figures"), lambda name, table: None)
    (made,) = section_of(SimpleNamespace(probes=[probe]), place)
    text, _, table, _ = made.blocks
    return text, table


def test_shares_are_of_all_units_and_medians_over_seeds():
    """Layers of 2 and 6 units; in the first epoch nothing is dead, in the second 1 and 3 of them, and all in a seed."""
    rows = [
        {"arm": "a", "seed": seed, "epoch": epoch, "layer": n, "units": u, "dead": d, "silent": u, "blocked": 0.5}
        for seed, epoch, dead in ((0, 0, (0, 0)), (0, 4, (1, 3)), (1, 4, (1, 3)), (2, 4, (2, 6)))
        for n, u, d in zip((1, 2), (2, 6), dead, strict=True)
    ]
    epochs = dead_by_epoch(pd.DataFrame(rows))
    assert epochs[["epoch", "dead", "dead_low", "dead_high", "silent", "seeds"]].values.tolist() == [
        [0, 0, 0, 0, 1, 1],
        [4, 0.5, 0.5, 1, 1, 3],
    ]
    layers = dead_by_layer(pd.DataFrame(rows))
    assert layers[["layer", "dead"]].values.tolist() == [[1, 0.5], [2, 0.5]]
    assert [axes.get_xlabel() for axes in dead_units(epochs, layers).axes] == [
        *("epochs of training", "activation, from the input"),
    ]
