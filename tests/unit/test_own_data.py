"""Data of the user's own: what is in the files is what is in the arrays, and each kind trains from end to end."""

import gzip
import io
import re
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import own_files
import pytest
import yaml
from own_files import put

from archbench import stages
from archbench.architectures import ARCHITECTURES
from archbench.config import DataSet, check_config
from archbench.datasets import DATASETS, derived, store
from archbench.datasets.prepare import prepare
from archbench.datasets.tokens import decode
from archbench.project import Folders
from archbench.records.read import read_whole


def made(name, tmp_path, **options):
    """A data set of the user's own, prepared."""
    prepare({"name": name, **options}, "mine", tmp_path / "prepared" / "mine", tmp_path / "raw")
    return store.load(tmp_path / "prepared" / "mine")


def trained(spec, architecture, tmp_path, **benchmark):
    """The scores of a small form of an architecture after two epochs, through the stages' own functions."""
    folders = Folders(tmp_path, "own")
    small = {"name": architecture, **ARCHITECTURES[architecture].facts["smoke"], **benchmark.pop("options", {})}
    config = check_config(
        {
            "pipeline": "own",
            "seeds": [0],
            "training": {"epochs": 2, "batch_size": 4},
            "datasets": {"mine": spec},
            "benchmarks": {"one": {"architecture": small, "dataset": "mine", **benchmark}},
        }
    )
    prepare(config.datasets["mine"].spec, "mine", folders.prepared / "mine", folders.raw)
    stages._train(config, folders, "one")
    run = read_whole(folders.runs / "one" / "seed-0")
    assert run.metrics["state"] == "finished"
    assert len(run.history) == 2
    return run.metrics["scores"]["test"]


