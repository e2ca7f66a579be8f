"""MLflow's copy of run folders and study folders: complete, never double, whatever happens on the way."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tracking_folders as make
import yaml
from mlflow import MlflowClient

from archbench.records.probe_folder import write_probe
from archbench.tracking import store, ui
from archbench.tracking._tags import is_superseded
from archbench.tracking._values import as_numbers, as_params, clean_name
from archbench.tracking.mlflow_sink import sync_run
from archbench.tracking.signature import describe
from archbench.tracking.sync import close_killed, sync_all

empty_database, project, tracking = make.empty_database, make.tracked_project, make.open_tracking


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory):
    """A tiny network, saved, with its signature file and its answer to a fixed input."""
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 1), name="image")
    model = keras.Model(image, keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(image)))
    path = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(path)
    example = np.linspace(-1, 1, 32, dtype="float32").reshape(2, 4, 4, 1)
    return path, describe(model), example, np.asarray(model(example))


def runs_of(tracking, kind, experiment="tour/classification"):
    found = tracking.client.get_experiment_by_name(experiment)
    return tracking.client.search_runs([found.experiment_id], f"tags.`archbench.kind` = '{kind}'")


def only(runs):
    assert len(runs) == 1
    return runs[0]


def points_of(tracking, run, name):
    return sorted((p.step, p.value) for p in tracking.client.get_metric_history(run.info.run_id, name))


def test_a_finished_run_is_copied_once_and_whole(tracking, project):
    folder = make.finished(project / "runs/tour/lenet5-digits/seed-0")
    assert [sync_run(folder, tracking) for _ in range(3)] == [True, False, False]
    run = only(runs_of(tracking, "seed"))
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 4000  # total_seconds
    parent = only(runs_of(tracking, "benchmark"))
    assert parent.info.end_time - parent.info.start_time == 4000  # those of its seeds, not of the copying
    assert run.data.params["optimizer.learning_rate"] == "0.001"
    assert run.data.params["architecture.widths"] == "[6, 16]"
    assert points_of(tracking, run, "train/loss") == [(1, 1.5), (2, 0.75), (3, 0.5)]
    assert points_of(tracking, run, "test/accuracy") == [(0, 0.5)]  # a bar with its number
    assert points_of(tracking, run, "system/peak_memory_bytes") == [(0, 1e6)]
    expected = {"backend": "tensorflow", "git_dirty": "false", "xla": "true", "dataset_digest": "ab" * 32}
    expected |= {"trial": "t0", "state": "finished", "folder": "runs/tour/lenet5-digits/seed-0"}
    assert {name: run.data.tags[f"archbench.{name}"] for name in expected} == expected
    dataset = only(run.inputs.dataset_inputs).dataset
    assert (dataset.name, dataset.digest) == ("digits", "ab" * 8)
    artifacts = {file.path for file in tracking.client.list_artifacts(run.info.run_id)}
    assert {"settings.yaml", "machine.json", "metrics.json", "timings.json", "history.csv"} <= artifacts
    assert Path(run.info.artifact_uri.removeprefix("file://")).is_relative_to(project / "mlartifacts")


def test_a_run_is_followed_while_it_goes_on(tracking, project):
    folder = make.begin(project / "runs/tour/lenet5-digits/seed-0", make.settings(), make.rows(1))
    sync_run(folder, tracking)
    assert only(runs_of(tracking, "seed")).info.status == "RUNNING"
    assert only(runs_of(tracking, "benchmark")).info.status == "RUNNING"
    with open(folder / "history.csv", "a") as file:
        file.write("2,20,0.1,0.7")  # the process is just writing this line
    sync_run(folder, tracking)
    assert points_of(tracking, only(runs_of(tracking, "seed")), "train/loss") == [(1, 1.5)]
    make.extend(folder, make.rows(3))
    sync_run(folder, tracking)
    make.end(folder)
    sync_run(folder, tracking)
    run = only(runs_of(tracking, "seed"))
    assert run.info.status == "FINISHED"
    assert [step for step, _ in points_of(tracking, run, "validation/accuracy")] == [1, 2, 3]


def test_a_copy_cut_off_before_its_tag_writes_the_same_points(tracking, project):
    folder = make.finished(project / "runs/tour/lenet5-digits/seed-0")
    sync_run(folder, tracking)
    run = only(runs_of(tracking, "seed"))
    for tag in ("archbench.history", "archbench.ended"):
        tracking.client.delete_tag(run.info.run_id, tag)
    sync_run(folder, tracking)
    for name, count in (("train/loss", 3), ("test/accuracy", 1), ("system/train_seconds", 1)):
        assert len(points_of(tracking, run, name)) == count


def test_a_killed_run_is_closed_and_goes_on_where_it_was(tracking, project):
    folder = project / "runs/tour/lenet5-digits/seed-0"
    make.begin(folder, make.settings(), make.rows(2))
    sync_run(folder, tracking)
    content = json.loads((folder / "machine.json").read_text()) | {"pid": make.DEAD}
    run = only(runs_of(tracking, "seed"))
    for each in (run, only(runs_of(tracking, "benchmark"))):
        tracking.client.set_tag(each.info.run_id, "archbench.pid", str(make.DEAD))
    (folder / "machine.json").write_text(json.dumps(content))
    assert close_killed(tracking, project) == 2  # the run and its parent
    run = only(runs_of(tracking, "seed"))
    assert (run.info.status, run.data.tags["archbench.state"]) == ("KILLED", "killed")
    assert run.info.end_time - run.info.start_time == 2000  # the last epoch, not the moment of closing

    make.begin(folder, make.settings(), make.rows(1, step_seconds=9.0))  # back at its checkpoint
    sync_run(folder, tracking)
    assert only(runs_of(tracking, "seed")).info.status == "RUNNING"
    make.extend(folder, make.rows(3, step_seconds=9.0))
    sync_run(folder, tracking)
    make.end(folder)
    sync_run(folder, tracking)
    run = only(runs_of(tracking, "seed"))
    assert run.info.status == "FINISHED"
    assert points_of(tracking, run, "train/loss") == [(1, 1.5), (2, 0.75), (3, 0.5)]


def test_only_dead_processes_of_this_machine_are_closed(tracking, project):
    root = project / "runs/tour"
    sync_run(make.begin(root / "alive/seed-0", make.settings("alive", trial="a")), tracking)
    elsewhere = make.settings("elsewhere", trial="b")
    sync_run(make.begin(root / "elsewhere/seed-0", elsewhere, host="another", pid=make.DEAD), tracking)
    assert close_killed(tracking, project) == 0
    # The number of a dead process may belong to a younger one: this very process did not start a day ago.
    reused = make.settings("reused", trial="c")
    sync_run(make.begin(root / "reused/seed-0", reused, started="2020-01-01T00:00:00+00:00"), tracking)
    states = {run.data.tags["archbench.benchmark"]: run.info.status for run in runs_of(tracking, "seed")}
    assert states == {"tour/alive": "RUNNING", "tour/elsewhere": "RUNNING", "tour/reused": "KILLED"}


def test_a_run_that_ended_is_not_closed_as_killed(tracking, project):
    """Its process is gone, as it should be; copying its folder says how it ended."""
    folder = make.begin(project / "runs/tour/lenet5-digits/seed-0", make.settings(), make.rows(3))
    sync_run(folder, tracking)
    run = only(runs_of(tracking, "seed"))
    tracking.client.set_tag(run.info.run_id, "archbench.pid", str(make.DEAD))
    make.end(folder)
    close_killed(tracking, project)
    assert only(runs_of(tracking, "seed")).info.status == "RUNNING"
    sync_run(folder, tracking)
    assert only(runs_of(tracking, "seed")).info.status == "FINISHED"


def test_the_parent_holds_statistics_over_current_seeds(tracking, project):
    root = project / "runs/tour/lenet5-digits"
    for seed, accuracy in enumerate((0.9, 0.94, 0.98)):
        chosen = make.settings(seed=seed, trial=f"t{seed}")
        sync_run(make.finished(root / f"seed-{seed}", chosen, {"mAP@0.5": accuracy}), tracking)
    diverged = make.begin(root / "seed-3", make.settings(seed=3, trial="t3"), make.rows(1))
    make.end(diverged, {"mAP@0.5": 0.01}, "diverged", message="loss is NaN at step 7", diverged_at_step=7, best_epoch=1)
    sync_run(diverged, tracking)
    parent = only(runs_of(tracking, "benchmark"))
    metrics = {name: round(value, 9) for name, value in parent.data.metrics.items()}
    assert metrics == {
        "test/mAP_0.5_mean": 0.94,
        "test/mAP_0.5_deviation": 0.04,  # sqrt((0.04^2 + 0 + 0.04^2) / 2)
        "test/mAP_0.5_n": 3,
        "model/parameters": 61_706,
        "model/multiply_adds": 416_520,
        "system/train_seconds_mean": 2.25,
    }
    assert parent.data.params["optimizer.name"] == "adam"
    assert parent.data.tags["archbench.state"] == "1 diverged, 3 finished"
    children = {run.data.params["seed"]: run for run in runs_of(tracking, "seed")}
    assert {run.data.tags["mlflow.parentRunId"] for run in children.values()} == {parent.info.run_id}
    assert children["3"].info.status == "FAILED"
    assert children["3"].data.tags["archbench.message"] == "loss is NaN at step 7"


@pytest.mark.parametrize(
    ("states", "status"),
    [
        (("finished", "running"), "RUNNING"),
        (("finished", "finished"), "FINISHED"),
        (("finished", "diverged"), "FINISHED"),
        (("finished", "killed"), "FINISHED"),
        (("diverged", "killed"), "KILLED"),
        (("diverged", "diverged"), "FAILED"),
    ],
)
def test_a_parent_runs_while_a_child_does_and_then_ends_as_its_best_child(tracking, project, states, status):
    root = project / "runs/tour/lenet5-digits"
    for seed, state in enumerate(states):
        chosen = make.settings(seed=seed, trial=f"t{seed}")
        if state == "killed":
            folder = make.begin(root / f"seed-{seed}", chosen, make.rows(1), pid=make.DEAD)
        else:
            folder = make.begin(root / f"seed-{seed}", chosen, make.rows(1))
        if state not in ("running", "killed"):
            make.end(folder, {"accuracy": 0.5}, state)
        sync_run(folder, tracking)
    assert only(runs_of(tracking, "benchmark")).info.status == status


def test_seeds_that_start_from_other_seeds_weights_share_a_parent(tracking, project):
    for seed in (0, 1):
        start = {"from": "lenet5-low", "train": "head", "weights_sha256": str(seed) * 64}
        chosen = make.settings(seed=seed, trial=f"t{seed}", start=start)
        sync_run(make.finished(project / f"runs/tour/lenet5-digits/seed-{seed}", chosen), tracking)
    parent = only(runs_of(tracking, "benchmark"))
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["test/accuracy_n"] == 2
    params = [run.data.params for run in runs_of(tracking, "seed")]
    assert [one["start.from"] for one in params] == ["lenet5-low"] * 2
    assert sorted(one["seed"] for one in params) == ["0", "1"]
    hashes = {name for one in params for name in one if name.endswith("sha256") or name == "id"}
    assert not hashes  # nobody compares them; they are tags, and in the artifact settings.yaml


def test_changed_settings_make_a_new_run_and_set_the_old_one_aside(tracking, project):
    folder = project / "runs/tour/lenet5-digits/seed-0"
    sync_run(make.finished(folder, make.settings(trial="old"), {"accuracy": 0.5}), tracking)
    sync_run(make.finished(folder, make.settings(trial="new", epochs=9), {"accuracy": 0.75}), tracking)
    for kind in ("seed", "benchmark"):
        stale = {run.data.params["epochs"]: is_superseded(run) for run in runs_of(tracking, kind)}
        assert stale == {"3": True, "9": False}
    # `dvc checkout` of the old settings brings the old folder back.
    sync_run(make.finished(folder, make.settings(trial="old"), {"accuracy": 0.5}), tracking)
    assert len(runs_of(tracking, "seed")) == 2
    for kind in ("seed", "benchmark"):
        stale = {run.data.params["epochs"]: is_superseded(run) for run in runs_of(tracking, kind)}
        assert stale == {"3": False, "9": True}


def test_changed_code_keeps_the_parent_and_counts_only_new_seeds(tracking, project):
    root = project / "runs/tour/lenet5-digits"
    for seed in (0, 1):
        old = make.settings(seed=seed, trial=f"old{seed}")
        make.begin(root / f"seed-{seed}", old, make.rows(3), started="2026-01-01T00:00:00+00:00")
        sync_run(make.end(root / f"seed-{seed}", {"accuracy": 0.5}), tracking)
    new = make.settings(seed=0, trial="new0", code_sha256="ef" * 32)
    make.begin(root / "seed-0", new, make.rows(3), started="2026-01-02T00:00:00+00:00")
    make.end(root / "seed-0", {"accuracy": 0.75})
    for _ in range(2):
        sync_all(project, tracking)
    parent = only(runs_of(tracking, "benchmark"))
    assert (parent.data.metrics["test/accuracy_mean"], parent.data.metrics["test/accuracy_n"]) == (0.75, 1)
    fresh = [r.data.tags["archbench.trial"] for r in runs_of(tracking, "seed") if not is_superseded(r)]
    assert fresh == ["new0"]


def test_a_run_trained_again_is_named_superseded_and_so_is_a_seed_that_is_gone(tracking, project):
    folder = project / "runs/tour/lenet5-digits"
    for seed in (0, 1):
        sync_run(make.finished(folder / f"seed-{seed}", make.settings(seed=seed, trial=f"t{seed}")), tracking)
    shutil.rmtree(folder / "seed-1")
    sync_run(make.finished(folder / "seed-0", make.settings(trial="new", epochs=9)), tracking)
    told = {(r.info.run_name, r.data.tags["archbench.superseded"]) for r in runs_of(tracking, "seed")}
    old, new = ("lenet5-digits seed 0 (superseded)", "true"), ("lenet5-digits seed 0", "false")
    assert told == {old, ("lenet5-digits seed 1 (superseded)", "true"), new}
    parents = {(r.info.run_name, r.data.tags["archbench.superseded"]) for r in runs_of(tracking, "benchmark")}
    assert parents == {("lenet5-digits (superseded)", "true"), ("lenet5-digits", "false")}


def test_pipelines_stand_in_tables_of_their_own_whatever_they_are_called(tracking, project):
    """A pipeline called `studies` or `final` holds benchmarks all the same."""
    for pipeline in ("tour", "full", "studies", "final"):
        chosen = make.settings(trial=pipeline, pipeline=pipeline)
        make.finished(project / f"runs/{pipeline}/lenet5-digits/seed-0", chosen)
    assert [sync_all(project, tracking).runs_changed for _ in range(2)] == [4, 0]
    for pipeline in ("tour", "full", "studies", "final"):
        run = only(runs_of(tracking, "seed", f"{pipeline}/classification"))
        assert run.data.tags["archbench.benchmark"] == f"{pipeline}/lenet5-digits"


def test_a_run_has_few_charts_in_groups_and_says_where_it_comes_from(tracking, project):
    folder = make.begin(
        project / "runs/tour/lenet5-digits/seed-0", make.settings(), make.rows(3), dvc_experiment="wild"
    )
    sync_run(make.end(folder), tracking)
    seed, parent = only(runs_of(tracking, "seed")), only(runs_of(tracking, "benchmark"))
    assert len(seed.data.metrics) <= 24
    groups = {name.partition("/")[0] for name in seed.data.metrics}
    assert groups == {"train", "validation", "test", "best", "model", "system"}
    assert (seed.data.metrics["best/validation_accuracy"], seed.data.metrics["best/epoch"]) == (0.75, 2)
    for run in (seed, parent):
        assert "{}" not in run.data.params.values()  # `parts` is empty
        tags = {name: run.data.tags[f"mlflow.source.{name}"] for name in ("type", "name", "git.commit")}
        assert tags == {"type": "LOCAL", "name": "train@lenet5-digits", "git.commit": "0123456789abcdef"}
        assert run.data.tags["archbench.dvc_experiment"] == "wild"
        assert only(run.inputs.dataset_inputs).dataset.digest == "ab" * 8


@pytest.mark.parametrize("temporary", ["standalone/tmp1", "tmp1"])  # of `dvc exp run --temp`, and of its queue
def test_an_experiment_in_a_temporary_workspace_goes_to_its_projects_store(tracking, project, monkeypatch, temporary):
    """Beside the project's own runs, which it does not supersede."""
    sync_run(make.finished(project / "runs/tour/lenet5-digits/seed-0"), tracking)
    workspace = project / ".dvc/tmp/exps" / temporary
    (workspace / "pipelines/full").mkdir(parents=True)
    (workspace / "params.yaml").touch()
    chosen = make.settings(trial="wild", epochs=9)
    folder = make.begin(workspace / "runs/tour/lenet5-digits/seed-0", chosen, make.rows(3), dvc_experiment="wild")
    make.end(folder)
    monkeypatch.chdir(workspace / "pipelines/full")
    there = store.locate()
    assert (there.uri, there.root) == (f"sqlite:///{project / 'mlflow.db'}", project)
    sync_run(folder, store.connect(there))
    shutil.rmtree(workspace)
    monkeypatch.chdir(project)
    assert sync_all(project, tracking).runs_changed == 0
    for kind in ("seed", "benchmark"):
        runs = runs_of(tracking, kind)
        assert {run.data.params["epochs"]: is_superseded(run) for run in runs} == {"3": False, "9": False}
        assert sorted(run.data.tags.get("archbench.dvc_experiment", "") for run in runs) == ["", "wild"]


