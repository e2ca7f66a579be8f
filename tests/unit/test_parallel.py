"""Sentences in two languages: read line by line, refused where they do not fit, and told by pieces of words."""

import gzip

import numpy as np
import picture_files as files
import pytest

from archbench.datasets import DATASETS
from archbench.datasets._parallel import BrokenLine, Misaligned, WrongVocabulary, parallel_raw
from archbench.datasets.tokens import END, SPACE, SPECIAL, UNKNOWN, decode, in_pieces

GERMAN = ["Ein Hund läuft.", "Zwei Hunde laufen  im\tSchnee.", "Ein Kind läuft im Schnee."]
ENGLISH = ["A dog runs.", "Two dogs run in the snow.", "A child runs in the\u00a0snow."]


def _packed(lines):
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0)


@pytest.fixture
def captions(tmp_path, monkeypatch):
    """Multi30k of three sentences a split; other files by name."""
    with files.publishing(tmp_path, monkeypatch) as serve:

        def publish(changed=None):
            made = {}
            for part in ("train", "val", "test_2016_flickr"):
                made |= {f"{part}.de.gz": _packed(GERMAN), f"{part}.en.gz": _packed(ENGLISH)}
            return serve("multi30k", made | (changed or {}))

        yield publish


def _texts(raw, split, side):
    arrays = raw.train if split == "train" else raw.official[split]
    return [decode(row, raw.vocabulary) for row in arrays[side][:]]


@pytest.mark.parametrize(("source", "first", "second"), [("de", GERMAN, ENGLISH), ("en", ENGLISH, GERMAN)])
def test_captions_are_there_from_either_language_with_single_spaces(captions, source, first, second):
    raw = DATASETS.build({"name": "multi30k", "source": source, "pieces": 310}, captions())
    for split in ("train", "validation", "test"):
        assert _texts(raw, split, "source") == [" ".join(text.split()) for text in first]
        assert _texts(raw, split, "target") == [" ".join(text.split()) for text in second]
    assert len(raw.vocabulary) == 310
    assert raw.vocabulary[: len(SPECIAL)] == SPECIAL
    assert in_pieces(raw.vocabulary)
    target = raw.train["target"]
    assert (target[:] == END).sum(axis=1).tolist() == [1, 1, 1]
    assert [int(row[length - 1]) for row, length in zip(target[:], target.lengths, strict=True)] == [END] * 3
    assert (raw.train["source"][:] != END).all()
    assert raw.odd_files == ()


def test_a_sentence_is_read_off_its_tokens_again_whatever_its_characters():
    """The last two have no piece of their own: 猫 is E7 8C AB, and an ﬁ is not taken apart."""
    train = list(zip(GERMAN, ENGLISH, strict=True))
    raw = parallel_raw("", "", {"train": train, "validation": train, "test": [("Die 猫 läuft.", "ﬁne <0x41> ▁.")]}, 310)
    source = raw.official["test"]["source"][:]
    assert [raw.vocabulary[token] for token in source[0]].count("<0xE7>") == 1
    assert UNKNOWN not in source
    assert decode(source[0], raw.vocabulary) == "Die 猫 läuft."
    assert decode(raw.official["test"]["target"][0], raw.vocabulary).startswith("ﬁne ")


def test_pieces_by_hand():
    vocabulary = (*SPECIAL, f"{SPACE}a", "b", f"{SPACE}", "<0xC3>", "<0xA4>", "<0xFF>")
    assert decode([4, 5, 6, 7, 8, END, 5], vocabulary) == "ab ä"
    assert decode([4, 9, 5], vocabulary) == "a\ufffdb"
    assert decode([5, 0], vocabulary) == "b"
    assert not in_pieces((*SPECIAL, "a", " "))


def test_validation_and_test_have_no_say_in_the_pieces():
    train = list(zip(GERMAN, ENGLISH, strict=True))
    one, other = (
        parallel_raw("", "", {"train": train, "validation": rest, "test": rest}, 310).vocabulary
        for rest in (train, [("qqqqqq qqqqqq", "zzzzz zzzzz")])
    )
    assert one == other


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        (
            {"val.en.gz": _packed(ENGLISH[:2])},
            Misaligned,
            r"val\.de\.gz, line 3: val\.en\.gz has no such line. It has 2 lines and .*val\.de\.gz 3",
        ),
        (
            {"val.de.gz": _packed(GERMAN[:1])},
            Misaligned,
            r"val\.en\.gz, line 2: val\.de\.gz has no such line",
        ),
        (
            {"train.de.gz": _packed([GERMAN[0], " ", GERMAN[2]])},
            Misaligned,
            r"train\.de\.gz, line 2: it is empty, and line 2 of train\.en\.gz is not",
        ),
        (
            {"train.en.gz": gzip.compress(b"A dog.\nA c\xe4t.\nA.\n")},
            BrokenLine,
            r"train\.en\.gz, line 2: the byte 0xe4 is no UTF-8",
        ),
    ],
)
def test_files_that_do_not_translate_each_other_are_refused_with_file_and_line(captions, changed, error, says):
    with pytest.raises(error, match=says):
        DATASETS.build({"name": "multi30k", "pieces": 310}, captions(changed))


def test_a_line_that_is_empty_in_both_languages_is_left_out_and_told(captions):
    changed = {f"train.{one}.gz": _packed([*lines, ""]) for one, lines in (("de", GERMAN), ("en", ENGLISH))}
    raw = DATASETS.build({"name": "multi30k", "pieces": 310}, captions(changed))
    assert len(raw.train["source"]) == 3
    assert raw.odd_files == (("train.de.gz, line 4", "left out: empty in both languages"),)


@pytest.mark.parametrize(
    ("pieces", "says"), [(5000, r"give \d+ pieces at most, and .* 5,000"), (300, r"\d+ or more|\d+ pieces at most")]
)
def test_a_vocabulary_that_the_text_cannot_give_is_refused_with_one_that_it_can(pieces, says):
    texts = [("".join(chr(code) for code in range(0x4E00, 0x4E00 + 90)), "a b")]
    with pytest.raises(WrongVocabulary, match=says):
        parallel_raw("", "", {"train": texts, "validation": texts, "test": texts}, pieces)


def test_the_real_captions_are_all_there(tmp_path):
    """From the mirror: as many as the paper has, the first one, and pieces that are the same each time."""
    import os
    from pathlib import Path

    mirror = Path(os.environ.get("ARCHBENCH_MIRROR", ""))
    if not (mirror / "multi30k" / "train.de.gz").is_file():
        pytest.skip("ARCHBENCH_MIRROR names no folder with multi30k/train.de.gz: its real files are not here")
    one, other = (DATASETS.build({"name": "multi30k", "pieces": 2000}, tmp_path / "raw") for _ in range(2))
    assert [len(one.train["source"]), *(len(one.official[split]["source"]) for split in ("validation", "test"))] == [
        29_000,
        1_014,
        1_000,
    ]
    assert decode(one.train["source"][0], one.vocabulary).startswith("Zwei junge weiße Männer sind im Freien")
    assert decode(one.train["target"][0], one.vocabulary) == "Two young, White males are outside near many bushes."
    assert one.vocabulary == other.vocabulary
    np.testing.assert_array_equal(one.train["target"].flat, other.train["target"].flat)
