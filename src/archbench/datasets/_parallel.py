"""Sentences in two languages, one beside the other: read, cut into pieces of words, and told by tokens.

The pieces are those of byte-pair encoding (Sennrich, Haddow, Birch 2016, arXiv:1508.07909) as SentencePiece finds them
(Kudo, Richardson 2018, arXiv:1808.06226), of both languages together. A character that has no piece is told by the
bytes of its UTF-8, so nothing is unknown, and a sentence can be read off its tokens again.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import sentencepiece
from pydantic import Field

from archbench.datasets._raw import Raw
from archbench.datasets.columns import Ragged
from archbench.datasets.tokens import END, PADDING, SPECIAL
from archbench.errors import UserError

Pieces = Annotated[int, Field(ge=300, le=1_000_000)]
"""Of a vocabulary, the special tokens and the 256 bytes among them."""


class BrokenLine(UserError):
    """A line of a text that is no UTF-8."""


class Misaligned(UserError):
    """Two texts of which one is not the translation of the other, line by line."""


class WrongVocabulary(UserError):
    """A vocabulary larger than a text can give, or too small for its characters."""


class Pairs(NamedTuple):
    """What two files say, line by line."""

    sentences: list[tuple[str, str]]
    empty: tuple[tuple[str, str], ...]
    """(file and line, what) for each line that is empty in both, and left out."""


def read(source: Path, target: Path, *, own: bool = False) -> Pairs:
    """The sentences of two files, gzip where they end in .gz, a line each.

    Raises `BrokenLine` and `Misaligned` with file and line; files of the user's `own` are not to be downloaded again.
    """
    both = [_lines(path, own) for path in (source, target)]
    mend = "Mend one of them." if own else "Delete both to have them downloaded again."
    if len(both[0]) != len(both[1]):
        longer, shorter = sorted(zip(both, (source, target), strict=True), key=lambda one: -len(one[0]))
        raise Misaligned(
            f"{longer[1]}, line {len(shorter[0]) + 1}: {shorter[1].name} has no such line. It has {len(shorter[0]):,} "
            f"lines and {longer[1].name} {len(longer[0]):,}, so that nobody knows which translates which. {mend}"
        )
    sentences, empty = [], []
    for number, pair in enumerate(zip(*both, strict=True), 1):
        if all(pair):
            sentences.append(pair)
        elif not any(pair):
            empty.append((f"{source.name}, line {number}", "left out: empty in both languages"))
        else:
            path, other = (target, source) if pair[0] else (source, target)
            raise Misaligned(
                f"{path}, line {number}: it is empty, and line {number} of {other.name} is not: the two files do not "
                f"translate each other line by line. {mend}"
            )
    return Pairs(sentences, tuple(empty))


def _lines(path: Path, own: bool) -> list[str]:
    """The lines of a file, their white space, whatever its kind, as single spaces."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise BrokenLine(f"{path} cannot be unpacked ({error}). {_mend(own)}") from error
    return [_text(line, path, number, own) for number, line in enumerate(content.removesuffix(b"\n").split(b"\n"), 1)]


def _mend(own: bool) -> str:
    return "Mend the file." if own else "Delete the file to have it downloaded again."


def _text(line: bytes, path: Path, number: int, own: bool) -> str:
    try:
        return " ".join(line.decode("utf-8").split())
    except UnicodeDecodeError as error:
        raise BrokenLine(
            f"{path}, line {number}: the byte 0x{line[error.start]:02x} is no UTF-8. {_mend(own)}"
        ) from error


def parallel_raw(
    source: str, licence: str, parts: Mapping[str, Sequence[tuple[str, str]]], pieces: int, **more: object
) -> Raw:
    """Pairs of sentences of every split as `source` and `target` int32 (piece,), targets with the token that ends them.

    The vocabulary is made from both sides of `train`. Raises `WrongVocabulary`.
    """
    cut = _trained((text for pair in parts["train"] for text in pair), pieces)
    splits = {
        split: {
            "source": _encoded(cut, (s for s, _ in pairs)),
            "target": _encoded(cut, (t for _, t in pairs), end=True),
        }
        for split, pairs in parts.items()
    }
    symbols = (cut.id_to_piece(token) for token in range(len(SPECIAL), cut.get_piece_size()))
    vocabulary = (*SPECIAL, *symbols)
    return Raw(source, licence, "source", splits.pop("train"), official=splits, vocabulary=vocabulary, **more)


def _encoded(cut: sentencepiece.SentencePieceProcessor, texts: Iterable[str], end: bool = False) -> Ragged:
    rows = cut.encode(list(texts), add_eos=end)
    return Ragged.of((np.array(row, np.int32) for row in rows), PADDING)


def _trained(texts: Iterable[str], pieces: int) -> sentencepiece.SentencePieceProcessor:
    """A tokenizer of so many pieces, the special tokens where they are in every vocabulary."""
    kept = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=kept,
            model_type="bpe",
            vocab_size=pieces,
            byte_fallback=True,
            character_coverage=1.0,
            normalization_rule_name="identity",
            num_threads=1,  # pieces must not depend on the machine
            minloglevel=2,
            pad_id=PADDING,
            bos_id=SPECIAL.index("<start>"),
            eos_id=END,
            unk_id=SPECIAL.index("<unknown>"),
        )
    except RuntimeError as error:
        raise _wrong_size(pieces, str(error)) from error
    return sentencepiece.SentencePieceProcessor(model_proto=kept.getvalue())


def _wrong_size(pieces: int, why: str) -> Exception:
    """What SentencePiece says of a size, in our words."""
    if most := re.search(r"Please set it to a value <= (\d+)", why):
        return WrongVocabulary(
            f"The training sentences give {int(most[1]):,} pieces at most, and the vocabulary was to have {pieces:,}. "
            f"Set `pieces` to {most[1]} or less in the datasets section of params.yaml."
        )
    if least := re.search(r"smaller than required_chars\. \d+ vs (\d+)", why):
        return WrongVocabulary(
            f"The characters of the training sentences and the bytes are {int(least[1]):,} pieces, and the vocabulary "
            f"was to have {pieces:,}. Set `pieces` to {least[1]} or more in the datasets section of params.yaml."
        )
    return RuntimeError(why)
