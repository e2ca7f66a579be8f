"""Probes as stages: what params.yaml may ask of them, what they hang on, and what becomes of what they find."""

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import fake_runs as fake
import numpy as np
import pandas as pd
import pytest
import toys
import yaml
from site_text import site_text
from typer.testing import CliRunner

from archbench import dvcfile, resolve, sources, stages
from archbench.cli import changes
from archbench.cli.app import app
from archbench.config import ConfigError, check_config
from archbench.probes import PROBES
from archbench.probes.subject import NoRun, Subject
from archbench.project import Folders
from archbench.records import run_folder
from archbench.records.probe_folder import read_probe, write_probe
from archbench.records.read import HalfWritten
from archbench.results.signals import by_arm, by_epoch, by_layer
from archbench.training.run import Pace, run_benchmark

BASE = {"architecture": {"name": "lenet5", "maps": [2, 3], "units": [8]}, "dataset": "digits"}
VALUES = {
    "pipeline": "small",
    "seeds": [0, 1],
    "training": {"batch_size": 20, "epochs": 1},
    "datasets": {"digits": {"size": 16}, "wine": {}},
    "recipes": {"brisk": {"optimizer": "sgd"}},
    "benchmarks": {
        "lenet": BASE,
        "mlp": {"architecture": {"name": "mlp", "units": [4]}, "dataset": "wine"},
        "knn": {"architecture": "knn", "dataset": "digits"},
    },
    "probes": {
        "fresh": {
            "probe": {"name": "signal_propagation", "examples": 6},
            "base": {**BASE, "recipe": "brisk"},
            "arms": {"relu": {"parts": {"activation": "relu"}}, "vgg": {"architecture": {"name": "mlp", "units": [4]}}},
        },
        "trained": {"probe": "signal_propagation", "runs": ["lenet", "mlp"]},
    },
}


def _config(**probe):
    """The params.yaml with one probe."""
    return check_config({**VALUES, "probes": {"one": {"probe": "signal_propagation", **probe}}})


@pytest.mark.parametrize(
    ("probe", "told"),
    [
        ({"base": BASE, "runs": ["lenet"]}, "probes.one: a probe looks into a base with its arms or into runs"),
        ({"runs": ["lenet"], "arms": {"a": {}}}, "probes.one: arms change a base, and there is none"),
        ({"base": {**BASE, "start": {"from": "lenet", "train": "all"}}}, "name their benchmarks in runs"),
        ({"base": {**BASE, "expect": {"accuracy": 0.9}}}, "base takes no expect"),
        ({"base": {**BASE, "keep_every": 2}}, "base takes no expect, no beats and no keep_every"),
        ({}, "probes.one.probe: signal_propagation looks into networks, and none is named"),
        (
            {"probe": "signal_propagate", "base": BASE},
            "probes.one.probe: No probe is called 'signal_propagate'. Did you mean signal_prop",
        ),
        ({"probe": {"name": "signal_propagation", "examples": 0}, "base": BASE}, "examples cannot be 0"),
        ({"runs": ["lent"]}, "probes.one.runs: params.yaml has no benchmark 'lent'. Did you mean lenet?"),
        ({"base": {**BASE, "dataset": "digit"}}, "probes.one.base.dataset: params.yaml has no data set 'digit'"),
        ({"base": BASE, "arms": {"a": {"optimizer": "adm"}}}, "probes.one.arms.a.optimizer: No optimizer is called"),
        ({"runs": ["knn"]}, "probes.one: knn is knn, which is fitted at once"),
        ({"base": BASE, "seeds": [1]}, "probes.one.seeds: unknown key"),
    ],
)
def test_a_probe_that_cannot_be_run_is_refused_with_its_key(probe, told):
    with pytest.raises(ConfigError, match=r"probes\.one") as refused:
        resolve.resolve_all(_config(**probe))
    assert told in str(refused.value)


def test_a_probe_of_no_networks_takes_none(monkeypatch):
    PROBES.resolve("signal_propagation")
    monkeypatch.setattr(PROBES, "_entries", dict(PROBES._entries))

    @PROBES.declare("still", source="none")
    def still():
        """Nothing."""

    resolve.resolve_all(_config(probe="still"))
    with pytest.raises(ConfigError, match=r"probes\.one\.probe: still looks into no networks"):
        resolve.resolve_all(_config(probe="still", base=BASE))


def test_the_networks_are_the_arms_changes_of_the_base_or_the_base_or_the_benchmarks():
    config = check_config(VALUES)
    fresh, trained = (resolve.resolve_probe(config, name) for name in ("fresh", "trained"))
    assert [plan.settings["architecture"]["name"] for plan in fresh.plans.values()] == ["lenet5", "mlp"]
    assert {plan.settings["optimizer"]["name"] for plan in fresh.plans.values()} == {"sgd"}
    assert fresh.plans["relu"].settings["parts"] == {"activation": {"name": "relu"}}
    assert (fresh.trained, trained.trained) == (False, True)
    assert trained.plans["lenet"].settings == resolve.resolve(config, "lenet").settings
    assert list(resolve.resolve_probe(_config(base=BASE), "one").plans) == ["base"]
    assert fresh.options == {"examples": 6}