def test_the_same_trial_with_another_history_is_another_run(tracking, project):
    folder = project / "runs/tour/lenet5-digits/seed-0"
    sync_run(make.finished(folder), tracking)
    make.begin(folder, make.settings(), make.rows(3, validation_accuracy=0.625))
    sync_run(make.end(folder), tracking)
    copies = {is_superseded(run): run for run in runs_of(tracking, "seed")}
    assert points_of(tracking, copies[False], "validation/accuracy") == [(1, 0.625), (2, 0.625), (3, 0.625)]
    assert points_of(tracking, copies[True], "validation/accuracy") == [(1, 0.5), (2, 0.5), (3, 0.5)]


def test_numbers_that_are_none_and_odd_names(tracking, project):
    history = make.rows(2)
    history[0] |= {"validation_loss": math.nan, "train_loss": math.inf, "validation_mAP@0.5": 0.25}
    history[1] |= {"validation_loss": 1.0, "train_loss": 2.0, "validation_mAP@0.5": 0.5}
    folder = make.begin(project / "runs/tour/yolo/seed-0", make.settings("yolo"), history)
    sync_run(make.end(folder, {"mAP@0.5": 0.5, "a(b),c": 1.0, "loss": None}), tracking)
    run = only(runs_of(tracking, "seed"))
    assert points_of(tracking, run, "validation/loss") == [(2, 1.0)]
    assert points_of(tracking, run, "train/loss") == [(2, 2.0)]
    assert points_of(tracking, run, "validation/mAP_0.5") == [(1, 0.25), (2, 0.5)]
    assert run.data.metrics["test/a_b__c"] == 1.0
    assert "test/loss" not in run.data.metrics


