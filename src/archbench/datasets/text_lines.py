"""Running text of the user's own, for language models."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from archbench.datasets import _text, dataset
from archbench.datasets._corpus import Steps, Unit, corpus, shares
from archbench.datasets._options import plain
from archbench.datasets._own import LICENCE, OWN, SOURCE, EmptyValue, existing
from archbench.datasets._raw import Raw
from archbench.datasets.tokens import END, SPECIAL
from archbench.options import Inside


@dataset("text_lines", **OWN, paths=("file", "validation_file", "test_file"))
def text_lines(
    raw: Path,
    *,
    file: str,
    validation_file: str | None = None,
    test_file: str | None = None,
    unit: Unit = "words",
    steps: Steps = 32,
    vocabulary: _text.Size | None = None,
    validation: Inside = 0.05,
    test: Inside = 0.05,
) -> Raw:
    """A text of your own in UTF-8, to foretell its next word or character by what came before.

    `tokens` int32 (`steps`,): the text in rows one after the other, the last filled up with 0. Words are in lower case,
    signs apart, and a token ends each line; characters are as they are. `vocabulary` is how many symbols there are, the
    most frequent of the training part, by default all. The end of the text is tested and what is before that validates,
    or files of their own do.
    """
    given = {"train": file, "validation": validation_file, "test": test_file}
    options = {"train": "file", "validation": "validation_file", "test": "test_file"}
    read = {name: list(_symbols(options[name], path, unit)) for name, path in given.items() if path}
    cut = {name: share for name, share in (("validation", validation), ("test", test)) if name not in read}
    whole = read.pop("train")
    left = shares(len(whole), cut.get("validation", 0.0), cut.get("test", 0.0))
    ends = left["train"], left["train"] + left["validation"]
    parts = {"train": whole[: ends[0]], "validation": whole[slice(*ends)], "test": whole[ends[1] :], **read}
    sizes = {name: len(symbols) for name, symbols in parts.items()}
    if empty := [name for name, size in sizes.items() if not size]:
        raise EmptyValue(f"{file} is too short to cut the split {empty[0]} from. Give more text, or a larger share.")
    stream = _text.numbered(chain.from_iterable(parts.values()))
    return corpus(f"{SOURCE}: {file}", LICENCE, stream, sizes, steps=steps, size=vocabulary, where=file)


def _symbols(option: str, given: str, unit: Unit) -> Iterator[str]:
    """The words of a file, each line ended by a token, or its characters."""
    path = existing(option, given)
    text = _text.read(path.read_bytes(), plain(path), "Save the file as UTF-8.").removeprefix("\ufeff")
    if not text.strip():
        raise EmptyValue(f"{plain(path)} holds no text. Write some, or name another file.")
    if unit == "characters":
        return iter(text.replace("\r\n", "\n"))
    return chain.from_iterable((*_text.words_of(line), SPECIAL[END]) for line in text.splitlines() if line.strip())
