"""One writer a folder: a lock that its process takes to the grave, however it dies."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 0.2


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def only_writer(folder: Path, what: str, show: Callable[[str], None] = _tell) -> Iterator[None]:
    """Be the only process that writes `folder`, as long as the body runs.

    Where another one does, `show` gets one line that says who, and the body waits until that one ends. `what` says
    what the body does, in words for that line. The lock stands beside the folder, which may be deleted meanwhile; the
    system drops it with its process, so that nothing has to be cleared after a kill. Do not nest it for one folder.
    """
    folder = folder.resolve()
    path = folder.with_name(f".{folder.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, owner = FileLock(path), path.with_suffix(".owner")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        show(f"{folder} is being written by {_owner(owner)}; this waits until that ends (Ctrl-C gives up)")
        lock.acquire(poll_interval=POLL_SECONDS)
    try:
        owner.write_text(json.dumps({"what": what, "host": platform.node(), "pid": os.getpid()}), encoding="utf-8")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _owner(path: Path) -> str:
    """Who holds a lock, as it said itself; it may not have said so yet."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return f"process {owner['pid']} on {owner['host']} ({owner['what']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
