"""Blood cells and Pascal VOC: files of the true format, made here, served by HTTP; boxes by hand."""

import annotated_files as told
import numpy as np
import picture_files as files
import pytest

from archbench.cli.data import look_up
from archbench.config import DataSet
from archbench.datasets import DATASETS, _fetch
from archbench.datasets._idx import DamagedData
from archbench.datasets._masks import VOID, WrongMask
from archbench.datasets._objects import WrongObject
from archbench.datasets._pictures import BrokenPictures
from archbench.datasets.prepare import prepare
from archbench.errors import UserError
from archbench.project import Folders


@pytest.fixture
def publish(tmp_path, monkeypatch):
    with files.publishing(tmp_path, monkeypatch) as serve:
        yield serve


# --- BCCD


def bccd(changed=None):
    """Three pictures of 20 x 16 to train with, and one each for the others; the second has a box of a single pixel."""
    lists = {"train": ["a", "b", "c"], "val": ["d"], "test": ["e"]}
    made = {f"ImageSets/Main/{part}.txt": "\n".join(names).encode() for part, names in lists.items()}
    for number, name in enumerate("abcde"):
        made[f"JPEGImages/{name}.jpg"] = files.noise(number)
        made[f"Annotations/{name}.xml"] = told.annotation((20, 16), told.thing("WBC", (1, 1, 20, 16)))
    made["Annotations/b.xml"] = told.annotation(
        (20, 16),
        told.thing("RBC", (3, 2, 7, 4)),
        told.thing("RBC", (9, 9, 9, 9)),
        told.thing("Platelets", (19, 16, 20, 16), "<difficult>0</difficult>"),
    )
    return {f"BCCD/{name}": content for name, content in {**made, **(changed or {})}.items()}


def test_boxes_count_pixels_from_0_and_end_after_the_last(publish):
    """1 to 20 of 20 columns are all of them; 3 to 7 are five, left of which are two."""
    raw = DATASETS.build({"name": "bccd", "size": [16, 20]}, publish("bccd", bccd()))
    assert raw.train["boxes"][:].tolist() == [
        [[0, 0, 16, 20], [0] * 4],
        [[1, 2, 4, 7], [15, 18, 16, 20]],
        [[0, 0, 16, 20], [0] * 4],
    ]
    assert raw.train["box_label"][:].tolist() == [[1, -1], [0, 2], [1, -1]]
    assert raw.class_names == ("RBC", "WBC", "Platelets")
    assert {split: len(part["image"]) for split, part in raw.official.items()} == {"validation": 1, "test": 1}


def test_a_box_of_a_single_pixel_is_left_out_and_counted(publish, tmp_path):
    card = prepare({"name": "bccd", "size": [16, 20]}, "cells", tmp_path / "cells", publish("bccd", bccd()))
    assert card.odd_files == {"left out": 1}
    lines = (tmp_path / "cells" / "odd_files.csv").read_text().splitlines()
    assert lines[1:] == ['Annotations/b.xml,"left out: object 2 (RBC), a single pixel"']
    assert card.label_counts["box_label"]["train"]["classes"] == [1, 2, 1]


def test_the_first_examples_of_each_part_are_kept(publish):
    spec = {"name": "bccd", "size": [16, 20], "examples": 2}
    raw = DATASETS.build(spec, publish("bccd", bccd()))
    assert raw.train["box_label"][:].tolist() == [[1, -1], [0, 2]]
    assert len(raw.official["test"]["image"]) == 1
    assert DATASETS["bccd"].facts["contains"](**{**DATASETS["bccd"].options, **spec})["train"] == 2


def test_a_plan_knows_the_official_parts_before_they_are_here(tmp_path):
    """Pictures of 480 x 640 in three colors; boxes are of no known number."""
    known = look_up("cells", {"cells": DataSet(name="bccd")}, Folders(tmp_path, "real"))
    assert known.card.split_sizes == {"train": 205, "validation": 87, "test": 72}
    assert known.prepared_bytes == (205 + 87 + 72) * 480 * 640 * 3
    assert known.card.arrays["boxes"] == {"shape": [None, 4], "dtype": "float32", "storage": "ragged", "pad": 0}
    assert known.download_bytes == sum(file.size for file in _fetch.published("bccd"))


