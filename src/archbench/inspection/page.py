"""The page of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from archbench.catalogue import Spec
from archbench.datasets.prepare import files_read
from archbench.datasets.store import Prepared, load
from archbench.inspection import alike, drawn, files, suspects
from archbench.inspection.alike import Twins
from archbench.inspection.augmented import augmented
from archbench.inspection.drawn import Example
from archbench.inspection.tallies import balance, odd_files, spans, spread
from archbench.project import Folders

EXAMPLES, AUGMENTED, PAIRS, ODD = 24, 8, 12, 40
"""That a page shows at most: examples, those of them as augmented, pairs of like ones, odd files."""
PAGE = Path(__file__).with_name("page.html")
STYLE = Path(__file__).parents[1] / "page" / "style.css"


@dataclass(frozen=True)
class Pair:
    """Two examples that are alike."""

    first: Example
    second: Example


def write_page(
    prepared: Prepared,
    folder: Path,
    own: Mapping[str, Path],
    runs: Path,
    out: Path,
    augmentation: Sequence[Spec] = (),
) -> Path:
    """Write the page of a data set, which lies prepared in `folder`, to `out`.

    `own` are the files of the user's own that it was made from, `runs` where runs on it may be; `augmentation` is that
    of a benchmark on it, which some examples are shown with.
    """
    card, rows, found = prepared.card, spread(prepared, EXAMPLES), alike.search(prepared)
    doubted = suspects.suspects(prepared, runs)
    told = {
        "card": card,
        "balance": balance(card),
        "lengths": spans(prepared),
        "files": files.look(own),
        "examples": [_example(prepared, "train", row) for row in rows],
        "augmented": augmented(prepared, augmentation, rows[:AUGMENTED]),
        "augmentation": augmentation,
        "within": found.within,
        "across": found.across,
        "across_pairs": _pairs(prepared, found.across),
        "within_pairs": _pairs(prepared, found.within),
        "near": found.near,
        "near_pairs": _pairs(prepared, found.near or []),
        "most": alike.MOST,
        "odd": odd_files(folder),
        "odd_shown": ODD,
        "doubted": doubted,
        "doubted_shown": [
            (_example(prepared, one.split, one.row), one) for one in (doubted.found if doubted else [])[:EXAMPLES]
        ],
        "style": STYLE.read_text(encoding="utf-8"),
    }
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    page = environment.from_string(PAGE.read_text(encoding="utf-8")).render(told)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    return out


def inspected(
    spec: Mapping[str, Any], folders: Folders, slug: str, out: Path | None = None, augmentation: Sequence[Spec] = ()
) -> Path:
    """Write the page of a prepared data set, whose `spec` params.yaml has, to `out` or where such pages lie."""
    prepared = folders.prepared / slug
    page = out or folders.root / "data" / "inspected" / folders.pipeline / f"{slug}.html"
    return write_page(load(prepared), prepared, files_read(spec, folders.raw), folders.runs, page, augmentation)


def _example(prepared: Prepared, split: str, row: int) -> Example:
    return drawn.example(prepared.card, prepared.splits[split], split, row)


def _pairs(prepared: Prepared, found: Sequence[Twins]) -> list[Pair]:
    return [Pair(_example(prepared, *twins.first), _example(prepared, *twins.second)) for twins in found[:PAIRS]]
