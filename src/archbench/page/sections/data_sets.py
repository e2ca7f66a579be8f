"""A page for every data set: examples, the balance of classes, sizes, what stands twice, and what is odd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archbench.datasets.card import Card
from archbench.inspection.alike import MOST
from archbench.inspection.tallies import balance
from archbench.page import formats
from archbench.page.data_links import data_anchor, data_link
from archbench.page.looked import look_at
from archbench.page.section import Block, Facts, Figures, Heading, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.data_sets import DataSetHere
from archbench.results.doubted import doubted
from archbench.results.gathered import Results

CLASSES = 24
"""Classes that are told one by one; of more, half as many of the most frequent and of the rarest."""
DOUBTS = 8
"""Labels that a network doubts, which are told one by one."""
DIGITS = 12
"""Of a digest."""
KINDS = {
    "across": "equal, in two splits",
    "within": "equal, in one split",
    "near": "nearly alike, in two splits",
}
ALIKE = {"In two splits": "across", "Twice in one": "within", "Nearly alike": "near"}
"""The heads of counts of equal examples, and of pictures that are nearly alike."""
HEADS = ("Input", "Classes", "Examples", *ALIKE, "Odd files", "Licence")
REMARK = (
    "Equal are examples whose inputs are the same to the byte. Nearly alike are pictures that look the same, by a hash "
    f"of how brightness changes and as small gray pictures; of each split the first {MOST:,} at most are compared."
)
TURNED = "turned, as its EXIF asks: labels are those of the picture as it is displayed"
Found = Mapping[str, Any]


@section("data_sets", order=147, needs=(), source="archbench")
def data_sets(results: Results, place: Workplace) -> Iterator[Section]:
    """A table of all data sets of params.yaml, and a page for each; nothing where there are none."""
    rows, pages = [], []
    for data in results.options.data_sets.values():
        if data.card is None:
            lead, blocks, row = _absent(data, results), [], _row(data.name, results)
        else:
            shown, found = place.gallery.of_job(look_at(data), data.name)
            lead, row = _lead(data.card, found), _row(data.name, results, data.card, found)
            blocks = [Figures(shown), *_blocks(data, data.card, found, results)]
        rows.append(row)
        blocks += _users(data.name, results)
        title = f"Data set {data.name}"
        pages.append(Section(data_anchor(data.name), title, blocks, listed=False, brief=False, lead=lead))
    if pages:
        yield Section("data-sets", "Data sets", [Table(rows), Text(REMARK)], lead=_all(results))
        yield from pages


def _all(results: Results) -> str:
    """How many there are, and how many of them are absent."""
    data = results.options.data_sets.values()
    absent = sum(one.card is None for one in data)
    others = f"; {absent} of them not here as params.yaml asks for" if absent else ""
    return f"{formats.plural(len(data), 'data set')}{others}. Each has a page with examples and what is odd."


def _absent(data: DataSetHere, results: Results) -> str:
    """Why nothing of it is shown, and what would do."""
    otherwise = data.name in results.options.data
    why = "prepared, but not as params.yaml and the code ask for now" if otherwise else "not prepared here"
    return f"{data.name} is {why}, so none of it is shown. To see it: dvc repro prepare@{data.name}, then the report."


def _row(name: str, results: Results, card: Card | None = None, found: Found | None = None) -> Row:
    """A line of the table of all, with nothing but the name of one that is not here."""
    if card is None or found is None:
        return {"Data set": data_link(name, results), "Input": "absent", **dict.fromkeys(HEADS[1:], formats.NOTHING)}
    classes = max((len(names) for names in card.classes.values()), default=0)
    cells = [
        _input(card),
        str(classes or formats.NOTHING),
        _sizes(card),
        *(_count(found, kind) for kind in ALIKE.values()),
        str(sum(card.odd_files.values())),
        card.licence,
    ]
    return {"Data set": data_link(name, results), **dict(zip(HEADS, cells, strict=True))}


def _count(found: Found, kind: str) -> str:
    one = found["alike"].get(kind)
    return formats.count(one["count"]) if one else formats.NOTHING


def _input(card: Card) -> str:
    """`image, 32 × 32 × 1 uint8`."""
    kept = card.arrays[card.input]
    return f"{card.input}, {_shape(kept['shape'])} {kept['dtype']}"


def _shape(sides: Sequence[int | None]) -> str:
    """Of one example."""
    return " × ".join("any length" if side is None else str(side) for side in sides) or "one number"


def _sizes(card: Card) -> str:
    """`1,257 train, 270 validation, 270 test`."""
    return ", ".join(f"{size:,} {split}" for split, size in card.split_sizes.items())


def _lead(card: Card, found: Found) -> str:
    """How many examples there are, and what is to be known of them first."""
    same = found["alike"]
    across = same["across"]["count"]
    one, several = "example of one split is", "examples of one split are"
    stands = f"{across:,} {one if across == 1 else several} in another, too" if across else "none stands in two splits"
    near = same.get("near", {}).get("count", 0)
    pairs = (
        f"; {formats.count(near)} pair{'s' if near > 1 else ''} of pictures in two splits nearly alike" if near else ""
    )
    odd = sum(card.odd_files.values())
    files = f"; {formats.plural(odd, 'odd file')}" if odd else ""
    return f"{_sizes(card)} examples; {stands}{pairs}{files}."


def _blocks(data: DataSetHere, card: Card, found: Found, results: Results) -> list[Block]:
    texts = [{"Example": place, "Label": told or formats.NOTHING, "Text": text} for place, told, text in found["texts"]]
    return [
        *([Table(texts)] if texts else []),
        Facts(_facts(data, card, results)),
        *_classes(card),
        Heading("Sizes"),
        Table(_size_rows(card, found)),
        Heading("What stands twice"),
        *_alike(card, found),
        Heading("Corrupt and odd files"),
        *_files(card, found),
        *_doubts(card, data.name, results),
        Text(f"archbench data inspect {data.name} writes a longer page, of what is prepared and trained now."),
    ]


def _facts(data: DataSetHere, card: Card, results: Results) -> list[tuple[str, str]]:
    options = ", ".join(f"{name}: {value}" for name, value in data.spec.items() if name != "name")
    return [
        ("Loader", f"{data.spec['name']}{f' ({options})' if options else ''}"),
        *([("Made from", data_link(data.of, results))] if data.of else []),
        ("Source", card.source),
        ("Licence", card.licence),
        ("Input", _input(card)),
        ("Digest of the content", card.sha256[:DIGITS]),
    ]


def _classes(card: Card) -> list[Block]:
    """How many examples of each split are of each class, the most frequent in training first."""
    blocks: list[Block] = []
    for name, classes in balance(card).items():
        half = CLASSES // 2
        shown = classes if len(classes) <= CLASSES else [*classes[:half], *classes[-half:]]
        known = max(1, card.label_counts[name]["train"]["known"])
        rows = [
            {
                "Class": one.name,
                **{split: f"{count:,}" for split, count in one.counts.items()},
                "Of training": f"{100 * one.counts['train'] / known:.1f}\u00a0%",
            }
            for one in shown
        ]
        blocks += [Heading(f"Classes of {name}"), Table(rows)]
        if len(shown) < len(classes):
            blocks.append(Text(f"The {half} most frequent and the {half} rarest of {len(classes):,} classes."))
    return blocks


def _size_rows(card: Card, found: Found) -> list[Row]:
    """The arrays, and the files that they were made from."""
    rows = []
    for name, kept in card.arrays.items():
        span = _span(found["spans"].get(name))
        rows.append({"What": f"{name}, {kept['dtype']}", "Shape": _shape(kept["shape"]), **span})
    for side, values in found.get("sizes", {}).items():
        rows.append({"What": f"{side} of the files, pixels", "Shape": formats.NOTHING, **_span(values)})
    return rows


def _span(values: Sequence[int] | None) -> Row:
    """Of what differs between training examples."""
    least, median, most = (f"{value:,}" for value in values) if values else [formats.NOTHING] * 3
    return {"Least": least, "Median": median, "Most": most}


def _alike(card: Card, found: Found) -> list[Block]:
    same = found["alike"]
    rows = [
        {
            "Examples": words,
            "How many": formats.count(same[kind]["count"]),
            "The first": "; ".join(same[kind]["first"]) or formats.NOTHING,
        }
        for kind, words in KINDS.items()
        if kind in same
    ]
    fewer = [f"{count:,} of {split}" for split, count in same["looked"].items() if count < card.split_sizes[split]]
    said = f"Looked through for equal ones: the first {', '.join(fewer)}." if fewer else ""
    return [Table(rows), *([Text(said)] if said else [])]


def _files(card: Card, found: Found) -> list[Block]:
    """What cannot be opened, is to be turned, or was converted or skipped."""
    rows = [{"File": file, "What": f"cannot be opened: {why}"} for file, why in found.get("corrupt", [0, []])[1]]
    rows += [{"File": file, "What": TURNED} for file in found.get("turned", [0, []])[1]]
    rows += [{"File": file, "What": what} for file, what in found["odd"]]
    kinds = [f"{count:,} {kind}" for kind, count in card.odd_files.items()]
    formats_of = [f"{count:,} {name}" for name, count in found.get("formats", {}).items()]
    said = [
        *([f"The files are {formats.in_words(formats_of)}."] if formats_of else []),
        *([f"What the files were made from is not there: {found['gone']}"] if "gone" in found else []),
        *(
            [f"Converted, skipped or twice: {', '.join(kinds)}; odd_files.csv beside the prepared data names all."]
            if kinds
            else []
        ),
        *([] if rows else ["None."]),
    ]
    return [*([Table(rows)] if rows else []), *([Text(" ".join(said))] if said else [])]


def _doubts(card: Card, name: str, results: Results) -> list[Block]:
    """Test examples whose labels the best network on these very data doubts."""
    found = doubted(run for run in results.runs if run.settings.get("dataset_sha256") == card.sha256)
    if found is None:
        return []
    classes, run = card.class_names, found.run
    rows = [
        {
            "Example": f"test {one.row}",
            "Label": classes[one.label],
            "The network says": classes[one.said],
            "Sure of it": f"{100 * one.confidence:.1f}\u00a0%",
        }
        for one in found.doubts[:DOUBTS]
    ]
    first = f" The {DOUBTS} that it is surest of:" if len(found.doubts) > DOUBTS else ""
    said = (
        f"Of {found.examples:,} test examples {run.benchmark} (seed {run.seed}), the best network on these data here, "
        f"doubts the labels of {len(found.doubts):,}: it says another class, and is at least as sure as it is on "
        f"average where that class is right (Northcutt et al. 2021, arXiv:1911.00068). It may be wrong itself.{first}"
    )
    return [Heading("Suspected wrong labels"), Text(said), *([Table(rows)] if rows else [])]


def _users(name: str, results: Results) -> list[Block]:
    """The pages of what trained on it, and of what is made from it."""
    rows = [
        {"Page": board.name, "What": f"{formats.plural(len(board.places), 'network')} side by side"}
        for board in results.boards
        if board.dataset == name
    ]
    rows += [
        {"Page": f"Study: {study.name}", "What": f"{formats.plural(len(study.arms), 'arm')} of a study"}
        for study in results.studies
        if study.settings["base"]["dataset"] == name
    ]
    rows += [
        {"Page": data_link(other.name, results), "What": "a data set that is made from it"}
        for other in results.options.data_sets.values()
        if other.of == name
    ]
    return [Heading("Where it is used"), Table(rows)] if rows else []
