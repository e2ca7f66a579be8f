"""The record's files: whole or not there, exact, and plain JSON, YAML and CSV."""

import json
import math
import os

import numpy as np
import pytest

from archbench.tracking import run_folder

ROWS = [
    {"epoch": 1, "loss": 0.1 + 0.2, "best": math.nan},
    {"epoch": 2, "loss": 1e-300, "best": math.inf},
]


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
    with pytest.raises(ValueError, match="pickle"):
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
    run_folder.write_json(tmp_path / "metrics.json", {"state": "finished"})
    assert run_folder.finished_metrics(tmp_path, "abc") == {"state": "finished"}
    assert run_folder.finished_metrics(tmp_path, "abd") is None


def test_only_temporary_files_are_cleared(tmp_path):
    for name in (".history.csv.7.tmp", ".unfinished.keras", "history.csv", ".gitignore"):
        (tmp_path / name).touch()
    run_folder.clear_unfinished(tmp_path)
    run_folder.clear_unfinished(tmp_path / "nothing")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "history.csv"]
