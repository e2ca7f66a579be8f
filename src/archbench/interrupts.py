"""Ctrl-C and SIGTERM: one line, exit code 130 or 143, within two seconds, whatever the process is doing.

Python runs a signal handler between two of its own instructions, and a compilation by XLA or the import of a library is
one instruction of many seconds. So a thread waits for the byte that the handler in C writes at once (`set_wakeup_fd`).
The main thread is asked to unwind, by `Stopped`; if it has not ended after a second, the thread ends the process.
Nothing is lost by that: whatever is on disk survives a kill at any moment.

`dvc repro` waits for its stage, adds a line of its own and leaves with 255 after Ctrl-C; of SIGTERM it dies at once.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

import psutil

UNWINDING_SECONDS = 1.0
"""For the main thread to put away temporary files and the display."""
LOOK_SECONDS = 0.5
"""Between two looks at whether the process that started a stage of DVC is still there."""
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
DVC_MARK = "DVC_STAGE"
"""The variable that DVC sets for each stage that it runs."""
STDOUT, STDERR = 1, 2
SHOW_CURSOR = b"\x1b[?25h"


class Stopped(BaseException):
    """Raised in the main thread when the process is to end; like `KeyboardInterrupt` no `Exception`."""


class _Stop:
    """The end of this process, once it is asked for."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The signal that asked first."""
        self.raised = False
        self._stderr = STDERR
        self._beginning = threading.RLock()  # a handler can interrupt itself
        self._telling = threading.Lock()

    def begin(self, number: int) -> None:
        """Note the first signal, and close the standard error stream to all but our own line.

        A library that is left in the middle of its work tells of it in tracebacks.
        """
        with self._beginning:
            if self.number is not None:
                return
            self.number = number
            self._stderr = os.dup(STDERR)
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, STDERR)
            os.close(nothing)

    def end(self) -> NoReturn:
        """Say the one line and leave, without taking down the libraries in good order, which takes seconds."""
        with self._telling:  # never given back: whoever is second waits here for the end
            if os.isatty(STDOUT):
                os.write(STDOUT, SHOW_CURSOR)
            os.write(self._stderr, f"archbench: {WORDS[self.number]}\n".encode())
            os._exit(128 + self.number)


_stop = _Stop()


def stopping() -> bool:
    """Whether this process was asked to end."""
    return _stop.number is not None


@contextmanager
def heeded() -> Iterator[None]:
    """End on Ctrl-C and SIGTERM as this module says, for the whole of a program: enter it before heavy imports.

    A stage that DVC runs is also ended when DVC is gone: it would go on unseen, and in the way of the next one.
    """
    heard, told = os.pipe()
    os.set_blocking(told, False)
    for number in WORDS:
        if signal.getsignal(number) != signal.SIG_IGN:  # what the caller had ignored stays so
            signal.signal(number, _unwind)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(heard, _below_dvc()), daemon=True).start()
    try:
        yield
    except BaseException:
        if stopping():  # `Stopped`, or what an interrupted library made of it
            with suppress(OSError, ValueError):
                sys.stdout.flush()
            _stop.end()
        raise


def leave_alone() -> None:
    """Leave the signals to handlers of the caller's own, which may take their time."""
    signal.set_wakeup_fd(-1)


def _unwind(number: int, frame: FrameType | None) -> None:
    """Ask the main thread to end, once."""
    _stop.begin(number)
    if not _stop.raised:
        _stop.raised = True
        raise Stopped


def _below_dvc() -> list[psutil.Process]:
    """This process and those between it and the DVC that runs it as a stage, youngest first; none where no DVC does.

    Some shells run a command in their own place, others (dash) wait for it; DVC itself is the first above without the
    mark that it gives to a stage.
    """
    if DVC_MARK not in os.environ:
        return []
    line = [psutil.Process()]
    with suppress(psutil.Error):  # of a parent that is gone already, or another user's
        while (above := line[-1].parent()) is not None and DVC_MARK in above.environ():
            line.append(above)
    return line


def _watch(heard: int, line: list[psutil.Process]) -> None:
    """Wait for a signal, or for the end of DVC above `line`; then see to it that this process ends."""
    _stop.begin(_next_signal(heard, line))
    select.select([heard], [], [], UNWINDING_SECONDS)  # a second signal is an impatient one
    _stop.end()


def _next_signal(heard: int, line: list[psutil.Process]) -> int:
    parents = _parents(line)
    while True:
        if select.select([heard], [], [], LOOK_SECONDS if parents else None)[0]:
            number = os.read(heard, 1)[0]
            if number in WORDS:
                return number
        elif _parents(line) != parents:
            os.kill(os.getpid(), signal.SIGTERM)  # of which the next look hears
            parents = []


def _parents(line: list[psutil.Process]) -> list[int | None]:
    """Who started each; another one takes over where that one has died, which shows at once, reaped or not."""
    parents = []
    for one in line:
        try:
            parents.append(one.ppid())
        except psutil.NoSuchProcess:
            parents.append(None)
    return parents
