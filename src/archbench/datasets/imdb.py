"""IMDB: reviews of films that praise or blame.

Maas et al. 2011, "Learning Word Vectors for Sentiment Analysis", ACL. Words are in lower case and signs apart.
"""

from __future__ import annotations

import re
from pathlib import Path

from archbench.datasets import _fetch, _text, dataset
from archbench.datasets._extract import extracted
from archbench.datasets._raw import Raw
from archbench.datasets._texts import Longest, Options, Text, holds, texts_raw
from archbench.options import Inside, Seed

SOURCE = "Maas et al. 2011, Learning Word Vectors for Sentiment Analysis, ACL"
LIMIT = 2_000_000_000
KINDS = ("neg", "pos")
SIZES = {"train": 25_000, "test": 25_000}
REVIEW = re.compile(r"(?:\./)?aclImdb/(?:train|test)/(?:neg|pos)/\d+_\d+\.txt")
"""A review's number and its stars; those of the folder `unsup` have no class."""


@dataset(
    "imdb",
    source=SOURCE,
    **_fetch.facts("imdb"),
    contains=lambda *, vocabulary, **_: holds(SIZES, len(KINDS), vocabulary),
)
def imdb(
    raw: Path,
    *,
    vocabulary: _text.Size = 30_000,
    longest: Longest | None = None,
    validation: Inside = 0.1,
    seed: Seed = 0,
) -> Raw:
    """Reviews of films, half of them good: 25,000 to train with and 25,000 to test on.

    `tokens` int32 (word) and `label` int32, 1 for praise. The `vocabulary` are so many words, the most frequent of
    what trains. `longest` is how many words of a review are read, at most; the card counts those that are longer.
    `seed` draws what validates.
    """
    archive = _fetch.fetch("imdb", raw)["aclImdb_v1.tar.gz"]
    with extracted(archive, LIMIT, lambda name: REVIEW.fullmatch(name) is not None) as folder:
        parts = {part: [review for kind in KINDS for review in _reviews(folder, part, kind)] for part in SIZES}
    licence = str(_fetch.facts("imdb")["licence"])
    return texts_raw(SOURCE, licence, parts, KINDS, Options(vocabulary, longest, validation, seed), "IMDB")


def _reviews(folder: Path, part: str, kind: str) -> list[Text]:
    """The reviews of one folder, by their numbers; raises `BrokenText` for one whose stars are of the other kind."""
    found = []
    files = (folder / "aclImdb" / part / kind).glob("*.txt")
    for path in sorted(files, key=lambda path: [int(number) for number in path.stem.split("_")]):
        where, stars = f"{part}/{kind}/{path.name}", int(path.stem.partition("_")[2])
        if (stars <= 4) != (kind == "neg") or not 1 <= stars <= 10:
            raise _text.BrokenText(f"{where}: {stars} stars make no review {kind}. Delete the archive: {folder.name}")
        found.append(Text.of(where, KINDS.index(kind), _text.read(path.read_bytes(), where).replace("<br />", " ")))
    return found
