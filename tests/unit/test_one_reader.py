"""One reader of run folders: results, doctor, tracking and plan say the same of each; and a record's further splits."""

import json
import os
import platform

import fake_runs as fake
import pytest
from site_text import site_text

from archbench.cli.record_checks import _run_fault
from archbench.page.report import Options, write_report
from archbench.page.sections.boards import board_rows
from archbench.records import read
from archbench.records.read import HalfWritten, read_run, read_whole
from archbench.records.run_folder import BrokenRecord
from archbench.records.summary import summarize
from archbench.results import runs as places
from archbench.results.durations import durations
from archbench.results.leaderboard import boards
from archbench.results.table import results_table
from archbench.tracking._parent import Family, _numbers

DESCRIBED = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}


@pytest.fixture
def folder(tmp_path):
    """A finished run."""
    path = tmp_path / "runs" / "tour" / "a" / "seed-0"
    return fake.write_run(path, fake.settings("a", 0, **DESCRIBED), 0.9)


def going_on(folder, **facts):
    """Make a finished run one without metrics, by the process that `facts` tell of."""
    fake.kill(folder)
    fake.write_json(folder / "machine.json", fake.machine(**facts))


def running(folder):
    going_on(folder, host=platform.node(), pid=os.getpid(), started="2999-01-01T00:00:00+00:00")


def elsewhere(folder):
    going_on(folder, host="another machine", pid=1)


def damaged(folder):
    (folder / "timings.json").write_text("{}")


def gone(folder):
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("change", "state", "fault", "refused"),
    [
        (lambda _: None, "finished", None, None),
        (fake.diverge, "diverged", None, None),
        (running, "running", None, None),
        (elsewhere, "running", None, None),
        (fake.kill, "killed", "was killed; it goes on from the start", None),
        (damaged, "damaged", "is damaged: timings.json has 2 bytes", BrokenRecord),
        (gone, "missing", "is half written", HalfWritten),
    ],
)
def test_all_readers_call_a_run_the_same(folder, change, state, fault, refused):
    change(folder)
    record, place = read_run(folder), places.read_run(folder, "a", 0)
    assert (record.state, place.state) == (state, state)
    assert (_run_fault(record) or "").startswith(fault or "")
    assert (_run_fault(record) is None) == (fault is None)
    if refused:
        with pytest.raises(refused):
            read_whole(folder)
    else:
        assert read_whole(folder).state == state
    assert len(place.history) == len(record.history)
    told: list[str] = []
    measured = durations(folder.parents[1], ["a"], folder, [], told)
    assert ([one.work for one in measured], len(told)) == ([12] if state == "finished" else [], state == "damaged")


def test_every_state_is_one_that_is_counted():
    assert set(read.ENDED) < set(read.STATES)
    assert {"running", "killed", "damaged", "stale", "missing"} < set(read.STATES)


def test_a_run_that_is_going_on_is_no_failure_of_the_report(folder, tmp_path):
    running(folder)
    options = Options(title="t", seeds={"a": (0,)}, study_seeds={})
    page = site_text(write_report("tour", ["a"], [], folder.parents[1], tmp_path / "s", tmp_path / "out", options))
    assert "0 of 1 run of 1 benchmark finished (1 running)." in page
    assert f"4 epochs written: still running on {platform.node()}" in page


def test_a_folder_where_a_run_has_only_just_begun_is_no_run_folder_yet(folder):
    fake.kill(folder)
    (folder / "machine.json").unlink()
    assert (read_run(folder).machine, read_run(folder).state) == ({}, "killed")
    with pytest.raises(HalfWritten, match=r"is no run folder \(yet\): it has no machine.json"):
        read_whole(folder)


def test_a_killed_run_is_the_same_in_a_copy_that_keeps_no_times(folder):
    """As `cp -r` and `git clone` make it."""
    fake.kill(folder)
    for age, name in enumerate(("settings.yaml", "machine.json", "history.csv")):
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    found = read_whole(folder)
    assert (found.state, [row["epoch"] for row in found.history]) == ("killed", [1, 2, 3, 4])


