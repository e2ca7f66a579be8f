"""CamVid, ISBI 2012, Oxford-IIIT Pet, Balloon and COCO: files of the true format, made here; places by hand."""

import json

import annotated_files as told
import numpy as np
import picture_files as files
import pytest
from pycocotools import mask as coco

from archbench.cli.data import look_up
from archbench.config import DataSet
from archbench.datasets import DATASETS, camvid, isbi2012, store
from archbench.datasets._idx import DamagedData
from archbench.datasets._masks import VOID, WrongMask
from archbench.datasets._objects import WrongObject
from archbench.datasets._pictures import BrokenPictures
from archbench.datasets.prepare import prepare
from archbench.project import Folders
from archbench.tasks import TASKS


@pytest.fixture
def publish(tmp_path, monkeypatch):
    with files.publishing(tmp_path, monkeypatch) as serve:
        yield serve


# --- CamVid and ISBI 2012


@pytest.fixture
def streets(publish, monkeypatch):
    """CamVid of pictures of 12 x 8: the columns of a map are the numbers 0 to 11."""
    monkeypatch.setattr(camvid, "SIZE", (8, 12))

    def serve(changed=None):
        made = {}
        for part, names in {"train": "ab", "val": "c", "test": "d"}.items():
            lines = [f"/SegNet/CamVid/{part}/{one}.png /SegNet/CamVid/{part}annot/{one}.png\n" for one in names]
            made[f"CamVid/{part}.txt"] = "".join(lines).encode()
            for one in names:
                made[f"CamVid/{part}/{one}.png"] = files.noise(ord(one), (12, 8), "PNG")
                made[f"CamVid/{part}annot/{one}.png"] = told.png([range(12)] * 8)
        return publish("camvid", made | (changed or {}))

    return serve


def test_streets_have_eleven_classes_of_which_the_first_is_sky_and_one_number_for_none(streets):
    raw = DATASETS.build({"name": "camvid", "size": [8, 12]}, streets())
    assert raw.train["mask"][1, 3].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, VOID]
    assert (len(raw.label_names["mask"]), raw.class_names) == (11, ())
    assert [raw.label_names["mask"][number] for number in (0, 1, 10)] == ["sky", "building", "bicyclist"]
    assert {split: len(part["mask"]) for split, part in raw.official.items()} == {"validation": 1, "test": 1}
    assert sorted(raw.train) == ["image", "mask"]
    assert raw.void == {"mask": VOID}


def test_every_class_of_a_street_is_told_of_before_and_after_it_is_here(tmp_path, streets):
    """The sky too, which is no background; and what is void is no class."""
    folder = streets({"CamVid/trainannot/b.png": told.png([[0] * 6 + [11] * 6] * 8)})
    before = look_up("streets", {"streets": DataSet(name="camvid")}, Folders(tmp_path, "real")).card
    card = prepare({"name": "camvid", "size": [8, 12]}, "streets", tmp_path / "streets", folder)
    for known in (before, card):
        task = TASKS.build("segmentation", known)
        assert task.outputs() == 11
    assert card.label_counts["mask"]["train"] == {"known": 2, "classes": [2] + [1] * 10}
    mask = np.array(store.load(tmp_path / "streets").splits["train"]["mask"])
    found = task.scores({"mask": mask}, {"mask": np.where(mask == VOID, 3, mask)}, {})
    assert found.keys() >= {"sky_class_iou", "sign_symbol_class_iou"}
    assert "background_class_iou" not in found
    assert found["mean_iou"] == 1.0


