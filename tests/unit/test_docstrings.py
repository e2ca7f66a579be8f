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
