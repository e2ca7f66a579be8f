"""What is wrong with files of the user's own is refused, by the name of the file and the line."""

import io
import json
import re
import tarfile
import zipfile

import numpy as np
import own_files
import pytest
from own_files import put, saved
from PIL import Image

from archbench.catalogue import WrongOption
from archbench.config import DataSet
from archbench.datasets import derived
from archbench.datasets.prepare import prepare
from archbench.errors import UserError


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(name, says, tmp_path, **options):
    """The message of a data set that cannot be made, which must hold every word of `says`."""
    with pytest.raises(UserError) as caught:
        prepare({"name": name, **options}, "mine", tmp_path / "prepared" / "mine", tmp_path / "raw")
    for word in says:
        assert re.search(word, str(caught.value)), str(caught.value)
    assert not (tmp_path / "prepared" / "mine").exists()
    return str(caught.value)


def pictures(**more):
    return {**own_files.class_folders(6), **{name.replace("__", "/"): content for name, content in more.items()}}


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"red/a.png": b"no picture"}, [r"1 of the 19 pictures of p", "red/a.png", "skip_broken: true"]),
        ({"red/a.png": own_files.picture((1, 2, 3), 0, (64, 64))[:-300]}, ["red/a.png cannot be decoded"]),
        ({"readme.txt": b"hello"}, ["p should hold a folder for each class", "readme.txt in it is none"]),
        ({"empty": None}, ["the folder empty holds no picture"]),
        ({"train/red/a.png": own_files.picture((1, 2, 3), 0)}, ["folders of splits, train, and blue"]),
    ],
    ids=["corrupt", "cut short", "a stray file", "an empty class", "splits and classes"],
)
def test_class_folders(files, says, tmp_path):
    put(tmp_path / "p", {**own_files.class_folders(6), **{k: v for k, v in files.items() if v is not None}})
    for name, content in files.items():
        if content is None:
            (tmp_path / "p" / name).mkdir()
    refused("image_folder", says, tmp_path, folder="p", size=8)


def test_corrupt_pictures_may_be_left_out_and_are_counted(tmp_path):
    put(tmp_path / "p", {**own_files.class_folders(12), "red/a.png": b"no picture"})
    card = prepare(
        {"name": "image_folder", "folder": "p", "size": 8, "skip_broken": True}, "m", tmp_path / "m", tmp_path
    )
    assert card.odd_files == {"skipped": 1}


def test_a_class_that_only_the_test_split_has(tmp_path):
    files = own_files.class_folders(5, "train/") | {"test/pink/a.png": own_files.picture((250, 150, 150), 1)}
    put(tmp_path / "p", files)
    refused(
        "image_folder",
        ["test/pink/a.png: the label 'pink' is in the split test", "blue, green, red"],
        tmp_path,
        folder="p",
        size=8,
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("red/nothing.png,red,train", ["list.csv, line 20 names 'red/nothing.png', and p has no such file"]),
        ("../outside.png,red,train", ["list.csv, line 20 names '../outside.png', which is no path below p"]),
        ("/etc/passwd,red,train", ["line 20 names '/etc/passwd', which is no path below p"]),
        (r"C:\a.png,red,train", ["line 20", "no path below p"]),
        ("red/0.png,,train", ["list.csv, line 20: the column 'label' is empty"]),
        ("red/0.png,red,exam", ["list.csv, line 20: the split 'exam' is none of train,"]),
        ("red/0.png,pink,test", ["list.csv, line 20: the label 'pink' is in the split test"]),
        ("red/0.png,red", ["list.csv, line 20: 2 values, and the header has 3"]),
        ('red/0.png,"red,train', ["list.csv, line 20: unexpected end of data"]),
    ],
)
def test_a_table_of_pictures(line, says, tmp_path):
    files = own_files.class_folders(6)
    lines = ["file,label,split", *(f"{name},{name.split('/')[0]},train" for name in files), line]
    put(tmp_path, {"outside.png": own_files.picture((0, 0, 0), 0), "list.csv": "\n".join(lines)})
    put(tmp_path / "p", files)
    refused("image_folder", says, tmp_path, folder="p", table="list.csv", split="split", size=8)


