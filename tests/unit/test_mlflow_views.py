"""What MLflow's pages show of an experiment: the columns that a reader compares, notes, and the table of arms."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import pandas as pd
import pytest
import tracking_folders as make
import yaml

from archbench.results.studies import read_study
from archbench.tracking import _views
from archbench.tracking.sync import sync_all

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
empty_database, project, tracking = make.empty_database, make.tracked_project, make.open_tracking


def experiment(tracking, name="tour/classification"):
    return tracking.client.get_experiment_by_name(name)


def parent(tracking, kind, name="tour/classification"):
    where = f"tags.`archbench.kind` = '{kind}'"
    (found,) = tracking.client.search_runs([experiment(tracking, name).experiment_id], where)
    return found


def view(tracking, key, name="tour/classification"):
    return json.loads(experiment(tracking, name).tags[f"mlflow.sharedViewState.{key}"])


def study(folder):
    """A study of two arms, each with a trial and two final runs."""
    trials = [
        ("sgd", 0, "complete", 0.75, {"learning_rate": 0.1}, [0.75]),
        ("adam", 0, "complete", 0.5, {"learning_rate": 0.01}, [0.5]),
    ]
    make.study(folder, trials)
    for arm in ("sgd", "adam"):
        for seed in (0, 1):
            chosen = make.settings(f"optimizers/{arm}", seed, f"{arm}{seed}")
            make.finished(folder / "final" / arm / f"seed-{seed}", chosen, {"accuracy": 0.5 + 0.25 * seed})
    (folder / "best.yaml").write_text(yaml.safe_dump({"sgd": {"value": 0.75}, "adam": {"value": 0.5}}))
    summary = {arm: {"accuracy": {"mean": 0.625, "n": 2}} for arm in ("sgd", "adam")}
    (folder / "metrics.json").write_text(json.dumps(summary))
    return folder


def test_an_experiment_has_a_table_of_what_a_reader_compares_and_a_note_that_opens_it(tracking, project):
    make.finished(project / "runs/tour/lenet5-digits/seed-0")
    assert [sync_all(project, tracking).runs_changed for _ in range(2)] == [1, 0]
    assert experiment(tracking).tags["mlflow.experimentKind"] == "custom_model_development"  # whose pages have runs
    shown = view(tracking, "compare")
    assert shown["orderByKey"] == shown["selectedColumns"][0] == "metrics.`test/accuracy_mean`"
    assert shown["orderByAsc"] is False
    run = parent(tracking, "benchmark")
    for column in shown["selectedColumns"]:
        kind, name = column.rstrip("`").split(".`")
        known = getattr(run.data, kind)
        assert name in known or name in ("test/accuracy_deviation", "augmentation"), column  # of one seed; of none
    where = shown["searchFilter"]
    found = tracking.client.search_runs([experiment(tracking).experiment_id], where)
    assert [one.info.run_name for one in found] == ["lenet5-digits"]
    number = experiment(tracking).experiment_id
    note = experiment(tracking).tags["mlflow.note.content"]
    assert note.startswith(f"[Compare the benchmarks](#/experiments/{number}/runs?viewStateShareKey=compare)")


def test_where_less_is_better_the_least_stands_first(tracking, project):
    folder = make.finished(project / "runs/tour/lenet5-digits/seed-0")
    ended = json.loads((folder / "metrics.json").read_text()) | {"maximize": False}
    (folder / "metrics.json").write_text(json.dumps(ended))
    sync_all(project, tracking)
    assert view(tracking, "compare")["orderByAsc"] is True


def test_a_note_that_a_reader_wrote_stays(tracking, project):
    number = tracking.experiment("tour/classification")
    tracking.client.set_experiment_tag(number, "mlflow.note.content", "mine")
    tracking.client.set_experiment_tag(number, "mlflow.experimentKind", "finetuning")
    make.finished(project / "runs/tour/lenet5-digits/seed-0")
    sync_all(project, tracking)
    run = parent(tracking, "benchmark").info.run_id
    tracking.client.set_tag(run, "mlflow.note.content", "mine too")
    make.finished(project / "runs/tour/lenet5-digits/seed-1", make.settings(seed=1, trial="t1"))
    sync_all(project, tracking)
    assert experiment(tracking).tags["mlflow.note.content"] == "mine"
    assert experiment(tracking).tags["mlflow.experimentKind"] == "finetuning"
    assert parent(tracking, "benchmark").data.tags["mlflow.note.content"] == "mine too"
    assert view(tracking, "compare")


def test_a_run_says_what_it_is_and_where_the_report_tells_of_it(tracking, project):
    make.finished(project / "runs/tour/lenet5-digits/seed-0")
    sync_all(project, tracking)
    note = parent(tracking, "benchmark").data.tags["mlflow.note.content"]
    assert note.startswith("lenet5 (paper) on digits: adam at 0.001, 3 epochs, batch 32, no augmentation.")
    assert f"[In the report]({_views.REPORT}/pages/architecture-lenet5.html)" in note
    assert "Folder: `runs/tour/lenet5-digits`." in note
    assert "Folder: `runs/tour/lenet5-digits/seed-0`." in parent(tracking, "seed").data.tags["mlflow.note.content"]


def test_a_study_shows_its_arms_as_the_report_has_them(tracking, project):
    folder, name = study(project / "studies/tour/optimizers"), "tour/studies/optimizers"
    sync_all(project, tracking)
    run = parent(tracking, "study", name)
    path = tracking.client.download_artifacts(run.info.run_id, "arms_compared.csv")
    expected = read_study(folder, "optimizers", ()).table().to_csv(index=False)
    pd.testing.assert_frame_equal(pd.read_csv(path), pd.read_csv(io.StringIO(expected)), rtol=1e-4, check_dtype=False)
    assert "/pages/study-optimizers.html" in run.data.tags["mlflow.note.content"]
    trials = view(tracking, "trials", name)
    assert trials["orderByKey"] == "metrics.`value`"
    assert {"params.`arm`", "params.`number`", "params.`learning_rate`"} <= set(trials["selectedColumns"])
    assert view(tracking, "compare", name)["orderByAsc"] is False
    note = experiment(tracking, name).tags["mlflow.note.content"]
    assert "[Compare the arms]" in note
    assert "viewStateShareKey=trials" in note


def _free() -> int:
    """A port that is free with the one after it, as far as one can know."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            try:
                other.bind(("127.0.0.1", one.getsockname()[1] + 1))
            except (OSError, OverflowError):
                continue
            return one.getsockname()[1]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt install chromium")
