"""Pictures to augment, with all that can lie on one, and how the tests call an augmentation."""

import keras
import numpy as np
from keras import ops

from archbench.augmentations import AUGMENTATIONS
from archbench.datasets import store
from archbench.datasets.card import Card

ENTRIES = {entry.name: entry for entry in AUGMENTATIONS}
COUNT, HEIGHT, WIDTH, OBJECTS = 64, 12, 16, 3
BOXES = [(2, 1, 6, 4), (7, 9, 11, 15)]  # two objects, off centre; the third row is empty


def batch_of(count: int = COUNT) -> dict[str, np.ndarray]:
    """Pictures with two unlike rectangles, each with a bright pixel as a landmark."""
    image = np.zeros((HEIGHT, WIDTH, 3), "uint8")
    mask, instances = np.zeros((2, HEIGHT, WIDTH), "uint8")
    boxes, landmarks = np.zeros((OBJECTS, 4), "float32"), np.zeros((OBJECTS, 2, 2), "float32")
    for number, (top, left, bottom, right) in enumerate(BOXES):
        image[top:bottom, left:right] = 50 * (number + 1)
        image[top, left] = 200 + number
        mask[top:bottom, left:right] = number + 1
        instances[top:bottom, left:right] = number + 1
        boxes[number] = top, left, bottom, right
        landmarks[number] = (top + 0.5, left + 0.5), (bottom - 0.5, right - 0.5)
    one = {
        "image": image,
        "mask": mask,
        "instances": instances,
        "boxes": boxes,
        "box_label": np.array([3, 0, -1], "int32"),
        "landmarks": landmarks,
    }
    batch = {name: np.repeat(array[None], count, axis=0) for name, array in one.items()}
    return {**batch, "label": np.arange(count, dtype="int32")}


def card_of(batch: dict[str, np.ndarray], classes: int = COUNT, **changes) -> Card:
    arrays = {key: {"shape": list(array.shape[1:]), "dtype": str(array.dtype)} for key, array in batch.items()}
    names = tuple(str(number) for number in range(classes))
    given = next(iter(batch))
    fields = {"statistics": store.statistics(batch[given]), "class_names": names, "split_sizes": {}, "arrays": arrays}
    return Card(**{"name": "toy", "source": "", "licence": "", "input": given, **fields, **changes})


def build(name: str, batch: dict, **options):
    return AUGMENTATIONS.build({"name": name, **ENTRIES[name].facts["smoke"], **options}, card_of(batch))


def tensors(batch: dict) -> dict:
    return {key: ops.convert_to_tensor(array) for key, array in batch.items()}


def arrays_of(batch: dict) -> dict[str, np.ndarray]:
    return {key: ops.convert_to_numpy(array) for key, array in batch.items()}


def run(name: str, batch: dict, seed: int, **options) -> dict[str, np.ndarray]:
    apply = build(name, batch, **options)
    batch = {key: ops.convert_to_tensor(array) for key, array in batch.items()}
    changed = apply(batch, keras.random.SeedGenerator(seed))
    return {key: ops.convert_to_numpy(array) for key, array in changed.items()}


def box_around(pixels: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


def moved_pictures(batch: dict, changed: dict) -> np.ndarray:
    return (batch["image"] != changed["image"]).any(axis=(1, 2, 3))
