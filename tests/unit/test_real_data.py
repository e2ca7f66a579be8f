"""Data as they were published, from a mirror: counts, and places on them that were read off by hand."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archbench.datasets import _fetch, ag_news, questions_words, store, wordsim353
from archbench.datasets.prepare import prepare
from archbench.datasets.tokens import END

OBJECTS = list(csv.DictReader(Path(__file__).parents[1].joinpath("golden", "objects.csv").open(newline="")))


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Name -> a function of options to the prepared data set, where the mirror has its files."""
    root = tmp_path_factory.mktemp("real")

    def get(name, **options):
        mirror = os.environ.get(_fetch.MIRROR, "")
        first = _fetch.published(name)[0].name
        if not (Path(mirror) / name / first).is_file():
            pytest.skip(f"{_fetch.MIRROR} names no folder with {name}/{first}: its real files are not here")
        slug = "-".join([name, *map(str, options.values())])
        if not (root / slug).exists():
            prepare({"name": name, **options}, slug, root / slug, root / "raw")
        return store.load(root / slug)

    return get


def mirrored(name):
    return Path(os.environ[_fetch.MIRROR]) / name


def test_blood_cells_are_all_there(real):
    """As many objects of each class as the annotations have, but for two boxes of a single pixel."""
    card = real("bccd").card
    for split in ("train", "validation", "test"):
        rows = [row for row in OBJECTS if row["dataset"] == "bccd" and row["split"] == split]
        assert card.split_sizes[split] == int(rows[0]["images"])
        assert tuple(row["class"] for row in rows) == card.class_names
        counts = [int(row["objects"]) - int(row["left_out"]) for row in rows]
        assert card.label_counts["box_label"][split]["classes"] == counts
    assert card.odd_files == {"left out": 2}
    assert card.input_shape == (480, 640, 3)


def test_the_first_blood_cell_is_where_its_annotation_has_it(real):
    """BloodImage_00001, the first of train.txt, begins with the WBC xmin 68, ymin 315, xmax 286, ymax 480, from 1."""
    train = real("bccd").splits["train"]
    assert train["boxes"][0][0].tolist() == [314, 67, 480, 286]
    assert train["box_label"][0][0] == 1
    with Image.open(mirrored("bccd") / "BCCD/JPEGImages/BloodImage_00001.jpg") as picture:
        np.testing.assert_array_equal(train["image"][0], np.asarray(picture))


def test_smaller_blood_cells_have_smaller_boxes(real):
    whole, half = real("bccd").splits, real("bccd", size=[240, 320]).splits
    for split in whole:
        np.testing.assert_array_equal(half[split]["boxes"][:], whole[split]["boxes"][:] / 2)
        np.testing.assert_array_equal(half[split]["box_label"][:], whole[split]["box_label"][:])
    assert half["test"]["image"].shape == (72, 240, 320, 3)


def test_slices_of_nerve_tissue_are_divided_in_blocks(real):
    data = real("isbi2012")
    assert data.card.split_sizes == {"train": 22, "validation": 3, "test": 5}
    for split, first in (("train", 0), ("validation", 22), ("test", 25)):
        arrays = data.splits[split]
        for kind, name in (("image", "image"), ("mask", "label")):
            with Image.open(mirrored("isbi2012") / f"train/{name}/{first}.png") as picture:
                pixels = np.asarray(picture)
            expected = pixels[..., None] if kind == "image" else pixels // 255
            np.testing.assert_array_equal(arrays[kind][0], expected)
        assert set(np.unique(arrays["mask"])) == {0, 1}
    assert data.card.label_names == {"mask": ["membrane", "inside"]}
    assert data.card.label_counts["mask"]["train"] == {"known": 22, "classes": [22, 22]}


def test_the_border_of_a_slice_is_mirrored(real):
    whole, bordered = real("isbi2012").splits["test"], real("isbi2012", border=30).splits["test"]
    assert bordered["image"].shape == (5, 572, 572, 1)
    for name in ("image", "mask"):
        inner = bordered[name][:, 30:-30, 30:-30]
        np.testing.assert_array_equal(inner, whole[name])
        np.testing.assert_array_equal(bordered[name][:, :30], bordered[name][:, 30:60][:, ::-1])
        np.testing.assert_array_equal(bordered[name][:, :, -30:], bordered[name][:, :, -60:-30][:, :, ::-1])


# Texts


def test_brown_is_all_there_in_the_parts_of_the_paper(real):
    """1,161,192 words, as NLTK's book counts them, and a mark after each of its 15,667 paragraphs."""
    data = real("brown")
    rows = {split: np.asarray(arrays["tokens"]) for split, arrays in data.splits.items()}
    assert {split: np.count_nonzero(row) for split, row in rows.items()} == {
        "train": 800_000,
        "validation": 200_000,
        "test": 1_161_192 + 15_667 - 1_000_000,
    }
    assert sum(int((row == END).sum()) for row in rows.values()) == 15_667
    written = [data.card.vocabulary[token] for token in rows["train"][0, :8]]
    assert written == ["The", "Fulton", "County", "Grand", "Jury", "said", "Friday", "an"]
    assert len(data.card.vocabulary) == 16_383


def test_tiny_shakespeare_has_sixty_five_characters(real):
    data = real("tiny_shakespeare")
    assert len(data.card.vocabulary) == 65 + 4
    text = "".join(data.card.vocabulary[token] for token in np.asarray(data.splits["train"]["tokens"])[:1].ravel())
    assert text == "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAl"


def test_every_class_of_ag_newss_test_file_has_1900_news_without_backslashes():
    file = Path(os.environ.get(_fetch.MIRROR, "")) / "ag_news" / "test.csv"
    if not file.is_file():
        pytest.skip(f"{_fetch.MIRROR} names no folder with ag_news/test.csv")
    texts = list(ag_news._texts(file.read_bytes(), str(file)))
    assert np.bincount([text.label for text in texts]).tolist() == [1_900] * 4
    assert file.read_bytes().count(b"\\") > 772  # rows that have one
    assert not any("\\" in text.words for text in texts)


def test_analogies_are_8869_of_meaning_and_10675_of_form(real):
    sections = np.asarray(real("questions_words").splits["test"]["section"])
    meaning = sections < questions_words.SEMANTIC
    assert (meaning.sum(), (~meaning).sum()) == (8_869, 10_675)
    assert len(real("questions_words").card.vocabulary) == questions_words.WORDS + 4


def test_two_pairs_of_words_stand_twice_and_one_is_a_word_and_itself(real):
    data = real("wordsim353")
    pairs = [tuple(sorted(data.card.vocabulary[t] for t in row)) for row in np.asarray(data.splits["test"]["words"])]
    assert sorted({pair for pair in pairs if pairs.count(pair) > 1}) == [("bank", "money"), ("cash", "money")]
    assert [pair for pair in pairs if pair[0] == pair[1]] == [("tiger", "tiger")]
    assert len(data.card.vocabulary) == wordsim353.WORDS + 4
