"""The English text of Python's standard library: its reference topics, and the docstrings of its modules.

What it says differs a little by Python's version; the card has the version, and the digest of the files that were read.
"""

from __future__ import annotations

import ast
import platform
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets.tokens import in_rows, most_frequent, one_stream
from archbench.errors import UserError
from archbench.options import Count, Inside, Seed

SOURCE = f"The standard library of Python {platform.python_version()}, https://docs.python.org"
LICENCE = "PSF-2.0"
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
TOPICS = "pydoc_data/topics.py"
APART = ("site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo", "pydoc_data")
"""Folders that hold no text of the library, or that some distributions leave out."""
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[.,;:?!()]")
"""A word, a number, or a mark of punctuation, in lower case."""
ENDS = (".", "?", "!", ":")
PROSE = 0.9
"""The share of letters, blanks and commas that a paragraph of prose has at least, and one of code has not."""


class NoLibrary(UserError):
    """A Python without the sources of its standard library."""


def library_files(raw: Path, *, docstrings: bool = True, **_) -> dict[str, Path]:
    """Name -> file of the standard library that is read: the topics, and the modules for their `docstrings`."""
    if not (LIBRARY / TOPICS).is_file():
        raise NoLibrary(
            f"The data set prose reads the standard library of Python, and {LIBRARY / TOPICS} is not there. Install "
            "Python with its library's sources (on Debian: apt install libpython3-stdlib), or choose another data set."
        )
    modules = LIBRARY.rglob("*.py") if docstrings else ()
    names = sorted(path.relative_to(LIBRARY).as_posix() for path in modules)
    chosen = [TOPICS, *(name for name in names if not set(Path(name).parent.parts) & set(APART))]
    return {name: LIBRARY / name for name in chosen}


@dataset(
    "prose",
    source=SOURCE,
    licence=LICENCE,
    kind="generated",
    bytes=0,
    smoke={"docstrings": False, "vocabulary": 200, "steps": 20},
    reads=library_files,
)
def prose(
    raw: Path,
    *,
    unit: Literal["words", "characters"] = "words",
    vocabulary: Annotated[int, Field(ge=1, le=1_000_000)] = 3_000,
    steps: Count = 35,
    docstrings: bool = True,
    seed: Seed = 0,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """English about Python as one stream of words or characters, cut into rows of which each goes on with the next.

    `tokens` int32 (steps,). A paragraph ends with the token for the end; what is not among the `vocabulary` most
    frequent words, beside the special tokens, is unknown. Paragraphs that look like code are left out, as are those
    that were there before. Texts (a topic, the docstrings of a module) come in an order drawn with `seed`. Without
    `docstrings` there are the topics alone, a fifth of the words.
    """
    texts = _texts(library_files(raw, docstrings=docstrings))
    order = np.random.default_rng(seed).permutation(len(texts))
    seen = dict.fromkeys(paragraph for text in order for paragraph in paragraphs_of(texts[text]))
    split = WORD.findall if unit == "words" else list
    paragraphs = [split(paragraph.lower() if unit == "words" else paragraph) for paragraph in seen]
    size = vocabulary if unit == "words" else len({symbol for symbols in paragraphs for symbol in symbols})
    symbols = most_frequent((symbol for paragraph in paragraphs for symbol in paragraph), size)
    tokens = one_stream(paragraphs, {symbol: token for token, symbol in enumerate(symbols)})
    train = {"tokens": in_rows(tokens, steps)}
    return Raw(SOURCE, LICENCE, "tokens", train, validation, test, vocabulary=symbols, ordered=True)


def common_words(raw: Path, size: int) -> tuple[str, ...]:
    """The vocabulary that `prose` has with so many words, and by default otherwise."""
    seen = dict.fromkeys(paragraph for text in _texts(library_files(raw)) for paragraph in paragraphs_of(text))
    return most_frequent((word for paragraph in seen for word in WORD.findall(paragraph.lower())), size)


def _texts(files: dict[str, Path]) -> list[str]:
    """The topics, and the docstrings of each module."""
    modules = (path for name, path in files.items() if name != TOPICS)
    return [*_topics(files[TOPICS]), *("\n\n".join(docstrings_of(path)) for path in modules)]


def _topics(file: Path) -> list[str]:
    """The texts of pydoc's reference topics, in the order of their names."""
    (assigned,) = (node for node in ast.parse(file.read_bytes()).body if isinstance(node, ast.Assign | ast.AnnAssign))
    topics = ast.literal_eval(assigned.value)
    return [topics[name] for name in sorted(topics)]


def docstrings_of(file: Path) -> Iterator[str]:
    """Of a module, its classes and functions, as they stand in the file."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, documented)]
    for node in sorted(nodes, key=lambda node: getattr(node, "lineno", 0)):
        yield ast.get_docstring(node) or ""


def paragraphs_of(text: str) -> Iterator[str]:
    """Those of prose, each on one line."""
    for paragraph in re.split(r"\n\s*\n", text):
        line = " ".join(paragraph.split())
        plain = sum(letter.isalpha() or letter in " ," for letter in line)
        if line.endswith(ENDS) and plain >= PROSE * len(line) and ">>>" not in line:
            yield line
