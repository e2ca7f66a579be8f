"""Which files a piece of work depends on."""

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
    return tmp_path


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


def test_a_catalogue_does_not_make_its_entries_a_dependency():
    """What keeps a benchmark apart from the architectures that it does not use."""
    files = {str(path.relative_to(code.PACKAGE)) for path in code.files_of(["archbench.training.run"])}
    assert {"training/fit.py", "training/program.py", "training/_jax.py", "tracking/run_folder.py"} <= files
    folders = ("architectures/vision", "tasks/classification", "figures", "page", "cli", "sweeps")
    assert not [name for name in files if name.startswith(folders)]
