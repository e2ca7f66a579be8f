"""Networks of several parts: a trunk, a proposal net and a head; an encoder, and one step of a decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="archbench")
class Network(keras.Model):
    """Models that are trained and saved as one, each called by its name; layers, and inputs, may stand in several.

    `preprocessing` is, for arrays that are read, the layer that they go through before any part sees them.
    """

    def __init__(
        self,
        parts: Mapping[str, keras.Model],
        preprocessing: Mapping[str, keras.Layer] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.parts = dict(parts)
        self.preprocessing = dict(preprocessing or {})
        every = [layer for part in self.parts.values() for layer in part._flatten_layers()]
        for layer in every:
            if hasattr(layer, "find"):  # it works with the weights of another, which may stand in another part
                layer.find(every)
        self.built = True  # its parts are

    def call(self, *inputs: Any, part: str, training: bool | None = None) -> Any:
        """What the named part answers."""
        return self.parts[part](inputs[0] if len(inputs) == 1 else list(inputs), training=training)

    def get_config(self) -> dict[str, Any]:
        """The parts, and what goes before them.

        The parts are kept as one model with all their inputs and outputs: a layer in two of them is one layer again.
        `reads` tells which of the inputs are those of each part.
        """
        serialize = keras.saving.serialize_keras_object
        models = self.parts.values()
        inputs = list({id(one): one for part in models for one in part.inputs}.values())
        places = {id(one): place for place, one in enumerate(inputs)}
        return {
            "name": self.name,
            "reads": {name: [places[id(one)] for one in part.inputs] for name, part in self.parts.items()},
            "parts": serialize(keras.Model(inputs, [part.output for part in models])),
            "preprocessing": {name: serialize(layer) for name, layer in self.preprocessing.items()},
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping | None = None) -> Network:
        """The network of `get_config`."""
        restore = keras.saving.deserialize_keras_object
        together = restore(config["parts"], custom_objects)
        parts = {}
        for (name, places), output in zip(config["reads"].items(), together.output, strict=True):
            inputs = [together.inputs[place] for place in places]
            parts[name] = keras.Model(inputs if len(inputs) > 1 else inputs[0], output, name=name)
        before = {name: restore(layer, custom_objects) for name, layer in config["preprocessing"].items()}
        return cls(parts, before, name=config["name"])


def parts_of(model: keras.Model) -> Mapping[str, keras.Model]:
    """The parts of a network by name; one that is whole is a part called `network`."""
    return model.parts if isinstance(model, Network) else {"network": model}


def whole(parts: Mapping[str, keras.Model]) -> keras.Model:
    """The network of these parts: one that is whole as it is."""
    return parts["network"] if list(parts) == ["network"] else Network(parts)