def test_a_street_twice_as_large_has_the_same_numbers(streets):
    raw = DATASETS.build({"name": "camvid", "size": [16, 24], "examples": 1}, streets())
    assert raw.train["mask"].shape == (1, 16, 24)
    assert raw.train["mask"][0, 5].tolist() == np.repeat([*range(11), VOID], 2).tolist()


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"CamVid/valannot/c.png": told.png([[12] * 12] * 8)}, WrongMask, r"valannot/c\.png holds the number 12"),
        ({"CamVid/valannot/c.png": told.png([[1] * 8] * 12)}, WrongMask, r"valannot/c\.png is a mask of 8 x 12 pixels"),
        ({"CamVid/val/c.png": files.noise(0, (8, 12), "PNG")}, WrongObject, r"val/c\.png has 8 x 12"),
        ({"CamVid/val/c.png": b"nothing"}, BrokenPictures, r"val/c\.png cannot be decoded"),
    ],
)
def test_wrong_streets_are_refused_by_name(streets, changed, error, says):
    with pytest.raises(error, match=says):
        DATASETS.build({"name": "camvid", "size": [8, 12]}, streets(changed))


@pytest.fixture
def slices(publish, monkeypatch):
    """ISBI 2012 of slices of 32 x 32, whose pixels are their number, membrane on the left half."""
    monkeypatch.setattr(isbi2012, "SIDE", 32)

    def serve(changed=None):
        label = told.png([[0] * 16 + [255] * 16] * 32)
        made = {f"train/image/{number}.png": told.png([[number] * 32] * 32) for number in range(30)}
        return publish(
            "isbi2012", made | {f"train/label/{number}.png": label for number in range(30)} | (changed or {})
        )

    return serve


def test_membranes_are_0_and_what_they_surround_is_1(slices):
    raw = DATASETS.build({"name": "isbi2012", "size": 32, "validation_slices": 2}, slices())
    assert raw.train["image"][:, 0, 0, 0].tolist() == list(range(23))
    assert raw.official["validation"]["image"][:, 9, 9, 0].tolist() == [23, 24]
    assert raw.official["test"]["image"][:, 9, 9, 0].tolist() == [25, 26, 27, 28, 29]
    assert raw.official["test"]["mask"][4, 7].tolist() == [0] * 16 + [1] * 16
    assert raw.label_names == {"mask": ("membrane", "inside")}


def test_borders_of_slices_are_mirrored(slices):
    """Two columns mirrored on each side: 1 0 | 0 1 2 ... The membrane ends at 16 of 32, so of 36 at 18."""
    ramp = told.png([list(range(32))] * 32)
    changed = {f"train/image/{number}.png": ramp for number in range(30)}
    raw = DATASETS.build({"name": "isbi2012", "size": 32, "border": 2}, slices(changed))
    assert raw.train["image"].shape == (22, 36, 36, 1)
    assert raw.train["image"][0, 0, :5, 0].tolist() == [1, 0, 0, 1, 2]
    assert raw.train["image"][0, 0, -4:, 0].tolist() == [30, 31, 31, 30]
    assert raw.train["mask"][0, 0].tolist() == [0] * 18 + [1] * 18
    declared = DATASETS["isbi2012"].facts["contains"](size=32, border=2, validation_slices=3)
    assert declared["arrays"]["mask"]["shape"] == [36, 36]


@pytest.mark.parametrize(
    ("content", "says"),
    [(told.png([[7] * 32] * 32), r"label/3\.png holds the label 7"), (told.png([[0] * 31] * 32), "mask of 31 x 32")],
)
def test_wrong_membranes_are_refused_by_name(slices, content, says):
    with pytest.raises(WrongMask, match=says):
        DATASETS.build({"name": "isbi2012", "size": 32}, slices({"train/label/3.png": content}))


# --- Oxford-IIIT Pet

TRIMAP = [[2] * 20] * 4 + [[3] * 20] * 2 + [[1] * 20] * 10
TRAIN = [("Abyssinian_100", 1, 1), ("beagle_116", 5, 2), ("pug_3", 26, 2), ("pug_4", 26, 2)]


