"""Data sets divided anew: by size, with examples cut from training data; and held-out scenes that look otherwise."""

import numpy as np
import pytest

from archbench.datasets import store
from archbench.datasets._balloons.scene import scene
from archbench.datasets._options import BadOption
from archbench.datasets._split import EmptySplit
from archbench.datasets.balloons import balloons
from archbench.datasets.divided import divided, share_by_size
from archbench.datasets.prepare import prepare


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """1797 examples: 1257 to train on, 270 and 270."""
    folder = tmp_path_factory.mktemp("divided") / "digits"
    prepare("digits", "digits", folder, folder.parent / "raw")
    return store.load(folder)


@pytest.mark.parametrize(
    ("examples", "share"),
    [(100, 0.2), (10_000, 0.2), (50_000, 0.2), (100_000, 0.1), (1_000_000, 0.01), (4_000_000, 0.0025)],
)
def test_small_data_give_a_fifth_and_large_ones_ten_thousand(examples, share):
    assert share_by_size(examples) == share


def _pictures(*parts):
    """Every picture with its label, in an order of its own."""
    rows = np.concatenate(
        [np.column_stack([part["image"].reshape(len(part["label"]), -1), part["label"]]) for part in parts]
    )
    return rows[np.lexsort(rows.T)]


def test_divided_by_size_is_60_20_20_of_all_examples(digits):
    raw = divided(None, digits, validation="by_size", test="by_size")
    assert {name: len(part["label"]) for name, part in raw.official.items()} == {"validation": 359, "test": 359}
    assert len(raw.train["label"]) == 1079
    np.testing.assert_array_equal(_pictures(raw.train, *raw.official.values()), _pictures(*digits.splits.values()))
    counts = np.bincount(raw.official["test"]["label"], minlength=10)
    assert np.abs(counts - np.bincount(raw.train["label"]) * 359 / 1079).max() < 1.5


def test_what_is_kept_stays_and_the_rest_is_divided(digits):
    raw = divided(None, digits, validation=0.5)
    assert raw.official["test"] is digits.splits["test"]
    assert len(raw.official["validation"]["label"]) == round(0.5 * (1257 + 270))
    raw = divided(None, digits)
    assert raw.train is digits.splits["train"]
    assert dict(raw.official) == {name: digits.splits[name] for name in ("validation", "test")}


def test_examples_of_a_train_dev_split_are_cut_from_the_training_data_alone(digits):
    raw = divided(None, digits, train_dev=0.1, seed=4)
    assert list(raw.official) == ["validation", "test", "train_dev"]
    assert len(raw.official["train_dev"]["label"]) == 126  # of 1257
    assert raw.official["validation"] is digits.splits["validation"]
    np.testing.assert_array_equal(_pictures(raw.train, raw.official["train_dev"]), _pictures(digits.splits["train"]))
    again, other = (divided(None, digits, train_dev=0.1, seed=seed).official["train_dev"] for seed in (4, 5))
    np.testing.assert_array_equal(again["image"], raw.official["train_dev"]["image"])
    assert (other["image"] != again["image"]).any()


def test_groups_stay_together(tmp_path):
    group = np.repeat(np.arange(20), 5)
    arrays = {"features": np.zeros((100, 2), "float32"), "label": np.arange(100, dtype="int32") % 2, "group": group}
    part = {name: array[:4] for name, array in arrays.items()}
    fields = {
        "name": "g",
        "source": "s",
        "licence": "l",
        "input": "features",
        "class_names": ("a", "b"),
        "labels": ("label",),
        "strata": "label",
        "group": "group",
        "label_names": {},
        "void": {},
        "vocabulary": (),
        "made_from": {},
    }
    store.write(tmp_path / "g", fields, {"train": arrays, "validation": part, "test": part})
    raw = divided(None, store.load(tmp_path / "g"), train_dev=0.3)
    assert not set(np.asarray(raw.train["group"])) & set(np.asarray(raw.official["train_dev"]["group"]))
    assert len(raw.official["train_dev"]["label"]) == 30


def test_shares_that_leave_nothing_are_refused(digits):
    with pytest.raises(BadOption, match=r"validation and test take 0.5 . 0.5 of the examples"):
        divided(None, digits, validation=0.5, test=0.5)
    with pytest.raises(EmptySplit, match="train_dev 0"):
        divided(None, digits, train_dev=1e-4)


def test_a_data_set_divided_anew_can_be_prepared(digits, tmp_path):
    card = prepare("divided", "d", tmp_path / "d", tmp_path / "raw", of=digits)
    assert card.split_sizes == {"train": 1257, "validation": 270, "test": 270}
    spec = {"name": "divided", "test": "by_size", "train_dev": 0.25}
    card = prepare(spec, "e", tmp_path / "e", tmp_path / "raw", of=digits)
    # A fifth of 1527 is 305, and a quarter of the other 1222 is 305.5, to the even number.
    assert card.split_sizes == {"train": 916, "validation": 270, "test": 305, "train_dev": 306}
    assert (card.class_names, card.labels) == (digits.card.class_names, digits.card.labels)


# scenes that look otherwise


def test_scenes_held_out_show_the_same_things_before_other_walls():
    options = {"examples": 20, "size": 32, "seed": 2}
    alike, plain, noisy = (balloons(None, **options, held_out=look) for look in ("alike", "plain", "noisy"))
    assert alike.fractions == {"validation": 0.15, "test": 0.15}
    assert not alike.official
    for other in (plain, noisy):
        assert other.fractions == {}
        assert {name: len(part["label"]) for name, part in other.official.items()} == {"validation": 3, "test": 3}
        for name in ("image", "label", "mask", "boxes"):
            np.testing.assert_array_equal(np.asarray(other.train[name]), np.asarray(alike.train[name])[:14])
        for part, rows in (("validation", slice(14, 17)), ("test", slice(17, 20))):
            for name in ("label", "mask", "instances", "boxes", "landmarks", "color"):
                expected = np.asarray(alike.train[name])[rows]
                np.testing.assert_array_equal(np.asarray(other.official[part][name]), expected)
            assert (other.official[part]["image"] != alike.train["image"][rows]).any(axis=(1, 2, 3)).all()


def test_a_plain_wall_is_smooth_and_noise_is_as_strong_as_told():
    """A photograph's neighbours differ more than a wall's; of noise N(0, 0.1) two neighbours' difference is 0.141."""
    scenes = {look: [scene(n, 64, 1, 0, look=look).image / 255 for n in range(40)] for look in (None, "plain", "noisy")}
    steps = {look: np.median([np.abs(np.diff(image, axis=0)).mean() for image in own]) for look, own in scenes.items()}
    assert steps["plain"] < 0.6 * steps[None]
    added = np.concatenate([(noisy - own).ravel() for noisy, own in zip(scenes["noisy"], scenes[None], strict=True)])
    inside = np.concatenate([((own > 0.35) & (own < 0.65)).ravel() for own in scenes[None]])  # no pixel is cut off
    assert added[inside].std() == pytest.approx(0.1, rel=0.03)


def test_too_few_scenes_to_hold_some_out_are_refused():
    with pytest.raises(EmptySplit, match=r"3 examples with validation 0.15"):
        balloons(None, examples=3, size=32, held_out="plain")