def test_sizes_alone_are_quick_and_digests_certain(folder):
    content = (folder / "timings.json").read_bytes()
    (folder / "timings.json").write_bytes(content.replace(b"1.5", b"2.5"))
    assert read_run(folder, digests=False).state == "finished"
    assert "another digest" in read_run(folder).fault.fault


def test_of_a_damaged_run_what_can_still_be_read_is_kept(folder):
    (folder / "metrics.json").write_text("[]")
    found = read_run(folder)
    assert (found.settings["benchmark"], found.machine["host"]) == ("a", "laptop")
    assert (found.metrics, found.timings, found.history) == (None, None, [])


# --- further splits


def scored(tmp_path, benchmark, tests, further=()):
    for seed, test in enumerate(tests):
        scores = {"validation": {"accuracy": 0.5}, "test": {"accuracy": test}}
        scores |= {split: {"accuracy": test - lower} for split, lower in further}
        path = tmp_path / benchmark / f"seed-{seed}"
        fake.write_run(path, fake.settings(benchmark, seed, **DESCRIBED), 0.9, scores=scores)
    return [places.read_run(tmp_path / benchmark / f"seed-{seed}", benchmark, seed) for seed in range(len(tests))]


def test_a_leaderboard_shows_further_splits_and_ranks_by_the_test_split(tmp_path):
    runs = [*scored(tmp_path, "a", (0.9, 0.8), [("test_2016", 0.5)]), *scored(tmp_path, "b", (0.7, 0.75))]
    (board,) = boards(runs)
    assert [place.benchmark for place in board.places] == ["a", "b"]
    shown = {row["Network (scale)"]: row["On test_2016"] for row in board_rows(board)}
    # Scores 0.4 and 0.3: mean 0.35, half 12.7062 * 0.0707107 / sqrt(2) = 0.635.
    assert shown == {"lenet5 (paper), a": "0.35\u00a0±\u00a00.64", "lenet5 (paper), b": "–"}
    assert board.table()["mean_test_2016"].tolist() == [pytest.approx(0.35), pytest.approx(float("nan"), nan_ok=True)]


def test_the_table_of_all_numbers_has_every_split(tmp_path):
    table = results_table(scored(tmp_path, "a", (0.9,), [("test_2016", 0.5)]))
    last = table[table["epoch"].isna() & (table["metric"] == "accuracy")]
    assert dict(zip(last["split"], last["value"], strict=True)) == pytest.approx(
        {"validation": 0.5, "test": 0.9, "test_2016": 0.4}
    )


def test_a_board_without_further_splits_has_no_column_for_them(tmp_path):
    (board,) = boards(scored(tmp_path, "a", (0.9, 0.8)))
    assert not [head for head in board_rows(board)[0] if head.startswith("On ")]


def test_a_benchmarks_summary_and_its_parent_run_name_the_split(tmp_path):
    scored(tmp_path, "a", (0.9, 0.8), [("train_dev", 0.1)])
    records = [read_whole(tmp_path / "a" / f"seed-{seed}") for seed in (0, 1)]
    summary = summarize([one.metrics for one in records], [one.timings for one in records])
    assert (summary["accuracy"]["mean"], summary["train_dev/accuracy"]["mean"]) == pytest.approx((0.85, 0.75))
    assert "validation/accuracy" not in summary
    numbers = _numbers(Family(records[0], records).current)
    assert numbers["train_dev/accuracy_mean"] == pytest.approx(0.75)
    assert numbers["test/accuracy_mean"] == pytest.approx(0.85)
    assert not [name for name in numbers if name.startswith("validation")]


@pytest.mark.parametrize("scores", [{}, {"validation": {}}, {"validation": {}, "test": {}, "other": 1.0}])
def test_scores_of_another_shape_are_damage(folder, scores):
    metrics = json.loads((folder / "metrics.json").read_text())
    fake.write_json(folder / "metrics.json", metrics | {"scores": scores})
    assert "is not what its writer writes" in read_run(folder).fault.fault