def pets(changed=None, heads=("Abyssinian_100", "pug_4"), lines=TRAIN):
    """Four pictures of 20 x 16 to train with and one to test on, two of them with a box around the head."""
    test = [("Sphynx_7", 34, 1)]
    images = {f"{name}.jpg": files.noise(row) for row, (name, *_) in enumerate(lines + test)}
    images |= {"Abyssinian_101.mat": b"MATLAB"}
    notes = {f"trimaps/{name}.png": told.png(TRIMAP) for name, *_ in lines + test}
    notes |= {"trimaps/._pug_3.png": b"junk", "list.txt": b"#Image CLASS-ID SPECIES BREED ID\n"}
    for part, some in (("trainval", lines), ("test", test)):
        notes[f"{part}.txt"] = "".join(f"{name} {breed} {species} 1\n" for name, breed, species in some).encode()
    for name in heads:
        species = "cat" if name[0].isupper() else "dog"
        notes[f"xmls/{name}.xml"] = told.annotation((20, 16), told.thing(species, (3, 2, 7, 4)))
    folders = {"images": images, "annotations": notes}
    for name, content in (changed or {}).items():
        folder, _, file = name.partition("/")
        folders[folder][file] = content
    return {
        f"{folder}.tar.gz": told.tar(
            {f"{folder}/{name}": content for name, content in some.items() if content is not None},
            "w" if folder == "images" else "w:gz",  # served as a plain archive under the name of a packed one
        )
        for folder, some in folders.items()
    }


def test_trimaps_tell_pet_background_and_border(publish):
    raw = DATASETS.build({"name": "pets", "size": [16, 20]}, publish("pets", pets()))
    assert raw.train["label"].tolist() == [0, 4, 25, 25]
    assert raw.train["mask"][:, 0, 0].tolist() == [0] * 4
    assert raw.train["mask"][:, 4, 0].tolist() == [VOID] * 4
    assert raw.train["mask"][:, 9, 9].tolist() == [1, 5, 26, 26]
    assert raw.official["test"]["label"].tolist() == [33]
    assert (raw.class_names[25], raw.class_names[0]) == ("pug", "Abyssinian")
    assert len(raw.class_names) == 37
    assert raw.strata == "label"
    assert raw.void == {"mask": VOID}


def test_species_are_cat_and_dog(publish):
    raw = DATASETS.build({"name": "pets", "size": [16, 20], "kinds": "species"}, publish("pets", pets()))
    assert raw.train["label"].tolist() == [0, 1, 1, 1]
    assert raw.train["mask"][:, 9, 9].tolist() == [1, 2, 2, 2]
    assert raw.class_names == ("cat", "dog")


def test_heads_are_in_some_files_of_the_training_part(publish):
    raw = DATASETS.build({"name": "pets", "size": [16, 20], "heads": True}, publish("pets", pets()))
    assert raw.train["boxes"][:].tolist() == [[[1, 2, 4, 7]]] * 2
    assert raw.train["box_label"][:].tolist() == [[0], [25]]
    assert raw.train["label"].tolist() == [0, 25]
    assert raw.official == {}
    assert raw.test_fraction == 0.15


def test_pets_known_to_be_broken_are_left_out_and_counted_and_others_refused(publish, tmp_path):
    """beagle_116 is damaged as published; a palette under the name of a JPEG is converted."""
    gif = files.saved(files.Image.new("P", (20, 16), 3), "GIF")
    changed = {"images/beagle_116.jpg": files.truncated(), "images/pug_3.jpg": gif}
    folder = publish("pets", pets(changed))
    spec = {"name": "pets", "size": [16, 20], "validation": 0.34}
    card = prepare(spec, "pets", tmp_path / "pets", folder)
    assert sum(card.split_sizes.values()) == 4
    lines = (tmp_path / "pets" / "odd_files.csv").read_text().splitlines()[1:]
    assert lines[0].startswith("images/beagle_116.jpg,skipped: cannot be decoded")
    assert lines[1:] == ["images/pug_3.jpg,palette"]
    with pytest.raises(BrokenPictures, match=r"images/pug_4\.jpg cannot be decoded"):
        DATASETS.build(spec, publish("pets", pets({"images/pug_4.jpg": files.truncated()})) / "again")


