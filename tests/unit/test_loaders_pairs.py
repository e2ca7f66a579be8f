"""Omniglot and Labeled Faces in the Wild: files of the true format, made here, and the one-shot runs as they are."""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import picture_files as files
import pytest
from PIL import Image

from archbench.datasets import DATASETS, _fetch, lfw, omniglot
from archbench.datasets._idx import DamagedData

MIRROR = Path(os.environ.get(_fetch.MIRROR, "")) / "omniglot"


@pytest.fixture
def publish(tmp_path, monkeypatch):
    with files.publishing(tmp_path, monkeypatch) as serve:
        yield serve


def _drawing(number):
    """A drawing of one bit a pixel: ink, 0, in the row of that number."""
    paper = np.full((105, 105), True)
    paper[number] = False
    return files.saved(Image.fromarray(paper), "PNG")


# Omniglot


def _characters(name, alphabets):
    return {
        f"{name}/{alphabet}/character{character:02d}/{10 * character + drawer:04d}_{drawer:02d}.png": _drawing(
            20 * character + drawer
        )
        for alphabet in alphabets
        for character in (1, 2)
        for drawer in (1, 2, 3)
    }


def _runs(changed=()):
    """Two runs of three characters: test drawing i of run r is of class (i + r) % 3."""
    made = {}
    for run in (1, 2):
        lines = []
        for one in (1, 2, 3):
            right = 1 + (one - 1 + run) % 3
            lines.append(f"run{run:02d}/test/item{one:02d}.png run{run:02d}/training/class{right:02d}.png\n")
            made[f"run{run:02d}/test/item{one:02d}.png"] = _drawing(10 * run + right)
            made[f"run{run:02d}/training/class{one:02d}.png"] = _drawing(10 * run + one)
        made[f"run{run:02d}/class_labels.txt"] = "".join(lines)
    return {**made, **dict(changed)}


@pytest.fixture
def characters(publish, monkeypatch):
    monkeypatch.setattr(omniglot, "RUNS", 2)
    monkeypatch.setattr(omniglot, "WAYS", 3)

    def serve(runs):
        return publish(
            "omniglot",
            {
                "images_background_small1.zip": files.zipped(
                    _characters("images_background_small1", ["Greek", "Latin"])
                ),
                "images_background_small2.zip": files.zipped(
                    _characters("images_background_small2", ["Latin", "Tagalog"])
                ),
                "all_runs.zip": files.zipped(runs),
            },
        )

    return serve


def test_characters_of_both_small_sets_are_counted_once_and_ink_is_bright(characters):
    raw = DATASETS.build({"name": "omniglot", "background": "small"}, characters(_runs()))
    train = raw.train
    assert np.bincount(train["label"]).tolist() == [3] * 6
    assert train["image"].shape == (18, 105, 105, 1)
    rows = train["image"][:, :, 0, 0].argmax(axis=1)  # where the ink is
    assert rows.tolist() == [21, 22, 23, 41, 42, 43] * 3
    assert (train["image"] == 255).sum(axis=(1, 2, 3)).tolist() == [105] * 18
    assert raw.group == "label"
    assert (train["run"] == -1).all()
    assert train["alphabet"].tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert (raw.official["test"]["alphabet"] == -1).all()


def test_the_published_tasks_are_the_test_split(characters):
    test = DATASETS.build({"name": "omniglot", "background": "small"}, characters(_runs())).official["test"]
    assert test["run"].tolist() == [0] * 6 + [1] * 6
    assert test["query"].tolist() == [0, 0, 0, 1, 1, 1] * 2
    assert test["label"].tolist() == [0, 1, 2, 1, 2, 0, 3, 4, 5, 5, 3, 4]
    ink = test["image"][:, :, 0, 0].argmax(axis=1)
    np.testing.assert_array_equal(ink % 10 - 1, test["label"] % 3)


def test_smaller_drawings_are_averaged(characters):
    raw = DATASETS.build({"name": "omniglot", "background": "small", "size": 35}, characters(_runs()))
    assert raw.train["image"].shape[1:] == (35, 35, 1)
    assert sorted(np.unique(raw.train["image"][0])) == [0, 85]  # a row of ink in three


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"run02/class_labels.txt": "run02/test/item01.png run02/training/class01.png\n"}, "names 1 of 3 characters"),
        ({"run01/test/item02.png": b"no picture"}, "item02.png of Omniglot is no picture"),
        ({"run01/test/item02.png": files.noise(1, (20, 20), "PNG")}, r"\(20, 20\) pixels instead of 105"),
    ],
)
def test_damaged_tasks_are_refused(characters, changed, why):
    with pytest.raises(DamagedData, match=why):
        DATASETS.build({"name": "omniglot", "background": "small"}, characters(_runs(changed)))


