"""What the code that is common to all tasks and data sets must not know: read off the syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

from archbench.code import PACKAGE
from archbench.tasks import TASKS

OWN = ("tasks/", "figures/pictures/", "architectures/")
"""Where a task is at home: itself, its picture, and the networks that are made for it."""
DATA = tuple(
    f"datasets/{name}.py" for name in ("store", "prepare", "ready", "folds", "card", "columns", "_split", "_storage")
)
MACHINERY = ("training/", "sweeps/", "records/", "tracking/", "stages.py", "resolve.py", "dvcfile.py", "tasks/base.py")
ARRAYS = {"label", "image", "mask", "boxes", "present", "tokens"}


def _files(*places: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(places):
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def _said(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The strings of a module, with their lines: without docstrings, and without what a decorator declares."""
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            silent |= {id(inner) for decorator in node.decorator_list for inner in ast.walk(decorator)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value


def test_no_task_is_named_outside_of_its_own_files():
    names = {entry.name for entry in TASKS}
    assert len(names) > 10
    found = [
        f"{file}:{line} {text}"
        for file, tree in _files("")
        if not file.startswith(OWN)
        for line, text in _said(tree)
        if text in names
    ]
    # Keys of what an autoencoder answers, and of COCO's files; kinds of mistakes; and an array.
    others = ("losses/entropy.py", "datasets/coco2017.py", "metrics/detection_errors.py")
    keys = [one for one in found if one.startswith(others) or one.endswith(" landmarks")]
    assert [one for one in found if one not in keys] == []


def test_no_array_has_a_meaning_that_its_card_does_not_give_it():
    found = [
        f"{file}:{line} {text}"
        for file, tree in _files(*MACHINERY, *DATA)
        for line, text in _said(tree)
        if text in ARRAYS
    ]
    inputs = [one for one in found if one.startswith("tasks/base.py") and one.endswith(" image")]  # of smoke data
    assert [one for one in found if one not in inputs] == []


def test_the_trees_are_read(tmp_path: Path):
    """The tests above see a name where it stands, and leave alone what documents or declares."""
    tree = ast.parse(
        '"""classification"""\n@entry(task="binary")\ndef f():\n    "label"\n    return x["image"] == "mask"\n'
    )
    assert sorted(text for _, text in _said(tree)) == ["image", "mask"]