def test_names_and_values_that_mlflow_refuses():
    assert clean_name("../a//b@c") == "a/b_c"
    assert as_params({"a": {"b": None, "c": []}, "d": {}, "e": "x" * 7000})["e"] == "x" * 6000
    assert as_params({"a": {"b": None, "c": [1, {"d": 2}]}, "e": {}}) == {
        "a.c": '[1, {"d": 2}]',
    }
    chosen = [{"name": "flip"}, {"name": "shift", "pixels": 4, "fill": "edge"}]
    assert as_params({"augmentation": chosen, "none": []}) == {"augmentation": "flip, shift(pixels=4, fill=edge)"}
    assert as_numbers({"a": True, "b": "1", "c": {"d": 2}, "e": math.inf}) == {"c.d": 2.0}


def test_many_parameters_and_points_are_split_into_batches(tracking, project):
    options = {f"option_{n}": n for n in range(250)}
    chosen = make.settings(architecture={"name": "lenet5", **options})
    folder = make.begin(project / "runs/tour/lenet5-digits/seed-0", chosen, make.rows(300))
    sync_run(make.end(folder), tracking)
    run = only(runs_of(tracking, "seed"))
    assert {run.data.params[f"architecture.option_{n}"] for n in range(250)} == {str(n) for n in range(250)}
    assert len(points_of(tracking, run, "train/weight_norm")) == 300


