"""`archbench new project`: what it writes fits the data, and runs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import own_files
import pytest
import yaml

from archbench import dialect, stages
from archbench.errors import UserError
from archbench.inspection import suspects
from archbench.new_project import NotEmpty, guess, write_project
from archbench.records.read import read_whole

DATA = {
    "image_folder": lambda: own_files.class_folders(20),
    "masks": lambda: own_files.masked(),
    "boxes": lambda: own_files.yolo(),
}


@pytest.mark.parametrize("name", DATA)
def test_a_folder_is_seen_for_what_it_holds(name, tmp_path):
    assert guess(own_files.put(tmp_path / "p", DATA[name]()))["name"] == name


def test_a_file_is_seen_for_what_it_holds(tmp_path):
    files = {"a.csv": own_files.rows(), "b.csv": own_files.texts(), "c.txt": "one two\n"}
    own_files.put(tmp_path, files)
    found = [guess(tmp_path / name) for name in files]
    assert found == [{"name": "table", "target": "price"}, {"name": "text_table"}, {"name": "text_lines"}]
    with pytest.raises(UserError, match="There is no file or folder"):
        guess(tmp_path / "nothing")


@pytest.mark.parametrize("data", [None, "pictures"])
def test_it_trains(data, tmp_path, monkeypatch):
    """From another folder than its own, with data inside and outside of it."""
    own_files.put(tmp_path / "pictures", own_files.class_folders(20))
    monkeypatch.chdir(tmp_path)
    written = write_project(Path("project"), Path(data) if data else None)
    assert all(path.is_file() for path in written.files)
    monkeypatch.chdir(tmp_path / "project")
    config, folders = stages.open_pipeline()
    (slug,) = config.benchmarks
    assert slug == written.benchmark
    prepared = stages.open_data(config, folders, config.benchmarks[slug].dataset)
    fewer = config.model_copy(update={"seeds": (0,), "training": config.training.model_copy(update={"epochs": 2})})
    stages._train(fewer, folders, slug)
    assert read_whole(folders.runs / slug / "seed-0").metrics["state"] == "finished"
    (run,) = suspects._trained(prepared.card, folders.runs)  # what a look at the data judges labels by
    likely = suspects._likely(run, prepared, "test")
    assert likely.shape == (prepared.card.split_sizes["test"], len(prepared.card.class_names))
    np.testing.assert_allclose(likely.sum(axis=1), 1, atol=1e-5)
    with pytest.raises(NotEmpty, match="is there already"):
        write_project(tmp_path / "project", None)


@pytest.mark.slow
def test_its_pipeline_runs_under_dvc(tmp_path):
    write_project(tmp_path / "project", None)
    here = tmp_path / "project"
    values = yaml.safe_load((here / "params.yaml").read_text())
    values["seeds"], values["training"]["epochs"] = [0, 1], 2
    (here / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    bin_folder = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": bin_folder, "DVC_NO_ANALYTICS": "1"}

    def run(*command):
        done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("git", "init", "--quiet")
    run("dvc", "init", "--quiet")
    run("dvc", "repro")
    assert (here / "reports" / "project" / "index.html").is_file()
    assert "didn't change" in run("dvc", "repro")


@pytest.mark.parametrize("name", ["2024", "null", "on", "1e5", "0x10", "~mine", "a: b"])
def test_a_folder_and_a_file_may_be_called_what_yaml_takes_for_something_else(name, tmp_path):
    (tmp_path / f"{name}.csv").write_text(own_files.rows())
    written = write_project(tmp_path / name, tmp_path / f"{name}.csv")
    values = dialect.read((tmp_path / name / "params.yaml").read_text())
    (slug,) = values["datasets"]
    assert isinstance(values["pipeline"], str)
    assert isinstance(slug, str)
    assert values["benchmarks"][written.benchmark]["dataset"] == slug
