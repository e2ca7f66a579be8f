"""The probe of paths: steps by the formulas of the optimizers, what counts as the bottom, and one run on the spot."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from archbench.catalogue import UnknownName
from archbench.cli.app import app
from archbench.figures.paths import paths_over_contours
from archbench.probes.optimizer_paths import RATES, STILL, Descent, heights, optimizer_paths, rank, steps_to_bottom
from archbench.probes.surfaces import SURFACES
from archbench.results.surfaces import steps_by_surface


def _slope(surface, point):
    """The gradient of a surface, by its formula."""
    x, y = point
    return {
        "narrow": np.array([x, 100 * y]),
        "saddle": np.array([x, -y + y**3]),
        "rosenbrock": np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)]),
        "noisy": np.array([x, 10 * y]),
    }[surface]


def _adam(surface, rate, steps):
    """Algorithm 1 of Kingma and Ba, with the epsilon of its section 2's end."""
    point, m, v = np.array(SURFACES[surface].start), np.zeros(2), np.zeros(2)
    path = [point]
    for t in range(1, steps + 1):
        g = _slope(surface, point)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        point = point - rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-8)
        path.append(point)
    return np.array(path)


@pytest.mark.parametrize("surface", ["narrow", "saddle", "rosenbrock"])
def test_the_path_is_that_of_the_optimizers_formula(surface):
    found = Descent("adam", 30, 1.0).path(surface, 0.1, seed=0)
    np.testing.assert_allclose(found, _adam(surface, 0.1, 30), rtol=1e-3, atol=1e-4)


def test_steps_down_a_narrow_bowl_are_those_of_gradient_descent_by_hand():
    """x shrinks by 1 - r a step and y by 1 - 100 r, from a height of (100 + 100) / 2 to a thousandth of it.

    At r = 0.015 y is gone soon, and 50 * 0.985^(2 t) <= 0.1 from t = ln(500) / (2 * 0.0151136) = 205.6 on.
    """
    table = optimizer_paths(optimizers=("sgd",), rates=(0.001, 0.015, 0.03), steps=300)["bottoms"]
    narrow = table[table["surface"] == "narrow"].iloc[0]
    assert (narrow["rate"], narrow["steps"], narrow["rates_that_reach"], narrow["rates"]) == (0.015, 206, 1, 3)


def test_what_diverges_ends_where_its_height_is_no_number():
    path = Descent("sgd", 50, 1.0).path("rosenbrock", 1.0, seed=0)
    assert len(path) < 20
    assert heights("rosenbrock", path)[-1] > 1e20
    calm = Descent("sgd", 50, 1.0).path("rosenbrock", 1e-4, seed=0)
    assert rank("rosenbrock", calm) < rank("rosenbrock", path)