@pytest.mark.skipif(not MIRROR.is_dir(), reason="needs Omniglot's files: set ARCHBENCH_MIRROR")
def test_the_real_files_have_their_published_sizes(tmp_path):
    raw = DATASETS.build({"name": "omniglot", "background": "small", "size": 28}, tmp_path)
    assert np.bincount(raw.train["label"]).tolist() == [20] * 242
    assert np.unique(raw.train["alphabet"]).tolist() == list(range(8))
    test = raw.official["test"]
    assert np.bincount(test["label"]).tolist() == [2] * 400
    assert np.bincount(test["run"][test["query"] == 1]).tolist() == [20] * 20


# Labeled Faces in the Wild

PEOPLE = {"Ann_Lee": 3, "Bo_Ray": 2, "Cy_Fox": 2}


def _faces():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for person, (name, count) in enumerate(PEOPLE.items()):
            for number in range(1, count + 1):
                gray = np.full((250, 250, 3), 60 * person + 10 * number, "uint8")
                content = files.saved(Image.fromarray(gray), "JPEG", quality=95)
                info = tarfile.TarInfo(f"lfw/{name}/{name}_{number:04d}.jpg")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


VIEW_1 = "2\nAnn_Lee\t1\t3\nBo_Ray\t1\t2\nAnn_Lee\t2\tCy_Fox\t1\nBo_Ray\t2\tCy_Fox\t2\n"
VIEW_2 = "2\t1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBo_Ray\t2\nCy_Fox\t1\t2\nCy_Fox\t2\tBo_Ray\t1\n"


@pytest.fixture
def faces(publish, monkeypatch):
    monkeypatch.setattr(lfw, "SIZES", {"train": 4, "validation": 4, "test": 4})

    def serve(**changed):
        lists = {"pairsDevTrain.txt": VIEW_1, "pairsDevTest.txt": VIEW_1, "pairs.txt": VIEW_2}
        lists |= {f"{name}.txt": text for name, text in changed.items()}
        return publish("lfw", {"lfw.tgz": _faces(), **{name: text.encode() for name, text in lists.items()}})

    return serve


def test_pairs_of_faces_are_those_of_the_lists(faces):
    raw = DATASETS.build({"name": "lfw", "size": 32}, faces())
    test, brightness = raw.official["test"], lambda pictures: pictures.mean(axis=(1, 2, 3)).round().tolist()
    assert brightness(test["image"]) == [10, 10, 130, 140]
    assert brightness(test["other"]) == [20, 80, 140, 70]
    assert test["same"].tolist() == [1, 0, 1, 0]
    assert test["fold"].tolist() == [0, 0, 1, 1]
    assert test["label"].tolist() == [0, 0, 2, 2]
    assert test["other_label"].tolist() == [0, 1, 2, 1]
    assert raw.train["same"].tolist() == [1, 1, 0, 0]
    assert (raw.train["fold"] == -1).all()
    assert raw.official["validation"]["fold"].tolist() == [0, 5, 0, 5]  # of each kind as many in every fold


def test_what_a_plan_is_told_of_faces_is_what_they_are(faces):
    train = DATASETS.build({"name": "lfw", "size": 32}, faces()).train
    held = {name: {"shape": list(a.shape[1:]), "dtype": str(a.dtype)} for name, a in train.items()}
    assert DATASETS["lfw"].facts["contains"](size=32)["arrays"] == held


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"pairs": VIEW_2.replace("Bo_Ray\t1", "Bo_Ray\t7")}, "no Bo_Ray_0007.jpg"),
        ({"pairs": VIEW_2.replace("Cy_Fox\t1\t2", "Cy_Fox\t1")}, "line 4, names no pair"),
        ({"pairsDevTest": VIEW_2[: VIEW_2.rindex("Cy_Fox")]}, "pairsDevTest.txt lists 3 pairs instead of 4"),
    ],
)
def test_lists_that_do_not_fit_are_refused(faces, changed, why):
    with pytest.raises(DamagedData, match=why):
        DATASETS.build({"name": "lfw", "size": 32}, faces(**changed))


def test_a_size_that_is_not_published_bounds_the_download_all_the_same():
    sizes = {file.name: file.size for file in _fetch.published("lfw")}
    assert sizes == {"lfw.tgz": 180_566_744, "pairsDevTrain.txt": None, "pairsDevTest.txt": None, "pairs.txt": None}
    assert DATASETS["lfw"].facts["bytes"] == 180_566_744
