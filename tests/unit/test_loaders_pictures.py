"""SVHN, STL-10, Imagenette and Tiny ImageNet: files of the true format, made here, served by HTTP."""

import io
import tarfile
import zipfile

import numpy as np
import picture_files as files
import pytest
from scipy.io import savemat

from archbench.datasets import DATASETS, store
from archbench.datasets._extract import DamagedArchive, UnsafeArchive
from archbench.datasets._folders import EmptyClass, StrangeFile
from archbench.datasets._idx import DamagedData
from archbench.datasets._pictures import BrokenPictures
from archbench.datasets.imagenette import IMAGENETTE, IMAGEWOOF
from archbench.datasets.prepare import prepare
from archbench.errors import UserError


@pytest.fixture
def publish(tmp_path, monkeypatch):
    with files.publishing(tmp_path, monkeypatch) as serve:
        yield serve


def tar(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return stream.getvalue()


# --- SVHN


def mat(label, shape=(32, 32, 3), **other):
    """Pixel (row, column, color) of image n is n + row + 2 column + 64 color; MATLAB's arrays have examples last."""
    n, row, column, color = np.ogrid[: len(label), : shape[0], : shape[1], : shape[2]]
    image = (n + row + 2 * column + 64 * color).astype(np.uint8).transpose(1, 2, 3, 0)
    stream = io.BytesIO()
    savemat(stream, {"X": image, "y": np.array(label)[:, None], **other}, do_compression=True)
    return stream.getvalue()


def svhn(train=None, test=None, **more):
    labels = list(range(1, 11)) * 2
    return {"train_32x32.mat": train or mat(labels), "test_32x32.mat": test or mat([10, 3]), **more}


def test_svhn_pixels_are_in_place_and_label_10_is_the_digit_0(publish):
    raw = DATASETS.build("svhn", publish("svhn", svhn()))
    assert raw.train["label"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0] * 2
    assert raw.official["test"]["label"].tolist() == [0, 3]
    assert raw.train["image"].shape == (20, 32, 32, 3)
    assert raw.train["image"].dtype == np.uint8
    assert raw.train["image"][5, 7, 11].tolist() == [5 + 7 + 22, 5 + 7 + 22 + 64, 5 + 7 + 22 + 128]
    assert raw.class_names == tuple("0123456789")


def test_svhn_extra_images_come_after_the_training_images(publish):
    folder = publish("svhn", svhn(**{"extra_32x32.mat": mat([7])}))
    assert len(DATASETS.build("svhn", folder).train["label"]) == 20
    assert not (folder / "svhn" / "extra_32x32.mat").exists()  # it is 1.3 GB
    raw = DATASETS.build({"name": "svhn", "extra": True}, folder)
    assert raw.train["label"].tolist()[-2:] == [0, 7]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(600), "format 5"),
        (b"<html>not found</html>" * 20, "format 5"),
        (mat([1, 2])[:-40], "format 5"),
        (mat([1], shape=(32, 31, 3)), r"X is uint8 \(32, 31, 3, 1\)|X is uint8 \(32, 31, 3\)"),
        (mat([1, 2, 0]), "label 0"),
        (mat([1, 2, 11]), "label 11"),
        (mat([1, 2], y=np.array([1, 2, 3])), "for 2 images"),
    ],
)
def test_damaged_svhn_is_refused(publish, content, says):
    with pytest.raises(DamagedData, match=says):
        DATASETS.build("svhn", publish("svhn", svhn(train=content)))


# --- STL-10


def stl10(**changed):
    """Byte (color, column, row) of image n is n + column + 2 row + 64 color: columns run first in the file."""
    n, color, column, row = np.ogrid[:12, :3, :96, :96]
    image = (n + column + 2 * row + 64 * color).astype(np.uint8)
    members = {
        "train_X.bin": image.tobytes(),
        "train_y.bin": bytes([*range(1, 11), 1, 2]),
        "test_X.bin": image[:2].tobytes(),
        "test_y.bin": bytes([10, 4]),
        "unlabeled_X.bin": b"not an image",
        "class_names.txt": b"airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n",
        "fold_indices.txt": b"0 1 2 \n11 3 \n" + b"0\n" * 8,
        **changed,
    }
    return {"stl10_binary.tar.gz": tar({f"stl10_binary/{name}": text for name, text in members.items() if text})}


