"""What a report says of the entries of catalogues, kept from one report to the next.

To ask an architecture for its blocks, or an activation for its curve, takes Keras, whose import takes longer than all
else in a report. The answers depend on the code alone, so they are asked once for each state of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from archbench import code
from archbench.activations import ACTIVATIONS
from archbench.architectures import ARCHITECTURES
from archbench.augmentations import AUGMENTATIONS
from archbench.catalogue import Catalogue, Entry
from archbench.errors import UserError
from archbench.initializers import INITIALIZERS
from archbench.normalizations import NORMALIZATIONS
from archbench.optimizers import OPTIMIZERS
from archbench.preprocessing import PREPROCESSING
from archbench.records.run_folder import write_text
from archbench.regularizers import REGULARIZERS
from archbench.schedules import SCHEDULES

ARCHITECTURE = "architecture"
CATALOGUES: dict[str, Catalogue] = {
    ARCHITECTURE: ARCHITECTURES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "initializer": INITIALIZERS,
    "regularizer": REGULARIZERS,
    "augmentation": AUGMENTATIONS,
    "preprocessing": PREPROCESSING,
}
"""A kind of choice -> what there is of it."""
Facts = dict[str, Any]
ROOT = code.PACKAGE.parents[1]
"""Of the project that the package lies in: files below it are named from there, those of plugins elsewhere whole."""


@dataclass
class Known:
    """What is known of entries; in `file`, where one is given, also beyond this report."""

    file: Path | None = None
    _facts: dict[str, Facts] | None = None
    _asked: bool = field(default=False, init=False)

    def of(self, kind: str, name: str) -> Facts:
        """What the entry `name` of a kind is; empty for one that is no longer there."""
        if self._facts is None:
            self._facts = self._read()
        key = f"{kind} {name}"
        if key not in self._facts:
            self._facts[key], self._asked = _ask(kind, name), True
        return self._facts[key]

    def keep(self) -> None:
        """Write down what was asked since."""
        if self.file is None or not self._asked:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.file, json.dumps({"state": code_state(), "facts": self._facts}))

    def _read(self) -> dict[str, Facts]:
        """What an earlier report kept, if the code is still the same; a damaged file is as good as none."""
        try:
            kept = json.loads(self.file.read_text(encoding="utf-8")) if self.file else {}
            return kept["facts"] if kept.get("state") == code_state() else {}
        except (OSError, ValueError, KeyError, AttributeError):
            return {}


def code_state() -> str:
    """A digest of the code of the package and of plugins, and the version of Keras."""
    files = [*sorted(code.PACKAGE.rglob("*.py")), *sorted(code.OUTSIDE.values())]
    return f"{code.digest(files, Path.read_bytes)} keras {metadata.version('keras')}"


@cache
def _ask(kind: str, name: str) -> Facts:
    entry = next((entry for entry in CATALOGUES[kind] if entry.name == name), None)
    if entry is None:
        return {}
    more: Callable[[Entry], Facts] = {ARCHITECTURE: _network, "activation": _curve}.get(kind, lambda _: {})
    path = code.path_of(entry.module)
    file = str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
    what = entry.what.rstrip(".").replace("`", "")
    return {"what": what, "source": entry.source, "file": file, **more(entry)}


def _network(entry: Entry) -> Facts:
    """What it reads, costs and is made of at the size of its paper; where no outline can be made, its input alone."""
    from archbench.architectures.network import outline
    from archbench.architectures.profile import profile
    from archbench.architectures.sketch import sketch

    shape, outputs = entry.facts["paper_input"], entry.facts["paper_outputs"]
    facts = {"input": list(shape), "outputs": outputs, "swaps": list(entry.facts["swaps"])}
    try:
        model = outline(entry.name, shape, outputs)
    except UserError:
        return facts
    drawn = sketch(model)
    stages = [{**vars(stage), "shape": list(stage.shape), "layers": list(stage.layers)} for stage in drawn.stages]
    return {**facts, "cost": vars(profile(model)), "stages": stages, "between": list(drawn.between)}


def _curve(entry: Entry) -> Facts:
    """Inputs, and what it makes of each alone; nothing of an activation that looks at several at once."""
    if "widening" in entry.facts or entry.name == "softmax":
        return {}
    import keras
    import numpy as np

    x = np.linspace(-4, 4, 321, dtype="float32")
    inputs = keras.Input((1,))
    outputs = keras.Model(inputs, entry(inputs))(x[:, None], training=False)
    return {"x": x.tolist(), "y": keras.ops.convert_to_numpy(outputs)[:, 0].tolist()}