def test_the_lines_of_the_page_are_of_data_sets_that_there_are_with_options_that_they_take():
    page = (Path(__file__).parents[2] / "docs" / "own_data.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    named = {slug: DataSet(**spec) for slug, spec in blocks[0]["datasets"].items()}
    own = {entry.name for entry in DATASETS if entry.facts["kind"] == "own"}
    assert {one.name for one in named.values()} == own
    for slug in named:
        derived.check(slug, named)
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == own
    assert set(blocks[1]) == {"plugins", "benchmarks"}


# --- image_folder


def test_pictures_in_class_folders_of_all_formats_and_sizes(tmp_path):
    folder = put(tmp_path / "pictures", own_files.class_folders(20))
    data = made("image_folder", tmp_path, folder=str(folder), size=24)
    assert data.card.class_names == ("blue", "green", "red")
    assert data.card.split_sizes == {"train": 42, "validation": 9, "test": 9}
    for arrays in data.splits.values():
        counts = np.bincount(arrays["label"], minlength=3)
        assert counts.max() - counts.min() == 0  # stratified: 42 and 9 are divisible by 3
        means = np.asarray(arrays["image"]).mean(axis=(1, 2))
        assert (means.argmax(axis=1) == np.array([2, 1, 0])[arrays["label"]]).all()
        assert arrays["image"].shape[1:] == (24, 24, 3)


def test_folders_named_after_splits_are_kept_and_what_lacks_is_cut_from_what_trains(tmp_path):
    files = own_files.class_folders(10, "train/") | own_files.class_folders(4, "test/")
    data = made("image_folder", tmp_path, folder=str(put(tmp_path / "p", files)), size=8, validation=0.2)
    assert data.card.split_sizes == {"train": 24, "validation": 6, "test": 12}
    assert data.card.odd_files == {"duplicate": 12}  # those of test are the first four of each class again


def test_a_table_names_pictures_splits_and_groups(tmp_path):
    files = own_files.class_folders(8)
    names = [*files]
    lines = ["path,what,person"] + [f"{name},{name.split('/')[0]},p{row // 2}" for row, name in enumerate(names)]
    folder = put(tmp_path / "p", files)
    put(tmp_path, {"list.csv": "\n".join(lines)})
    options = {"table": str(tmp_path / "list.csv"), "file": "path", "label": "what", "group": "person"}
    data = made("image_folder", tmp_path, folder=str(folder), size=8, validation=0.25, test=0.25, **options)
    groups = [set(np.asarray(arrays["group"]).tolist()) for arrays in data.splits.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 12
    assert data.card.group == "group"


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_is_a_folder_too_and_so_is_the_one_folder_in_it(kind, tmp_path):
    files = own_files.class_folders(6)
    archive = tmp_path / f"pictures.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for name, content in files.items():
                packed.writestr(f"all/{name}", content)
    else:
        with tarfile.open(archive, "w:gz") as packed:
            for name, content in files.items():
                member = tarfile.TarInfo(f"all/{name}")
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
    packed = made("image_folder", tmp_path, folder=str(archive), size=8).card
    plain = made("image_folder", tmp_path, folder=str(put(tmp_path / "p", files)), size=8).card
    assert packed.sha256 == plain.sha256


def test_a_folder_of_pictures_trains(tmp_path, monkeypatch):
    """By a path from params.yaml's folder."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "pictures", own_files.class_folders(14))
    scores = trained({"name": "image_folder", "folder": "pictures", "size": 16}, "lenet5", tmp_path)
    assert 0 <= scores["accuracy"] <= 1


# --- table


def test_a_table_of_numbers_and_names(tmp_path):
    put(tmp_path, {"rows.csv": own_files.rows()})
    data = made("table", tmp_path, file=str(tmp_path / "rows.csv"), target="kind", ignore=["price"])
    assert data.card.class_names == ("k0", "k1", "k2")
    assert data.card.input_shape == (4,)  # age, two colors, height
    features = np.concatenate([np.asarray(arrays["features"]) for arrays in data.splits.values()])
    assert (features[:, 1:3].sum(axis=1) == 1).all()
    label = np.concatenate([np.asarray(arrays["label"]) for arrays in data.splits.values()])
    assert ((features[:, 0] - 20) // 10 == label).all()


def test_a_number_is_foretold_in_deviations_of_what_trains(tmp_path):
    put(tmp_path, {"rows.csv": own_files.rows()})
    data = made("table", tmp_path, file=str(tmp_path / "rows.csv"), target="price")
    target = np.asarray(data.splits["train"]["target"], float)
    np.testing.assert_allclose([target.mean(), target.std()], [0, 1], atol=1e-5)
    assert data.card.odd_files == {"scaled": 1}
    assert not data.card.class_names


def test_parquet_is_read_as_its_csv_is(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    put(tmp_path, {"rows.csv": own_files.rows()})
    pandas.read_csv(tmp_path / "rows.csv").to_parquet(tmp_path / "rows.parquet")
    cards = [
        made("table", tmp_path, file=str(tmp_path / f"rows.{end}"), target="kind").card for end in ("csv", "parquet")
    ]
    assert cards[0].sha256 == cards[1].sha256


def test_semicolons_a_byte_order_mark_and_given_splits(tmp_path):
    lines = ["a;b;part"] + [f"{n};{'xy'[n % 2]};{('train', 'dev', 'TEST')[n % 3]}" for n in range(12)]
    (tmp_path / "rows.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    data = made("table", tmp_path, file=str(tmp_path / "rows.csv"), target="b", split="part")
    assert np.asarray(data.splits["validation"]["features"])[:, 0].tolist() == [1, 4, 7, 10]
    assert np.asarray(data.splits["test"]["features"])[:, 0].tolist() == [2, 5, 8, 11]


def test_rows_that_two_splits_have_are_counted(tmp_path):
    lines = ["a,b,part"] + [
        f"{n % 4},{'xy'[n % 2]},{('train', 'train', 'validation', 'test')[n // 4]}" for n in range(16)
    ]
    put(tmp_path, {"rows.csv": "\n".join(lines)})
    card = made("table", tmp_path, file=str(tmp_path / "rows.csv"), target="b", split="part").card
    assert card.odd_files == {"duplicate": 8}  # those of validation and of test; twice in train is no leak
    told = (tmp_path / "prepared" / "mine" / "odd_files.csv").read_text()
    assert (
        f'"{tmp_path}/rows.csv, line 10","duplicate: in validation, and in train as {tmp_path}/rows.csv, line 2"'
        in told
    )


def test_rows_with_an_empty_place_are_dropped_and_counted(tmp_path):
    lines = ["a,b"] + [f"{n},{'xy'[n % 2]}" for n in range(20)] + [",x"]
    put(tmp_path, {"rows.csv": "\n".join(lines)})
    card = made("table", tmp_path, file=str(tmp_path / "rows.csv"), target="b", missing="drop").card
    assert sum(card.split_sizes.values()) == 20
    assert card.odd_files == {"dropped": 1}


@pytest.mark.parametrize(("target", "task"), [("kind", "classification"), ("price", "sequence_regression")])
def test_a_table_trains(target, task, tmp_path):
    put(tmp_path, {"rows.csv": own_files.rows()})
    spec = {"name": "table", "file": str(tmp_path / "rows.csv"), "target": target}
    scores = trained(spec, "mlp", tmp_path, task=task)
    assert ("accuracy" if target == "kind" else "mse") in scores


# --- texts


def test_texts_with_labels(tmp_path):
    put(tmp_path, {"texts.csv": own_files.texts()})
    data = made("text_table", tmp_path, file=str(tmp_path / "texts.csv"))
    assert data.card.class_names == ("bad", "good")
    row = data.splits["train"]["tokens"][0]
    word = "fine" if data.splits["train"]["label"][0] else "dull"
    assert decode(row, data.card.vocabulary).startswith("a" + word) or word in decode(row, data.card.vocabulary)


def test_texts_train(tmp_path):
    put(tmp_path, {"texts.csv": own_files.texts()})
    spec = {"name": "text_table", "file": str(tmp_path / "texts.csv"), "vocabulary": 8}
    assert "accuracy" in trained(spec, "text_cnn", tmp_path, preprocessing="none")


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_running_text_is_cut_in_its_order(unit, tmp_path):
    lines = [f"Line {n} of many." for n in range(100)]
    put(tmp_path, {"text.txt": "\n".join(lines) + "\n"})
    data = made("text_lines", tmp_path, file=str(tmp_path / "text.txt"), unit=unit, steps=10, validation=0.1, test=0.2)
    said = {
        name: [data.card.vocabulary[token] for token in np.asarray(arrays["tokens"]).reshape(-1) if token]
        for name, arrays in data.splits.items()
    }
    assert said["train"][:4] == (["line", "0", "of", "many"] if unit == "words" else [*"Line"])
    counts = {name: len(symbols) for name, symbols in said.items()}
    whole = sum(counts.values())
    assert counts["test"] == round(0.2 * whole)
    assert counts["validation"] == round(0.1 * whole)


def test_files_of_their_own_validate_and_test(tmp_path):
    put(tmp_path, {"a.txt": "one two three four five six\n" * 9, "b.txt": "one two\n" * 9, "c.txt": "four six\n" * 9})
    files = {"file": "a.txt", "validation_file": "b.txt", "test_file": "c.txt"}
    data = made("text_lines", tmp_path, **{key: str(tmp_path / name) for key, name in files.items()}, steps=9)
    assert data.card.split_sizes == {"train": 7, "validation": 3, "test": 3}


def test_running_text_trains(tmp_path):
    put(tmp_path, {"text.txt": "".join(f"{sentence}\n" for sentence in own_files.SENTENCES * 6)})
    spec = {"name": "text_lines", "file": str(tmp_path / "text.txt"), "steps": 6, "validation": 0.1, "test": 0.1}
    assert "perplexity" in trained(spec, "transformer_xl", tmp_path, preprocessing="none")


def test_sentences_and_their_translations(tmp_path):
    told = own_files.SENTENCES
    (tmp_path / "a.txt").write_text("\n".join(told) + "\n")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress("\n".join(one[::-1] for one in told).encode()))
    options = {"source": str(tmp_path / "a.txt"), "target": str(tmp_path / "b.txt.gz"), "pieces": 300}
    data = made("parallel_text", tmp_path, **options, validation=0.2, test=0.2)
    for arrays in data.splits.values():
        for source, target in zip(arrays["source"][:], arrays["target"][:], strict=True):
            assert decode(source, data.card.vocabulary) == decode(target, data.card.vocabulary)[::-1]


def test_sentences_train(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("\n".join(own_files.SENTENCES) + "\n")
    spec = {"name": "parallel_text", "source": str(tmp_path / "a.txt"), "target": str(tmp_path / "b.txt")}
    shares = {"pieces": 300, "validation": 0.2, "test": 0.2}
    scores = trained({**spec, **shares}, "transformer_base", tmp_path, preprocessing="none")
    assert "bleu" in scores


# --- boxes, masks, pairs


@pytest.mark.parametrize("form", ["coco", "voc", "yolo"])
def test_boxes_are_where_the_pictures_have_them(form, tmp_path):
    """Stretched to twice their size, and each box is still full of red."""
    folder = put(tmp_path / "p", getattr(own_files, form)())
    data = made("boxes", tmp_path, folder=str(folder), size=[48, 64], fit="stretch")
    assert data.card.class_names == (("block",) if form == "voc" else ("air", "block"))
    number, seen = data.card.class_names.index("block"), 0
    for arrays in data.splits.values():
        for image, found, label in zip(arrays["image"], arrays["boxes"][:], arrays["box_label"][:], strict=True):
            for (top, left, bottom, right), kind in zip(found, label, strict=True):
                if kind >= 0:
                    assert kind == number
                    assert (bottom - top, right - left) == pytest.approx((20, 24), abs=0.01)
                    inside = image[round(top) + 2 : round(bottom) - 2, round(left) + 2 : round(right) - 2]
                    assert (inside[..., 0] > 200).all()
                    assert (inside[..., 1] < 60).all()
                    seen += 1
    assert seen == (14 if form == "coco" else 13)
    assert ("ignored_boxes" in data.card.arrays) == (form == "voc")


def test_boxes_train(tmp_path):
    folder = put(tmp_path / "p", own_files.coco(16))
    spec = {"name": "boxes", "folder": str(folder), "size": [16, 16], "fit": "stretch"}
    assert "map_50" in trained(spec, "yolo_v2", tmp_path)


@pytest.mark.parametrize("palette", [True, False])
def test_masks_are_where_the_pictures_have_them(palette, tmp_path):
    folder = put(tmp_path / "p", own_files.masked(palette=palette))
    options = {"size": [24, 32], "classes": ["ground", "block"]}
    data = made("masks", tmp_path, folder=str(folder), **options)
    assert data.card.label_names == {"mask": ["ground", "block"]}
    for arrays in data.splits.values():
        image, mask = np.asarray(arrays["image"]), np.asarray(arrays["mask"])
        np.testing.assert_array_equal(image[..., 0] > 200, mask == 1)


def test_masks_train(tmp_path):
    folder = put(tmp_path / "p", own_files.masked(16))
    assert "mean_iou" in trained({"name": "masks", "folder": str(folder), "size": [16, 16]}, "unet", tmp_path)


def test_pairs_of_pictures(tmp_path):
    folder = put(tmp_path / "p", own_files.paired())
    options = {"table": str(folder / "pairs.csv"), "size": 12}
    data = made("image_pairs", tmp_path, folder=str(folder), **options, validation=0.2, test=0.2)
    for name, arrays in data.splits.items():
        both = [np.asarray(arrays[side]).mean(axis=(1, 2)).argmax(axis=1) for side in ("image", "other")]
        np.testing.assert_array_equal(both[0] == both[1], np.asarray(arrays["same"]) == 1)
        assert (np.asarray(arrays["fold"]) >= 0).all() == (name != "train")
        alike = np.asarray(arrays["label"]) == np.asarray(arrays["other_label"])
        assert (alike | (np.asarray(arrays["same"]) == 0)).all()


def test_pairs_train(tmp_path):
    folder = put(tmp_path / "p", own_files.paired())
    spec = {"name": "image_pairs", "folder": str(folder), "table": str(folder / "pairs.csv"), "size": 12}
    assert "verification_accuracy" in trained({**spec, "validation": 0.2, "test": 0.2}, "siamese", tmp_path)
