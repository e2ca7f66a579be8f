"""`archbench data inspect`: what stands twice, what is nearly alike, what is odd, and a page that tells it safely."""

import io
import re
import tracemalloc

import numpy as np
import own_files
import pytest
from own_files import put, saved
from PIL import Image
from typer.testing import CliRunner

from archbench.cli.app import app
from archbench.datasets import store
from archbench.datasets.columns import Ragged
from archbench.datasets.prepare import files_read, prepare
from archbench.inspection import alike, drawn, files, suspects
from archbench.inspection.augmented import augmented
from archbench.inspection.page import write_page
from archbench.inspection.tallies import balance, spread


def _splits(**pictures):
    return {split: {"image": np.stack(images)} for split, images in pictures.items()}


def _texture(seed, side=32):
    """A smooth picture with a pattern of its own."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC))


def test_equal_examples_are_told_within_a_split_and_across():
    one, two, three = (_texture(seed) for seed in range(3))
    found = alike.equal(_splits(train=[one, two, one], validation=[three], test=[two]), ["image"])
    assert [(twins.first, twins.second, twins.across) for twins in found] == [
        (("train", 0), ("train", 2), False),
        (("train", 1), ("test", 0), True),
    ]


def test_equal_examples_are_equal_in_all_that_they_are_of_and_as_far_as_is_looked():
    """A pair is told by both of its pictures; numbers of one content in two shapes are two."""
    one, two = _texture(0), _texture(1)
    pairs = {"train": {"image": np.stack([one, one, one, two]), "other": np.stack([one, two, one, two])}}
    assert [twins.second for twins in alike.equal(pairs, ["image", "other"])] == [("train", 2)]
    assert [twins.second for twins in alike.equal(pairs, ["image"])] == [("train", 1), ("train", 2)]
    assert alike.equal(pairs, ["image", "other"], most=2) == []
    lines = Ragged.of([np.zeros((2, 2)), np.zeros((2, 2)), np.zeros((4, 2))])
    assert len(alike.equal({"train": {"lines": lines}}, ["lines"])) == 1


def test_a_search_for_equal_examples_keeps_no_example():
    """Of 64 MB, less than a quarter at once: a chunk of examples, and of each a digest."""
    data = {"train": {"image": np.random.default_rng(0).integers(0, 256, (4096, 128, 128, 1), np.uint8)}}
    tracemalloc.start()
    assert alike.equal(data, ["image"]) == []
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < data["train"]["image"].nbytes / 4


def test_texts_of_unlike_lengths_are_held_against_each_other_without_their_padding(tmp_path):
    rows = "text,label,split\n" + "one two,a,train\none two three four,b,train\none two,a,test\nfour,b,validation\n"
    put(tmp_path, {"t.csv": rows})
    prepare({"name": "text_table", "file": str(tmp_path / "t.csv"), "split": "split"}, "m", tmp_path / "m", tmp_path)
    (twins,) = alike.equal(store.load(tmp_path / "m").splits, ["tokens"])
    assert (twins.first, twins.second) == (("train", 0), ("test", 0))


def test_pictures_that_are_nearly_alike_in_two_splits():
    """Saved again as JPEG, or brighter; not another picture, nor a flat one, nor an equal one."""
    one, two = _texture(0), _texture(1)
    again = np.asarray(Image.open(io.BytesIO(saved(Image.fromarray(one), "JPEG"))))
    brighter = np.clip(one.astype(int) + 5, 0, 255).astype(np.uint8)
    flat = [np.full((32, 32, 3), shade, np.uint8) for shade in (20, 200)]
    splits = _splits(train=[one, two, flat[0]], validation=[again, flat[1]], test=[brighter, two])
    found = {(twins.first, twins.second) for twins in alike.nearly(splits, "image")}
    assert found == {
        (("train", 0), ("validation", 0)),
        (("train", 0), ("test", 0)),
        (("validation", 0), ("test", 0)),
    }


def test_thin_strokes_are_alike_where_they_are_those_of_the_same_hand():
    """A bar of 32 rows and one of 26 on black differ by 3 of 255 in the mean, and by a fifth of their contrast."""
    long, short = np.zeros((32, 32, 1), np.uint8), np.zeros((32, 32, 1), np.uint8)
    long[:, 14:16], short[:26, 14:16] = 255, 255
    assert alike.nearly(_splits(train=[long], test=[short]), "image") == []
    assert len(alike.nearly(_splits(train=[long], test=[np.where(long, 250, 0).astype(np.uint8)]), "image")) == 1


def test_headers_of_files_tell_sizes_formats_turned_and_corrupt_ones(tmp_path):
    turned = Image.new("RGB", (30, 10))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    put(tmp_path, {"a.png": own_files.picture((1, 2, 3), 0, (20, 40)), "bad.png": b"no", "list.csv": "a,b\n"})
    found = files.look({path.name: path for path in sorted(tmp_path.iterdir())})
    assert found.formats == {"PNG": 1, "JPEG": 1}
    assert found.sizes == {"width": (10, 15, 20), "height": (30, 35, 40)}
    assert found.turned == ["turned.jpg"]
    assert found.corrupt == [("bad.png", "it is no picture")]
    assert files.look({"list.csv": tmp_path / "list.csv"}) is None


def _page(tmp_path, name, content, **options):
    put(tmp_path / "p", content)
    spec = {"name": name, "folder": str(tmp_path / "p"), **options}
    prepare(spec, "mine", tmp_path / "d" / "mine", tmp_path / "raw")
    data = store.load(tmp_path / "d" / "mine")
    own = files_read(spec, tmp_path / "raw")
    out = write_page(data, tmp_path / "d" / "mine", own, tmp_path / "runs", tmp_path / "out" / "page.html")
    return data, out.read_text(encoding="utf-8")


def test_the_page_of_class_folders(tmp_path):
    content = own_files.class_folders(10, "train/") | own_files.class_folders(4, "test/")
    content |= {"train/red/bad.png": b"no", "train/<i>x/1.png": own_files.picture((9, 9, 9), 1)}
    content |= {f"train/<i>x/{n}.png": own_files.picture((9, 9, 9), n) for n in range(2, 9)}
    data, page = _page(tmp_path, "image_folder", content, size=16, skip_broken=True)
    assert "12 stand in two splits." in page
    assert "train/red/bad.png" in page
    assert "cannot be opened: it is no picture" in page
    assert "skipped: cannot be decoded" in page
    assert "<i>x" not in page
    assert "&lt;i&gt;x" in page
    assert page.count("data:image/png;base64,") == 24 + 2 * 12
    assert "no classifier was trained on these data yet" in page
    counts = {one.name: dict(one.counts) for one in balance(data.card)["label"]}
    assert counts["red"]["test"] == 4
    shown = np.asarray(data.splits["train"]["label"])[spread(data, 24)]
    assert np.bincount(shown).max() - np.bincount(shown).min() <= 1


def test_examples_are_shown_as_training_sees_them(tmp_path):
    """Turned from left to right: the box goes with the picture, and is drawn where its block now is."""
    data, page = _page(tmp_path, "boxes", own_files.coco(), size=[24, 32], fit="stretch")
    assert "As training sees them" not in page
    again = write_page(
        data, tmp_path / "d" / "mine", {}, tmp_path, tmp_path / "page.html", [{"name": "flip"}, {"name": "color"}]
    )
    text = again.read_text(encoding="utf-8")
    assert "after flip, color." in text
    assert text.count("<figure>") == page.count("<figure>") + min(8, data.card.split_sizes["train"])


def test_a_label_that_an_augmentation_spoils_is_not_drawn(tmp_path):
    """What is covered keeps its box; a reflection takes it along. A row keeps its place."""
    data, _ = _page(tmp_path, "boxes", own_files.coco(), size=[24, 32], fit="stretch")
    (covered,) = augmented(data, [{"name": "cutout", "pixels": 4}], [1])
    (turned,) = augmented(data, [{"name": "flip", "probability": 1.0}], [1])
    plain = drawn.example(data.card, data.splits["train"], "train", 1)
    assert (covered.place, turned.place) == ("train 1", "train 1")
    assert not covered.boxes
    assert plain.boxes
    mirrored = [(kind, [top, 32 - right, bottom, 32 - left]) for kind, (top, left, bottom, right) in plain.boxes]
    assert [(kind, pytest.approx(box)) for kind, box in mirrored] == list(turned.boxes)


def test_a_video_shows_three_frames_and_a_set_of_classes_its_names(tmp_path):
    frames = np.zeros((4, 5, 8, 8, 1), np.uint8)
    frames += np.arange(5, dtype=np.uint8).reshape(1, 5, 1, 1, 1)
    arrays = {"video": frames, "present": np.tile(np.uint8([1, 0, 1]), (4, 1))}
    told = {"name": "v", "source": "s", "licence": "l", "input": "video", "class_names": ("up", "down", "left")}
    card = store.write(tmp_path / "v", {**told, "labels": ("present",)}, dict.fromkeys(store.SPLITS, arrays))
    shown = drawn.example(card, arrays, "train", 2)
    assert [int(picture.max()) for picture in shown.pictures] == [0, 2, 4]
    assert shown.told == "left, up"


def test_the_second_picture_of_a_pair_is_shown_and_belongs_to_what_is_equal(tmp_path):
    one, two = _texture(0), _texture(1)
    arrays = {"content": np.stack([one, one]), "style": np.stack([one, two])}
    told = {"name": "p", "source": "s", "licence": "l", "input": "content"}
    card = store.write(tmp_path / "p", told, dict.fromkeys(store.SPLITS, arrays))
    assert [picture.shape for picture in drawn.example(card, arrays, "train", 1).pictures] == [(32, 32, 3)] * 2
    found = alike.search(store.load(tmp_path / "p"))
    assert (len(found.within), len(found.across)) == (0, 4)
    few = alike.search(store.load(tmp_path / "p"), most_bytes=2 * one.nbytes)
    assert few.looked == {"train": 1, "validation": 1, "test": 1}
    assert len(few.across) == 2


def test_boxes_are_drawn_where_they_are(tmp_path):
    data, page = _page(tmp_path, "boxes", own_files.coco(), size=[24, 32], fit="stretch")
    assert "block" in page
    arrays = data.splits["train"]
    picture = drawn.whole(drawn.example(data.card, arrays, "train", 0))
    top, left, bottom, right = np.asarray(arrays["boxes"][0])[0].astype(int) * 4
    pixels = np.asarray(picture)
    assert pixels.shape == (96, 128, 3)
    color = np.array(drawn.COLORS[data.card.class_names.index("block")])
    for row, column in ((top, left), (top, right - 1), (bottom - 1, left), (bottom - 1, right - 1)):
        np.testing.assert_array_equal(pixels[row, column], color)


def test_masks_are_drawn_over_what_they_are_of(tmp_path):
    data, _ = _page(tmp_path, "masks", own_files.masked(), size=[24, 32])
    arrays = data.splits["train"]
    pixels = np.asarray(drawn.whole(drawn.example(data.card, arrays, "train", 0)))[::4, ::4]
    changed = (pixels != np.asarray(arrays["image"][0])).any(axis=-1)
    np.testing.assert_array_equal(changed, np.asarray(arrays["mask"][0]) == 1)


def test_pairs_texts_and_tables_have_a_page_too(tmp_path):
    content = own_files.paired()
    put(tmp_path, {"pairs.csv": content.pop("pairs.csv"), "t.csv": own_files.texts(), "rows.csv": own_files.rows()})
    _, page = _page(tmp_path, "image_pairs", content, table=str(tmp_path / "pairs.csv"), size=12)
    assert "same 1" in page
    for name, file, says in (("text_table", "t.csv", "lovely film"), ("table", "rows.csv", "target")):
        more = {"target": "price"} if name == "table" else {}
        prepare({"name": name, "file": str(tmp_path / file), **more}, "m", tmp_path / "m", tmp_path)
        out = write_page(store.load(tmp_path / "m"), tmp_path / "m", {}, tmp_path / "runs", tmp_path / "page.html")
        assert says in out.read_text(encoding="utf-8")


def test_labels_that_a_trained_network_doubts(tmp_path, monkeypatch):
    """Of validation and test examples: those whose color is another's. The network is one that knows colors."""
    content = own_files.class_folders(40)
    wrong = {f"blue/wrong{n}.png": own_files.picture(own_files.COLORS["red"], 5000 + n) for n in range(6)}
    put(tmp_path / "p", {**content, **wrong})
    spec = {"name": "image_folder", "folder": str(tmp_path / "p"), "size": 8, "validation": 0.3, "test": 0.3}
    card = prepare(spec, "mine", tmp_path / "mine", tmp_path / "raw")
    data = store.load(tmp_path / "mine")
    run = type("Run", (), {"path": tmp_path})()
    monkeypatch.setattr(suspects, "_trained", lambda card, runs: iter([run]))
    monkeypatch.setattr(suspects, "_score", lambda run: 0.0)

    def likely(run, prepared, split):
        color = np.asarray(prepared.splits[split]["image"]).mean(axis=(1, 2)).argmax(axis=1)
        guess = np.array([2, 1, 0])[color]  # red, green, blue -> the places of these names
        return np.where(np.arange(3) == guess[:, None], 0.96, 0.02)

    monkeypatch.setattr(suspects, "_likely", likely)
    found = suspects.suspects(data, tmp_path)
    assert found.examples == card.split_sizes["validation"] + card.split_sizes["test"]
    planted = {
        (split, row)
        for split in ("validation", "test")
        for row, (image, label) in enumerate(zip(data.splits[split]["image"], data.splits[split]["label"], strict=True))
        if label == 0 and np.asarray(image)[..., 0].mean() > 150
    }
    assert planted
    assert {(one.split, one.row) for one in found.found} == planted
    assert {one.likeliest for one in found.found} == {"red"}


def test_the_command(tmp_path, monkeypatch):
    """Of a folder, with a file that is corrupt; the page's path is all that it prints but for progress."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHBENCH_HOME", raising=False)
    put(tmp_path / "photographs", {**own_files.class_folders(14), "red/bad.png": b"no"})
    done = CliRunner().invoke(app, ["data", "inspect", "photographs"])
    assert done.exit_code == 0, done.output
    path = re.search(r"(\S+\.html)", done.output)[1]
    with open(path, encoding="utf-8") as stream:
        page = stream.read()
    assert "red/bad.png" in page
    assert CliRunner().invoke(app, ["data", "inspect", "nothing-of-that-name"]).exit_code == 2


@pytest.mark.parametrize("what", ["digits"])
def test_a_data_set_of_the_catalogue_by_its_name(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHBENCH_HOME", raising=False)
    done = CliRunner().invoke(app, ["data", "inspect", what, "--out", "page.html"])
    assert done.exit_code == 0, done.output
    page = re.sub(r"\s+", " ", (tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "1,257 train, 270 validation, 270 test examples." in page
