"""Three tiny scenes with two objects, one and none, and small networks of parts to look at them."""

import numpy as np

from archbench.datasets.card import Card

HEIGHT, WIDTH, OBJECTS, KINDS = 48, 64, 3, ("round", "heart")
BATCH = {
    "image": np.random.default_rng(5).normal(size=(3, HEIGHT, WIDTH, 3)).astype("float32"),
    "boxes": np.array(
        [[(2, 3, 20, 21), (5, 30, 45, 60), (0, 0, 0, 0)], [(8, 8, 16, 17), (0, 0, 0, 0), (0, 0, 0, 0)], [(0,) * 4] * 3],
        "float32",
    ),
    "box_label": np.array([[0, 1, -1], [1, -1, -1], [-1, -1, -1]], "int32"),
}


def scene_card(class_names=KINDS, **arrays) -> Card:
    """A card of such scenes; `arrays` are further ones: name -> (shape, type)."""
    own = {
        "image": ([HEIGHT, WIDTH, 3], "uint8"),
        "boxes": ([OBJECTS, 4], "float32"),
        "box_label": ([OBJECTS], "int32"),
    }
    told = {name: {"shape": shape, "dtype": dtype} for name, (shape, dtype) in {**own, **arrays}.items()}
    fields = {"name": "scenes", "source": "", "licence": "", "input": "image", "split_sizes": {}}
    return Card(**fields, arrays=told, class_names=class_names)


def drawn_weights(parts):
    """`parts` with kernels that make their answers differ from box to box."""
    random = np.random.default_rng(0)
    for part in parts.values():
        for weight in part.weights:
            if weight.name == "kernel":
                weight.assign(random.normal(size=weight.shape) / np.sqrt(np.prod(weight.shape[:-1])))
    return parts


class BoundParts:
    """Parts as a task calls them."""

    def __init__(self, parts, training=False):
        self.parts, self.training = parts, training

    def __call__(self, *inputs, part="network"):
        return self.parts[part](inputs[0] if len(inputs) == 1 else list(inputs), training=self.training)
