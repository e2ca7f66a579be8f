"""Texts of the user's own with a class each, from a table."""

from __future__ import annotations

from pathlib import Path

from archbench.datasets import _text, dataset
from archbench.datasets._own import LICENCE, OWN, SOURCE, Shares, codes, divide, numbered, repeated
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets._tables import read_table
from archbench.datasets._texts import Longest, Options, Text, texts_raw
from archbench.options import Inside, Seed


@dataset("text_table", **OWN, paths=("file",))
def text_table(
    raw: Path,
    *,
    file: str,
    text: str = "text",
    label: str = "label",
    split: str | None = None,
    group: str | None = None,
    vocabulary: _text.Size | None = None,
    longest: Longest | None = None,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
    seed: Seed = 0,
) -> Raw:
    """Texts of your own, a class each: the columns `text` and `label` of a CSV or Parquet file.

    `tokens` int32 (word) in lower case, signs apart, and `label` int32. The `vocabulary` are so many words, the most
    frequent of what trains, by default all; `longest` is how many words of a text are read, at most, and the card
    counts those that are longer. `split` and `group` are columns of splits, and of what must stay in one, as all texts
    of one writer. What is not given is cut from what trains, every class in proportion.
    """
    rows = read_table("file", file)
    said, labels = rows.column(text, "text"), [one.strip() for one in rows.column(label, "label")]
    groups = rows.groups(group)
    shares, named = Shares(validation, test, seed), rows.splits(split)
    splits = divide(named, shares, strata=codes(labels)[0], group=groups, where=rows.name)
    number, classes = numbered(labels, splits, rows.places)
    texts = [_words(rows.place(row), int(number[row]), said[row]) for row in range(len(rows))]
    parts = {name: [texts[row] for row in chosen] for name, chosen in splits.items()}
    odd = repeated(said, rows.places, splits)
    options = Options(vocabulary, longest, validation, seed)
    return texts_raw(f"{SOURCE}: {file}", LICENCE, parts, classes, options, rows.name, odd)


def _words(place: str, label: int, text: str) -> Text:
    words = _text.words_of(text)
    if not words:
        raise _text.BrokenText(f"{place}: there is no word in this text. Write one, or take the row out.")
    return Text(place, label, words)