def test_a_group_in_two_splits(tmp_path):
    put(
        tmp_path,
        {
            "rows.csv": "a,b,s,g\n"
            + "".join(f"{n},{'xy'[n % 2]},{('train', 'test')[n // 8]},{n // 3}\n" for n in range(12))
        },
    )
    refused(
        "table",
        [r"rows.csv: group \d has examples in train and in test"],
        tmp_path,
        file="rows.csv",
        target="b",
        split="s",
        group="g",
    )


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        (b"a,b\n1,x\n2,\xff\n", {}, [r"rows.csv, line 3: the byte 0xff is no UTF-8. Save the file as UTF-8"]),
        (b"", {}, ["rows.csv, line 1: every column needs a name"]),
        (b"a,a\n1,x\n", {}, ["line 1: every column needs a name of its own", "'a', 'a'"]),
        (b"a,b\n", {}, ["rows.csv has no rows"]),
        (b"a,b\n1,x\n2\n", {}, ["rows.csv, line 3: 1 values, and the header has 2"]),
        (b"a,b\n1,x\n,y\n", {}, ["rows.csv, line 3: the column 'a' is empty"]),
        (
            b"a,b\n1,x\n2,y\nn/a,x\n3,y\n",
            {},
            ["rows.csv, line 4: 'n/a' in the column a is no finite number", "categorical"],
        ),
        (b"a,b\n1,x\n2,y\ninf,x\n3,y\n", {}, ["rows.csv, line 4: 'inf'"]),
        (b"a,b\n1,x\n2,y\n", {"ignore": ["c"]}, ["rows.csv has no column 'c', which ignore names"]),
        (b"a,b\n1,x\n2,y\n", {"ignore": ["a"]}, ["rows.csv has no column beside b to foretell it from"]),
        (b"a,b\n1,x\n2,x\n3,x\n4,x\n5,x\n6,x\n7,x\n", {}, ["all training rows have b 'x'"]),
        (b"a,b\n1,x\n2,y\n", {}, ["every split needs at least one example"]),
    ],
)
def test_tables(content, options, says, tmp_path):
    put(tmp_path, {"rows.csv": content})
    refused("table", says, tmp_path, file="rows.csv", target="b", **options)


def test_a_column_that_is_nearly_there(tmp_path):
    put(tmp_path, {"rows.csv": own_files.rows()})
    refused(
        "table",
        ["has no column 'Kind', which target names. Did you mean kind?"],
        tmp_path,
        file="rows.csv",
        target="Kind",
    )


def test_a_column_of_names_of_examples(tmp_path):
    put(tmp_path, {"rows.csv": "a,b,c\n" + "".join(f"{n},{'xy'[n % 2]},name {n}\n" for n in range(2000))})
    refused("table", ["column c has 1,400 different names", "by `ignore`"], tmp_path, file="rows.csv", target="b")


def test_no_parquet(tmp_path):
    put(tmp_path, {"rows.parquet": b"PAR1 and nothing"})
    refused("table", ["rows.parquet cannot be read as Parquet"], tmp_path, file="rows.parquet", target="b")


@pytest.mark.parametrize("name", ["image_folder", "table", "boxes", "masks", "text_lines"])
def test_what_is_not_there(name, tmp_path):
    key = "file" if name in ("table", "text_lines") else "folder"
    more = {"target": "b"} if name == "table" else {}
    refused(
        name,
        [f"The option {key} names nowhere, and there is no such file or folder"],
        tmp_path,
        **{key: "nowhere"},
        **more,
    )


def test_an_option_that_must_be_given_is_missed_before_anything_is_read():
    with pytest.raises(WrongOption, match="dataset 'image_folder' needs the option folder"):
        derived.check("mine", {"mine": DataSet(name="image_folder")})


# --- texts


def test_texts(tmp_path):
    put(tmp_path, {"t.csv": 'text,label\nfine,good\n"  ",bad\n'})
    refused("text_table", ["t.csv, line 3: the column 'text' is empty"], tmp_path, file="t.csv")
    put(tmp_path, {"t.csv": own_files.texts() + "\u2028,good\n"})
    refused("text_table", [r"t.csv, line 8\d"], tmp_path, file="t.csv")
    put(tmp_path, {"a.txt": b"one\ntwo \xe9\n"})
    refused("text_lines", ["a.txt, line 2: the byte 0xe9 is no UTF-8"], tmp_path, file="a.txt")
    put(tmp_path, {"a.txt": b" \n"})
    refused("text_lines", ["a.txt holds no text"], tmp_path, file="a.txt")
    put(tmp_path, {"a.txt": b"one two\n"})
    refused("text_lines", ["a.txt is too short to cut the split validation from"], tmp_path, file="a.txt")


