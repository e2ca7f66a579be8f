"""Figures of one run alone: drawn once for each state of data and code, in other processes where they are many."""

import csv
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import fake_runs as fake
import numpy as np
import pandas as pd
import psutil
import pytest

from archbench.figures.curves import learning_curves
from archbench.figures.gallery import Picture
from archbench.figures.style import colors, figure, looks, one_look_each
from archbench.page import drawn
from archbench.page.drawn import Drawing, Drawn, Job, described
from archbench.page.figures import Gallery
from archbench.page.report import write_report
from archbench.results.gathered import Options

NAMES = [*fake.NETWORKS]


def _lines(count: int) -> Drawing:
    """Two figures; which process drew is in the caption."""
    made = []
    for name in ("one", "two"):
        sheet = figure(2 + count, 1)
        sheet.subplots().plot(range(count + 2), color=colors(["a", "b"])["b"])
        made.append(Picture(name, sheet, str(os.getpid())))
    return Drawing(made, {"lines": count})


def _job(count: int, **changes) -> Job:
    return Job(_lines, (count,), f"{count} lines", **changes)


def _stroke(path: Path) -> bool:
    """Whether the second colour of the palette is in the figure."""
    return "#de8f05" in path.read_text()


def test_a_figure_is_drawn_once_for_each_state_of_data_and_code(tmp_path):
    with Drawn(tmp_path, "code") as first:
        one, two = first.of(_job(1))
        assert (one.name, two.name, one.width, one.height) == ("one", "two", 3 * 96, 96)
        written = one.path.stat().st_mtime_ns
    with Drawn(tmp_path, "code") as second:
        assert second.of(_job(1))[0].path.stat().st_mtime_ns == written
        assert second.found(_job(1)) == {"lines": 1}
        assert second.of(_job(2))[0].width == 4 * 96
    with Drawn(tmp_path, "other code") as third:
        assert third.of(_job(1))[0].path != one.path


def test_what_nobody_asks_for_is_gone_but_not_after_an_error(tmp_path):
    with Drawn(tmp_path, "code") as first:
        first.of(_job(1))
        first.of(_job(2))
    with pytest.raises(OSError, match="full"), Drawn(tmp_path, "code"):
        raise OSError("full")
    assert len(list(tmp_path.iterdir())) == 2
    with Drawn(tmp_path, "code") as second:
        second.of(_job(2))
    assert len(list(tmp_path.iterdir())) == 1


def test_half_a_folder_is_drawn_anew(tmp_path):
    with Drawn(tmp_path, "code") as first:
        (kept, _) = first.of(_job(1))
    (kept.path.parent / drawn.TOLD).unlink()
    kept.path.write_text("half")
    with Drawn(tmp_path, "code") as second:
        assert second.of(_job(1))[0].path.read_text().startswith("<svg")


def test_a_name_keeps_the_look_that_it_has_elsewhere(tmp_path):
    with Drawn(tmp_path, "code") as kept:
        assert _stroke(kept.of(_job(1))[0].path)  # the second of two names
        assert not _stroke(kept.of(_job(1, looks={"b": 4}))[0].path)


def test_many_are_drawn_by_other_processes_and_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(drawn, "FEW", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    jobs = [_job(count) for count in range(4)]
    with Drawn(tmp_path / "others", "code") as others:
        others.begin(jobs)
        wait(others._begun.values())
        theirs = [others.of(job) for job in jobs]
        assert {one.caption for made in theirs for one in made}.isdisjoint({str(os.getpid())})
    with Drawn(tmp_path / "own", "code") as own:
        for job, made in zip(jobs, theirs, strict=True):
            for here, there in zip(own.of(job), made, strict=True):
                assert here.caption == str(os.getpid())
                assert here.path.read_bytes() == there.path.read_bytes()


SLOW = """
import time

def nap(count):
    time.sleep(600)
"""
UNGUARDED = """
import os, sys, time
from concurrent.futures import wait
from pathlib import Path
from archbench.page import drawn
from jobs import nap

print("the script runs", flush=True)
drawn.FEW, os.cpu_count = 1, lambda: 3
with drawn.Drawn(Path(sys.argv[1]), "code") as kept:
    kept.begin([drawn.Job(nap, (count,), str(count)) for count in range(4)])
    wait(kept._begun.values())
    print(*(kept.found(drawn.Job(nap, (count,), str(count))) for count in range(4)))
"""
"""As the pages of pipelines/ are: Python imports a parent's script in each process that it starts."""
QUICK = """
from archbench.page.drawn import Drawing

def nap(count):
    return Drawing([], {"slept": count})
"""


def test_the_others_end_with_a_report_that_is_killed(tmp_path):
    (tmp_path / "jobs.py").write_text(SLOW)
    (tmp_path / "report.py").write_text(UNGUARDED)
    report = subprocess.Popen([sys.executable, tmp_path / "report.py", tmp_path / "kept"])
    begun = tmp_path / "kept"
    _wait_for(lambda: begun.is_dir() and len(list(begun.iterdir())) == 2)  # both draw
    others = psutil.Process(report.pid).children(recursive=True)
    assert len(others) >= 2
    report.kill()
    report.wait()
    _wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in others))


def test_a_script_runs_once_however_many_processes_draw_for_it(tmp_path):
    """Or each would write the report itself, and wait for the one that waits for it."""
    (tmp_path / "jobs.py").write_text(QUICK)
    (tmp_path / "report.py").write_text(UNGUARDED)
    ended = subprocess.run(
        [sys.executable, tmp_path / "report.py", tmp_path / "kept"], capture_output=True, text=True, timeout=120
    )
    assert ended.stdout == "the script runs\n{'slept': 0} {'slept': 1} {'slept': 2} {'slept': 3}\n", ended.stderr
    assert ended.stderr == ""