@pytest.mark.parametrize("with_signature", [True, False])
def test_the_model_loads_back_and_answers_the_same(tracking, project, saved_model, with_signature):
    import mlflow

    path, signature, example, answer = saved_model
    folder = make.begin(project / "runs/tour/lenet5-digits/seed-0", make.settings(), make.rows(3))
    if with_signature:
        (folder / "signature.json").write_text(json.dumps(signature))
    make.end(folder, model=path)
    for _ in range(2):
        sync_run(folder, tracking)
    run = only(runs_of(tracking, "seed"))
    model = only(tracking.client.search_logged_models([run.info.experiment_id]))
    assert (str(model.status), model.source_run_id, model.name) == ("READY", run.info.run_id, "tour-lenet5-digits")
    assert only(run.outputs.model_outputs).model_id == model.model_id
    mlflow.set_tracking_uri(tracking.store.uri)
    uri = f"models:/{model.model_id}"
    np.testing.assert_allclose(mlflow.keras.load_model(uri)(example), answer, rtol=1e-6)
    served = mlflow.pyfunc.load_model(uri)
    np.testing.assert_allclose(served.predict(example), answer, rtol=1e-5)
    assert served.metadata.signature.inputs.inputs[0].shape == (-1, 4, 4, 1)
    if with_signature:
        assert served.metadata.signature.outputs.inputs[0].shape == (-1, 3)
    requirements = (Path(mlflow.artifacts.download_artifacts(uri)) / "requirements.txt").read_text().split()
    assert {"archbench==0.1.0", "keras==3.15.1", "tensorflow==2.21.0"} <= set(requirements)


