"""What depends on the code and on nothing that changes beside it: asked once for each state of the code, and kept.

To build a network, or to draw a few examples of a data set, takes longer than all else that is told of it.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from archbench import code
from archbench.records.run_folder import write_text


@dataclass
class Asked:
    """Answers, in JSON; in `file`, where one is given, also for other processes and later."""

    file: Path | None = None
    _answers: dict[str, Any] | None = None
    _new: bool = field(default=False, init=False)

    def get(self, key: str, ask: Callable[[], Any]) -> Any:
        """The answer to `key`, which has to say all that decides it; asked where it is not kept."""
        if self._answers is None:
            self._answers = self._read()
        if key not in self._answers:
            self._answers[key], self._new = json.loads(json.dumps(ask())), True  # as it is read again
        return self._answers[key]

    def keep(self) -> None:
        """Write down what was asked since, where that can be written."""
        if self.file is None or not self._new:
            return
        with suppress(OSError):  # the next one asks again
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.file, json.dumps({"state": code_state(), "answers": self._answers}))

    def _read(self) -> dict[str, Any]:
        """What was kept, if the code is still the same; a damaged file is as good as none."""
        try:
            kept = json.loads(self.file.read_text(encoding="utf-8")) if self.file else {}
            return dict(kept["answers"]) if kept.get("state") == code_state() else {}
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return {}


def code_state() -> str:
    """A digest of the code of the package and of plugins, and the versions of Keras and of Python."""
    files = [*sorted(code.PACKAGE.rglob("*.py")), *sorted(code.OUTSIDE.values())]
    versions = f"keras {metadata.version('keras')} python {platform.python_version()}"
    return f"{code.digest(files, Path.read_bytes)} {versions}"