def test_a_probe_hangs_on_its_data_its_runs_its_recipes_and_its_own_code(tmp_path):
    (tmp_path / "pipelines").mkdir()
    config, folders = check_config(VALUES), Folders(tmp_path, "small")
    files = yaml.safe_load(dvcfile.render(config, folders, tmp_path))["stages"]
    page = "data/sources/small/train.txt"
    prepared = [f"data/prepared/small/{slug}" for slug in ("digits", "wine")]
    assert files["probe"]["foreach"] == {
        "fresh": {"read_1": prepared[0], "read_2": page, "read_3": page, "read_4": page},
        "trained": {
            "read_1": prepared[0],
            "read_2": prepared[1],
            "read_3": "runs/small/lenet",
            "read_4": "runs/small/mlp",
        },
    }
    stage = files["probe"]["do"]
    assert stage["deps"] == [*(f"${{item.read_{n}}}" for n in range(1, 5)), "data/sources/small/probe/${key}.txt"]
    assert stage["outs"] == ["probes/small/${key}"]
    assert {"probes/small/fresh", "probes/small/trained"} <= set(files["report"]["deps"])
    assert {"probes", "recipes"} <= set(files["sources"]["params"])

    lists = sources.lists(config, Path(__file__).parents[2] / "pipelines")
    fresh, _ = sources.parts(lists["probe/fresh.txt"])
    assert fresh["networks.relu.optimizer.name"] == '"sgd"'
    _, digests = sources.parts(lists["probe/trained.txt"])
    names = {line.split("  ")[1] for line in digests.splitlines()}
    assert {"probes/signal_propagation.py", "architectures/classic/mlp.py", "training/program.py"} <= names
    assert not [name for name in names if name.startswith(("page/", "figures/", "cli/", "sweeps/", "results/"))]
    assert not {"resolve.py", "config.py", "architectures/vision/vgg.py"} & names
    assert not {line for line in lists["train/lenet.txt"].splitlines() if "probes/" in line}