@pytest.mark.parametrize(
    ("published", "error", "says"),
    [
        (
            pets({"annotations/trimaps/pug_3.png": told.png([[4] * 20] * 16)}),
            WrongMask,
            r"pug_3\.png holds numbers from 4",
        ),
        (pets({"annotations/trimaps/pug_3.png": told.png([[0] * 20] * 16)}), WrongMask, "from 0 to 0"),
        (pets({"annotations/trimaps/pug_3.png": told.png([[1] * 9] * 16)}), WrongObject, r"jpg has 20 x 16"),
        (pets({"annotations/trimaps/pug_3.png": None}), DamagedData, r"has no annotations/trimaps/pug_3\.png"),
        (pets(lines=[("pug_3", 27, 2)]), WrongObject, r"trainval\.txt has the line 'pug_3 27 2 1'"),
        (pets(lines=[("pug_3", 38, 2)]), WrongObject, "no known breed"),
        (pets(lines=[("pug_3", 26, 3)]), WrongObject, "no known breed"),
        (pets(lines=[("pug_3", "pug", 2)]), WrongObject, "no known breed"),
    ],
)
def test_wrong_pets_are_refused_by_name(publish, published, error, says):
    with pytest.raises(error, match=says):
        DATASETS.build({"name": "pets", "size": [16, 20]}, publish("pets", published))


# --- Balloon


def region(x, y, name="polygon"):
    return {"shape_attributes": {"name": name, "all_points_x": x, "all_points_y": y}, "region_attributes": {}}


SQUARE = region([2, 6, 6, 2], [1, 1, 4, 4])


def via(regions, name="a.jpg"):
    record = {"fileref": "", "size": 1, "filename": name, "base64_img_data": "", "file_attributes": {}}
    return {f"{name}1": {**record, "regions": regions}}


def balloon(train, **pictures):
    """Photographs of 20 x 16; VIA's first edition for training, its second for validation."""
    made = {
        "train/via_region_data.json": json.dumps(train).encode(),
        "val/via_region_data.json": json.dumps(via([SQUARE, SQUARE], "c.jpg")).encode(),
        **{f"{folder}/{name}.jpg": files.noise(1) for folder, name in (("train", "a"), ("train", "b"), ("val", "c"))},
    }
    members = {f"balloon/{name}": content for name, content in made.items()} | {"__MACOSX/balloon/._train": b"junk"}
    return {"balloon_dataset.zip": files.zipped(members)}


def test_regions_are_a_mapping_or_a_list_and_pictures_without_any_are_left_out(publish):
    train = via({"0": SQUARE, "1": region([0, 20, 20, 0], [8, 8, 16, 16])}) | via({}, "b.jpg")
    raw = DATASETS.build({"name": "balloon", "size": [16, 20]}, publish("balloon", balloon(train)))
    assert raw.train["boxes"][:].tolist() == [[[1, 2, 4, 6], [8, 0, 16, 20]]]
    first, second = raw.train["masks"][0]
    assert first.sum() == 12
    assert first[1:4, 2:6].all()
    assert second.sum() == 8 * 20
    assert raw.official["test"]["box_label"][:].tolist() == [[0, 0]]
    assert raw.odd_files == ()


def test_points_outside_are_moved_to_the_edge_and_counted(publish, tmp_path):
    """(20, 16) is the picture's corner; 21 and -1 lie a pixel outside."""
    train = via({"0": region([15, 21, 21, 15], [-1, -1, 16, 16]), "1": region([0, 20, 20], [0, 0, 16])}) | via(
        {"0": SQUARE}, "b.jpg"
    )
    spec = {"name": "balloon", "size": [16, 20], "validation": 0.5}
    card = prepare(spec, "b", tmp_path / "b", publish("balloon", balloon(train)))
    assert card.odd_files == {"clipped": 1}
    raw = DATASETS.build(spec, tmp_path / "raw")
    assert raw.train["boxes"][0].tolist() == [[0, 15, 16, 20], [0, 0, 16, 20]]
    assert raw.train["masks"][0][0][:, 15:].all()