def test_sentences(tmp_path):
    put(
        tmp_path,
        {"a.txt": "one\ntwo\nthree\n", "b.txt": "eins\nzwei\n", "c.txt": "eins\n\ndrei\n", "d.txt": b"a\n\xff\nb\n"},
    )
    options = {"source": "a.txt", "pieces": 300}
    said = refused(
        "parallel_text", [r"a.txt, line 3: b.txt has no such line", "Mend"], tmp_path, target="b.txt", **options
    )
    assert "download" not in said
    refused(
        "parallel_text", ["c.txt, line 2: it is empty, and line 2 of a.txt is not"], tmp_path, target="c.txt", **options
    )
    refused("parallel_text", ["d.txt, line 2: the byte 0xff is no UTF-8. Mend"], tmp_path, target="d.txt", **options)
    one = {"target": "a.txt", "test_source": "a.txt"}
    refused("parallel_text", ["The split test has one of two files"], tmp_path, **one, **options)


# --- boxes and masks


def _coco(tmp_path, **changes):
    files = own_files.coco()
    told = json.loads(files["boxes.json"])
    for key, value in changes.items():
        told["annotations"][2][key] = value
    put(tmp_path / "p", {**files, "boxes.json": json.dumps(told)})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"bbox": [20, 5, 40, 10]},
            [r"boxes.json, image 20 \(2.png\): the box of annotation 2 \(block\) lies outside its picture of 32 x 24"],
        ),
        ({"bbox": [20, 5, 0, 10]}, ["annotation 2", "is empty or upside down"]),
        ({"bbox": [20, 5]}, ["boxes.json is no annotation of COCO"]),
        ({"image_id": 5}, ["boxes.json: annotation 2 is of the image 5, which is not listed"]),
        ({"category_id": 1}, ["annotation 2 is of the category 1, which is not listed"]),
    ],
)
def test_coco(changes, says, tmp_path):
    _coco(tmp_path, **changes)
    refused("boxes", says, tmp_path, folder="p")


@pytest.mark.parametrize("name", ["/etc/hostname", "../outside.png", "images/../../outside.png"])
def test_annotations_name_nothing_outside(name, tmp_path):
    put(tmp_path, {"outside.png": own_files.scene(0)[0]})
    files = own_files.coco()
    told = json.loads(files["boxes.json"])
    told["images"][0]["file_name"] = name
    put(tmp_path / "p", {**files, "boxes.json": json.dumps(told)})
    refused("boxes", [f"boxes.json, image 0 names '{name}', which is no path below p"], tmp_path, folder="p")
    put(
        tmp_path / "q",
        {"Annotations/a.xml": own_files.VOC.format(file=name, difficult=0, xmin=1, ymin=1, xmax=5, ymax=5)},
    )
    refused("boxes", [f"Annotations/a.xml names '{name}', which is no path below q"], tmp_path, folder="q")


def test_a_box_that_sticks_out_by_a_rounding_is_cut_and_counted(tmp_path):
    _coco(tmp_path, bbox=[20, 14, 12.4, 10])
    card = prepare({"name": "boxes", "folder": "p"}, "m", tmp_path / "m", tmp_path)
    assert card.odd_files == {"clipped": 1}


def test_pictures_and_annotations_that_do_not_fit(tmp_path):
    _coco(tmp_path)
    (tmp_path / "p" / "images" / "3.png").unlink()
    refused("boxes", ["boxes.json, image 30 names '3.png', and p has no such file"], tmp_path, folder="p")
    put(tmp_path / "p", {"images/3.png": own_files.scene(3, (40, 24))[0]})
    refused("boxes", ["tells of a picture of 32 x 24 pixels; images/3.png has 40 x 24"], tmp_path, folder="p")
    put(tmp_path / "p", {"images/3.png": b"none"})
    refused("boxes", ["1 of the", "images/3.png"], tmp_path, folder="p")
    put(tmp_path / "p", {"a.xml": "<annotation/>"})
    refused("boxes", ["files of coco and of voc. Say which by `format`"], tmp_path, folder="p")
    put(tmp_path / "q", {"a.png": own_files.scene(3)[0]})
    refused("boxes", ["q holds no annotations"], tmp_path, folder="q")


