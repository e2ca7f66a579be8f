"""Data sets cut down: some classes, few training examples, labels that are missing; colours and counts of balloons."""

import colorsys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from archbench.catalogue import WrongOption
from archbench.datasets import DATASETS, store
from archbench.datasets._balloons.layout import COLORS, color_class
from archbench.datasets._options import BadOption
from archbench.datasets._subset import fewer, only_classes
from archbench.datasets.prepare import prepare
from archbench.errors import UserError


def _prepared(folder, **spec):
    prepare(spec, folder.name, folder, folder.parent / "raw")
    return store.load(folder)


def _rows(arrays):
    return {one.tobytes() for one in np.asarray(arrays["image"])}


def test_classes_are_renumbered_in_the_order_given():
    raw = DATASETS.build({"name": "digits", "classes": [7, 3]}, None)
    official = load_digits()
    assert raw.class_names == ("7", "3")
    assert np.bincount(raw.train["label"]).tolist() == [(official.target == 7).sum(), (official.target == 3).sum()]
    chosen = np.isin(official.target, [3, 7])
    np.testing.assert_array_equal(raw.train["image"][..., 0], official.images[chosen])
    np.testing.assert_array_equal(raw.train["label"], np.where(official.target[chosen] == 7, 0, 1))


def test_fewer_training_examples_leave_validation_and_test_as_they_are(tmp_path):
    spec = {"name": "digits", "classes": [5, 6, 7, 8, 9]}
    whole = _prepared(tmp_path / "whole", **spec)
    small, smaller = (_prepared(tmp_path / str(n), **spec, train_examples=n) for n in (50, 25))
    for data, count in ((small, 50), (smaller, 25)):
        assert data.card.split_sizes == {**whole.card.split_sizes, "train": count}
        assert np.bincount(data.splits["train"]["label"]).tolist() == [count // 5] * 5
        for split in ("validation", "test"):
            np.testing.assert_array_equal(data.splits[split]["image"], whole.splits[split]["image"])
    assert _rows(smaller.splits["train"]) < _rows(small.splits["train"]) < _rows(whole.splits["train"])
    image = np.asarray(small.splits["train"]["image"], float)
    assert small.card.statistics["mean"] == pytest.approx([image.mean()])  # of these examples, and no others
    again = _prepared(tmp_path / "again", **spec, train_examples=50)
    assert again.card.sha256 == small.card.sha256


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"classes": [3]}, "two classes or more"),
        ({"classes": [3, 3]}, "each once"),
        ({"classes": [3, 10]}, "from 0 to 9"),
        ({"train_examples": 0}, "greater than or equal to 1"),
        ({"train_examples": 9}, "Choose 10 to 1257"),
        ({"train_examples": 1258}, "Choose 10 to 1257"),
    ],
)
def test_impossible_cuts_are_refused(tmp_path, options, why):
    with pytest.raises(UserError, match=why):
        prepare({"name": "digits", **options}, "d", tmp_path / "d", tmp_path)


def test_a_class_without_an_example_in_a_part_is_no_fault():
    arrays = {"image": np.arange(4), "label": np.array([0, 2, 0, 2])}
    kept = only_classes(arrays, [2, 5, 0])
    assert kept["label"].tolist() == [2, 0, 2, 0]


def test_few_of_uneven_classes_keep_their_shares():
    label = np.repeat([0, 1], [900, 300])
    kept = fewer(120)({"label": label}, 0)["label"]
    assert abs(int((kept == 0).sum()) - 90) <= 1


def test_few_of_examples_in_groups_are_whole_groups_and_among_the_more():
    random = np.random.default_rng(0)
    group, label = random.choice(40, 400, p=random.dirichlet(np.ones(40))), random.integers(0, 4, 400)
    arrays, before = {"row": np.arange(400), "label": label, "group": group}, set()
    for count in (100, 200, 399, 400):
        kept = fewer(count)(arrays, 0)
        rows = set(kept["row"].tolist())
        assert before < rows
        assert count - np.bincount(group).max() < len(rows) <= count
        assert not set(group[list(rows)]) & set(np.delete(group, list(rows)))
        assert np.bincount(kept["label"]).min() > 0
        before = rows
    with pytest.raises(BadOption, match="the first group of examples, which must stay together, has 50"):
        fewer(10)({"label": np.arange(100) % 2, "group": np.arange(100) // 50}, 0)


# --- balloons


@pytest.mark.parametrize(
    ("degrees", "name"),
    [
        (0, "red"),
        (29, "red"),
        (31, "yellow"),
        (120, "green"),
        (180, "cyan"),
        (240, "blue"),
        (300, "magenta"),
        (331, "red"),
    ],
)
def test_colours_are_named_by_the_nearest_hue(degrees, name):
    colour = np.array(colorsys.hsv_to_rgb(degrees / 360, 0.6, 0.8), np.float32)
    assert COLORS[color_class(colour)] == name


def test_count_and_colour_agree_with_the_picture():
    """The count with the boxes; the colour with the hue that most pixels of the largest balloon show."""
    raw = DATASETS.build({"name": "balloons", "examples": 120, "max_objects": 3}, None)
    arrays = raw.train
    np.testing.assert_array_equal(arrays["count"], (np.asarray(arrays["box_label"]) >= 0).sum(axis=1))
    assert raw.label_names["count"] == ("0", "1", "2", "3")
    right = 0
    for image, instances, color in zip(arrays["image"], arrays["instances"], arrays["color"], strict=True):
        shown = np.bincount([color_class(pixel / 255) for pixel in image[instances == 1]], minlength=6)
        right += shown.argmax() == color
    assert right >= 114
    assert set(arrays["color"]) == set(range(6))


def test_missing_labels_are_of_the_training_split_alone_and_each_label_apart(tmp_path):
    spec = {"name": "balloons", "size": 32, "examples": 100}
    whole, data = _prepared(tmp_path / "w", **spec), _prepared(tmp_path / "m", **spec, missing=0.3)
    train = data.splits["train"]
    gone = {
        "present": (train["present"] == 255).all(axis=1), "count": train["count"] == -1, "color": train["color"] == -1
    }  # fmt: skip
    assert [int(rows.sum()) for rows in gone.values()] == [21, 21, 21]  # 0.3 of 70
    assert (gone["present"] != gone["count"]).any()
    assert (gone["count"] != gone["color"]).any()
    for name, rows in gone.items():
        np.testing.assert_array_equal(train[name][~rows], whole.splits["train"][name][~rows])
        for split in ("validation", "test"):
            np.testing.assert_array_equal(data.splits[split][name], whole.splits[split][name])
    for name in ("image", "label", "boxes"):
        np.testing.assert_array_equal(train[name], whole.splits["train"][name])
    assert _prepared(tmp_path / "m2", **spec, missing=0.3).card.sha256 == data.card.sha256
    assert data.card.label_names == {"count": ["0", "1", "2", "3", "4"], "color": list(COLORS)}


@pytest.mark.parametrize("share", [1.0, -0.1])
def test_an_impossible_share_of_missing_labels_is_refused(share):
    with pytest.raises(WrongOption, match="missing"):
        DATASETS.build({"name": "balloons", "examples": 3, "missing": share}, None)
