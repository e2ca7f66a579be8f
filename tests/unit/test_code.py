"""Which files a piece of work depends on."""

import ast
import io
import tokenize

import pytest

from archbench import code


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A made-up package in the place of archbench."""
    files = {
        "__init__.py": "",
        "a.py": "from archbench.b import thing\nimport numpy\n",
        "b.py": "def thing():\n    from archbench.deep import c\n    return c\n",
        "deep/__init__.py": "",
        "deep/c.py": "import archbench.a\n",
        "alone.py": "from __future__ import annotations\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "PACKAGE", tmp_path)
    code.path_of.cache_clear()
    yield tmp_path
    code.path_of.cache_clear()


def test_imports_are_followed_however_deep_in_functions_and_in_circles(package):
    expected = [package / name for name in ("__init__.py", "a.py", "b.py", "deep/__init__.py", "deep/c.py")]
    found = code.files_of(["archbench.a"])
    assert set(found) == set(expected) - {package / "__init__.py"}
    assert found == sorted(found)
    assert code.files_of(["archbench.alone"]) == [package / "alone.py"]
    assert code.files_of(["numpy", "archbench.no_such"]) == []


def test_the_digest_changes_with_content_and_with_names(package):
    files = code.files_of(["archbench.alone"])
    before = code.digest(files)
    assert code.digest(files) == before
    (package / "alone.py").write_text("x = 1\n")
    changed = code.digest(files)
    (package / "alone.py").rename(package / "other.py")
    assert len({before, changed, code.digest([package / "other.py"])}) == 3


SOURCE = '''\
"""What it is."""

WIDTH = 3  # of the kernel
"""In pixels."""


def area(side):
    """Of a square."""
    # by the book
    text = """one

    two"""
    return (
        side * side
        + len(text)
    )
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""What it is."""\n', ""),
        ("# of the kernel", "# of every kernel, which is odd"),
        ('"""In pixels."""', '"""In pixels,\nnot in millimetres."""'),
        ('"""Of a square."""', "'Of a square: #1.'"),
        ("    # by the book\n", ""),
        ("        side * side\n", "        side * side  # pixels\n\n"),
        ("\n\n\ndef", "\n\ndef"),
    ],
)
def test_words_about_the_code_are_not_in_its_digest(package, old, new):
    _assert_same(package, SOURCE, SOURCE.replace(old, new), same=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("side * side", "side + side"),
        ("WIDTH = 3", "WIDTH = 4"),
        ("one\n\n", "one\n"),
        ("one", "# one"),
        ('    text = """', '    print("shown")\n    text = """'),
        ("\n    return", "\n    if side:\n        return 0\n    return"),
    ],
)
def test_what_the_code_does_is_in_its_digest(package, old, new):
    _assert_same(package, SOURCE, SOURCE.replace(old, new), same=False)


def _assert_same(package, one, other, same):
    assert one != other
    path, found = package / "alone.py", []
    for text in (one, other):
        path.write_text(text)
        found.append((code.digest([path]), code.list_digests([path])))
    assert [a == b for a, b in zip(*found, strict=True)] == [same, same]


def test_a_file_that_is_not_python_counts_as_it_stands(package):
    path, found = package / "table.csv", set()
    for text in ("# one\n1\n", "1\n", "1\n\n"):
        path.write_text(text)
        found.add(code.digest([path]))
    assert len(found) == 3


def test_the_whole_package_keeps_every_other_token():
    """What is cut out of each of its files is what Python's own parser calls a text that stands alone, and comments."""
    for path in sorted(code.PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        alone = {
            (node.lineno, node.end_lineno)
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        }
        assert _tokens(code.meaning(path).decode(), set()) == _tokens(source, alone), path


def _tokens(source: str, alone: set[tuple[int, int]]) -> list[str]:
    """The tokens that do something, without those on the lines of `alone`."""
    silent = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    return [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in silent and not any(first <= token.start[0] <= last for first, last in alone)
    ]


def test_a_catalogue_does_not_make_its_entries_a_dependency():
    """What keeps a benchmark apart from the architectures that it does not use."""
    files = {str(path.relative_to(code.PACKAGE)) for path in code.files_of(["archbench.training.run"])}
    assert {"training/fit.py", "training/program.py", "training/_jax.py", "records/run_folder.py"} <= files
    folders = ("architectures/vision", "tasks/classification", "figures", "page", "cli", "sweeps")
    assert not [name for name in files if name.startswith(folders)]