@pytest.mark.parametrize(
    ("place", "experiment", "drawn"),
    [
        ("runs/tour/lenet5-digits/seed-0", "tour/classification", ["figures/confusion.svg", "figures/gallery.svg"]),
        ("studies/tour/rates/final/sgd/seed-0", "tour/studies/rates", []),  # many: drawing would hold their copies up
    ],
)
def test_the_pictures_of_the_predictions_are_artifacts(tracking, project, place, experiment, drawn):
    folder = make.finished(project / place)
    labels = np.array([0, 1, 1, 0])
    np.savez(
        folder / "predictions.npz",
        input=np.zeros((4, 8, 8, 1), "uint8"),
        target_label=labels,
        prediction_label=labels[::-1],
        prediction_confidence=np.full(4, 0.9),
        all_target_label=labels,
        all_prediction_label=labels[::-1],
    )
    sync_run(folder, tracking)
    (copy,) = runs_of(tracking, "seed", experiment)
    files = [file.path for file in tracking.client.list_artifacts(copy.info.run_id, "figures")]
    assert sorted(files) == drawn


def test_the_signature_names_the_outputs_of_a_mapping():
    import keras

    image = keras.Input((4,), name="image")
    code = keras.layers.Dense(2)(image)
    model = keras.Model(image, {"code": code, "reconstruction": keras.layers.Dense(4)(code)})
    assert describe(model) == {
        "inputs": {"image": {"shape": [None, 4], "dtype": "float32"}},
        "outputs": {
            "code": {"shape": [None, 2], "dtype": "float32"},
            "reconstruction": {"shape": [None, 4], "dtype": "float32"},
        },
    }


