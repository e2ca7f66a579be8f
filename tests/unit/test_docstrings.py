"""Paragraphs of docstrings by package: read from a library made here."""

import numpy as np

from archbench.datasets import DATASETS, prose
from archbench.datasets.tokens import SPECIAL


def test_a_paragraph_is_of_the_package_whose_docstring_has_it(tmp_path, monkeypatch):
    """Once, of the package where it stood first; code and other packages are left out."""
    for name, text in {
        "pydoc_data/topics.py": "topics = {}",
        "asyncio/events.py": '"""An event loop runs tasks.\n\n    x = loop(1)[2] + 3\n\nShared words stand here.\n"""',
        "email/message.py": 'def f():\n    """Shared words stand here.\n\n    A message has headers.\n    """',
        "json/decoder.py": '"""A package that is left out."""',
        "xml/sax.py": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(prose, "LIBRARY", tmp_path)
    raw = DATASETS.build({"name": "docstrings", "vocabulary": 3, "validation": 0.3, "test": 0.3}, tmp_path)
    assert [raw.class_names[label] for label in raw.train["label"]] == ["asyncio", "asyncio", "email"]
    assert raw.vocabulary == (*SPECIAL, ".", "a", "an")
    told = [[raw.vocabulary[token] for token in row if token] for row in np.asarray(raw.train["tokens"])]
    unknown = "<unknown>"
    assert told[0] == ["an", unknown, unknown, unknown, unknown, "."]
    assert told[2] == ["a", unknown, unknown, unknown, "."]
    assert "json/decoder.py" not in DATASETS["docstrings"].facts["reads"](tmp_path)


def test_a_text_may_be_told_by_the_words_of_prose(tmp_path, monkeypatch):
    """A paragraph of the topics and one of another package have a say in the vocabulary, and are no examples."""
    for name, text in {
        "pydoc_data/topics.py": f"topics = {{'loops': {'Loops loop loops.'!r}}}",
        "asyncio/events.py": '"""An event loop runs loops.\n\n    Tasks run loops.\n"""',
        "email/message.py": '"""A loop of headers.\n\n    Headers are read.\n"""',
        "json/decoder.py": '"""Json loops loop headers."""',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(prose, "LIBRARY", tmp_path)
    sizes = {"vocabulary": 4, "validation": 0.25, "test": 0.25}
    like = DATASETS.build({"name": "docstrings", "like_prose": True, **sizes}, tmp_path)
    whole = DATASETS.build({"name": "prose", "vocabulary": 4, "steps": 4}, tmp_path)
    assert like.vocabulary == whole.vocabulary == (*SPECIAL, ".", "headers", "loop", "loops")
    told = [[like.vocabulary[token] for token in row if token] for row in np.asarray(like.train["tokens"])]
    unknown = "<unknown>"
    assert told[0] == [unknown, unknown, "loop", unknown, "loops", "."]
    assert len(told) == 4
    files = DATASETS["docstrings"].facts["reads"]
    assert "json/decoder.py" in files(tmp_path, like_prose=True)
    assert "json/decoder.py" not in files(tmp_path)
