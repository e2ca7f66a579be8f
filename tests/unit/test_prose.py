"""The text of Python's standard library as a stream of tokens, and texts as streams in general."""

import hashlib
import os

import numpy as np
import pytest

from archbench.datasets import DATASETS, prose, store
from archbench.datasets._split import EmptySplit, stretches
from archbench.datasets.prepare import prepare
from archbench.datasets.tokens import END, PADDING, UNKNOWN, VocabularyTooLarge, in_rows, most_frequent, one_stream
from archbench.errors import UserError

FEW = {"name": "prose", "docstrings": False, "vocabulary": 500}


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A standard library of one topic and two modules."""
    files = {
        "pydoc_data/topics.py": (
            'topics = {"b": "Second comes\\nthis topic.\\n\\n   x = [1, 2]\\n\\nSecond comes this topic.", '
            '"a": "A topic, don\'t read it twice!"}\n'
        ),
        "one.py": '"""Do one thing."""\n\ndef f():\n    """Return nothing.\n\n    >>> f() is None.\n    """\n',
        "package/two.py": 'class C:\n    """Hold as many as 2 of the things."""\n',
        "test/three.py": '"""Not read."""\n',
        "site-packages/four.py": '"""Not read."""\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(prose, "LIBRARY", tmp_path)
    return tmp_path


def _texts(raw, glue=" "):
    stream = raw.train["tokens"].reshape(-1)
    paragraphs = "\n".join(glue.join(raw.vocabulary[t] for t in stream[stream != PADDING]).split("<end>"))
    return {paragraph.strip() for paragraph in paragraphs.split("\n")} - {""}


def test_words_and_marks_of_every_paragraph_of_prose_are_there_once(library):
    raw = DATASETS.build({"name": "prose", "vocabulary": 24, "steps": 4}, None)
    assert _texts(raw) == {
        "second comes this topic .",
        "a topic , don't read it twice !",
        "do one thing .",
        "return nothing .",
        "hold as many as 2 of the things .",
    }
    assert DATASETS.build({"name": "prose", "vocabulary": 9, "docstrings": False}, None).train["tokens"].max() == 12


def test_characters_are_those_of_the_text(library):
    raw = DATASETS.build({"name": "prose", "unit": "characters", "steps": 7}, None)
    assert "A topic, don't read it twice!" in _texts(raw, glue="")
    assert UNKNOWN not in raw.train["tokens"]


def test_the_card_has_the_version_and_the_digest_of_what_was_read(library, tmp_path):
    card = prepare({"name": "prose", "vocabulary": 9, "steps": 2}, "prose", tmp_path / "prose", tmp_path / "raw")
    total = hashlib.sha256()
    for name in ("pydoc_data/topics.py", "one.py", "package/two.py"):
        content = hashlib.sha256((library / name).read_bytes()).digest()
        total.update(os.fsencode(name) + b"\0" + content)
    assert card.made_from["files_sha256"] == total.hexdigest()
    assert "Python 3." in card.source


def test_a_vocabulary_larger_than_the_text_gives_is_refused(library):
    with pytest.raises(VocabularyTooLarge, match="A vocabulary of 50 was asked for, and the text has only 24 "):
        DATASETS.build({"name": "prose", "vocabulary": 50}, None)


def test_a_python_without_its_library_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(prose, "LIBRARY", tmp_path)
    with pytest.raises(UserError, match=r"reads the standard library of Python, and .*topics\.py is not there"):
        DATASETS.build(FEW, None)


def test_splits_are_stretches_of_the_text(tmp_path):
    prepare({**FEW, "steps": 10}, "prose", tmp_path / "prose", tmp_path / "raw", seed=3)
    splits = store.load(tmp_path / "prose").splits
    together = np.concatenate([splits[name]["tokens"] for name in ("train", "validation", "test")])
    text = DATASETS.build({**FEW, "steps": 10}, None).train["tokens"]
    assert any(np.array_equal(np.roll(text, -first, axis=0), together) for first in range(len(text)))


def test_stretches_by_hand():
    """Of 10 examples 2 and 3 are apart; they follow each other, and 0 follows 9."""
    cut = stretches(10, {"validation": 0.2, "test": 0.3}, seed=1)
    assert {name: len(rows) for name, rows in cut.items()} == {"train": 5, "validation": 2, "test": 3}
    order = np.concatenate(list(cut.values()))
    assert sorted(order) == list(range(10))
    assert set(np.diff(order) % 10) == {1}
    assert len({int(stretches(10, {"test": 0.3}, seed)["train"][0]) for seed in range(20)}) > 5
    with pytest.raises(EmptySplit):
        stretches(3, {"validation": 0.1, "test": 0.3}, seed=0)


# Streams


def test_the_most_frequent_symbols_and_of_equals_the_first():
    assert most_frequent("abcabbd", 2)[4:] == ("a", "b")
    assert most_frequent("dcab", 3)[4:] == ("a", "b", "c")


def test_a_stream_ends_every_text_and_knows_what_it_does_not_know():
    assert one_stream(["ab", "", "bx"], {"a": 4, "b": 5}).tolist() == [4, 5, END, END, 5, UNKNOWN, END]


@pytest.mark.parametrize(("count", "rows"), [(0, []), (1, [[4, 0, 0]]), (3, [[4, 4, 4]]), (4, [[4, 4, 4], [4, 0, 0]])])
def test_rows_of_a_stream_are_filled_up(count, rows):
    found = in_rows(np.full(count, 4, np.int32), 3)
    assert found.tolist() == rows
    assert found.dtype == "int32"
