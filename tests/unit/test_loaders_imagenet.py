"""ImageNet from folders that its user has: both layouts, every way they can be wrong."""

import csv
import io
import os
from itertools import product

import numpy as np
import picture_files as files
import pytest
from scipy.io import savemat

from archbench.datasets import DATASETS, store
from archbench.datasets._folders import EmptyClass, StrangeFile
from archbench.datasets._idx import DamagedData
from archbench.datasets._options import BadOption
from archbench.datasets._pictures import BrokenPictures
from archbench.datasets.imagenet import NotHere
from archbench.datasets.prepare import prepare
from archbench.datasets.ready import open_prepared


def imagenet(folder, flat=False):
    """Three classes of five pictures to train with and two to validate with; the kit numbers them 3, 1, 2."""
    wnids = ("n01", "n02", "n03")
    put = {f"train/{wnid}/{wnid}_{n}.JPEG": files.noise(n, (40, 30)) for wnid in wnids for n in range(5)}
    order = ["n02", "n01", "n03", "n01", "n02", "n03"]
    reds = {"n01": 50, "n02": 100, "n03": 150}
    for number, wnid in enumerate(order, 1):
        name = f"ILSVRC2012_val_{number:08d}.JPEG"
        put[f"val/{name}" if flat else f"val/{wnid}/{name}"] = files.plain((reds[wnid], 0, 0))
    if flat:
        kit = "ILSVRC2012_devkit_t12/data"
        ids = {"n01": 3, "n02": 1, "n03": 2}
        rows = [(ids[wnid], wnid, f"{wnid} name, other") for wnid in ("n02", "n03", "n01")]
        kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O")]
        stream = io.BytesIO()
        savemat(stream, {"synsets": np.array(rows, dtype=kind)[:, None]})
        truth = "".join(f"{ids[wnid]}\n" for wnid in order).encode()
        put |= {f"{kit}/meta.mat": stream.getvalue(), f"{kit}/ILSVRC2012_validation_ground_truth.txt": truth}
    return files.put(folder, put)


@pytest.mark.parametrize("flat", [False, True])
def test_imagenet_is_read_from_class_folders_or_with_the_kit(tmp_path, flat):
    imagenet(tmp_path / "raw" / "imagenet", flat)
    (tmp_path / "raw" / "imagenet" / "train" / "n01" / ".DS_Store").write_bytes(b"no picture")
    spec = {"name": "imagenet", "size": 16, "validation": 0.2}
    card = prepare(spec, "imagenet", tmp_path / "prepared", tmp_path / "raw")
    assert card.split_sizes == {"train": 12, "validation": 3, "test": 6}
    assert card.class_names == (("n01 name", "n02 name", "n03 name") if flat else ("n01", "n02", "n03"))
    test = store.load(tmp_path / "prepared").splits["test"]
    assert sorted(test["label"].tolist()) == [0, 0, 1, 1, 2, 2]
    assert np.abs(test["image"][:, 0, 0, 0] - 50.0 * (test["label"] + 1)).max() <= 3


def test_imagenet_may_be_anywhere(tmp_path):
    imagenet(tmp_path / "elsewhere")
    raw = DATASETS.build({"name": "imagenet", "size": 8, "folder": str(tmp_path / "elsewhere")}, tmp_path / "raw")
    assert len(raw.train["image"]) == 15


@pytest.mark.parametrize("given", ["~/elsewhere", "elsewhere", "../here/elsewhere"])
def test_a_folder_may_be_below_home_or_beside_params(tmp_path, monkeypatch, given):
    """A relative path counts from the folder of params.yaml, which is where every command runs."""
    here = tmp_path / "here"
    imagenet(here / "elsewhere")
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.chdir(here if given[0] != "~" else tmp_path)
    raw = DATASETS.build({"name": "imagenet", "size": 8, "folder": given}, tmp_path / "raw")
    assert len(raw.train["image"]) == 15


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ("", BadOption, "must be the path of a file or folder; '' was given"),
        ("~nobody-of-this-name/x", BadOption, "'~nobody-of-this-name/x' was given"),
        ("a\0b", BadOption, "must be the path"),
        ("~/not-there", NotHere, "ImageNet is not at /home-of-a-test/not-there"),
    ],
)
def test_a_folder_that_cannot_be_one_is_said(tmp_path, monkeypatch, given, error, says):
    monkeypatch.setenv("HOME", "/home-of-a-test")
    with pytest.raises(error, match=says):
        DATASETS.build({"name": "imagenet", "folder": given}, tmp_path)


ODD = [b"caf\xe9", b"a,b", b"two\nlines", b'quo"te', "grün".encode()]
"""Names that no text file takes as they are, and one that it does."""
WRITTEN = ["caf\\xe9", "a,b", "two\\nlines", 'quo"te', "grün"]


