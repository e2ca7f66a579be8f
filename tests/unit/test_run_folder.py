"""The record's files: whole or not there, exact, and plain JSON, YAML and CSV."""

import json
import math
import os
import subprocess

import fake_runs as fake
import numpy as np
import pytest

from archbench.records import run_folder

ROWS = [
    {"epoch": 1, "loss": 0.1 + 0.2, "best": math.nan},
    {"epoch": 2, "loss": 1e-300, "best": math.inf},
]

SETTINGS = fake.settings("a", 0, architecture="lenet5", scale="paper", dataset="digits", task="classification")


@pytest.mark.parametrize(
    "write",
    [
        lambda path: run_folder.write_text(path, "new"),
        lambda path: run_folder.write_json(path, {"a": 1}),
        lambda path: run_folder.write_yaml(path, {"a": 1}),
        lambda path: run_folder.write_arrays(path, {"a": np.zeros(3)}),
        lambda path: run_folder.write_table(path, ROWS),
    ],
    ids=["text", "json", "yaml", "arrays", "table"],
)
def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch, write):
    path = tmp_path / "new folder" / "file"
    write(path)
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", _full_disk)
    with pytest.raises(OSError, match="full"):
        write(path)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def _full_disk(*_):
    raise OSError("disk full")


def test_json_has_no_nan_and_takes_numpys_numbers(tmp_path):
    values = {"a": math.nan, "b": [np.float32(0.5), -math.inf, (np.int64(3),)], 4: np.bool_(True), "n": None}
    run_folder.write_json(tmp_path / "x.json", values)
    assert json.loads((tmp_path / "x.json").read_text(), parse_constant=pytest.fail) == {
        "a": None,
        "b": [0.5, None, [3]],
        "4": True,
        "n": None,
    }


def test_yaml_keeps_the_order_of_keys(tmp_path):
    run_folder.write_yaml(tmp_path / "x.yaml", {"z": 1, "a": "é"})
    assert (tmp_path / "x.yaml").read_text(encoding="utf-8") == "z: 1\na: é\n"


def test_arrays_are_never_pickled(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(TypeError, match="names would have to be pickled"):
        run_folder.write_arrays(path, {"names": np.array(["a", None], dtype=object)})
    assert not path.exists()
    np.savez(path, names=np.array(["a", None], dtype=object))
    with pytest.raises(run_folder.BrokenRecord, match="pickle"):
        run_folder.read_arrays(path)


def test_a_history_reads_back_to_the_bit(tmp_path):
    whole, grown = tmp_path / "whole.csv", tmp_path / "grown.csv"
    run_folder.write_history(whole, ROWS)
    for row in ROWS:
        run_folder.append_history(grown, row)
    assert whole.read_bytes() == grown.read_bytes()
    read = run_folder.read_history(whole)
    assert [row["loss"] for row in read] == [0.1 + 0.2, 1e-300]
    assert all(math.isnan(row["best"]) for row in read)


@pytest.mark.parametrize("lost", [1, 5, 9])
def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path, lost):
    path = tmp_path / "history.csv"
    run_folder.write_history(path, ROWS)
    path.write_bytes(path.read_bytes()[:-lost])
    assert [row["epoch"] for row in run_folder.read_history(path)] == [1]


def test_a_history_that_never_began_is_empty(tmp_path):
    path = tmp_path / "history.csv"
    assert run_folder.read_history(path) == []
    path.write_text("epoch,lo")
    assert run_folder.read_history(path) == []
    run_folder.write_history(path, [])
    assert not path.exists()


def test_only_a_run_of_these_settings_with_metrics_is_finished(tmp_path):
    assert run_folder.finished_metrics(tmp_path / "nothing", "abc") is None
    run_folder.write_yaml(tmp_path / "settings.yaml", {"id": "abc"})
    assert run_folder.finished_metrics(tmp_path, "abc") is None
    folder = fake.write_run(tmp_path / "seed-0", SETTINGS, 0.9)
    metrics = run_folder.finished_metrics(folder, SETTINGS["id"], pytest.fail)
    assert (metrics["state"], metrics["scores"]["test"]["accuracy"]) == ("finished", 0.9)
    assert run_folder.finished_metrics(folder, "abd", pytest.fail) is None


