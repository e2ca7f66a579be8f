"""What a report shows of the examples of a data set: looked for once for each state of data and code, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archbench.catalogue import Spec
from archbench.datasets import store
from archbench.datasets.prepare import files_read
from archbench.datasets.store import Prepared
from archbench.errors import UserError
from archbench.figures.examples import examples
from archbench.figures.gallery import Picture
from archbench.inspection import alike, drawn, files
from archbench.inspection.alike import Alike, Twins
from archbench.inspection.drawn import Example
from archbench.inspection.tallies import odd_files, spans, spread
from archbench.page.drawn import Drawing, Job
from archbench.results.data_sets import DataSetHere

SMALL, MANY, FEW = 32, 12, 6
"""Of pictures of at most so many pixels a side a page shows `MANY`, of larger ones, and of texts, `FEW`."""
PAIRS = 2
"""Of a kind, that are shown."""
FILES = 12
"""Corrupt and odd files that are named, of each kind."""
MOST_BYTES = 2**31
"""Of a split that are looked through for equal examples: seconds, and all of it but of the very largest data sets."""
OVER = {"boxes": {"boxes"}, "masks": {"mask", "masks"}}
"""What is drawn over a picture, and the arrays that it comes from."""
Found = dict[str, Any]


def look_at(data: DataSetHere) -> Job:
    """What is drawn and found of a data set that is prepared."""
    arguments = (data.folder, data.raw, data.spec, list(data.augmentation))
    return Job(_look, arguments, f"{data.card.card_sha256} {data.spec} {data.augmentation}")


def _look(folder: Path, raw: Path, spec: Spec, augmentation: Sequence[Spec]) -> Drawing:
    prepared = store.load(folder)
    same, rows = alike.search(prepared, MOST_BYTES), spread(prepared, _count(prepared))
    shown = [drawn.example(prepared.card, prepared.splits["train"], "train", row) for row in rows]
    found = {
        "texts": [[one.place, one.told, one.text] for one in shown if not one.pictures],
        "spans": spans(prepared),
        "alike": _counts(same),
        "odd": odd_files(folder)[:FILES],
        **_own_files(spec, raw),
    }
    pictures = [_examples(prepared, shown)] if shown[0].pictures else []
    if changed := _augmented(prepared, augmentation, rows[: len(rows) // 2]):
        pictures.append(changed)
    if shown[0].pictures and (pairs := [*same.across[:PAIRS], *(same.near or [])[:PAIRS]]):
        pictures.append(_pairs(prepared, pairs))
    return Drawing(pictures, found)


def _count(prepared: Prepared) -> int:
    """How many examples are shown."""
    shape = prepared.card.arrays[prepared.card.input]["shape"]
    return MANY if drawn.is_picture(prepared.card) and max(shape[:2]) <= SMALL else FEW


def _examples(prepared: Prepared, shown: Sequence[Example]) -> Picture:
    arrays = prepared.card.arrays
    over = [words for words, names in OVER.items() if names & arrays.keys()]
    told = f" Drawn over them: {' and '.join(over)}." if over else ""
    count = prepared.card.split_sizes["train"]
    caption = f"{len(shown)} of {count:,} training examples, with their labels.{told}"
    return Picture("examples", examples(shown, _kinds(prepared)), caption)


def _kinds(prepared: Prepared) -> Sequence[str]:
    """The classes of boxes, by their numbers."""
    return prepared.card.classes.get("box_label", prepared.card.class_names)


def _augmented(prepared: Prepared, augmentation: Sequence[Spec], rows: Sequence[int]) -> Picture | None:
    """The first examples again as a benchmark trains on them; nothing where that changes no picture."""
    if not augmentation or not drawn.is_picture(prepared.card):
        return None
    from archbench._lean import import_keras

    import_keras()
    from archbench.inspection.augmented import augmented

    shown = augmented(prepared, augmentation, rows)
    names = ", then ".join(spec["name"] for spec in augmentation)
    caption = f"The first {len(shown)} of these as training sees them, once: after {names}."
    return Picture("augmented", examples(shown, _kinds(prepared)), caption)


def _pairs(prepared: Prepared, pairs: Sequence[Twins]) -> Picture:
    rows = [place for twins in pairs for place in (twins.first, twins.second)]
    shown = [drawn.example(prepared.card, prepared.splits[split], split, row) for split, row in rows]
    caption = "Examples that are equal, then such that are nearly alike, in two splits: each beside its other."
    return Picture("alike", examples(shown, places=True), caption)


def _counts(same: Alike) -> Found:
    """How many there are of each kind, and the first of them."""
    kinds = {"across": same.across, "within": same.within, "near": same.near}
    told = {
        kind: {"count": len(twins), "first": [_words(one) for one in twins[:PAIRS]]}
        for kind, twins in kinds.items()
        if twins is not None
    }
    return {**told, "looked": same.looked}


def _words(twins: Twins) -> str:
    """`train 12 and test 3`."""
    return " and ".join(f"{split} {row}" for split, row in (twins.first, twins.second))


def _own_files(spec: Spec, raw: Path) -> Found:
    """Of the picture files of the user's own that are still there."""
    try:
        looked = files.look(files_read(spec, raw))
    except UserError as error:
        return {"gone": str(error)}
    if looked is None:
        return {}
    return {
        "formats": dict(looked.formats),
        "sizes": dict(looked.sizes),
        "turned": [len(looked.turned), looked.turned[:FILES]],
        "corrupt": [len(looked.corrupt), looked.corrupt[:FILES]],
    }