def test_stl10_columns_become_rows_and_labels_begin_at_0(publish):
    raw = DATASETS.build("stl10", publish("stl10", stl10()))
    assert raw.train["image"].shape == (12, 96, 96, 3)
    row, column = 5, 9
    assert raw.train["image"][3, row, column].tolist() == [3 + 9 + 10, 3 + 9 + 10 + 64, 3 + 9 + 10 + 128]
    assert raw.train["label"].tolist() == [*range(10), 0, 1]
    assert raw.official["test"]["label"].tolist() == [9, 3]
    assert raw.class_names[:2] == ("airplane", "bird")


def test_stl10_folds_are_the_published_rows(publish):
    raw = DATASETS.build({"name": "stl10", "fold": 1}, publish("stl10", stl10()))
    assert raw.train["label"].tolist() == [1, 3]
    assert raw.train["image"][:, 0, 0, 0].tolist() == [11, 3]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"train_X.bin": bytes(27_647)}, "27647 bytes, no multiple of an image's 27648"),
        ({"test_y.bin": bytes([1])}, "1 labels for 2 images"),
        ({"test_y.bin": bytes([0, 1])}, "labels from 0 to 1"),
        ({"test_y.bin": bytes([1, 11])}, "labels from 1 to 11"),
        ({"test_y.bin": None}, "test_y.bin is missing"),
        ({"fold_indices.txt": b"0 1\n12 3\n"}, "line 2 of fold_indices.txt"),
        ({"fold_indices.txt": b"0 1\n"}, "line 2 of fold_indices.txt"),
    ],
)
def test_damaged_stl10_is_refused(publish, changed, says):
    with pytest.raises(DamagedData, match=says):
        DATASETS.build({"name": "stl10", "fold": 1}, publish("stl10", stl10(**changed)))


# --- Imagenette


def nette(classes=IMAGENETTE, folder="imagenette2-160", changed=None):
    """Five pictures a class to train with and one to test on; the k-th class is as red as 20 k."""
    members = {}
    for number, wnid in enumerate(classes):
        for n in range(5):
            members[f"train/{wnid}/{wnid}_{n}.JPEG"] = files.plain((20 * number, 0, 0), (24 + n, 20))
        members[f"val/{wnid}/{wnid}_9.JPEG"] = files.plain((20 * number, 255, 0))
    members |= {"noisy_imagenette.csv": b"path,noisy_labels_0\n", **(changed or {})}
    packed = {f"{folder}/{name}": content for name, content in members.items() if content is not None}
    return {f"{folder}.tgz": tar(packed)}


@pytest.mark.parametrize(("name", "classes"), [("imagenette", IMAGENETTE), ("imagewoof", IMAGEWOOF)])
def test_class_folders_become_pictures_and_labels(publish, tmp_path, name, classes):
    raw_folder = publish(name, nette(classes, f"{name}2-160"))
    card = prepare({"name": name, "size": 16, "validation": 0.2}, name, tmp_path / name, raw_folder)
    assert card.split_sizes == {"train": 40, "validation": 10, "test": 10}
    assert {split: one["classes"] for split, one in card.label_counts["label"].items()} == {
        "train": [4] * 10,
        "validation": [1] * 10,
        "test": [1] * 10,
    }
    assert card.class_names == tuple(classes.values())
    assert card.odd_files == {}
    for split, green in (("train", 0), ("validation", 0), ("test", 255)):
        arrays = store.load(tmp_path / name).splits[split]
        assert isinstance(arrays["image"], np.memmap)
        assert arrays["image"].shape[1:] == (16, 16, 3)
        assert np.abs(arrays["image"][:, 8, 8, 0] - 20.0 * arrays["label"]).max() <= 3
        assert np.abs(arrays["image"][..., 1] - float(green)).max() <= 3
    left = [path.name for path in (raw_folder / name).iterdir() if not path.name.endswith(".lock")]
    assert left == [f"{name}2-160.tgz"]  # what was unpacked is gone