@pytest.mark.parametrize(
    ("train", "error", "says"),
    [
        (
            via({"0": region([1, 2, 3], [1, 2])}),
            WrongMask,
            r"train/via_region_data\.json, a\.jpg: region 1: a polygon of 3 x",
        ),
        (via({"0": region([1, 2], [1, 2])}), WrongMask, "needs three points"),
        (via({"0": SQUARE, "1": region([], [], "circle")}), WrongMask, "region 2 is a 'circle', not a polygon"),
        (via({"0": region([3, 3, 3], [1, 2, 5])}), WrongObject, "region 1 is empty"),
        (via({"0": region([30, 33, 30], [1, 2, 5])}), WrongObject, "region 1 is empty"),
        (via({"0": SQUARE}, "nowhere.jpg"), DamagedData, r"lacks the picture train/nowhere\.jpg"),
        ({"a": 1}, DamagedData, r"train/via_region_data\.json of .* cannot be read"),
        ([], DamagedData, "cannot be read"),
    ],
)
def test_wrong_outlines_are_refused_by_name(publish, train, error, says):
    with pytest.raises(error, match=says):
        DATASETS.build({"name": "balloon", "size": [16, 20]}, publish("balloon", balloon(train)))


# --- COCO

CATEGORIES = [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}, {"id": 13, "name": "stop sign"}]


def note(number, image, category, bbox, segmentation, iscrowd=0):
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": bbox,
        "area": 1.0,
        "segmentation": segmentation,
        "iscrowd": iscrowd,
    }


def instances(*notes, images=(7, 3), categories=CATEGORIES):
    shown = [{"id": number, "file_name": f"{number:012d}.jpg", "width": 20, "height": 16} for number in images]
    return {"images": shown, "annotations": notes, "categories": categories, "info": {}, "licenses": []}


PERSON = note(11, 7, 1, [2.0, 1.0, 4.0, 3.0], [[2, 1, 6, 1, 6, 4, 2, 4]])
# Down the columns of 16: 5 zeros, 2 ones, then zeros: rows 5 and 6 of column 0.
CROWD = note(12, 7, 90, [0, 5, 1, 2], {"size": [16, 20], "counts": [5, 2, 313]}, 1)


def coco2017(train, val=None):
    val = val or instances(note(1, 5, 13, [0, 0, 20, 16], [[0, 0, 20, 0, 20, 16, 0, 16]]), images=(5,))
    parts = {"train": train, "val": val}
    told_of = {f"annotations/instances_{part}2017.json": json.dumps(one).encode() for part, one in parts.items()}
    pictures = {
        f"{part}2017.zip": files.zipped({f"{part}2017/{i['file_name']}": files.noise(i["id"]) for i in one["images"]})
        for part, one in parts.items()
    }
    return {**pictures, "annotations_trainval2017.zip": files.zipped({**told_of, "annotations/captions.json": b"{}"})}


def build_coco(publish, *notes, **options):
    spec = {"name": "coco2017", "size": [16, 20], "fit": "stretch", **options}
    return DATASETS.build(spec, publish("coco2017", coco2017(instances(*notes))))


def test_classes_are_numbered_without_holes_and_pictures_without_objects_stay(publish):
    raw = build_coco(publish, PERSON, CROWD)
    assert raw.class_names == ("person", "stop sign", "toothbrush")
    assert len(raw.train["image"]) == 2  # in the order of their numbers: 3, which shows nothing, and 7
    assert raw.train["box_label"][:].tolist() == [[-1], [0]]
    assert raw.train["boxes"][:].tolist() == [[[0, 0, 0, 0]], [[1, 2, 4, 6]]]
    assert raw.official["test"]["box_label"][:].tolist() == [[1]]
    assert "masks" not in raw.train


def test_crowds_are_ignored_and_their_masks_go_down_the_columns(publish):
    raw = build_coco(publish, PERSON, CROWD, masks=True)
    assert raw.train["ignored_boxes"][1].tolist() == [[5, 0, 7, 1]]
    assert raw.train["ignored_label"][:].tolist() == [[-1], [2]]
    assert raw.train["ignored_crowd"][:].tolist() == [[0], [1]]
    crowd, person = raw.train["ignored_masks"][1][0], raw.train["masks"][1][0]
    assert np.argwhere(crowd).tolist() == [[5, 0], [6, 0]]
    assert np.argwhere(person).tolist() == [[y, x] for y in (1, 2, 3) for x in (2, 3, 4, 5)]


