"""A process that has imported everything and runs the jobs that it is told, one after the other.

`python -m archbench.engines.nursery MODULE:FUNCTION [SECONDS]`: the function does a stage by its name, in at most so
many seconds. Its input is a line of JSON a job, the stage and its log; its output a line a job, how it ended. Where its
input ends, whoever told it is gone: it ends, and the job with it.
"""

from __future__ import annotations

import json
import os
import pkgutil
import sys
from collections.abc import Callable
from multiprocessing import connection
from pathlib import Path

from archbench.engines import Job
from archbench.engines.crew import LOOK_SECONDS
from archbench.engines.local import Processes


def main(work: Callable[[str], None], limit_seconds: float | None) -> None:
    """Run jobs until there are no more."""
    answers = os.fdopen(os.dup(1), "w")  # apart from what libraries say
    os.dup2(2, 1)
    logs: dict[str, Path] = {}
    engine = Processes(work, 1, logs.__getitem__, limit_seconds)
    while line := sys.stdin.buffer.raw.readline():
        stage, log = json.loads(line)
        logs[stage] = Path(log)
        run = engine.start(Job(stage, (), 0.0))
        while (ended := run.ended()) is None:
            if sys.stdin.fileno() in connection.wait([run.process.sentinel, sys.stdin.fileno()], LOOK_SECONDS):
                engine.stop([run])  # nothing is told while a job runs: this is the end of the input
                return
        print(ended, file=answers, flush=True)


if __name__ == "__main__":
    main(pkgutil.resolve_name(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else None)