@pytest.mark.parametrize("storage", ["arrays", "tfrecord"])
def test_names_that_are_not_utf_8_are_escaped(tmp_path, storage):
    root = os.fsencode(tmp_path / "raw" / "imagenet")
    for part, wnid in product((b"train", b"val"), ODD):
        os.makedirs(os.path.join(root, part, wnid))
        for number in range(4):
            with open(os.path.join(root, part, wnid, ODD[number] + b".JPEG"), "wb") as stream:
                stream.write(files.gray() if number == 0 else files.noise(number))
    spec = {"name": "imagenet", "size": 8, "validation": 0.25, "storage": storage}
    card = prepare(spec, "odd", tmp_path / "odd", tmp_path / "raw")
    assert sorted(card.class_names) == sorted(WRITTEN)
    assert card.odd_files == {"gray": 10}
    with (tmp_path / "odd" / "odd_files.csv").open(newline="", encoding="utf-8") as stream:
        names = {row["file"] for row in csv.DictReader(stream)}
    assert names == {f"{part}/{wnid}/caf\\xe9.JPEG" for part in ("train", "val") for wnid in WRITTEN}
    assert open_prepared(spec, tmp_path / "odd", tmp_path / "raw").splits["train"]["image"][:].shape == (15, 8, 8, 3)


def test_messages_about_such_files_can_be_printed(tmp_path):
    root = os.fsencode(imagenet(tmp_path / "imagenet"))
    with open(os.path.join(root, b"train", b"n01", b"caf\xe9\n.JPEG"), "wb") as stream:
        stream.write(b"no picture")
    with pytest.raises(BrokenPictures) as failure:
        DATASETS.build({"name": "imagenet", "size": 8}, tmp_path)
    assert "\n  train/n01/caf\\xe9\\n.JPEG cannot be decoded" in str(failure.value)
    os.mkdir(os.path.join(root, b"val", b"caf\xe9"))
    with pytest.raises(EmptyClass) as failure:
        DATASETS.build({"name": "imagenet", "size": 8, "skip_broken": True}, tmp_path)
    str(failure.value).encode()


def test_imagenet_is_never_downloaded(tmp_path):
    with pytest.raises(NotHere, match=r"never downloaded: register at https://image-net.org.*train/<wnid>") as failure:
        DATASETS.build("imagenet", tmp_path)
    assert str(tmp_path / "imagenet") in str(failure.value)


def test_a_flat_validation_folder_needs_the_kit(tmp_path):
    folder = imagenet(tmp_path / "imagenet", flat=True)
    (folder / "ILSVRC2012_devkit_t12").rename(folder / "kit")
    with pytest.raises(NotHere, match=r"ILSVRC2012_devkit_t12\.tar\.gz"):
        DATASETS.build("imagenet", tmp_path)


@pytest.mark.parametrize(
    ("harm", "error", "says"),
    [
        (lambda f: (f / "train" / "n09").mkdir(), EmptyClass, "n09 holds no picture"),
        (lambda f: (f / "val" / "n02").rename(f / "val" / "n05"), StrangeFile, "Missing are 1: n02; .* 1: n05"),
        (
            lambda f: (f / "train" / "n01" / "n01_2.JPEG").write_bytes(files.cmyk()),
            BrokenPictures,
            "n01_2.JPEG is in C",
        ),
        (lambda f: (f / "val" / "n01" / "x.JPEG").write_bytes(files.png16(1)), BrokenPictures, "x.JPEG has 16 bits"),
    ],
)
def test_bad_folders_are_refused_by_name(tmp_path, harm, error, says):
    harm(imagenet(tmp_path / "imagenet"))
    with pytest.raises(error, match=says):
        DATASETS.build({"name": "imagenet", "size": 8}, tmp_path)


@pytest.mark.parametrize(
    ("harm", "error", "says"),
    [
        (
            lambda f: (f / "val" / "ILSVRC2012_val_00000007.JPEG").write_bytes(b""),
            StrangeFile,
            "none of the 6 ",
        ),
        (lambda f: (f / "val" / "cat.JPEG").write_bytes(b""), StrangeFile, "val/cat.JPEG is none"),
        (lambda f: (f / "ILSVRC2012_devkit_t12/data/meta.mat").write_bytes(b"no"), DamagedData, "kit at .* be read"),
        (lambda f: (f / "val" / "ILSVRC2012_val_00000003.JPEG").unlink(), None, ""),
    ],
)
def test_bad_flat_folders_are_refused_by_name(tmp_path, harm, error, says):
    harm(imagenet(tmp_path / "imagenet", flat=True))
    if error is None:
        assert len(DATASETS.build({"name": "imagenet", "size": 8}, tmp_path).official["test"]["label"]) == 5
        return
    with pytest.raises(error, match=says):
        DATASETS.build({"name": "imagenet", "size": 8}, tmp_path)