def test_masks_are_those_of_pycocotools(publish):
    random = np.random.default_rng(0)
    outline = [float(value) for value in random.uniform(0, 16, 10)]
    blot = (random.random((16, 20)) < 0.4).astype(np.uint8)
    packed = coco.encode(np.asfortranarray(blot))
    text = {"size": [16, 20], "counts": packed["counts"].decode()}
    notes = note(1, 3, 1, [1, 1, 9, 9], [outline]), note(2, 3, 1, [1, 1, 9, 9], text)
    drawn, decoded = build_coco(publish, *notes, masks=True).train["masks"][0]
    np.testing.assert_array_equal(drawn, coco.decode(coco.merge(coco.frPyObjects([outline], 16, 20))))
    np.testing.assert_array_equal(decoded, blot)


def test_empty_boxes_are_left_out_and_those_a_little_outside_cut_and_both_counted(publish, tmp_path):
    notes = note(1, 3, 1, [4, 4, 0, 5], [[4, 4, 4, 9, 4, 6]]), note(2, 3, 1, [10, 8, 10.4, 8.2], [[1, 1, 2, 2, 1, 2]])
    folder = publish("coco2017", coco2017(instances(*notes)))
    spec = {"name": "coco2017", "size": [16, 20], "fit": "stretch", "storage": "tfrecord", "validation": 0.5}
    card = prepare(spec, "coco", tmp_path / "coco", folder)
    assert card.odd_files == {"left out": 1, "clipped": 1}
    assert DATASETS.build(spec, folder).train["boxes"][0].tolist() == [[8, 10, 16, 20]]


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (note(9, 3, 12, [1, 1, 2, 2], []), WrongObject, r"0003\.jpg: annotation 9 is of no class .*KeyError\(12"),
        (note(9, 3, 1, [1, 1, 2], []), WrongObject, "annotation 9 .* lacks a part"),
        (note(9, 3, 1, [1, 1, 29, 2], []), WrongObject, r"annotation 9 \(person\) lies outside"),
        (note(9, 4, 1, [1, 1, 2, 2], []), DamagedData, "objects of the picture 4, which it does not list"),
        (note(9, 3, 1, [1, 1, 2, 2], []), WrongMask, "annotation 9 has no outline"),
        (note(9, 3, 1, [1, 1, 2, 2], [[1, 1, 2, 2]]), WrongMask, "annotation 9: a polygon of 2 x and 2 y"),
        (note(9, 3, 1, [1, 1, 2, 2], [[1, 1, 2, 2, 3]]), WrongMask, "annotation 9: a polygon of 3 x and 2 y"),
        (note(9, 3, 1, [1, 1, 2, 2], {"size": [20, 16], "counts": [320]}), WrongMask, r"mask of the size \[20, 16\]"),
        (note(9, 3, 1, [1, 1, 2, 2], {"size": [16, 20], "counts": [319]}), WrongMask, "annotation 9: its run lengths"),
    ],
)
def test_wrong_annotations_are_refused_with_file_and_object(publish, wrong, error, says):
    with pytest.raises(error, match=says):
        build_coco(publish, wrong, masks=True)


def test_a_photograph_that_is_missing_or_of_another_size_is_refused(publish):
    published = coco2017(instances(PERSON))
    wrong = {**published, "train2017.zip": files.zipped({"train2017/000000000003.jpg": files.noise(0)})}
    with pytest.raises(BrokenPictures, match=r"000000000007\.jpg cannot be unpacked"):
        DATASETS.build("coco2017", publish("coco2017", wrong))
    names = (f"train2017/{number:012d}.jpg" for number in (3, 7))
    wrong["train2017.zip"] = files.zipped({name: files.noise(0, (16, 20)) for name in names})
    with pytest.raises(
        WrongObject, match=r"instances_train2017\.json, 000000000003\.jpg tells of a picture of 20 x 16"
    ):
        DATASETS.build("coco2017", publish("coco2017", wrong) / "again")
