"""The mistakes of a detector by kind: one of each by hand, and the authors' own code on random ones."""

import csv
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from archbench.metrics import coco
from archbench.metrics.coco import compare_boxes
from archbench.metrics.detection import average_precisions
from archbench.metrics.detection_errors import KINDS, TOTALS, error_breakdown, find_mistakes, mistakes_of_images
from references import PYTHON, reference

GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "detection_errors.csv").open()))
A, B = (0, 0, 10, 10), (40, 40, 60, 60)


def _case(objects, detections) -> tuple[dict, dict]:
    """One picture with objects (box, label) and detections (box, label, score)."""
    targets = {"boxes": np.array([[one[0] for one in objects]], "float32").reshape(1, -1, 4)}
    targets["box_label"] = np.array([[one[1] for one in objects]], int).reshape(1, -1)
    said = {"boxes": np.array([[one[0] for one in detections]], "float32").reshape(1, -1, 4)}
    said["label"] = np.array([[one[1] for one in detections]], int).reshape(1, -1)
    said["score"] = np.array([[one[2] for one in detections]], "float32").reshape(1, -1)
    return targets, said


def _told(objects, detections) -> tuple[dict, dict]:
    """Counts and gains by name, those that are not 0."""
    counts, gains = error_breakdown(*_case(objects, detections))
    names = (*KINDS, *TOTALS)
    told = ({name: value for name, value in zip(names, some, strict=True) if value} for some in (counts, gains))
    return next(told), {name: pytest.approx(value) for name, value in next(told).items()}


HALF = 51 / 101
"""The average precision where the surest detection is right and the other of two objects is not found."""


def test_nothing_wrong():
    assert _told([(A, 0), (B, 1)], [(A, 0, 0.9), (B, 1, 0.8)]) == ({}, {})


def test_a_box_in_the_wrong_place_wins_its_object():
    """Shifted by half a side: IoU 1/3. Fixed, it is a hit; without it (no false positives) nothing changes."""
    counts, gains = _told([(A, 0), (B, 0)], [(A, 0, 0.9), ((40, 50, 60, 70), 0, 0.8)])
    assert counts == {"localization": 1, "false_positive": 1, "false_negative": 1}
    assert gains == {"localization": 1 - HALF, "false_negative": 1 - HALF}


def test_a_box_of_the_wrong_class_wins_its_object():
    """Class 1 has one object, not found: its precision is 0, and 1 with the detection that was called class 0."""
    counts, gains = _told([(A, 0), (B, 1)], [(A, 0, 0.8), (B, 0, 0.9)])
    assert counts == {"classification": 1, "false_positive": 1, "false_negative": 1}
    # Of class 0 the surest is wrong: 1/2. Fixed: 1 and 1. Without false positives: 1 and 0. Without class 1: 1/2.
    assert gains == {"classification": 1 - 1 / 4, "false_positive": 1 / 2 - 1 / 4, "false_negative": 1 / 2 - 1 / 4}


def test_wrong_in_both_is_only_left_out():
    """Shifted by half a side, and of another class: nothing is won but that it is gone."""
    counts, gains = _told([(A, 0), (B, 1)], [((40, 50, 60, 70), 0, 0.9), (A, 0, 0.8)])
    assert counts == {"both": 1, "missed": 1, "false_positive": 1, "false_negative": 1}
    # (1/2 + 0) / 2; without the detection (1 + 0) / 2; without the object of class 1 there is class 0 alone: 1/2.
    assert gains == {"both": 1 / 4, "missed": 1 / 4, "false_positive": 1 / 4, "false_negative": 1 / 4}


def test_a_second_detection_of_an_object_is_a_duplicate():
    counts, gains = _told([(A, 0), (B, 0)], [(A, 0, 0.9), ((0, 0, 10, 9), 0, 0.8), (B, 0, 0.7)])
    assert counts == {"duplicate": 1, "false_positive": 1}
    lost = 1 - (51 + 50 * 2 / 3) / 101
    assert gains == {"duplicate": lost, "false_positive": lost}


def test_a_detection_of_nothing_is_background():
    """Another object is near it, but an IoU of 1/19 is none."""
    counts, gains = _told([(A, 0), (B, 0)], [((9, 0, 19, 10), 0, 0.9), (A, 0, 0.8), (B, 0, 0.7)])
    assert counts == {"background": 1, "false_positive": 1}
    assert gains == {"background": 1 / 3, "false_positive": 1 / 3}  # 2/3 at every recall


def test_an_object_that_nothing_points_at_is_missed():
    counts, gains = _told([(A, 0), (B, 0)], [(A, 0, 0.9)])
    assert counts == {"missed": 1, "false_negative": 1}
    assert gains == {"missed": 1 - HALF, "false_negative": 1 - HALF}


def test_only_the_surest_of_several_mistakes_wins_the_object():
    """Two boxes beside B, the surer one of the wrong class: places fixed, none is a hit; classes fixed, one is."""
    beside = (40, 50, 60, 70)
    objects = [(A, 0), (B, 1)]
    counts, gains = _told(objects, [(A, 0, 0.9), (B, 0, 0.8), (beside, 1, 0.7)])
    assert counts == {"localization": 1, "classification": 1, "false_positive": 2, "false_negative": 1}
    # Before: 1 and 0. The class fixed: 1, and of class 1 a hit before a mistake: 1. The place: left out, 0 still.
    assert gains == {"classification": 1 / 2}
    told = find_mistakes(compare_boxes(*_case(objects, [(A, 0, 0.9), (B, 0, 0.6), (beside, 1, 0.7)])))
    assert told.fixable.tolist() == [[False, True, False]]  # now the box in the wrong place, which stands before