def test_half_the_size_halves_the_boxes(publish):
    raw = DATASETS.build({"name": "bccd", "size": [8, 10]}, publish("bccd", bccd()))
    assert raw.train["boxes"][1].tolist() == [[0.5, 1, 2, 3.5], [7.5, 9, 8, 10]]
    assert raw.train["image"].shape == (3, 8, 10, 3)


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        (
            told.annotation((20, 16), told.thing("dog", (1, 1, 2, 2))),
            WrongObject,
            r"c\.xml: object 1 \(dog\) is of an unk",
        ),
        (
            told.annotation((20, 16), told.thing("RBC", (1, 1, 21, 9))),
            WrongObject,
            r"c\.xml: the box of object 1 \(RBC\) l",
        ),
        (told.annotation((20, 16), told.thing("RBC", (0, 1, 2, 9))), WrongObject, r"outside.* left -1"),
        (told.annotation((20, 16), told.thing("RBC", (8, 1, 7, 9))), WrongObject, "empty or upside down"),
        (
            told.annotation((20, 16), told.thing("RBC", ("", 1, 7, 9))),
            WrongObject,
            r"object 1 \(RBC\) has no box of four",
        ),
        (told.annotation((20, 16), "<object><name>RBC</name></object>"), WrongObject, "has no box of four numbers"),
        (
            told.annotation((16, 20)),
            WrongObject,
            r"c\.xml tells of a picture of 16 x 20 pixels; JPEGImages/c\.jpg has 20",
        ),
        (b"<annotation><size>", WrongObject, r"c\.xml is no annotation of Pascal VOC"),
    ],
)
def test_impossible_cells_are_refused_with_file_and_object(publish, changed, error, says):
    with pytest.raises(error, match=says):
        DATASETS.build({"name": "bccd", "size": [16, 20]}, publish("bccd", bccd({"Annotations/c.xml": changed})))


def test_a_broken_photograph_of_cells_is_refused_or_left_out_with_its_boxes(publish):
    folder = publish("bccd", bccd({"JPEGImages/b.jpg": b"no picture"}))
    with pytest.raises(BrokenPictures, match=r"JPEGImages/b\.jpg cannot be decoded[^$]*skip_broken: true"):
        DATASETS.build({"name": "bccd", "size": [16, 20]}, folder)
    raw = DATASETS.build({"name": "bccd", "size": [16, 20], "skip_broken": True}, folder)
    assert raw.train["box_label"][:].tolist() == [[1], [1]]
    assert raw.odd_files == (("JPEGImages/b.jpg", "skipped: cannot be decoded (it is no picture)"),)


