"""Prepared data are those that are asked for, or are prepared again: every change and every damage is noticed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import picture_files as files
import pytest

from archbench import code
from archbench.datasets import DATASETS, prepare, ready, store
from archbench.datasets.imagenet import NotHere
from archbench.datasets.ready import StaleData
from archbench.datasets.store import DamagedStore

DIGITS = {"name": "digits", "size": 8}
EMBEDDED = [entry.name for entry in DATASETS if entry.facts["kind"] == "embedded"]
OTHER = {
    "size": 16,
    "shift": 1,
    "classes": [3, 5],
    "train_examples": 100,
    "validation": 0.2,
    "test": 0.2,
}
"""Option of a small data set -> a value that is not its default."""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """Digits, prepared once."""
    folder = tmp_path_factory.mktemp("pristine") / "digits"
    prepare.prepare(DIGITS, "digits", folder, folder.parent / "raw")
    return folder


@pytest.fixture
def folder(pristine, tmp_path):
    """A copy of them, which has been opened before."""
    shutil.copytree(pristine, tmp_path / "digits")
    opened(tmp_path / "digits")
    return tmp_path / "digits"


def opened(folder: Path, spec=DIGITS):
    return ready.open_prepared(spec, folder, folder.parent / "raw")


# what they were made from


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_change_of_any_option_is_noticed_and_a_default_that_is_spelled_out_is_none(name, tmp_path):
    entry = DATASETS[name]
    prepare.prepare(name, name, tmp_path / name, tmp_path / "raw")
    for option, default in entry.options.items():
        with pytest.raises(StaleData, match=f"its option {option}.*dvc repro -f prepare@{name}$"):
            opened(tmp_path / name, {"name": name, option: OTHER[option]})
        assert opened(tmp_path / name, {"name": name, option: default})


def test_every_change_is_named(folder, monkeypatch):
    monkeypatch.setattr(code, "digest", lambda paths: "another")
    with pytest.raises(StaleData, match="its option size, its option shift, the code that prepares it"):
        opened(folder, {"name": "digits", "size": 16, "shift": 2})


def test_another_loader_of_the_same_name_in_params_is_noticed(folder):
    with pytest.raises(StaleData, match="its loader, digits before and wine now"):
        opened(folder, "wine")


@pytest.mark.parametrize("module", ["prepare", "embedded", "store", "_split"])
def test_an_edit_of_the_loader_and_of_what_it_imports_is_noticed(folder, module, monkeypatch):
    real = Path.read_bytes
    edited = code.path_of(f"archbench.datasets.{module}")
    monkeypatch.setattr(Path, "read_bytes", lambda path: real(path) + (b"EDITED = 1\n" if path == edited else b""))
    with pytest.raises(StaleData, match="the code that prepares it"):
        opened(folder)


def test_a_comment_on_the_loader_is_no_edit_of_it(folder, monkeypatch):
    real, edited = Path.read_bytes, code.path_of("archbench.datasets.embedded")
    monkeypatch.setattr(Path, "read_bytes", lambda path: real(path) + (b"# a comment\n" if path == edited else b""))
    assert opened(folder).card.name == "digits"


def test_an_edit_of_another_loader_is_none(folder, monkeypatch):
    real, edited = Path.read_bytes, code.path_of("archbench.datasets.balloons")
    monkeypatch.setattr(Path, "read_bytes", lambda path: real(path) + (b"EDITED = 1\n" if path == edited else b""))
    assert opened(folder).card.name == "digits"


def test_the_same_inputs_give_the_same_bytes(pristine, tmp_path):
    prepare.prepare(DIGITS, "digits", tmp_path / "digits", tmp_path / "elsewhere")
    names = sorted(str(path.relative_to(pristine)) for path in pristine.rglob("*"))
    assert names == sorted(str(path.relative_to(tmp_path / "digits")) for path in (tmp_path / "digits").rglob("*"))
    for name in names:
        assert (pristine / name).is_dir() or (pristine / name).read_bytes() == (tmp_path / "digits" / name).read_bytes()


# what became of them


def flip(path: Path, place: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def edit(folder: Path, change) -> None:
    card = json.loads((folder / "dataset.json").read_text())
    change(card)
    (folder / "dataset.json").write_text(json.dumps(card, indent=2))


DAMAGE = {
    "a flipped pixel": (lambda f: flip(f / "train/image.npy"), "train/image.npy has the sha256"),
    "a flipped label": (lambda f: flip(f / "test/label.npy", -4), "test/label.npy has the sha256"),
    "a flipped mean": (lambda f: flip(f / "mean_image.npy", -3), "mean_image.npy has the sha256"),
    "cut": (lambda f: os.truncate(f / "validation/image.npy", 999), "validation/image.npy cannot be read"),
    "emptied": (lambda f: (f / "train/label.npy").write_bytes(b""), "train/label.npy cannot be read"),
    "deleted": (lambda f: (f / "train/label.npy").unlink(), "train/label.npy is missing"),
    "of another shape": (lambda f: np.save(f / "test/label.npy", np.zeros(9, np.int32)), r"int32 \(9,\), its card"),
    "exchanged": (lambda f: shutil.copy(f / "test/label.npy", f / "validation/label.npy"), "validation/label.npy has"),
    "a card with another mean": (lambda f: edit(f, lambda c: c["statistics"].update(mean=[0.5])), "it was changed"),
    "a card of other classes": (lambda f: edit(f, lambda c: c["class_names"].reverse()), "it was changed"),
    "a card of another spec": (lambda f: edit(f, lambda c: c["made_from"]["options"].update(size=16)), "it was chang"),
    "a card without statistics": (lambda f: edit(f, lambda c: c.pop("statistics")), "it should hold"),
    "half a card": (lambda f: os.truncate(f / "dataset.json", 300), "cannot be read"),
    "no card": (lambda f: (f / "dataset.json").unlink(), "never prepared"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_with_the_command_that_mends_it(folder, damage):
    harm, says = DAMAGE[damage]
    harm(folder)
    with pytest.raises(DamagedStore, match=says) as failure:
        opened(folder)
    assert str(failure.value).endswith("dvc repro -f prepare@digits")


def test_files_are_read_whole_only_when_their_size_or_time_is_another(folder, monkeypatch):
    read = []
    monkeypatch.setattr(store, "verify", read.append)
    opened(folder)
    assert read == []
    os.utime(folder / "train/image.npy")  # as a checkout by DVC does
    opened(folder)
    opened(folder)
    assert read == [folder]


def test_a_place_that_cannot_be_written_is_read_whole_each_time(pristine, tmp_path, monkeypatch):
    shutil.copytree(pristine, tmp_path / "digits")
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(PermissionError("read-only")))
    assert opened(tmp_path / "digits").card.name == "digits"


# a folder that its user gave


@pytest.fixture
def pictures(tmp_path):
    """A folder of two classes, and the spec of a data set of it, prepared and opened."""
    put = {
        f"{part}/n0{n}/{i}.JPEG": files.noise(10 * n + i)
        for part in ("train", "val")
        for n in (1, 2)
        for i in (1, 2, 3)
    }
    root = files.put(tmp_path / "pictures", put)
    spec = {"name": "imagenet", "size": 8, "validation": 0.4, "folder": str(root)}
    prepare.prepare(spec, "mine", tmp_path / "mine", tmp_path / "raw")
    opened(tmp_path / "mine", spec)
    return root, spec


CHANGES = {
    "a picture more": lambda f: (f / "train/n01/9.JPEG").write_bytes(files.noise(99)),
    "one fewer": lambda f: (f / "train/n01/3.JPEG").unlink(),
    "another picture": lambda f: (f / "val/n02/1.JPEG").write_bytes(files.noise(98)),
    "another name": lambda f: (f / "train/n01/1.JPEG").rename(f / "train/n01/8.JPEG"),
    "another class": lambda f: (f / "train/n01/1.JPEG").rename(f / "train/n02/8.JPEG"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_files_of_a_folder_is_noticed(pictures, tmp_path, change):
    root, spec = pictures
    CHANGES[change](root)
    with pytest.raises(StaleData, match="the files that it was made from"):
        opened(tmp_path / "mine", spec)
    prepare.prepare(spec, "mine", tmp_path / "mine", tmp_path / "raw")
    assert opened(tmp_path / "mine", spec)


def test_a_folder_that_is_not_there_any_more_is_said(pictures, tmp_path):
    root, spec = pictures
    root.rename(tmp_path / "gone")
    with pytest.raises(NotHere, match=f"not at {root}"):
        opened(tmp_path / "mine", spec)


def test_what_is_no_part_of_a_folder_may_change(pictures, tmp_path):
    root, spec = pictures
    (root / "train/n01/.DS_Store").write_bytes(b"x")
    (root / "notes.txt").write_text("mine")
    for path in root.rglob("*.JPEG"):
        os.utime(path)
    assert opened(tmp_path / "mine", spec)


# one writer

PREPARE = """
import sys
from pathlib import Path
from archbench.datasets.prepare import prepare
folder = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
prepare({"name": "digits", "size": 64}, "digits", folder, folder.parent / "raw")
"""


def preparing(folder: Path) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", PREPARE, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    return process


def go(process: subprocess.Popen) -> None:
    process.stdin.write("go\n")
    process.stdin.flush()


def test_two_that_prepare_at_once_leave_one_whole_folder(tmp_path):
    both = [preparing(tmp_path / "digits") for _ in range(2)]
    for process in both:
        go(process)
    assert [process.wait(120) for process in both] == [0, 0]
    store.verify(tmp_path / "digits")
    assert {path.name for path in tmp_path.iterdir()} == {"digits", ".digits.lock"}


def test_what_a_killed_one_left_is_cleared_by_the_next_and_that_of_others_is_not(tmp_path):
    process = preparing(tmp_path / "digits")
    other = tmp_path / ".digits-low.new"
    other.mkdir()
    go(process)
    while not (tmp_path / ".digits.new").exists() and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    prepare.prepare(DIGITS, "digits", tmp_path / "digits", tmp_path / "raw")
    store.verify(tmp_path / "digits")
    assert other.is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {"digits", ".digits.lock", other.name}