def test_yolo(tmp_path):
    put(tmp_path / "p", own_files.yolo())
    put(tmp_path / "p", {"labels/2.txt": "0 0.5 0.5 0.1 0.1\n7 0.5 0.5 0.1 0.1\n"})
    refused("boxes", ["labels/2.txt, line 2: there is no class 7; air, block are 0 to 1"], tmp_path, folder="p")
    put(tmp_path / "p", {"labels/2.txt": "0 0.5 0.5 0.1\n"})
    refused("boxes", ["labels/2.txt, line 1: this is no class and four shares"], tmp_path, folder="p")
    put(tmp_path / "p", {"labels/2.txt": "0 0.5 0.5 1.4 0.1\n"})
    refused("boxes", [r"labels/2.txt: the box of line 1 \(air\) lies outside"], tmp_path, folder="p")
    put(tmp_path / "p", {"labels/2.txt": "", "labels/99.txt": "0 0.5 0.5 0.1 0.1\n"})
    refused("boxes", ["labels in labels/99.txt, and no picture of that name"], tmp_path, folder="p")
    (tmp_path / "p" / "classes.txt").unlink()
    refused("boxes", ["does not say what its classes are called"], tmp_path, folder="p")


def test_voc(tmp_path):
    put(tmp_path / "p", own_files.voc())
    put(tmp_path / "p", {"Annotations/2.xml": "<annotation><object>"})
    refused("boxes", ["Annotations/2.xml is no annotation of Pascal VOC"], tmp_path, folder="p")


def test_masks(tmp_path):
    folder = put(tmp_path / "p", own_files.masked())
    put(folder, {"masks/3.png": saved(Image.new("L", (32, 20)))})
    refused("masks", ["masks/3.png is a mask of 32 x 20 pixels, its picture has 32 x 24"], tmp_path, folder="p")
    put(folder, {"masks/3.png": saved(Image.new("RGB", (32, 24)))})
    refused("masks", ["masks/3.png is no map of numbers but has pixels of the kind 'RGB'"], tmp_path, folder="p")
    put(folder, {"masks/3.png": saved(Image.fromarray(np.full((24, 32), 9, np.uint8)))})
    refused(
        "masks",
        ["2 classes are named, and the masks hold the numbers 0, 1, 9"],
        tmp_path,
        folder="p",
        classes=["a", "b"],
    )
    refused(
        "masks",
        ["masks/3.png holds a number at row 0, column 0 that is none of `values`"],
        tmp_path,
        folder="p",
        values=[0, 1],
    )
    (folder / "masks" / "3.png").unlink()
    refused("masks", ["the picture images/3.png and no mask masks/3.png"], tmp_path, folder="p")
    (folder / "images" / "3.png").unlink()
    put(folder, {"masks/77.png": saved(Image.new("L", (32, 24)))})
    refused("masks", ["the mask masks/77.png and no picture of that name"], tmp_path, folder="p")
    refused("masks", ["no pictures in photos/"], tmp_path, folder="p", pictures="photos")


def test_void_is_no_class(tmp_path):
    folder = put(tmp_path / "p", own_files.masked())
    put(folder, {"masks/3.png": saved(Image.fromarray(np.full((24, 32), 9, np.uint8)))})
    options = {"folder": "p", "void": 9, "classes": ["a", "b"], "size": [24, 32]}
    card = prepare({"name": "masks", **options}, "m", tmp_path / "m", tmp_path)
    assert card.label_names == {"mask": ["a", "b"]}
    assert card.void == {"mask": 255}


def test_pairs(tmp_path):
    files = own_files.paired()
    put(tmp_path / "p", {**files, "pairs.csv": files["pairs.csv"] + "blue0.png,green1.png,maybe\n"})
    refused(
        "image_pairs", [r"pairs.csv, line 42: 'maybe' does not say"], tmp_path, folder="p", table="p/pairs.csv", size=12
    )


# --- archives


def _tar(path, member, content=b"x", kind=tarfile.REGTYPE):
    with tarfile.open(path, "w") as packed:
        one = tarfile.TarInfo(member)
        one.type, one.size, one.linkname = kind, len(content) if kind == tarfile.REGTYPE else 0, "/etc/passwd"
        packed.addfile(one, io.BytesIO(content))


def test_archives_that_could_do_harm_or_are_damaged(tmp_path):
    _tar(tmp_path / "a.tar", "../out.png")
    said = refused(
        "image_folder", ["a.tar is refused: its member '../out.png' points outside"], tmp_path, folder="a.tar"
    )
    assert "rm " not in said
    assert not (tmp_path.parent / "out.png").exists()
    _tar(tmp_path / "b.tar", "link", kind=tarfile.SYMTYPE)
    refused("image_folder", ["b.tar is refused: its member 'link' is a link"], tmp_path, folder="b.tar")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as packed:
        packed.writestr("red/a.png", own_files.picture((1, 2, 3), 0))
    (tmp_path / "c.zip").write_bytes((tmp_path / "c.zip").read_bytes()[:-30])
    said = refused("image_folder", ["c.zip cannot be unpacked"], tmp_path, folder="c.zip")
    assert "rm " not in said
