"""The process beside training that copies its folders to MLflow: `python -m archbench.tracking.follow FOLDER...`.

It also looks at what training takes of the machine, which no folder holds. It ends when told `finish` on its standard
input, after a last copy, or when that input closes because the training process is gone. It works at low priority, and
training waits for it at the end alone. What it does is told on its standard error stream; its output is one line, why
the last copy failed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from archbench.databases import first_line
from archbench.records.folders import folders_below
from archbench.secrets import scrub_streams
from archbench.tracking.store import Tracking, TrackingRefused, TrackingUnavailable, connect, failures, locate

if TYPE_CHECKING:
    from archbench.tracking._system import Sampler

INTERVAL_SECONDS = 3.0
"""Between two looks at the folders."""
GRACE_SECONDS = 20.0
"""For a last copy after the training process was killed."""
NICENESS = 19
"""What training leaves over: its imports alone take seconds, which two busy cores would feel."""
FAILED = 3
"""Exit status when the last copy did not succeed."""


class Follower:
    """Copies what is below some folders whenever it changes, and keeps going when MLflow does not answer."""

    def __init__(self, folders: Sequence[Path], trainer: int) -> None:
        self._folders, self._trainer = folders, trainer
        self._copied: dict[Path, tuple[int, ...]] = {}
        self._tracking: Tracking | None = None
        self._refused = False
        self.fault = ""
        """Why the last look failed, in one line."""
        self._sampler: Sampler | None = None

    def look(self) -> bool:
        """One pass over the folders; returns whether all that changed was copied."""
        from archbench.records.read import HalfWritten, state_of
        from archbench.records.run_folder import BrokenRecord
        from archbench.tracking.sync import find_running, sync_folder

        if self._refused:  # a wrong password sent again and again locks an account
            return False
        whole = True
        try:
            tracking = self._open()
            for below, folder in ((one, folder) for one in self._folders for folder in folders_below(one)):
                state = state_of(folder)
                if not any(state) or self._copied.get(folder) == state:
                    continue
                try:
                    sync_folder(folder, below, tracking)
                except HalfWritten:
                    continue
                except BrokenRecord as error:  # or it is caught while it is made anew, and whole at the next look
                    self.fault = str(error)
                    _say(self.fault)
                    whole = False
                    continue
                self._copied[folder] = state
            self._sampler.log(tracking, find_running(tracking))
        except (*failures(), TrackingUnavailable, ValueError) as error:
            _say(f"{type(error).__name__}: {error}")
            self._refused = isinstance(error, TrackingRefused)
            self.fault = first_line(error.__cause__ or error)
            return False
        return whole

    def forget(self) -> None:
        """Look at every folder again: a run that ended without a word has the same files as before."""
        self._copied.clear()

    def _open(self) -> Tracking:
        if self._tracking is None:
            from archbench.tracking._system import Sampler
            from archbench.tracking.sync import close_killed  # brings MLflow and the drawing library: seconds

            tracking = connect(locate())
            closed = close_killed(tracking, tracking.store.root or Path.cwd())
            _say(f"connected to {tracking.store.shown}; {closed} killed runs closed")
            self._tracking, self._sampler = tracking, Sampler(self._trainer)
        return self._tracking


def follow(folders: Sequence[Path]) -> int:
    """Copy what is below the folders until told to finish; returns the exit status."""
    trainer = os.getppid()
    os.nice(NICENESS)
    told = threading.Event()
    orphaned = threading.Event()
    threading.Thread(target=_listen, args=(told, orphaned), daemon=True).start()
    follower = Follower(folders, trainer)
    follower.look()  # at once, to import and connect while the training process is importing too
    while not told.wait(INTERVAL_SECONDS):
        follower.look()
    if orphaned.is_set():
        follower.forget()
    done = follower.look()
    _say("all copied" if done else "not all could be copied")
    if done:
        return 0
    with suppress(BrokenPipeError):  # training is gone
        print(follower.fault, flush=True)
    return FAILED


def _listen(told: threading.Event, orphaned: threading.Event) -> None:
    """Wait for the training process to say `finish`, or to be gone."""
    if sys.stdin.readline().strip() != "finish":
        orphaned.set()
    told.set()
    if orphaned.is_set():
        time.sleep(GRACE_SECONDS)
        os._exit(FAILED)  # a server that trickles its answers must not keep an orphan alive


def _say(line: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    scrub_streams()
    status = follow([Path(folder) for folder in sys.argv[1:]])
    os._exit(status)  # all is on disk: training, which waits, is spared the taking down of MLflow's modules
