"""Pictures of the user's own with boxes around objects: annotated as COCO, Pascal VOC or YOLO do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from archbench.datasets import _annotations, dataset
from archbench.datasets._annotations import Annotated
from archbench.datasets._objects import Frame, Part, Told, Whole, gather
from archbench.datasets._own import LICENCE, OWN, SOURCE, Place, Shares, divide, fingerprint, repeated
from archbench.datasets._picture import Look
from archbench.datasets._pictures import Pictures, Storage
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.options import Inside, Seed


@dataset("boxes", **OWN, paths=("folder",))
def boxes(
    raw: Path,
    *,
    folder: str,
    format: Literal["coco", "voc", "yolo"] | None = None,
    size: Frame = (256, 256),
    fit: Whole = "pad",
    storage: Storage = "arrays",
    validation: Inside = VALIDATION,
    test: Inside = TEST,
    seed: Seed = 0,
    skip_broken: bool = False,
) -> Raw:
    """Pictures of your own with boxes, from a folder or an archive, in the format of COCO, Pascal VOC or YOLO.

    `format` is told by the files that are there: COCO's .json, one or one a split; VOC's .xml, beside the pictures or
    in `Annotations` with these in `JPEGImages`; YOLO's .txt, beside the pictures or in `labels` with these in `images`,
    and classes.txt. Folders and files that are named after a split give it, as `train/` does; what is not given is cut
    from what trains, the rarest kinds in proportion. `image` uint8 (height, width, 3) of `size`; `fit` pads a picture
    to it or stretches it. `boxes` float32 (object, [top, left, bottom, right]) with `box_label`; VOC's difficult
    objects and COCO's crowds are ignored ones. A box that lies outside its picture by more than a pixel is refused.
    """
    place, look = Place("folder", folder, raw), Look(tuple(size), fit=fit)
    found = _annotations.read(place, format)
    told = found.pictures
    splits = divide([one.split for one in told], Shares(validation, test, seed), strata=_rarest(told), where=str(place))
    parts = {
        name: Part(
            Pictures(place.source([told[row].picture for row in rows]), look, storage),
            [told[row].scene for row in rows],
        )
        for name, rows in splits.items()
    }
    ignored = any(box.ignored for one in told for box in one.scene.objects)
    columns: tuple[Told, ...] = ("boxes", "ignored") if ignored else ("boxes",)
    gathered = gather(parts, str(place), *columns, skip_broken=skip_broken)
    places = [one.picture for one in told]
    alike = repeated([fingerprint(place.read(name)) for name in places], places, splits)
    return Raw(
        f"{SOURCE}: {folder}",
        LICENCE,
        "image",
        gathered.parts["train"],
        official={name: arrays for name, arrays in gathered.parts.items() if name != "train"},
        class_names=found.kinds,
        labels=("box_label",),
        odd_files=(*gathered.odd_files, *alike),
    )


def _rarest(told: Sequence[Annotated]) -> np.ndarray:
    """Of every picture, the kind of its objects of which there are fewest in all; -1 of one without."""
    counts = Counter(box.label for one in told for box in one.scene.objects)
    return np.array([min((box.label for box in one.scene.objects), key=counts.get, default=-1) for one in told])