def test_copying_imports_no_keras(project, saved_model):
    folder = make.finished(project / "runs/tour/lenet5-digits/seed-0", model=saved_model[0])
    code = (
        "import sys; from pathlib import Path; from archbench.tracking import store, mlflow_sink\n"
        f"mlflow_sink.sync_run(Path({str(folder)!r}), store.connect(store.locate()))\n"
        "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow', 'jax')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=project)


def test_a_study_and_its_trials(tracking, project):
    trials = [
        ("sgd", 0, "complete", 0.75, {"learning_rate": 0.1}, [0.5, 0.75]),
        ("sgd", 1, "pruned", 0.25, {"learning_rate": 1e-5}, [0.25]),
        ("adam", 0, "failed", "", {"learning_rate": 9.0, "beta_1": 0.9}, []),
    ]
    folder = make.study(project / "studies/tour/optimizers", trials)
    make.finished(folder / "final/sgd/seed-0", make.settings("optimizers"), {"accuracy": 0.875})
    reports = [sync_all(project, tracking) for _ in range(3)]
    assert [(r.studies, r.trials_changed, r.runs, r.runs_changed) for r in reports] == [
        (1, 3, 1, 1),
        (1, 0, 1, 0),
        (1, 0, 1, 0),
    ]
    parent = only(runs_of(tracking, "study", "tour/studies/optimizers"))
    children = {run.info.run_name: run for run in runs_of(tracking, "trial", "tour/studies/optimizers")}
    assert {name: run.info.status for name, run in children.items()} == {
        "sgd 0": "FINISHED",
        "sgd 1": "KILLED",
        "adam 0": "FAILED",
    }
    assert {run.data.tags["mlflow.parentRunId"] for run in children.values()} == {parent.info.run_id}
    assert children["sgd 1"].data.tags["archbench.state"] == "pruned"
    assert children["sgd 1"].data.params["learning_rate"] == "1e-05"
    assert "beta_1" not in children["sgd 1"].data.params
    assert children["adam 0"].data.params["architecture.name"] == "lenet5"
    assert points_of(tracking, children["sgd 0"], "validation/value") == [(1, 0.5), (2, 0.75)]
    assert "value" not in children["adam 0"].data.metrics
    assert parent.data.metrics["trials/pruned"] == 1
    assert (
        only(runs_of(tracking, "benchmark", "tour/studies/optimizers")).data.tags["archbench.benchmark"]
        == "tour/optimizers/sgd"
    )


def test_a_study_shows_one_number_an_arm_of_validation_and_of_test(tracking, project):
    trials = [("sgd", 0, "complete", 0.75, {"learning_rate": 0.1}, [0.75]), ("adam", 0, "failed", "", {}, [])]
    folder = make.study(project / "studies/tour/optimizers", trials)
    chosen = yaml.safe_load((folder / "settings.yaml").read_text())
    chosen |= {
        "base": {
            "architecture": {"name": "lenet5"},
            "scale": "paper",
            "dataset": "digits",
            "parts": {"dropout": None},
            "task": None,
        },
        "arms": {
            "sgd": {"optimizer": {"name": "sgd"}, "clip": None, "sampler": None},
            "adam": {"optimizer": {"name": "adam"}, "sampler": None},
        },
        "space": {
            "learning_rate": {"low": 0.0001, "high": 0.5, "log": True, "integer": False},
            "parts.activation": {"choices": ["relu", "gelu"]},
        },
        "cross": {},
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(chosen, sort_keys=False))
    make.finished(folder / "final/sgd/seed-0", make.settings("optimizers"), {"accuracy": 0.875, "loss": 0.5})
    (folder / "best.yaml").write_text(yaml.safe_dump({"sgd": {"value": 0.75}, "adam": {"value": None}}))
    summary = {"sgd": {"accuracy": {"mean": 0.875, "n": 1}, "loss": {"mean": 0.5, "n": 1}}, "adam": {"trials": {}}}
    (folder / "metrics.json").write_text(json.dumps(summary))
    assert [sync_all(project, tracking).trials_changed for _ in range(2)] == [2, 0]
    study = only(runs_of(tracking, "study", "tour/studies/optimizers"))
    assert study.data.metrics == {
        "trials/complete": 1,
        "trials/pruned": 0,
        "trials/failed": 1,
        "best_validation/sgd": 0.75,
        "final_test/sgd": 0.875,
    }
    assert study.data.params == {
        "trials": "4",
        "sampler": "tpe",
        "pruner": "median",
        "epochs": "4",
        "arms": "sgd, adam",
        "space.learning_rate": "0.0001 to 0.5, log",
        "space.parts.activation": '["relu", "gelu"]',
        "base.architecture.name": "lenet5",
        "base.scale": "paper",
        "base.dataset": "digits",
    }
    assert (study.data.tags["archbench.score"], only(study.inputs.dataset_inputs).dataset.name) == (
        "accuracy",
        "digits",
    )
    assert study.data.tags["mlflow.source.git.commit"] == "0123456789abcdef"


def test_every_fold_of_a_trial_is_a_child_of_it(tracking, project):
    trial = ("sgd", 0, "complete", 0.75, {"learning_rate": 0.1}, [])
    folder = make.study(project / "studies/tour/folds", [trial], folds=[("sgd", 0, [0.5, 1.0])])
    for _ in range(2):
        sync_all(project, tracking)
    parent = only(runs_of(tracking, "trial", "tour/studies/folds"))
    folds = {run.info.run_name: run for run in runs_of(tracking, "fold", "tour/studies/folds")}
    assert {name: run.data.metrics["value"] for name, run in folds.items()} == {
        "sgd 0, fold 0": 0.5,
        "sgd 0, fold 1": 1.0,
    }
    assert {run.data.tags["mlflow.parentRunId"] for run in folds.values()} == {parent.info.run_id}
    make.study(folder, [("sgd", 0, "complete", 0.5, {"learning_rate": 0.2}, [])], folds=[("sgd", 0, [0.5, 0.5])])
    sync_all(project, tracking)
    stale = [run for run in runs_of(tracking, "fold", "tour/studies/folds") if is_superseded(run)]
    assert {run.info.run_id for run in stale} == {run.info.run_id for run in folds.values()}


def test_a_study_begun_anew_sets_its_old_trials_aside(tracking, project):
    folder = project / "studies/tour/optimizers"
    first = ("sgd", 0, "complete", 0.75, {"learning_rate": 0.1}, [0.75])
    make.study(folder, [first, ("sgd", 1, "complete", 0.5, {"learning_rate": 0.2}, [0.5])])
    sync_all(project, tracking)
    make.study(folder, [first, ("sgd", 1, "complete", 0.625, {"learning_rate": 0.3}, [0.625])])
    sync_all(project, tracking)
    trials = runs_of(tracking, "trial", "tour/studies/optimizers")
    assert {t.data.params["learning_rate"]: is_superseded(t) for t in trials} == {
        "0.1": False,
        "0.2": True,
        "0.3": False,
    }


def test_a_trial_that_scored_otherwise_is_another(tracking, project):
    folder = project / "studies/tour/optimizers"
    for value in (0.75, 0.5):
        make.study(folder, [("sgd", 0, "complete", value, {"learning_rate": 0.1}, [value])])
        sync_all(project, tracking)
    trials = runs_of(tracking, "trial", "tour/studies/optimizers")
    assert {t.data.metrics["value"]: is_superseded(t) for t in trials} == {0.75: True, 0.5: False}


def test_sync_takes_what_is_asked_for_and_names_what_it_skips(tracking, project):
    for pipeline, benchmark in (("tour", "a"), ("tour", "b"), ("full", "a")):
        chosen = make.settings(benchmark, trial=pipeline + benchmark, pipeline=pipeline)
        make.finished(project / f"runs/{pipeline}/{benchmark}/seed-0", chosen)
    (project / "runs/tour/a/seed-1").mkdir()
    report = sync_all(project, tracking, pipeline="tour", names=["a"])
    assert report.runs == 1
    assert "seed-1 is no run folder (yet): it has no settings.yaml" in report.skipped[0]
    assert {run.data.tags["archbench.benchmark"] for run in runs_of(tracking, "seed")} == {"tour/a"}


def _probe(project, value):
    folder = project / "probes/tour/signals"
    settings = {"id": "0", "pipeline": "tour", "name": "signals", "trained": False}
    networks = {"he": {"seeds": [0], "architecture": {"name": "lenet5"}, "dataset": "digits"}}
    settings |= {"networks": networks, "datasets": {"digits": "ab" * 32}}
    settings["probe"] = {"name": "signal_propagation", "examples": 8}
    write_probe(folder, settings, make.machine(), {"layers": pd.DataFrame({"norm": [value]})}, 2.5)
    return folder


def test_a_probe_is_one_run_with_its_tables_and_one_that_found_otherwise_is_another(tracking, project):
    folder = _probe(project, 1.0)
    assert [sync_all(project, tracking).probes_changed for _ in range(2)] == [1, 0]
    run = only(runs_of(tracking, "probe", "tour/probes"))
    assert (run.info.run_name, run.info.status) == ("signals", "FINISHED")
    assert run.data.params == {"probe.name": "signal_propagation", "probe.examples": "8", "networks": "he"}
    assert run.data.metrics == {"system/seconds": 2.5}
    assert [given.dataset.name for given in run.inputs.dataset_inputs] == ["digits"]
    kept = {artifact.path for artifact in tracking.client.list_artifacts(run.info.run_id)}
    assert kept == {path.name for path in folder.iterdir()} >= {"layers.csv", "settings.yaml"}
    _probe(project, 2.0)
    assert sync_all(project, tracking, names=["other"]).probes == 0
    assert sync_all(project, tracking).probes == 1
    both = {is_superseded(one): one.info.run_id for one in runs_of(tracking, "probe", "tour/probes")}
    assert set(both) == {True, False}
    assert both[True] == run.info.run_id


def test_a_probe_that_is_damaged_or_did_not_end_stays_out(tracking, project):
    folder = _probe(project, 1.0)
    (folder / "layers.csv").write_text("norm\n2.0\n")
    assert ["layers.csv" in line for line in sync_all(project, tracking).damaged] == [True]
    (folder / "metrics.json").unlink()
    report = sync_all(project, tracking)
    assert (report.probes, len(report.skipped)) == (0, 1)


def test_processes_may_create_the_store_at_once(tmp_path):
    make.project(tmp_path)
    (tmp_path / "mlflow.db.new").write_bytes(b"what a process killed while creating it left behind")
    for n in range(4):
        chosen = make.settings(f"b{n}", trial=f"t{n}")
        make.finished(tmp_path / f"runs/tour/b{n}/seed-0", chosen)
    code = (
        "import sys; from pathlib import Path; from archbench.tracking import store, mlflow_sink\n"
        "mlflow_sink.sync_run(Path(sys.argv[1]), store.connect(store.locate()))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, f"runs/tour/b{n}/seed-0"],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
        )
        for n in range(4)
    ]
    errors = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    found = client.search_runs([client.get_experiment_by_name("tour/classification").experiment_id])
    assert len(found) == 8  # four runs, four parents