def test_noise_is_drawn_with_the_seed_and_on_the_noisy_bowl_alone():
    loud, quiet = Descent("sgd", 20, 1.0), Descent("sgd", 20, 0.0)
    one, again, other = (loud.path("noisy", 0.05, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)
    x, y = SURFACES["noisy"].start
    calm = [(0.95**t * x, 0.5**t * y) for t in range(21)]
    np.testing.assert_allclose(quiet.path("noisy", 0.05, 0), calm, rtol=1e-4, atol=1e-6)
    assert 0.05 < np.abs(one - calm)[1:].max() < 1  # a step is moved by 0.05 times a number of deviation 1
    np.testing.assert_array_equal(loud.path("narrow", 0.01, 0), quiet.path("narrow", 0.01, 1))


@pytest.mark.parametrize(("name", "most"), [("lbfgs", 60), ("batch_gd", None)])
def test_optimizers_on_all_data_take_their_steps_too(name, most):
    """Nocedal and Wright 2006 expect a quasi-Newton method at the bottom of Rosenbrock's valley in tens of steps."""
    path = Descent(name, 60, 1.0).path("rosenbrock", 1.0 if most else 1e-3, seed=0)
    found = heights("rosenbrock", path)
    assert found[0] == pytest.approx(24.2)
    assert found[-1] < found[0]
    assert (steps_to_bottom(found) <= most) if most else np.isnan(steps_to_bottom(found))


def test_the_bottom_is_reached_at_a_thousandth_of_the_height():
    assert steps_to_bottom(np.array([10.0, 0.02, 0.01, 5.0])) == 2
    assert steps_to_bottom(np.array([10.0, np.inf])) != steps_to_bottom(np.array([10.0, np.inf]))


def test_the_table_is_ordered_by_bottoms_and_then_by_steps_and_every_path_is_drawn():
    rows = [("a", "s", np.nan), ("a", "t", 5), ("b", "s", 9), ("b", "t", 9), ("c", "s", 9), ("c", "t", 8)]
    bottoms = pd.DataFrame(rows, columns=["optimizer", "surface", "steps"])
    assert list(steps_by_surface(bottoms)) == ["c", "b", "a"]
    tables = optimizer_paths(optimizers=("sgd", "momentum"), rates=(0.01,), steps=5)
    drawn = paths_over_contours(tables["paths"], {name: one.height for name, one in SURFACES.items()})
    assert len(drawn.axes) == 2 * len(SURFACES)
    assert tables["paths"].groupby(["optimizer", "surface"]).size().tolist() == [6] * 8


def test_a_name_that_is_no_optimizers_is_refused():
    with pytest.raises(UnknownName, match="adam"):
        optimizer_paths(optimizers=("adm",))


@pytest.mark.parametrize("name", ["adadelta", "lars", "nesterov"])
def test_the_best_rate_lies_within_those_that_are_tried(name):
    """Of those with the largest and the smallest."""
    bottoms = optimizer_paths(optimizers=(name,), steps=200)["bottoms"]
    assert bottoms["rate"].between(min(RATES), max(RATES), inclusive="neither").all()


def test_one_that_takes_its_steps_on_all_data_ends_where_it_stands():
    """At the bottom of the saddle, which it reaches in two steps; under noise it never stands."""
    descent = Descent("lbfgs", 12, 1.0)
    still, moving = (descent.path(surface, 30.0, seed=0) for surface in ("saddle", "noisy"))
    assert len(still) < 13
    assert (still[-STILL:] == still[-1]).all()
    assert not (still[-STILL - 2] == still[-1]).all()
    assert len(moving) == 13


def test_one_is_run_on_the_spot(tmp_path, monkeypatch):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text("pipeline: small\ndatasets: {digits: {}}\nbenchmarks: {}\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["probe", "optimizer_paths", "--optimizer", "sgd", "--rates=[0.01]", "--steps", "7"])
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    shown = [line for line in lines if line[:2] == ["sgd", "narrow"]]
    assert len(shown) == 1 + 8  # its bottom, the start and seven steps
    picture = tmp_path / "data" / "looked" / "small" / "optimizer_paths-paths.svg"
    assert lines[-1] == ["picture", "of", "paths:", str(picture)]
    assert "sgd, narrow, 0.01" in picture.read_text(encoding="utf-8")
    assert not (tmp_path / "probes").exists()
    refused = CliRunner().invoke(app, ["probe", "optimizer_pats"])
    assert refused.exit_code == 2
    assert "optimizer_pats" in refused.output
    refused = CliRunner().invoke(app, ["probe", "gradient_check"])
    assert (refused.exit_code, "archbench probe gradient_check --benchmark NAME" in refused.output) == (2, True)


def test_a_probe_of_the_catalogue_looks_into_a_benchmark_on_the_spot(tmp_path, monkeypatch):
    (tmp_path / "pipelines").mkdir()
    lines = ["pipeline: small", "seeds: [0]", "datasets: {wine: {}}", "benchmarks:"]
    lines += ["  mlp-wine: {architecture: {name: mlp, units: [4]}, dataset: wine, expect: {accuracy: 0.9}}"]
    (tmp_path / "params.yaml").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    one = ["probe", "gradient_check", "--benchmark", "mlp-wine"]
    done = CliRunner().invoke(app, [*one, "--examples", "5", "--checks=3"])
    assert done.exit_code == 0, done.output
    kernels = [line for line in done.stdout.splitlines() if "kernel" in line]
    assert len(kernels) == 2
    assert [line.split()[5] for line in kernels] == ["3", "3"]  # of each so many numbers are checked
    assert "picture" not in done.stdout
    assert not (tmp_path / "probes").exists()
    refused = CliRunner().invoke(app, ["probe", "gradient_check", "--benchmark", "mlp-wines"])
    assert refused.exit_code == 2
    assert "Did you mean mlp-wine?" in refused.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--check", "3"], "has no option 'check'. Did you mean checks"),
        (["--checks", "many"], "checks cannot be 'many'"),
        (["--checks"], "'--checks' is no option with a value"),
        (["checks", "3"], "'checks' is no option with a value"),
        (["--checks", "[3"], "--checks cannot be '[3'"),
    ],
)
def test_a_wrong_option_of_a_probe_is_answered(tmp_path, monkeypatch, words, told):
    (tmp_path / "pipelines").mkdir()
    lines = ["pipeline: small", "datasets: {wine: {}}", "benchmarks: {one: {architecture: mlp, dataset: wine}}"]
    (tmp_path / "params.yaml").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(app, ["probe", "gradient_check", "--benchmark", "one", *words])
    assert (refused.exit_code, told in refused.output) == (2, True), refused.output
