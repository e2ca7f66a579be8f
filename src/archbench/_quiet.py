"""TensorFlow's start without the notes that its C++ libraries print before any setting of theirs is read.

While TensorFlow is imported, what arrives at the standard error stream is kept and its log lines of the levels
information and warning are taken out; everything else, Python's warnings and C++ errors included, is shown.
Exceptions are not touched. `TF_CPP_MIN_LOG_LEVEL=0` or `1` shows all of it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from archbench._around import around

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
NOTE = re.compile(rb"[IW]\d{4} \d\d:\d\d:\d+\.\d+ |WARNING: All log messages before absl::InitializeLog\(\)")
DRIVER = Path("/dev/nvidiactl")
STDERR = 2


def hush() -> None:
    """Set the log level, where the user has not, and keep back the notes of TensorFlow's import.

    Errors are shown where there is an NVIDIA driver; elsewhere the one that is logged says just that there is none.
    """
    os.environ.setdefault(LEVEL, "2" if DRIVER.exists() else "3")
    if os.environ[LEVEL] not in ("0", "1") and "tensorflow" not in sys.modules:
        around("tensorflow", _without_notes)


@contextmanager
def _without_notes(_: ModuleType) -> Iterator[None]:
    if sys.stderr is None:  # the stream is closed: there is nothing to hold back
        yield
        return
    import tempfile

    sys.stderr.flush()
    shown = os.dup(STDERR)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(shown, STDERR)
            os.close(shown)
            kept.seek(0)
            for line in kept:
                if not NOTE.match(line):
                    os.write(STDERR, line)