def _wait_for(what) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _broken() -> Drawing:
    raise ValueError("the picture has no pixels")


def test_what_goes_wrong_elsewhere_is_told_here(tmp_path, monkeypatch):
    monkeypatch.setattr(drawn, "FEW", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    job = Job(_broken, (), "broken")
    with Drawn(tmp_path, "code") as kept:
        kept.begin([job])
        with pytest.raises(ValueError, match="no pixels"):
            kept.of(job)


def test_what_a_figure_is_drawn_from_is_told_apart_by_every_part_of_it():
    @dataclass
    class Step:
        name: str
        gain: float

    table = pd.DataFrame({"a": [1.0, 0.1 + 0.2], "b": ["x", None]})
    given = [
        partial(_lines, 1), partial(_lines, count=1), partial(_lines, 2), partial(_broken, 1),
        partial(_lines, table), partial(_lines, table.iloc[::-1]), partial(_lines, table.rename(columns={"a": "c"})),
        partial(_lines, table.assign(a=[1.0, 0.3])), partial(_lines, table["a"]),
        partial(_lines, np.arange(4)), partial(_lines, np.arange(4.0)), partial(_lines, np.arange(4).reshape(2, 2)),
        partial(_lines, np.array([0, 1, 2, 4])), partial(_lines, [0, 1, 2, 3]), partial(_lines, "[0, 1, 2, 3]"),
        partial(_lines, {"a": 1, "b": 2}), partial(_lines, {"b": 2, "a": 1}), partial(_lines, {"a": 1, "b": None}),
        partial(_lines, [Step("a", 1.0)]), partial(_lines, [Step("a", 2.0)]), partial(_lines, True),
        partial(_lines, np.array([table, 1], dtype=object)), partial(_lines, {"a"}), partial(_lines, {"a", "b"}),
    ]  # fmt: skip
    told = [described(one) for one in given]
    assert len(set(told)) == len(told)
    assert told == [described(one) for one in given]
    assert described(partial(_lines, {"b", "a"})) == described(partial(_lines, {"a", "b"}))
    with pytest.raises(TypeError, match="cannot be told apart"):
        described(partial(_lines, object()))


def _named(*given: str):
    """A figure of a line for each name."""
    sheet = figure(2, 2)
    axes = sheet.add_subplot()
    for place, name in enumerate(given):
        axes.plot([place, 1], color=colors(given)[name])
    return sheet


def test_a_name_keeps_its_look_where_the_figure_that_gave_it_is_not_drawn_again(tmp_path):
    """The first figure is there from before, and what it calls b has the colour that it has in the second."""

    def report(kept, *figures):
        with Drawn(tmp_path / kept, "code") as before, one_look_each():
            gallery = Gallery(tmp_path / "figures", before)
            for number, given in enumerate(figures):
                gallery.keep(partial(_named, *given), str(number), "", "")
            texts = [(tmp_path / "figures" / f"{number}.svg").read_text() for number in range(len(figures))]
            return looks(["a", "b", "c"]), texts

    fresh = report("fresh", ("c", "b"), ("a", "b"))
    report("kept", ("c", "b"))
    assert report("kept", ("c", "b"), ("a", "b")) == fresh
    assert report("kept", ("a", "b"), ("c", "b"))[0] == {"a": 0, "b": 1, "c": 2}


def _report(root: Path) -> dict[str, bytes]:
    options = Options(
        title="kept", seeds=dict.fromkeys(NAMES, fake.SEEDS), study_seeds={}, known=root / "data" / "known.json"
    )
    write_report("tour", NAMES, [], root / "runs", root / "studies", root / "report", options)
    files = (path for path in (root / "report").rglob("*") if path.is_file())
    return {str(path.relative_to(root / "report")): path.read_bytes() for path in files}


def test_a_second_report_is_the_first_and_draws_only_what_changed(tmp_path, monkeypatch):
    fake.write_runs(tmp_path / "runs")
    first = _report(tmp_path)
    drew = []
    monkeypatch.setattr(drawn, "_draw", lambda job, folder, draw=drawn._draw: (drew.append(job), draw(job, folder)))
    assert _report(tmp_path) == first
    assert drew == []

    folder = tmp_path / "runs" / "lenet5-digits" / "seed-0"
    with (folder / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[-1]["train_loss"] = "0.5"
    fake.write_rows(folder / "history.csv", rows)
    changed = _report(tmp_path)
    (own,) = (job for job in drew if job.draw.__name__ == "_draw_curve")
    assert own.arguments[3] == "lenet5-digits"
    (board,) = (job.arguments[0] for job in drew if job is not own)
    assert board.func is learning_curves
    assert "lenet5-digits" in board.keywords["labels"]
    assert changed["figures/curves-of-lenet5-digits.svg"] != first["figures/curves-of-lenet5-digits.svg"]
    assert changed["figures/curves-of-plain20-digits.svg"] == first["figures/curves-of-plain20-digits.svg"]

    drew.clear()
    arrays = fake.run_folder.read_arrays(folder / "predictions.npz")
    arrays["all_prediction_label"] = np.zeros_like(arrays["all_prediction_label"])
    np.savez(folder / "predictions.npz", **arrays)
    fake._seal_again(folder)
    again = _report(tmp_path)
    assert [job.arguments[1] for job in drew] == [folder]
    assert again["figures/confusion-lenet5-digits.svg"] != changed["figures/confusion-lenet5-digits.svg"]
    shutil.rmtree(tmp_path / "data")
    assert _report(tmp_path) == again