def test_a_record_names_every_other_file_of_its_run_with_size_and_digest(tmp_path):
    """The digests are those that sha256sum prints."""
    folder = fake.write_run(tmp_path / "seed-0", SETTINGS, 0.9, predictions=fake.digit_predictions())
    (folder / "checkpoint.npz").touch()
    files = json.loads((folder / "metrics.json").read_text())["files"]
    assert set(files) == {"settings.yaml", "machine.json", "history.csv", "timings.json", "predictions.npz"}
    printed = subprocess.run(["sha256sum", *files], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1]: line.split()[0] for line in printed.splitlines()} == {
        name: written["sha256"] for name, written in files.items()
    }
    assert all(written["bytes"] == (folder / name).stat().st_size for name, written in files.items())


def _flip(path):
    """One bit, so that nothing but the digest can tell."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["settings.yaml", "machine.json", "history.csv", "timings.json", "predictions.npz"])
@pytest.mark.parametrize("damage", [_flip, lambda path: path.unlink()], ids=["flipped", "deleted"])
def test_a_run_with_a_damaged_file_is_not_finished_and_says_which(tmp_path, name, damage):
    folder = fake.write_run(tmp_path / "seed-0", SETTINGS, 0.9, predictions=fake.digit_predictions())
    damage(folder / name)
    told = []
    assert run_folder.finished_metrics(folder, SETTINGS["id"], told.append) is None
    if not told:  # the flipped bit may have made it the settings of another run
        assert name == "settings.yaml"
        return
    (line,) = told
    assert line.startswith(str(folder / name))
    assert line.endswith(": the run is trained again")


def test_a_record_without_digests_is_not_finished(tmp_path):
    folder = fake.write_run(tmp_path / "seed-0", SETTINGS, 0.9)
    (folder / "metrics.json").write_text(json.dumps(fake.metrics(0.9)))
    told = []
    assert run_folder.finished_metrics(folder, SETTINGS["id"], told.append) is None
    assert "it has no files" in told[0]


def test_all_but_the_checkpoint_is_cleared_whatever_stands_there(tmp_path):
    for name in (".history.csv.7.tmp", ".unfinished.keras", "history.csv", "checkpoint.npz"):
        (tmp_path / name).touch()
    (tmp_path / "metrics.json" / "deep").mkdir(parents=True)
    run_folder.clear(tmp_path, kept="checkpoint.npz")
    run_folder.clear(tmp_path / "nothing", kept="checkpoint.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


@pytest.mark.parametrize(
    "text",
    ["epoch,loss\n1,0.5\n2,0.4\n1,0.5\n3,0.3\n", "epoch,loss\n2,0.5\n", "epoch,loss\n1,x\n", "epoch,loss\n1\n",
     "epoch,loss\n1,2,3\n", "loss\n1\n", "epoch,loss\n1,\0\n"],
)  # fmt: skip
def test_a_history_that_two_wrote_or_that_is_no_table_is_broken(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(run_folder.BrokenRecord, match=r"history\.csv"):
        run_folder.read_history(tmp_path / "history.csv")


@pytest.mark.parametrize(
    ("below", "mend"),
    [
        ("runs/tour/lenet5-digits/seed-0/model.keras", "dvc repro train@lenet5-digits"),
        ("studies/tour/optimizers/trials.csv", "dvc repro sweep@optimizers"),
        ("studies/tour/optimizers/final/sgd/seed-0/history.csv", "dvc repro sweep@optimizers"),
    ],
)
def test_a_broken_record_names_the_stage_that_makes_it_anew(tmp_path, below, mend):
    error = run_folder.BrokenRecord(tmp_path / "runs" / below, "is missing")
    assert error.mend == mend
    assert str(error) == f"{tmp_path / 'runs' / below} is missing. Run: {mend}"


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000 + "]" * 100_000, "- " * 100_000, "{a: " * 50_000 + "}" * 50_000, "? " * 100_000],
    ids=["lists", "dashes", "mappings", "keys"],
)
def test_what_is_nested_without_end_is_broken_and_ends_no_process(tmp_path, text):
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(run_folder.BrokenRecord, match=r"settings\.yaml"):
        run_folder.read_yaml(tmp_path / "settings.yaml")


def test_indented_without_end_it_is_broken_too(tmp_path):
    (tmp_path / "settings.yaml").write_text("".join(f"{' ' * depth}a:\n" for depth in range(3_000)))
    with pytest.raises(run_folder.BrokenRecord):
        run_folder.read_yaml(tmp_path / "settings.yaml")
