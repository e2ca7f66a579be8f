"""`archbench new project`: what it writes fits the data, and runs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import own_files
import pytest
import yaml
from typer.testing import CliRunner

from archbench import dialect, stages
from archbench.cli.app import app
from archbench.errors import UserError
from archbench.inspection import suspects
from archbench.new_project import CannotGuess, NotEmpty, guess, seen, write_project
from archbench.records.read import read_whole

DATA = {
    "image_folder": lambda: own_files.class_folders(20),
    "masks": lambda: own_files.masked(),
    "boxes": lambda: own_files.yolo(),
}


LISTED = {
    "file,label,group\n": ("image_folder", {"group": "group"}),
    "label,file,split\n": ("image_folder", {"split": "split"}),
    "first,second,same\n": ("image_pairs", {}),
}
"""Header of a table of pictures -> what it is of, and what else it says."""


@pytest.mark.parametrize("name", DATA)
def test_a_folder_is_seen_for_what_it_holds(name, tmp_path):
    folder = own_files.put(tmp_path / "p", DATA[name]())
    found = guess(folder)
    assert (found["name"], found["folder"]) == (name, str(folder))


@pytest.mark.parametrize("header", LISTED)
@pytest.mark.parametrize("given", ["", "list.csv"])
def test_a_table_that_lists_pictures_says_what_they_are(header, given, tmp_path):
    """Given the folder, or the table in it; class folders beside it change nothing."""
    row = {
        "file": "red/0.png",
        "label": "red",
        "group": "1",
        "split": "train",
        "first": "red/0.png",
        "second": "blue/0.png",
    }
    line = ",".join({**row, "same": "0"}[column] for column in header.strip().split(","))
    folder = own_files.put(tmp_path / "p", {**own_files.class_folders(3), "list.csv": f"{header}{line}\n"})
    name, more = LISTED[header]
    paths = {"folder": str(folder), "table": str(folder / "list.csv")}
    assert guess(folder / given) == {"name": name, "size": 32, **more, **paths}


def test_a_table_with_columns_of_pictures_that_lists_none_is_a_table(tmp_path):
    own_files.put(tmp_path / "p", {"list.csv": "file,label\nreport.doc,good\n"})
    assert guess(tmp_path / "p" / "list.csv")["name"] == "table"


def test_two_texts_that_are_called_so_are_two_languages(tmp_path):
    texts = {"source.en.txt": "a\n", "target.de.txt": "b\n", "test_source.txt": "c\n", "test_target.txt": "d\n"}
    own_files.put(tmp_path / "p", texts)
    found = guess(tmp_path / "p")
    assert found.pop("name") == "parallel_text"
    assert found == {name.split(".")[0]: str(tmp_path / "p" / name) for name in texts}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"a.png": own_files.picture((1, 2, 3), 0)}, "neither folders of classes or masks, nor annotations"),
        (
            {"a.png": own_files.picture((1, 2, 3), 0), "list.csv": "picture,kind\na.png,x\n"},
            "nor one table with the col",
        ),
        ({"en.txt": "a\n", "de.txt": "b\n"}, "no two texts called source and target"),
        ({"a.bin": b"x"}, "it has no pictures"),
    ],
)
def test_what_says_nothing_is_not_guessed(content, why, tmp_path):
    folder = own_files.put(tmp_path / "p", content)
    with pytest.raises(CannotGuess, match=why) as caught:
        guess(folder)
    assert "by --as, one of boxes, image_folder, image_pairs, masks, parallel_text, table" in str(caught.value)


def test_a_file_is_seen_for_what_it_holds(tmp_path):
    files = {"a.csv": own_files.rows(), "b.csv": own_files.texts(), "c.txt": "one two\n"}
    own_files.put(tmp_path, files)
    found = [guess(tmp_path / name) for name in files]
    expected = [{"name": "table", "target": "price"}, {"name": "text_table"}, {"name": "text_lines"}]
    assert found == [{**one, "file": str(tmp_path / name)} for one, name in zip(expected, files, strict=True)]
    with pytest.raises(UserError, match="There is no file or folder"):
        seen(tmp_path / "nothing")


def test_what_is_said_goes_over_what_is_guessed(tmp_path, monkeypatch):
    """Paths count from the working folder, and a wrong name or option is answered."""
    own_files.put(tmp_path / "p", own_files.class_folders(3))
    (tmp_path / "list.csv").write_text("picture,kind\nred/0.png,x\n")
    monkeypatch.chdir(tmp_path)
    told = seen(Path("p"), "image_folder", {"table": "list.csv", "file": "picture", "size": 16})
    paths = {"folder": str(tmp_path / "p"), "table": str(tmp_path / "list.csv")}
    assert told == {"name": "image_folder", "file": "picture", "size": 16, **paths}
    assert seen(Path("p"), options={"size": 48})["size"] == 48
    with pytest.raises(UserError, match=r"digits is not made from files of your own\. Choose one of: boxes"):
        seen(Path("p"), "digits")
    with pytest.raises(UserError, match="Did you mean table"):
        seen(Path("p"), "image_folder", {"tabel": "list.csv"})
    with pytest.raises(UserError, match="needs the option table"):
        seen(Path("p"), "image_pairs")


def test_a_page_and_a_project_of_what_is_said(tmp_path, monkeypatch):
    pairs = own_files.paired()
    own_files.put(tmp_path / "p", {**pairs, "pairs.csv": pairs["pairs.csv"].replace("first,second", "one,two")})
    monkeypatch.chdir(tmp_path)
    said = ["--as", "image_pairs", "--table", "p/pairs.csv", "--first", "one", "--second=two", "--size", "16"]
    refused = CliRunner().invoke(app, ["data", "inspect", "p"])
    assert (refused.exit_code, "does not say what it is" in refused.output) == (2, True), refused.output
    page = CliRunner().invoke(app, ["data", "inspect", "p", *said])
    assert page.exit_code == 0, page.output
    assert Path(page.stdout.splitlines()[-1]).is_file()
    made = CliRunner().invoke(app, ["new", "project", "mine", "--data", "p", *said])
    assert made.exit_code == 0, made.output
    (data,) = dialect.read((tmp_path / "mine" / "params.yaml").read_text())["datasets"].values()
    assert (data["name"], data["first"], data["size"]) == ("image_pairs", "one", 16)
    assert Path(data["table"]) == tmp_path / "p" / "pairs.csv"
    for words, why in [
        (["new", "project", "other", *said], "are not given. Give --data"),
        (["new", "task", "other", "--data", "p"], "Leave --data out"),
    ]:
        refused = CliRunner().invoke(app, words)
        assert (refused.exit_code, why in refused.output) == (2, True), refused.output


@pytest.mark.parametrize(("name", "options"), [("image_pairs", {}), ("parallel_text", {"pieces": 300, "test": 0.2})])
def test_the_first_network_of_what_has_no_classes_trains(name, options, tmp_path, monkeypatch):
    lines = "\n".join(own_files.SENTENCES) + "\n"
    texts = {"source.txt": lines, "target.txt": lines}
    own_files.put(tmp_path / "p", own_files.paired() if name == "image_pairs" else texts)
    write_project(tmp_path / "mine", tmp_path / "p", None, {**options, "validation": 0.2})
    monkeypatch.chdir(tmp_path / "mine")
    config, folders = stages.open_pipeline()
    assert config.datasets["p"].name == name
    fewer = config.model_copy(update={"seeds": (0,), "training": config.training.model_copy(update={"epochs": 1})})
    stages._train(fewer, folders, "first-p")
    assert read_whole(folders.runs / "first-p" / "seed-0").metrics["state"] == "finished"


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