def test_impossible_options_are_refused_before_a_download(tmp_path):
    for option in ({"size": [16]}, {"size": [16, 4]}, {"size": 16}, {"fit": "crop"}, {"examples": 0}):
        with pytest.raises(UserError, match="cannot be"):
            DATASETS.build({"name": "bccd", **option}, tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- Pascal VOC

HEAD = told.thing("head", (4, 2, 5, 3)).replace("object>", "part>")


def kit(year, parts, changed=None):
    """An archive of one year: part -> names, listed for boxes and for masks, of pictures of 20 x 16."""
    made = {}
    for part, names in parts.items():
        for folder in ("Main", "Segmentation"):
            made[f"ImageSets/{folder}/{part}.txt"] = "".join(f"{name}\n" for name in names).encode()
        for number, name in enumerate(names):
            made[f"JPEGImages/{name}.jpg"] = files.noise(number)
            made[f"Annotations/{name}.xml"] = told.annotation(
                (20, 16),
                told.thing("person", (3, 2, 7, 4), "<truncated>1</truncated>", HEAD),
                told.thing("dog", (1, 1, 20, 16), "<difficult>1</difficult>"),
            )
            classes, objects = np.zeros((2, 16, 20), np.uint8)
            classes[8:, :], objects[8:, :] = 12, 2
            classes[1:4, 2:7], objects[1:4, 2:7] = 15, 1
            classes[4, :], objects[4, :] = VOID, VOID
            made[f"SegmentationClass/{name}.png"] = told.png(classes, palette=True)
            made[f"SegmentationObject/{name}.png"] = told.png(objects, palette=True)
    made |= changed or {}
    return told.tar({f"VOCdevkit/VOC{year}/{name}": content for name, content in made.items() if content is not None})


def voc2007(changed=None):
    return {
        "VOCtrainval_06-Nov-2007.tar": kit("2007", {"trainval": ["000005", "000007", "000009"]}, changed),
        "VOCtest_06-Nov-2007.tar": kit("2007", {"test": ["000001", "000002"]}),
    }


def test_an_object_has_its_own_box_and_not_that_of_its_head_and_difficult_ones_stand_apart(publish):
    raw = DATASETS.build({"name": "voc2007", "size": [16, 20]}, publish("voc2007", voc2007()))
    assert sorted(raw.train) == ["box_label", "boxes", "ignored_boxes", "ignored_crowd", "ignored_label", "image"]
    assert raw.train["boxes"][:].tolist() == [[[1, 2, 4, 7]]] * 3
    assert raw.train["box_label"][:].tolist() == [[14]] * 3
    assert raw.train["ignored_boxes"][0].tolist() == [[0, 0, 16, 20]]
    assert raw.train["ignored_label"][0].tolist() == [11]
    assert raw.train["ignored_crowd"][0].tolist() == [0]
    assert len(raw.official["test"]["image"]) == 2
    assert raw.class_names[14] == "person"


def test_numbers_of_masks_are_classes_objects_and_borders(publish):
    raw = DATASETS.build(
        {"name": "voc2007", "labels": "masks", "size": [16, 20], "skip_broken": True}, publish("voc2007", voc2007())
    )
    mask = raw.train["mask"][0]
    assert mask.dtype == np.uint8
    assert mask[2, 3] == 15  # person, counted from 1; 0 is the background
    assert mask[10, 3] == 12
    assert (mask[4] == VOID).all()
    assert mask[0, 0] == 0
    person, dog = raw.train["masks"][0][0], raw.train["ignored_masks"][0][0]
    assert person.sum() == 3 * 5
    assert person[1:4, 2:7].all()
    assert dog.sum() == 8 * 20
    assert dog[8:].all()


def test_padding_has_no_class(publish):
    spec = {"name": "voc2007", "labels": "masks", "size": [32, 20], "fit": "pad"}
    raw = DATASETS.build(spec, publish("voc2007", voc2007()))
    assert (raw.train["mask"][:, 16:] == VOID).all()
    assert (raw.train["image"][:][:, 16:] == 0).all()
    assert raw.train["masks"][0][0][16:].sum() == 0


def test_fractions_of_2012_are_cut_off(publish):
    odd = told.annotation((20, 16), told.thing("cat", ("3.99", "2.2", "7.7000007", "4.5")))
    content = kit("2012", {"train": ["2008_000001"], "val": ["2008_000002"]}, {"Annotations/2008_000001.xml": odd})
    folder = publish("voc2012", {"VOCtrainval_11-May-2012.tar": content})
    raw = DATASETS.build({"name": "voc2012", "size": [16, 20]}, folder)
    assert raw.train["boxes"][0].tolist() == [[1, 2, 4, 7]]
    assert raw.official["test"]["box_label"][:].tolist() == [[14]]


def test_both_years_follow_each_other(publish, monkeypatch, tmp_path):
    published = {
        "voc2007": voc2007(),
        "voc2012": {"VOCtrainval_11-May-2012.tar": kit("2012", {"trainval": ["2008_000001", "2008_000002"]})},
    }
    folder = publish("voc2007", published["voc2007"])
    fetch = _fetch.fetch

    def either(name, raw, **options):
        publish(name, published[name])
        return fetch(name, raw, **options)

    monkeypatch.setattr(_fetch, "fetch", either)
    monkeypatch.setattr(_fetch, "facts", lambda name: {"licence": "CC0"})
    raw = DATASETS.build({"name": "voc2007", "with_2012": True, "size": [16, 20]}, folder)
    assert len(raw.train["image"]) == 5
    assert raw.train["image"].source.name(3) == "JPEGImages/2008_000001.jpg"
    entry = DATASETS["voc2007"]
    assert entry.facts["contains"](**{**entry.options, "with_2012": True})["train"] == 16_551


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        (
            {"SegmentationClass/000007.png": told.png(np.full((16, 20), 21), palette=True)},
            WrongMask,
            "holds the number 21",
        ),
        ({"SegmentationObject/000007.png": told.png(np.full((16, 20), 3), palette=True)}, WrongMask, "most 2"),
        (
            {"SegmentationClass/000007.png": told.png(np.zeros((15, 20)))},
            WrongMask,
            r"000007\.png is a mask of 20 x 15",
        ),
        ({"SegmentationClass/000007.png": files.noise(0, kind="PNG")}, WrongMask, "pixels of the kind 'RGB'"),
        ({"SegmentationObject/000009.png": None}, DamagedData, r"has no SegmentationObject/000009\.png"),
        ({"ImageSets/Segmentation/trainval.txt": None}, DamagedData, r"has no ImageSets/Segmentation/trainval\.txt"),
    ],
)
def test_wrong_maps_of_voc_are_refused_by_name(publish, changed, error, says):
    with pytest.raises(error, match=says):
        DATASETS.build({"name": "voc2007", "labels": "masks"}, publish("voc2007", voc2007(changed)))