def test_another_edition_is_another_file(publish):
    published = {**nette(), **nette(folder="imagenette2"), **nette(folder="imagenette2-320")}
    folder = publish("imagenette", published)
    raw = DATASETS.build({"name": "imagenette", "edition": "full", "size": 8}, folder)
    assert len(raw.train["image"]) == 50
    assert [path.name for path in (folder / "imagenette").glob("*.tgz")] == ["imagenette2.tgz"]


def odd():
    """Files that are not plain RGB, each with what the card calls it."""
    return {
        "train/n01440764/gray.JPEG": files.gray(),
        "train/n01440764/ink.JPEG": files.cmyk(),
        "val/n02102040/gray.JPEG": files.gray(),
        "train/n03028079/short.JPEG": files.truncated(),
        "val/n03028079/deep.JPEG": files.png16(3),
    }


def test_broken_files_are_all_named_before_anything_is_written(publish, tmp_path):
    folder = publish("imagenette", nette(changed=odd()))
    with pytest.raises(BrokenPictures) as failure:
        prepare({"name": "imagenette", "size": 8}, "x", tmp_path / "x", folder)
    assert "1 of the 53 pictures" in str(failure.value)
    assert "train/n03028079/short.JPEG cannot be decoded" in str(failure.value)
    assert "skip_broken: true" in str(failure.value)
    assert not (tmp_path / "x").exists()


def test_skipped_and_converted_files_are_named_and_counted(publish, tmp_path):
    folder = publish("imagenette", nette(changed=odd()))
    spec = {"name": "imagenette", "size": 8, "skip_broken": True, "validation": 0.2}
    card = prepare(spec, "x", tmp_path / "x", folder)
    assert card.odd_files == {"gray": 2, "CMYK": 1, "skipped": 2}
    assert sum(card.split_sizes.values()) == 60 + 3
    assert card.split_sizes["test"] == 11
    lines = (tmp_path / "x" / "odd_files.csv").read_text().splitlines()
    assert lines[0] == "file,what"
    assert "train/n01440764/gray.JPEG,gray" in lines
    assert "train/n01440764/ink.JPEG,CMYK" in lines
    assert "val/n03028079/deep.JPEG,skipped: has 16 bits a value; save it with 8" in lines
    assert len(lines) == 6
    assert store.verify(tmp_path / "x") == card


def test_cmyk_can_be_refused(publish):
    folder = publish("imagenette", nette(changed={"val/n01440764/ink.JPEG": files.cmyk()}))
    with pytest.raises(BrokenPictures, match=r"val/n01440764/ink\.JPEG is in CMYK"):
        DATASETS.build({"name": "imagenette", "size": 8, "cmyk": "refuse"}, folder)


def without(wnid, part):
    return {name.partition("/")[2]: None for name in members_of(nette()) if f"{part}/{wnid}/" in name}


def members_of(published):
    (content,) = published.values()
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        return packed.getnames()


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        (without("n03425413", "train"), StrangeFile, "Missing are 1: n03425413; unknown are 0"),
        ({"val/n99999999/a.JPEG": files.gray()}, StrangeFile, "Missing are 0: none; unknown are 1: n99999999"),
        ({"train/list.txt": b"a"}, StrangeFile, "list.txt is no folder of a class"),
        ({"train/n03425413/more/a.JPEG": files.gray()}, StrangeFile, "more is no file"),
        (
            {**without("n03425413", "val"), "val/n03425413/bad.JPEG": b"bad"},
            EmptyClass,
            "no good picture of 1 classes: n03425413",
        ),
        ({"../../evil.JPEG": b"x"}, UnsafeArchive, "points outside"),
    ],
)
def test_wrong_class_folders_are_refused_by_name(publish, changed, error, says):
    with pytest.raises(error, match=says):
        DATASETS.build(
            {"name": "imagenette", "size": 8, "skip_broken": True}, publish("imagenette", nette(changed=changed))
        )


