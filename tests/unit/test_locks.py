"""One writer a folder: who comes second waits and is told for whom, and a kill leaves no lock behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from archbench.locks import only_writer

HOLD = """
import sys, time
from pathlib import Path
from archbench.locks import only_writer
with only_writer(Path(sys.argv[1]), "archbench train lenet5-digits"):
    print("held", flush=True)
    sys.stdin.read()
"""


def _holder(folder: Path) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_writer_is_told_for_whom_it_waits_and_starts_when_that_one_ends(tmp_path):
    folder, lines, order = tmp_path / "runs" / "lenet5", [], []
    holder, told = _holder(folder), threading.Event()

    def show(line: str) -> None:
        lines.append(line)
        told.set()

    def second() -> None:
        with only_writer(folder, "the second", show):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    assert told.wait(30)
    order.append("the first ends")
    holder.communicate("")
    thread.join(30)
    assert order == ["the first ends", "second"]
    (line,) = lines
    assert str(folder) in line
    assert f"process {holder.pid} on " in line
    assert "(archbench train lenet5-digits)" in line


def test_a_killed_writer_holds_nothing(tmp_path):
    holder, lines = _holder(tmp_path / "lenet5"), []
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with only_writer(tmp_path / "lenet5", "the next", lines.append):
        pass
    assert lines == []


def test_the_lock_outlives_the_folder_that_it_guards_and_other_folders_are_free(tmp_path):
    folder, lines = tmp_path / "lenet5", []
    with only_writer(folder, "train"), only_writer(tmp_path / "vgg16", "train", lines.append):
        folder.mkdir()
        folder.rmdir()
    assert lines == []