def test_mlflow_itself_shows_those_columns_and_the_site_stands_beside_it(tracking, project):
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install playwright"
    )
    (project / "params.yaml").write_text("pipeline: tour\ndatasets: {digits: {}}\nbenchmarks: {}\n")
    make.finished(project / "runs/tour/lenet5-digits/seed-0")
    sync_all(project, tracking)
    pages = project / "reports" / "tour" / "pages"
    pages.mkdir(parents=True)
    (pages.parent / "index.html").write_text("<title>the report</title>")
    port, number = _free(), experiment(tracking).experiment_id
    command = [sys.executable, "-m", "archbench", "ui", "--report", "--port", str(port)]
    serving = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=project)
    try:
        assert serving.stdout.readline().decode().strip() == f"report: http://127.0.0.1:{port + 1}"
        assert serving.stdout.readline().decode().strip() == f"MLflow: http://127.0.0.1:{port}"
        with playwright.sync_playwright() as running:
            browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1600, "height": 900})
            page.goto(f"http://127.0.0.1:{port + 1}/")
            assert page.title() == "the report"
            page.goto(f"http://127.0.0.1:{port}/#/experiments/{number}/runs?viewStateShareKey=compare")
            page.get_by_role("columnheader", name="accuracy_mean").first.wait_for(timeout=60_000)
            if picture := os.environ.get("ARCHBENCH_PICTURE"):
                page.screenshot(path=picture)
            heads = page.get_by_role("columnheader").all_inner_texts()
            for head in ("test/accuracy_mean", "test/accuracy_n", "model/parameters"):
                assert any(head in one for one in heads), sorted(set(heads))
            browser.close()
    finally:
        serving.send_signal(signal.SIGINT)
        serving.wait(30)
