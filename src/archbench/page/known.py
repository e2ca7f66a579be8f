"""What a report says of the entries of catalogues, kept from one report to the next.

To ask an architecture for its blocks, or an activation for its curve, takes Keras, whose import takes longer than all
else in a report. The answers depend on the code alone, so they are asked once for each state of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from archbench import code
from archbench.activations import ACTIVATIONS
from archbench.architectures import ARCHITECTURES
from archbench.asked import Asked
from archbench.augmentations import AUGMENTATIONS
from archbench.catalogue import Catalogue, Entry
from archbench.errors import UserError
from archbench.initializers import INITIALIZERS
from archbench.normalizations import NORMALIZATIONS
from archbench.optimizers import OPTIMIZERS
from archbench.preprocessing import PREPROCESSING
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


class Known(Asked):
    """What is known of entries."""

    def of(self, kind: str, name: str) -> Facts:
        """What the entry `name` of a kind is; empty for one that is no longer there."""
        return self.get(f"{kind} {name}", lambda: _ask(kind, name))


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
