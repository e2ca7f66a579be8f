"""What a report knows of catalogues: asked once for each state of the code, and kept; and where MLflow shows a run."""

import json
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from archbench import code
from archbench.page import known
from archbench.page.known import Known
from archbench.results.tracked import mlflow_pages


@pytest.fixture
def asked(monkeypatch):
    """The entries that were asked, in order, instead of asking them."""
    names = []

    def ask(kind, name):
        names.append(name)
        return {"what": f"{kind} {name}"}

    monkeypatch.setattr(known, "_ask", ask)
    return names


def test_what_was_asked_is_kept_for_the_next_report(asked, tmp_path):
    file = tmp_path / "data" / "known.json"
    first = Known(file)
    assert first.of("optimizer", "adam") == first.of("optimizer", "adam") == {"what": "optimizer adam"}
    first.keep()
    assert Known(file).of("optimizer", "adam") == {"what": "optimizer adam"}
    assert asked == ["adam"]
    later = Known(file)
    later.of("optimizer", "sgd")
    later.keep()
    both = Known(file)
    assert [both.of("optimizer", name)["what"] for name in ("adam", "sgd")] == ["optimizer adam", "optimizer sgd"]
    assert asked == ["adam", "sgd"]


@pytest.mark.parametrize("spoiled", ["", "[]", "{}", '{"state": "of other code", "answers": {"optimizer adam": {}}}'])
def test_what_is_damaged_or_of_other_code_is_asked_again(asked, tmp_path, spoiled):
    file = tmp_path / "known.json"
    file.write_text(spoiled)
    fresh = Known(file)
    assert fresh.of("optimizer", "adam") == {"what": "optimizer adam"}
    fresh.keep()
    assert json.loads(file.read_text())["answers"] == {"optimizer adam": {"what": "optimizer adam"}}


def test_nothing_is_written_where_nothing_was_asked_or_no_file_is_given(asked, tmp_path):
    Known(tmp_path / "known.json").keep()
    without = Known()
    without.of("optimizer", "adam")
    without.keep()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_asked_again(asked, tmp_path):
    (tmp_path / "data").touch()  # no folder
    for _ in range(2):
        fresh = Known(tmp_path / "data" / "known.json")
        assert fresh.of("optimizer", "adam") == {"what": "optimizer adam"}
        fresh.keep()
    assert asked == ["adam", "adam"]


def test_a_plugin_that_is_loaded_since_makes_what_was_known_old(asked, tmp_path, monkeypatch):
    file, plugin = tmp_path / "known.json", tmp_path / "mine.py"
    plugin.write_text("one")
    first = Known(file)
    first.of("optimizer", "adam")
    first.keep()
    for text in ("one", "two"):
        plugin.write_text(text)
        monkeypatch.setitem(code.OUTSIDE, "mine", plugin)
        Known(file).of("optimizer", "adam")
    assert asked == ["adam"] * 3


def test_what_is_gone_is_not_known_and_an_activation_has_its_curve():
    assert Known().of("optimizer", "nobody") == {}
    relu = Known().of("activation", "relu")
    assert relu["y"] == np.maximum(relu["x"], 0).tolist()
    for several in ("softmax", "maxout"):
        assert "y" not in Known().of("activation", several)


def test_an_architecture_tells_its_cost_at_the_size_of_its_paper():
    facts = Known().of("architecture", "lenet5")
    assert facts["cost"]["parameters"] == 61_706
    assert [stage["shape"] for stage in facts["stages"]] == [[28, 28, 6], [14, 14, 6], [10, 10, 16], [5, 5, 16], [10]]
    assert facts["file"].endswith("lenet5.py") or "architectures" in facts["file"]
    assert json.loads(json.dumps(facts))["between"] == ["tanh"]


def test_a_report_whose_facts_are_kept_does_without_keras(tmp_path):
    code = (
        "import sys; from pathlib import Path; import archbench.page.report; "
        "from archbench.page.sections import SECTIONS; list(SECTIONS); print('keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def store(path, *runs):
    """A database as MLflow has it, as far as it is read: of each run its id, folder, kind and whether it is old."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE runs (run_uuid, experiment_id, lifecycle_stage, start_time)")
        database.execute("CREATE TABLE tags (key, value, run_uuid)")
        for place, (run, folder, kind, old) in enumerate(runs):
            database.execute("INSERT INTO runs VALUES (?, 7, 'active', ?)", (run, place))
            tags = {"archbench.folder": folder, "archbench.kind": kind, "archbench.superseded": old}
            database.executemany("INSERT INTO tags VALUES (?, ?, ?)", [(*tag, run) for tag in tags.items()])


def test_a_run_is_found_in_mlflow_by_its_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert mlflow_pages() == {}  # no run was tracked yet
    folder = "runs/tour/a/seed-0"
    store(
        tmp_path / "mlflow.db",
        ("old", folder, "seed", "true"),
        ("now", folder, "seed", "false"),
        ("parent", "runs/tour/a", "benchmark", "false"),
    )
    assert mlflow_pages() == {folder: "http://127.0.0.1:5000/#/experiments/7/runs/now"}
    (tmp_path / "mlflow.db").write_text("no database")
    assert mlflow_pages() == {}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert mlflow_pages() == {}