def test_a_class_all_of_whose_objects_are_missed_is_left_out_when_they_are_fixed():
    counts, gains = _told([(A, 0), (B, 1)], [(A, 0, 0.9)])
    assert counts == {"missed": 1, "false_negative": 1}
    assert gains == {"missed": 1 / 2, "false_negative": 1 / 2}


def test_what_is_ignored_is_no_mistake():
    targets, said = _case([(A, 0)], [((41, 41, 50, 50), 0, 0.9), (A, 0, 0.8)])
    ignored = {"ignored_boxes": np.array([[B]], "float32"), "ignored_label": np.array([[0]])}
    eased = {**targets, **ignored, "ignored_crowd": np.array([[1]], "uint8")}
    assert error_breakdown(targets, said).counts.sum() == 2  # background, and so a false positive
    assert not error_breakdown(eased, said).counts.any()
    assert not mistakes_of_images(compare_boxes(eased, said)).any()


@pytest.mark.parametrize("detections", [[], [(A, 0, 0.9)]])
def test_nothing_there(detections):
    counts, gains = error_breakdown(*_case([], detections))
    assert counts[KINDS.index("background")] == len(detections)
    assert np.isnan(gains).all()


def test_nothing_said():
    counts, gains = error_breakdown(*_case([(A, 0)], []))
    assert dict(zip((*KINDS, *TOTALS), counts.tolist(), strict=True)) == {
        **dict.fromkeys((*KINDS, *TOTALS), 0),
        "missed": 1,
        "false_negative": 1,
    }
    assert gains[:5].tolist() == [0] * 5
    assert np.isnan(gains[KINDS.index("missed")])  # then no class is left


def test_the_mistakes_of_a_picture_are_those_of_sure_detections():
    """Missed: B, whose detection is not sure. Wrong: a sure one; another is not."""
    detections = [(A, 0, 0.9), (B, 0, 0.29), ((0, 40, 10, 50), 0, 0.3), ((0, 60, 10, 70), 0, 0.1)]
    assert mistakes_of_images(compare_boxes(*_case([(A, 0), (B, 0)], detections))).tolist() == [2]


# Against the authors' code


def _random(seed: int) -> tuple[dict, dict]:
    """Nothing is ignored, which tidecv 1.0.1 counts as mistakes, and no two scores or overlaps are equal."""
    random, images, kinds = np.random.default_rng(seed), 25, 3

    def boxes(count):
        corner = random.uniform(0, 60, (images, count, 2))
        return np.concatenate([corner, corner + random.uniform(8, 40, corner.shape)], axis=-1).astype("float32")

    targets = {"boxes": boxes(4), "box_label": random.integers(-1, kinds, (images, 4))}
    targets["box_label"][0] = -1
    near = np.concatenate([targets["boxes"], boxes(2)], axis=1)
    said = np.repeat(near, 2, axis=1)
    said = said + random.uniform(-8, 8, said.shape).astype("float32")
    said[..., 2:] = np.maximum(said[..., 2:], said[..., :2] + 1)
    true = np.concatenate([targets["box_label"], np.zeros((images, 2), int)], axis=1)
    label = np.where(random.random(said.shape[:2]) < 0.6, np.repeat(true, 2, axis=1), 0)
    label = np.where(random.random(label.shape) < 0.3, random.integers(-1, kinds, label.shape), label)
    label[1] = -1
    score = random.permutation(label.size).reshape(label.shape) / label.size
    return targets, {"boxes": said, "label": label, "score": score}


@pytest.fixture
def hundredths(monkeypatch):
    """Recall is read at n / 100, as tidecv does; pycocotools' points differ from these in the last digit."""
    monkeypatch.setattr(coco, "RECALLS", np.arange(101) / 100)


@pytest.mark.parametrize("seed", range(4))
def test_mistakes_are_those_of_the_authors_code(seed, hundredths):
    python = os.environ.get(PYTHON)
    if not python or subprocess.run([python, "-c", "import tidecv"], capture_output=True, check=False).returncode:
        pytest.skip(f"needs tidecv in a Python of its own: set {PYTHON}")
    targets, said = _random(seed)
    made = reference("detection_errors", **targets, said=said["boxes"], label=said["label"], score=said["score"])
    counts, gains = error_breakdown(targets, said)
    assert average_precisions(targets, said)["map_50"] == pytest.approx(float(made["map_50"]))
    assert counts[: len(KINDS)].tolist() == [int(made[f"count.{kind}"]) for kind in KINDS]
    assert counts[: len(KINDS)].all()
    assert gains.tolist() == pytest.approx([float(made[f"gain.{kind}"]) for kind in (*KINDS, *TOTALS)])


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['seed']}-{row['kind']}")
def test_mistakes_are_the_golden_ones(row, hundredths):
    counts, gains = error_breakdown(*_random(int(row["seed"])))
    place = (*KINDS, *TOTALS).index(row["kind"])
    assert gains[place] == pytest.approx(float(row["gain"]), abs=1e-6)
    if row["count"]:
        assert counts[place] == int(row["count"])