def test_impossible_options_are_refused_before_a_download(tmp_path):
    for name in ("imagenette", "tiny_imagenet", "imagenet"):
        with pytest.raises(UserError, match=r"size cannot be 4\. Input should be greater than or equal to 8"):
            DATASETS.build({"name": name, "size": 4}, tmp_path)
        with pytest.raises(UserError, match=r"crop cannot be 1\.5"):
            DATASETS.build({"name": name, "crop": 1.5}, tmp_path)
        with pytest.raises(UserError, match="storage cannot be 'tfrecords'"):
            DATASETS.build({"name": name, "storage": "tfrecords"}, tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- Tiny ImageNet


def tiny(changed=None):
    members = {
        "wnids.txt": b"n02\nn01\n",
        "words.txt": b"n01\tcrane, a bird\nn02\tcrane\nn03\tnothing of this\n",
        "val/val_annotations.txt": b"val_0.JPEG\tn02\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\n",
        "val/images/val_0.JPEG": files.plain((200, 0, 0), (64, 64)),
        "val/images/val_1.JPEG": files.plain((100, 0, 0), (64, 64)),
        "test/images/test_0.JPEG": files.plain((0, 0, 0), (64, 64)),
        "train/n01/n01_boxes.txt": b"n01_0.JPEG\t0\t0\t9\t9\n",
    }
    for kind in ("n01", "n02"):
        for n in range(10):
            members[f"train/{kind}/images/{kind}_{n}.JPEG"] = files.plain((100 * int(kind[1:]), 0, n), (64, 64))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in {**members, **(changed or {})}.items():
            if content is not None:
                packed.writestr(f"tiny-imagenet-200/{name}", content)
    return {"tiny-imagenet-200.zip": stream.getvalue()}


def test_tiny_imagenet_is_read_from_its_zip(publish, tmp_path):
    folder = publish("tiny_imagenet", tiny())
    card = prepare({"name": "tiny_imagenet", "validation": 0.2}, "tiny", tmp_path / "tiny", folder)
    assert card.split_sizes == {"train": 16, "validation": 4, "test": 2}
    assert card.class_names == ("crane (n01)", "crane (n02)")
    test = store.load(tmp_path / "tiny").splits["test"]
    assert test["label"].tolist() == [1, 0]
    assert np.abs(test["image"][:, 0, 0, 0].astype(int) - [200, 100]).max() <= 3
    train = store.load(tmp_path / "tiny").splits["train"]
    assert np.abs(train["image"][:, 0, 0, 0] - 100.0 * (train["label"] + 1)).max() <= 3


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"wnids.txt": None}, DamagedData, "wnids.txt is missing"),
        ({"wnids.txt": b"n01\n"}, DamagedData, "class n02, which wnids.txt does not list"),
        ({"wnids.txt": b"n01\nn02\nn07\n"}, DamagedData, "train/n07/images holds no picture"),
        ({"val/val_annotations.txt": b"val_7.JPEG\tn02\n"}, DamagedData, r"'val_7.JPEG\\tn02'"),
        ({"val/val_annotations.txt": b"val_0.JPEG\n"}, DamagedData, "names no picture with its class"),
        ({"val/val_annotations.txt": b"val_0.JPEG\tn02\n"}, EmptyClass, "no good picture of 1 classes: n01"),
        ({"val/images/val_1.JPEG": files.truncated()}, BrokenPictures, "images/val_1.JPEG cannot be decoded"),
    ],
)
def test_damaged_tiny_imagenet_is_refused(publish, changed, error, says):
    with pytest.raises(error, match=says):
        DATASETS.build("tiny_imagenet", publish("tiny_imagenet", tiny(changed)))


def test_what_is_no_zip_is_refused(publish):
    with pytest.raises(DamagedArchive, match="Delete it and run again"):
        DATASETS.build("tiny_imagenet", publish("tiny_imagenet", {"tiny-imagenet-200.zip": b"<html>"}))