def test_a_password_is_never_shown():
    assert store.Store("http://me:secret@host:5000/x", None, None, None).shown == "http://host:5000/x"
    assert store.Store("http://host/x?token=secret", None, None, None).shown == "http://host/x?token=***"
    assert store.Store("sqlite:////a/mlflow.db", None, None, None).shown == "sqlite:////a/mlflow.db"


def test_pages_are_served_to_this_machine_alone():
    command = ui._command(5001)
    assert not [word for word in command if "uri" in word or "root" in word]  # all of the machine may read it
    assert command[command.index("--host") + 1] == "127.0.0.1"


def test_the_store_is_the_projects_whatever_the_working_folder(tmp_path, monkeypatch):
    make.project(tmp_path)
    inner = tmp_path / "pipelines/full"
    (inner / ".dvc").mkdir(parents=True)
    (inner / "params.yaml").touch()
    monkeypatch.chdir(inner)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert store.locate().uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@example.test:5000/path")
    assert store.locate().uri == "http://user:secret@example.test:5000/path"
    assert store.locate().shown == "http://example.test:5000/path"


def test_a_store_that_cannot_be_opened_is_one_message(tmp_path, monkeypatch):
    (tmp_path / "mlflow.db").write_text("no database at all")
    make.project(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(store.TrackingUnavailable, match=r"mlflow\.db"):
        store.connect(store.locate(tmp_path))
    monkeypatch.chdir("/")
    with pytest.raises(store.NoProject, match="set MLFLOW_TRACKING_URI"):
        store.locate()


def test_a_port_in_use_is_answered_with_a_free_one(project):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ui.PortInUse, match=r"archbench ui --port \d+"):
            ui.serve(taken.getsockname()[1])
