"""archbench: train every classic architecture under the same conditions, and compare them.

From Python: `catalogue`, `network`, `optimizer`, `dataset`, `inspect`, `train`, `load_run`, `results`, `compare`,
`sweep`, `probe`, `plugin`, and for a project `plan`, `report` and `check`, as docs/notebook.md tells; each is imported
when it is first asked for (`__init__.pyi` has their types).
"""

import importlib
import os
from typing import Any

from archbench import _quiet, _saved

# Keras fixes its backend at import, and TensorFlow reads its log level there, so both are set before either is.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
_quiet.hush()
_saved.let_keras_load()

__all__ = [
    "catalogue", "check", "compare", "dataset", "inspect", "load_run", "network", "optimizer", "plan", "plugin",
    "probe", "report", "results", "sweep", "train",
]  # fmt: skip
_FROM = {
    **dict.fromkeys(("network", "optimizer", "dataset"), "archbench.notebook.listing"),
    **dict.fromkeys(("compare", "load_run"), "archbench.notebook.runs"),
    **dict.fromkeys(("train", "sweep"), "archbench.notebook.training"),
    **dict.fromkeys(("check", "inspect", "plan", "plugin", "report"), "archbench.notebook.project"),
    "probe": "archbench.notebook.probing",
    **{name: f"archbench.{name}" for name in ("catalogue", "results")},
}
"""Name -> the module that has it; two are modules themselves, which can be called."""


def __getattr__(name: str) -> Any:
    """What a notebook uses, imported when it is first asked for."""
    if name not in _FROM:
        raise AttributeError(f"module 'archbench' has no attribute {name!r}")
    module = importlib.import_module(_FROM[name])
    return module if name == _FROM[name].rpartition(".")[2] else getattr(module, name)


def __dir__() -> list[str]:
    """These names beside the modules that are imported."""
    return sorted({*globals(), *__all__})
