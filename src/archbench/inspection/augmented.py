"""Training examples as a benchmark's augmentations change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

from archbench.augmentations import AUGMENTATIONS
from archbench.augmentations.build import build_augmentation
from archbench.catalogue import Spec
from archbench.datasets.store import Prepared
from archbench.inspection import drawn
from archbench.inspection.drawn import Example


def augmented(prepared: Prepared, specs: Sequence[Spec], rows: Sequence[int]) -> list[Example]:
    """These training examples after the augmentations `specs`, drawn with one seed; none where there are none.

    Labels that one of them can make wrong, as the boxes of what is covered, are left out.
    """
    card, arrays = prepared.card, prepared.splits["train"]
    if not specs or not drawn.is_picture(card):
        return []
    spoilt = {label for spec in specs for label in AUGMENTATIONS.resolve(spec)[0].facts.get("spoils", ())}
    chosen = np.array(rows)
    batch = {name: keras.ops.convert_to_tensor(np.asarray(column[chosen])) for name, column in arrays.items()}
    seed = keras.random.SeedGenerator(0)
    for spec in specs:
        batch = build_augmentation(spec, card)(batch, seed)
    changed = {name: keras.ops.convert_to_numpy(batch[name]) for name in batch.keys() - spoilt}
    changed[card.input] = np.rint(np.clip(changed[card.input], 0, 255)).astype(np.uint8)
    shown = [drawn.example(card, changed, "train", place) for place in range(len(rows))]
    return [replace(one, place=f"train {row}") for one, row in zip(shown, rows, strict=True)]
