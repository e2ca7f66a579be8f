"""What a person sees of a training: while it goes on, and in the line that it ends with."""

import io
import math
import re

import fake_runs as fake
import pytest
from rich.console import Console

from archbench import progress
from archbench.closing import closing_line, closing_lines
from archbench.progress import EpochDisplay, Pulse, bar_line

ROW = {"train_loss": 0.5, "validation_loss": 0.25, "validation_accuracy": 0.98149}
LONG = "preact_resnet164-shifted-16-with-a-long-name seed 12"


def rows(epochs):
    return [{"epoch": float(epoch), **ROW} for epoch in range(1, epochs + 1)]


def test_a_file_gets_whole_lines_a_few_seconds_apart_and_the_last_epoch_always(capsys):
    with EpochDisplay("lenet5-digits") as display:
        for row in rows(3):
            display.show("seed-0", row, 3, "accuracy")
    scores = "train loss 0.5  validation loss 0.25  validation accuracy 0.9815"
    assert capsys.readouterr().out.splitlines() == [
        f"lenet5-digits seed 0: epoch 1/3  {scores}",
        f"lenet5-digits seed 0: epoch 3/3  {scores}",
    ]


def test_a_monitored_loss_is_shown_once(capsys):
    with EpochDisplay("x") as display:
        display.show("seed-0", rows(1)[0], 1, "loss")
    assert capsys.readouterr().out == "x seed 0: epoch 1/1  train loss 0.5  validation loss 0.25\n"


@pytest.fixture
def terminal(monkeypatch):
    """A stream that stands for a terminal of 80 columns, and the time."""
    stream, clock = io.StringIO(), [0.0]
    monkeypatch.setattr(progress, "Console", lambda: Console(file=stream, force_terminal=True, width=80))
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    return stream, clock


def test_a_terminal_of_80_columns_shows_all_that_is_asked(terminal):
    stream, clock = terminal
    with EpochDisplay("lenet5-digits") as display:
        for row in rows(7):
            clock[0] += 30.0 if row["epoch"] == 1 else 6.0  # the first epoch compiles, and is no measure
            display.show("seed-0", row, 20, "accuracy")
        clock[0] += 3.0
    last = re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]", "", stream.getvalue()).replace("\r", "\n").strip().splitlines()[-1]
    assert last == "lenet5-digits seed 0  epoch  7/20  ━━━━╌╌╌╌╌╌╌╌╌  1:15 left  val accuracy 0.9815"
    assert len(last) == 80


def test_no_bar_where_other_processes_write_too_or_the_cursor_cannot_move(terminal, monkeypatch, capsys):
    stream, _ = terminal
    for plain, term in ((True, "xterm"), (False, "dumb")):
        monkeypatch.setenv("TERM", term)
        with EpochDisplay("a", plain=plain) as display:
            display.show("seed-0", rows(1)[0], 1, "accuracy")
        assert "epoch 1/1" in capsys.readouterr().out
        assert stream.getvalue() == ""


@pytest.mark.parametrize("width", range(1, 130))
@pytest.mark.parametrize("name", ["lenet5-digits seed 0", LONG])
def test_no_width_breaks_the_line_and_the_score_goes_last(name, width):
    line = bar_line(name, 7, 20, 3725.0, "val accuracy 0.9815", width)
    assert len(line) <= width
    if width >= 40:
        assert "epoch  7/20" in line
        assert line.endswith("val accuracy 0.9815")
        assert line[0] == name[0]
    if width >= 70:
        assert "1:02:05 left" in line
        assert line.count("━") == (line.count("━") + line.count("╌")) * 7 // 20


def test_a_terminal_of_ascii_gets_ascii():
    assert bar_line(LONG, 1, 20, math.nan, "val loss 1", 80, ascii_only=True).isascii()


@pytest.mark.parametrize(
    ("pulse", "now", "left"),
    [
        (Pulse(1, 30.0, 1, 30.0), 31.0, math.nan),
        (Pulse(1, 30.0, 3, 50.0), 50.0, 170.0),
        (Pulse(1, 30.0, 3, 50.0), 54.0, 166.0),
        (Pulse(9, 0.0, 10, 10.0), 10.0, 100.0),  # a resumed run
        (Pulse(1, 30.0, 3, 50.0), 999.0, 0.0),
    ],
)
def test_the_time_left_leaves_the_first_epoch_out(pulse, now, left):
    assert pulse.seconds_left(20, now) == pytest.approx(left, nan_ok=True)


def ended(folder, *scores, monitor="accuracy", maximize=True):
    """Folders of seeds that ended with these test scores; None: it diverged."""
    folders = []
    for seed, score in enumerate(scores):
        own = fake.settings("x", seed, architecture="lenet5", scale="paper", dataset="digits", task="classification")
        state = {"state": "diverged"} if score is None else {}
        known = 0.0 if score is None else score
        path = folder / f"seed-{seed}"
        folders.append(fake.write_run(path, own, known, monitor=monitor, maximize=maximize, **state))
    return folders


@pytest.mark.parametrize(
    ("scores", "options", "line"),
    [
        # Deviation 0.002; t(0.975, 2) = 4.30265; 4.30265 * 0.002 / sqrt(3) = 0.00497.
        ((0.989, 0.991, 0.993), {}, "x: test accuracy 0.9910 ± 0.0050 (n=3)"),
        ((0.989, None, 0.993), {}, "x: test accuracy 0.991 ± 0.025 (n=2, 1 diverged)"),
        ((0.25,), {"monitor": "mse", "maximize": False}, "x: test MSE 0.25 (n=1, lower is better)"),
        ((None, None), {}, "x: no test score (2 diverged)"),
        ((0.5, 0.5), {}, "x: test accuracy 0.5 ± 0 (n=2)"),
    ],
)
def test_training_ends_with_its_score_in_the_interval_of_the_report(tmp_path, scores, options, line):
    assert closing_line("x", ended(tmp_path, *scores, **options)) == line


@pytest.mark.parametrize(("maximize", "order"), [(True, "cab"), (False, "acb")])
def test_a_sweep_ends_with_its_arms_best_first(tmp_path, maximize, order):
    scores = {"a": (0.5, 0.6), "b": (None,), "c": (0.8, 0.7)} if maximize else {"a": (0.5,), "b": (None,), "c": (0.8,)}
    arms = [(name, ended(tmp_path / name, *own, maximize=maximize)) for name, own in scores.items()]
    arms.append(("d", []))
    assert [line[0] for line in closing_lines(arms)] == [*order, "d"]
    assert closing_lines(arms)[-1] == "d: no test score (nothing to train)"
