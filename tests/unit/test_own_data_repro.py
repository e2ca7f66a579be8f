"""DVC prepares data of the user's own again when one of their files changes, and otherwise does nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import own_files
import pytest
import yaml

from archbench import dvcfile
from archbench.config import check_config
from archbench.datasets.ready import StaleData, open_prepared
from archbench.project import Folders

PROJECT = Path(__file__).parents[2]
VALUES = {
    "pipeline": "toy",
    "datasets": {
        "mine": {"name": "image_folder", "folder": "pictures", "size": 8},
        "rows": {"name": "table", "file": "rows.csv", "target": "kind"},
    },
    "benchmarks": {},
}


def test_the_stage_that_prepares_hangs_on_the_files(tmp_path):
    """Every stage of a group has as many dependencies; where there are fewer files, they name the page."""
    pairs = {"name": "image_pairs", "folder": "p", "table": "/far/away.csv"}
    values = {**VALUES, "datasets": {**VALUES["datasets"], "pairs": pairs, "digits": {}}}
    (tmp_path / "pipelines").mkdir()
    text = dvcfile.render(check_config(values), Folders(tmp_path, "toy"), tmp_path)
    stage = yaml.safe_load(text)["stages"]["prepare"]
    page = "data/sources/toy/train.txt"
    assert stage["foreach"] == {
        "mine": {"given_1": "pictures", "given_2": page},
        "rows": {"given_1": "rows.csv", "given_2": page},
        "pairs": {"given_1": "p", "given_2": "/far/away.csv"},
        "digits": {"given_1": page, "given_2": page},
    }
    assert stage["do"]["deps"] == ["${item.given_1}", "${item.given_2}", "data/sources/toy/prepare/${key}.txt"]


def test_without_such_data_nothing_is_added(tmp_path):
    (tmp_path / "pipelines").mkdir()
    values = {**VALUES, "datasets": {"digits": {}}}
    stage = yaml.safe_load(dvcfile.render(check_config(values), Folders(tmp_path, "toy"), tmp_path))["stages"][
        "prepare"
    ]
    assert stage["foreach"] == {"digits": {}}
    assert stage["do"]["deps"] == ["data/sources/toy/prepare/${key}.txt"]


def test_a_changed_file_makes_prepared_data_stale(tmp_path, monkeypatch):
    from archbench.datasets.prepare import prepare

    monkeypatch.chdir(tmp_path)
    own_files.put(tmp_path, {"rows.csv": own_files.rows()})
    spec = {"name": "table", "file": "rows.csv", "target": "kind"}
    prepare(spec, "rows", tmp_path / "data" / "rows", tmp_path / "raw")
    open_prepared(spec, tmp_path / "data" / "rows", tmp_path / "raw")
    own_files.put(tmp_path, {"rows.csv": own_files.rows(61)})
    with pytest.raises(StaleData, match="the files that it was made from"):
        open_prepared(spec, tmp_path / "data" / "rows", tmp_path / "raw")


@pytest.mark.slow
def test_dvc_prepares_again_what_changed_and_nothing_else(tmp_path):
    shutil.copytree(PROJECT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (tmp_path / "pipelines").mkdir()
    for page in ("sources.py", "prepare.py"):
        shutil.copy(PROJECT / "pipelines" / page, tmp_path / "pipelines")
    (tmp_path / "pipelines" / "train.py").write_text("")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(VALUES, sort_keys=False))
    own_files.put(tmp_path, {"rows.csv": own_files.rows()})
    own_files.put(tmp_path / "pictures", own_files.class_folders(8))
    bin_folder = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": bin_folder, "PYTHONPATH": str(tmp_path / "src"), "DVC_NO_ANALYTICS": "1"}

    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("git", "init", "--quiet")
    run("dvc", "init", "--quiet")
    config = check_config(VALUES)
    (tmp_path / "dvc.yaml").write_text(dvcfile.render(config, Folders(tmp_path, "toy"), tmp_path))
    first = run("dvc", "repro", "prepare")
    assert "mine: " in first
    assert "rows: " in first
    again = run("dvc", "repro", "prepare")
    assert "mine: " not in again
    assert "rows: " not in again
    own_files.put(tmp_path / "pictures", {"red/new.png": own_files.picture((220, 20, 20), 999)})
    changed = run("dvc", "repro", "prepare")
    assert "mine: " in changed
    assert "rows: " not in changed