def test_plan_puts_a_probe_behind_what_it_reads_and_before_the_report():
    needs = changes._needs(check_config(VALUES))
    assert needs["probe@fresh"] == ("prepare@digits",)
    assert needs["probe@trained"] == ("prepare@digits", "prepare@wine", "train@lenet", "train@mlp")
    assert {"probe@fresh", "probe@trained"} <= set(needs["report"])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose probe of fresh networks has run, without tracking."""
    folder = tmp_path_factory.mktemp("probed")
    (folder / "pipelines").mkdir()
    values = {**VALUES, "probes": {"fresh": VALUES["probes"]["fresh"]}, "benchmarks": {}}
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ARCHBENCH_STAGE", "none")
        patch.setattr(stages, "live", lambda *_: nullcontext(SimpleNamespace(message="tracked")))
        for slug in ("digits", "wine"):
            stages.prepare(slug)
        stages.probe("fresh")
    return folder


def test_a_stage_leaves_its_tables_its_settings_and_its_machine(project):
    found = read_probe(project / "probes" / "small" / "fresh")
    assert {path.name for path in found.path.iterdir()} == {
        *("layers.csv", "machine.json", "metrics.json", "settings.yaml"),
    }
    layers = found.tables["layers"]
    # LeNet-5 has two convolutions and two dense layers here (units [8] and the classes), the perceptron two layers.
    assert layers.groupby(["arm", "seed"], sort=False).size().tolist() == [4, 4, 2, 2]
    assert found.settings["networks"]["relu"]["seeds"] == [0, 1]
    assert found.settings["probe"] == {"name": "signal_propagation", "examples": 6}
    assert found.machine["dvc_stage"] == "probe@fresh"
    assert found.metrics["seconds"] > 0


def test_numbers_are_kept_to_the_last_digit(tmp_path):
    """What is read is what was measured, for a table is the record."""
    table = pd.DataFrame({"a": [0.1 + 0.2, np.inf, 1e-30, np.nan]})
    settings = {"id": "0", "pipeline": "small", "name": "p", "probe": {"name": "x"}, "trained": False}
    write_probe(tmp_path / "p", {**settings, "networks": {}, "datasets": {}}, fake.machine(), {"t": table}, 1.0)
    assert read_probe(tmp_path / "p").tables["t"].equals(table)


def test_the_report_shows_it_and_names_one_that_is_not_there(project, monkeypatch):
    monkeypatch.chdir(project)
    stages.report()
    page = site_text(project / "reports/small/index.html")
    assert "Signals by layer: fresh" in page
    assert (project / "reports/small/figures/probe-fresh.svg").is_file()
    assert len(pd.read_csv(project / "reports/small/tables/probe-fresh.csv")) == 12
    folder = project / "probes/small/fresh"
    folder.rename(folder.with_name("away"))
    try:
        stages.report()
        page = site_text(project / "reports/small/index.html")
        assert "Signals by layer: fresh" not in page
        assert "no tables: dvc repro probe@fresh" in page
    finally:
        folder.with_name("away").rename(folder)


def _found(project, monkeypatch):
    """What doctor finds of the probes."""
    monkeypatch.chdir(project)
    told = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)["findings"]
    return {one["check"]: (one["text"], one["mend"]) for one in told if one["check"].startswith("probes/")}


def test_doctor_names_a_probe_that_is_stale_damaged_or_nobodys(project, monkeypatch):
    assert _found(project, monkeypatch) == {}
    folder, params = project / "probes/small/fresh", project / "params.yaml"
    before = params.read_text()
    params.write_text(before.replace("examples: 6", "examples: 7"))
    assert _found(project, monkeypatch) == {
        "probes/small/fresh": ("is stale: probe changed since", "dvc repro probe@fresh")
    }
    params.write_text(before.replace("fresh:", "other:"))
    assert _found(project, monkeypatch)["probes/small/fresh"][0] == "is of no probe in params.yaml"
    params.write_text(before)
    whole = (folder / "layers.csv").read_text()
    (folder / "layers.csv").write_text(whole.replace("1", "2", 1))
    (text, mend) = _found(project, monkeypatch)["probes/small/fresh"]
    assert text.startswith("is damaged: layers.csv")
    assert mend == "dvc repro probe@fresh"
    (folder / "layers.csv").write_text(whole)


def test_a_stage_that_was_stopped_leaves_nothing_that_is_taken_for_whole(project, tmp_path):
    folder = tmp_path / "probes/small/fresh"
    found = read_probe(project / "probes/small/fresh")
    write_probe(folder, found.settings, found.machine, found.tables, 1.0)
    with pytest.raises(AttributeError):
        write_probe(folder, found.settings, found.machine, {"layers": None}, 1.0)
    with pytest.raises(HalfWritten, match=r"no metrics\.json"):
        read_probe(folder)


def test_trained_weights_are_those_of_the_finished_run_of_these_settings(tmp_path):
    prepared, settings = toys.stripes(), toys.settings(benchmark="lenet", epochs=1)
    runs = tmp_path / "runs/toy"
    subject = Subject("lenet", settings, prepared, runs, trained=True)
    with pytest.raises(NoRun, match=r"is missing. Run: dvc repro train@lenet"):
        subject.learner()
    run_benchmark([settings], prepared, runs / "lenet", Pace(60.0, lambda *_: None))
    trained, fresh = subject.learner(), Subject("lenet", settings, prepared, runs).learner()
    saved = run_folder.read_metrics(runs / "lenet/seed-0")
    assert saved["state"] == "finished"
    ours, theirs = (one.parts["network"].get_weights() for one in (trained, fresh))
    assert not any(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    other = Subject("lenet", {**settings, "id": "other"}, prepared, runs, trained=True)
    with pytest.raises(NoRun, match="of other settings, code or data"):
        other.learner()
    (runs / "lenet/seed-0/model.keras").write_bytes(b"cut")
    with pytest.raises(NoRun, match=r"is damaged \(model.keras"):
        subject.learner()


def test_sizes_over_seeds_and_what_a_layer_multiplies_them_by():
    """Two seeds of three layers of 4, 16 and 4 values; the last gradient is missing in a second arm."""
    rows = [
        {"arm": "a", "seed": seed, "epoch": 0, "layer": n, "values": v, "activation_norm": s * x, "gradient_norm": y}
        for seed, s in ((0, 1.0), (1, 3.0))
        for n, v, x, y in ((1, 4, 2.0, 8.0), (2, 16, 8.0, 8.0), (3, 4, 8.0, 2.0))
    ]
    rows += [{"arm": "b", "seed": 0, "layer": 1, "values": np.nan, "activation_norm": np.nan, "gradient_norm": np.nan}]
    sizes = by_layer(pd.DataFrame(rows)).set_index(["arm", "layer"])
    # Per value: activations 1, 2, 4 (times 1 and 3), gradients 4, 2, 1.
    assert sizes.loc["a", "activation"].tolist() == [2, 4, 8]
    assert sizes.loc["a", "activation_low"].tolist() == [1, 2, 4]
    assert sizes.loc["a", "activation_high"].tolist() == [3, 6, 12]
    a, b = by_arm(pd.DataFrame(rows)).to_dict("records")
    assert (a["layers"], a["seeds"], a["activation_first"], a["activation_last"]) == (3, 2, 2, 8)
    assert (a["gradient_first"], a["gradient_last"]) == (1, 4)
    assert (a["activation_factor"], a["gradient_factor"]) == pytest.approx((2, 2))
    assert np.isnan([b["activation_first"], b["gradient_factor"]]).all()


def test_an_arm_of_several_epochs_is_a_line_for_each():
    table = pd.DataFrame({"arm": ["a", "a"], "epoch": [0, 3]})
    assert by_epoch(table)["arm"].tolist() == ["a, epoch 0", "a, epoch 3"]
    assert by_epoch(table[:1])["arm"].tolist() == ["a"]
