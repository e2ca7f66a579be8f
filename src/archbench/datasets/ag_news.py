"""AG News: the title and the first lines of news of four kinds.

Zhang, Zhao, LeCun 2015, "Character-unit Convolutional Networks for Text Classification", arXiv:1509.01626, section 4.
Words are in lower case and signs apart, as in Kim 2014, arXiv:1408.5882, and not characters as there.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from archbench.datasets import _fetch, _text, dataset
from archbench.datasets._raw import Raw
from archbench.datasets._texts import Longest, Options, Text, divided, holds, texts_raw
from archbench.options import Inside, Seed

SOURCE = "Zhang, Zhao, LeCun 2015, arXiv:1509.01626"
KINDS = ("World", "Sports", "Business", "Sci/Tech")
"""In the order of their published numbers, from 1."""
SIZES = {"train": 120_000, "test": 7_600}
SHARE = 0.15
"""Of the test file, what is tested where it is all there is."""
ENTITY, TAG = re.compile(r"&?#(\d+);"), re.compile(r"<[^<>]*>")
"""Of HTML; the text has lost the ampersand of some."""
Part = Literal["all", "test"]


def _contains(*, part: Part, vocabulary: int, **_: object) -> dict:
    if part == "all":
        return holds(SIZES, len(KINDS), vocabulary)
    test = round(SHARE * SIZES["test"])
    return holds({"train": SIZES["test"] - test, "test": test}, len(KINDS), vocabulary)


def _files(*, part: Part, **_: object) -> list[str]:
    return ["train.csv", "test.csv"] if part == "all" else ["test.csv"]


@dataset("ag_news", source=SOURCE, **_fetch.facts("ag_news"), contains=_contains, files=_files)
def ag_news(
    raw: Path,
    *,
    part: Part = "all",
    vocabulary: _text.Size = 30_000,
    longest: Longest | None = None,
    validation: Inside = 0.05,
    seed: Seed = 0,
) -> Raw:
    """News of the world, of sports, of business and of science: 120,000 to train with and 7,600 to test on.

    `tokens` int32 (word) of title and text in lower case, and `label` int32. The `vocabulary` are so many words, the
    most frequent of what trains. `longest` is how many words of a text are read, at most; the card counts those that
    are longer. With `part` test, the 7,600 are all there is: a share of them trains, validates and is tested. `seed`
    draws what validates, and what is tested there.
    """
    files = _fetch.fetch("ag_news", raw, only=_files(part=part))
    parts = {Path(name).stem: list(_texts(path.read_bytes(), str(path))) for name, path in files.items()}
    if part == "test":
        parts = divided(parts["test"], SHARE, seed)
    licence = str(_fetch.facts("ag_news")["licence"])
    return texts_raw(SOURCE, licence, parts, KINDS, Options(vocabulary, longest, validation, seed), "AG News")


def _texts(content: bytes, file: str) -> Iterator[Text]:
    """The news of a file: `"label","title","text"` a line, without a header; raises `BrokenText`."""
    reader = csv.reader(io.StringIO(_text.read(content, file), newline=""))
    for row in reader:
        where = f"{file}, line {reader.line_num}"
        if len(row) != 3 or row[0] not in ("1", "2", "3", "4"):
            raise _text.BrokenText(
                f"{where}: this is no label from 1 to {len(KINDS)}, title and text, but {row!r:.80}. Delete the file "
                "to have it downloaded again."
            )
        yield Text.of(where, int(row[0]) - 1, plain(f"{row[1]} {row[2]}"))


def plain(text: str) -> str:
    """A text as one reads it: a backslash was the end of a line, and HTML's entities and tags were left in."""
    text = ENTITY.sub(lambda found: chr(int(found[1])), text.replace("\\", " "))
    return TAG.sub(" ", html.unescape(text))
