"""One object a picture: presence, box and class in one loss; its key points; scenes without an object."""

import numpy as np
import pytest
from keras import ops

from archbench.datasets._balloons import scene as drawing
from archbench.datasets._balloons.layout import layout
from archbench.datasets.balloons import balloons
from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.figures.pictures import PICTURES
from archbench.tasks import TASKS
from archbench.tasks.base import TaskMismatch
from archbench.tasks.objects import NoBoxes
from backend import gradient
from scenes import BATCH, HEIGHT, WIDTH, scene_card

POINTS = {"landmarks": ([3, 2, 2], "float32")}
LOGITS = np.log([[3.0, 1.0], [1.0, 1.0], [1.0, 4.0]]).astype("float32")


def _localization(**options):
    return TASKS.build({"name": "localization", **options}, scene_card())


def _numpy(named):
    return {name: ops.convert_to_numpy(value) for name, value in named.items()}


def _outputs(presence, boxes, logits):
    """(example, 5 + class), as a network says them; `boxes` in pixels."""
    shares = np.asarray(boxes) / [HEIGHT, WIDTH, HEIGHT, WIDTH]
    return np.concatenate([np.asarray(presence)[:, None], shares, logits], axis=1).astype("float32")


# Which object


def test_the_object_of_a_picture_is_that_with_the_largest_box():
    found = _localization().arrays(BATCH)
    assert found["boxes"].tolist() == [[[5, 30, 45, 60]], [[8, 8, 16, 17]], [[0, 0, 0, 0]]]
    assert found["box_label"].tolist() == [[1], [1], [-1]]
    points = np.arange(3 * 3 * 4, dtype="float32").reshape(3, 3, 2, 2)
    landmarks = TASKS.build("landmarks", scene_card(**POINTS)).arrays({**BATCH, "landmarks": points})
    np.testing.assert_array_equal(landmarks["landmarks"][:, 0], points[np.arange(3), [1, 0, 0]])
    np.testing.assert_array_equal(landmarks["boxes"], found["boxes"])


def test_of_two_equal_boxes_the_first_counts_and_a_row_without_object_never():
    boxes = np.array([[[0, 0, 40, 40], [0, 0, 4, 4], [4, 4, 8, 8]]], "float32")
    found = _localization().arrays({"boxes": boxes, "box_label": np.array([[-1, 1, 0]], "int32")})
    assert (found["boxes"].tolist(), found["box_label"].tolist()) == ([[[0, 0, 4, 4]]], [[1]])


@pytest.mark.parametrize("name", ["localization", "landmarks"])
def test_a_split_without_any_object_is_refused(name):
    task = TASKS.build(name, scene_card(**POINTS))
    nothing = {"boxes": np.zeros((2, 3, 4)), "box_label": np.full((2, 3), -1), "landmarks": np.zeros((2, 3, 2, 2))}
    with pytest.raises(NoBoxes, match="without a single box"):
        task.arrays(nothing)


@pytest.mark.parametrize("name", ["localization", "landmarks"])
def test_pictures_of_several_sizes_are_refused(name):
    card = scene_card(**POINTS, image=([None, None, 3], "uint8"))
    with pytest.raises(TaskMismatch, match="reads pictures of one size"):
        TASKS.build(name, card)


# Localization


def test_the_loss_of_presence_box_and_class_by_hand():
    """Presence 1/4 nats apart; sides off by 3, 4, 6, 8 pixels of 48 and 64: 2/16^2 / 2 + 2/8^2 / 2; class 1 of 1:1."""
    task = _localization(box_weight=10)
    arrays = task.arrays(BATCH)
    boxes = [[5, 30, 45, 60], np.add([8, 8, 16, 17], [3, 4, 6, 8]), [7, 7, 99, 99]]
    outputs = _outputs([0, np.log(3), -np.log(3)], boxes, LOGITS)
    found = _numpy(task.compare(outputs, arrays, None))
    squares = (2 / 16**2 + 2 / 8**2) / 4
    assert found["presence_loss"] == pytest.approx([np.log(2), np.log(4 / 3), np.log(4 / 3)], rel=1e-5)
    assert found["box_loss"] == pytest.approx([0, 10 * squares, 0], abs=1e-6)
    assert found["class_loss"] == pytest.approx([np.log(4), np.log(2), 0], rel=1e-5)
    assert found["loss"] == pytest.approx(found["presence_loss"] + found["box_loss"] + found["class_loss"], rel=1e-6)


def test_where_nothing_is_present_presence_alone_is_learnt():
    task = _localization()
    arrays = task.arrays(BATCH)
    at = _outputs([0.3, -0.2, 0.1], np.full((3, 4), 9.0), LOGITS)
    slopes = gradient(lambda outputs: ops.sum(task.compare(outputs, arrays, None)["loss"]), at)
    assert (slopes[:2] != 0).all()
    assert slopes[2, 0] == pytest.approx(1 / (1 + np.exp(-0.1)), rel=1e-5)
    assert (slopes[2, 1:] == 0).all()


def test_a_box_counts_once_where_nothing_else_is_said():
    arrays = _localization().arrays(BATCH)
    outputs = _outputs([0, 0, 0], [[5, 30, 45, 60], [8, 8, 16, 49], [0, 0, 0, 0]], LOGITS)
    found = _numpy(_localization().compare(outputs, arrays, None))
    assert found["box_loss"] == pytest.approx([0, 1 / 4 / 4, 0], abs=1e-7)  # one side off by half of the width


def test_what_is_said_is_a_probability_a_box_in_the_picture_and_a_class():
    outputs = _outputs([np.log(3), 0, -2], [[-5, 4, 50, 70], [1, 2, 3, 4], [0, 0, 0, 0]], LOGITS)
    found = _numpy(_localization().decode(outputs))
    assert found["presence"][:2] == pytest.approx([0.75, 0.5])
    np.testing.assert_allclose(found["boxes"][:2], [[0, 4, 48, 64], [1, 2, 3, 4]], rtol=1e-5)
    assert found["label"].tolist() == [0, 0, 1]
    assert found["label"].dtype == "int32"


def test_scores_of_boxes_and_classes_are_over_pictures_with_an_object():
    """Boxes of 40 x 30 of which 20 x 30 are said: 1/2; one turned inside out: 0."""
    task = _localization()
    said = {
        "presence": np.array([0.9, 0.4, 0.6], "float32"),
        "boxes": np.array([[25, 30, 45, 60], [16, 17, 8, 8], [0, 0, 48, 64]], "float32"),
        "label": np.array([1, 0, 0], "int32"),
    }
    expected = {"mean_iou": 0.25, "presence_accuracy": 1 / 3, "class_accuracy": 0.5}
    assert task.scores(task.arrays(BATCH), said, {}) == pytest.approx(expected)


def test_the_worst_boxes_are_kept_for_pictures_and_shown():
    """A box of which a half overlaps, an object that is not seen, one that is made up, and two that are right."""
    task = _localization()
    arrays = {name: np.concatenate([value, value[[0, 2]]]) for name, value in task.arrays(BATCH).items()}
    half, whole, any_box = [25, 30, 45, 60], [5, 30, 45, 60], [0, 0, 48, 64]
    said = {
        "presence": np.array([0.9, 0.4, 0.6, 0.9, 0.1]),
        "boxes": np.array([half, [8, 8, 16, 17], any_box, whole, any_box], "float32"),
        "label": np.zeros(5, int),
    }
    mistakes = task.kept(arrays, said)["mistakes"]
    assert mistakes.tolist() == [0.5, 1, 1, 0, 0]
    assert task.picked(arrays, said, 2).tolist() == [0, 1]
    shown = {f"target_{name}": value for name, value in arrays.items()}
    shown |= {f"prediction_{name}": value for name, value in said.items()}
    kept = {"whole_mistakes": mistakes, "row": np.arange(5), "input": BATCH["image"][[0, 1, 2, 0, 2]]}
    _, worst = PICTURES["localization"]({**kept, **shown})
    assert [axes.get_title() for axes in worst.figure.axes] == ["object: 40%", "object: 60%", "object: 90%"]
    assert [len(axes.patches) for axes in worst.figure.axes] == [1, 1, 2]
    assert worst.caption.startswith("The 3 of all 5 test examples whose box overlaps the true one least")


def test_its_picture_has_a_dashed_box_for_each_object_and_a_solid_one_for_each_found():
    task = _localization()
    shown = {f"target_{name}": value for name, value in task.arrays(BATCH).items()}
    said = {"presence": np.array([0.9, 0.4, 0.6]), "boxes": np.ones((3, 4)), "label": np.array([1, 0, 0])}
    shown |= {f"prediction_{name}": value for name, value in said.items()}
    (picture,) = PICTURES["localization"]({"input": BATCH["image"], **shown})
    assert [len(axes.patches) for axes in picture.figure.axes] == [2, 1, 1]
    assert [axes.get_title() for axes in picture.figure.axes] == ["object: 90%", "object: 40%", "object: 60%"]


# Landmarks


def _landmarks():
    task = TASKS.build("landmarks", scene_card(**POINTS))
    points = np.zeros((3, 3, 2, 2), "float32")
    points[0, 1], points[1, 0] = [[5, 40], [45, 50]], [[8, 12], [16, 12]]
    return task, task.arrays({**BATCH, "landmarks": points})


def test_the_loss_of_points_is_in_shares_of_the_picture_and_none_without_an_object():
    task, arrays = _landmarks()
    assert task.outputs() == 4
    said = np.array([[5, 40, 45, 50], [8 + 12, 12 + 16, 16, 12], [1, 1, 1, 1]], "float32")
    outputs = (said / [HEIGHT, WIDTH, HEIGHT, WIDTH]).astype("float32")
    found = _numpy(task.compare(outputs, arrays, None))
    assert found["loss"][:2] == pytest.approx([0, 2 / 16 / 4], abs=1e-7)
    assert found["weight"].tolist() == [1, 1, 0]
    np.testing.assert_allclose(_numpy(task.decode(outputs))["landmarks"], said.reshape(3, 2, 2), rtol=1e-5)


def test_errors_are_in_percent_of_the_objects_size():
    """Boxes of 40 x 30 and 8 x 9, sizes of the roots of 1200 and 72; points off by 5 and 0, and by 1 and 2."""
    task, arrays = _landmarks()
    said = arrays["landmarks"][:, 0] + [[[3, 4], [0, 0]], [[1, 0], [0, -2]], [[9, 9], [9, 9]]]
    errors = 100 * 2.5 / 1200**0.5, 100 * 1.5 / 72**0.5
    expected = {"median_error": sum(errors) / 2, "mean_error": sum(errors) / 2}
    assert task.scores(arrays, {"landmarks": said}, {}) == pytest.approx(expected)
    three = {name: np.concatenate([value, value[:1]]) for name, value in arrays.items()}
    more = {"landmarks": np.concatenate([said, said[:1]])}
    expected = {"median_error": errors[0], "mean_error": (2 * errors[0] + errors[1]) / 3}
    assert task.scores(three, more, {}) == pytest.approx(expected)
    assert not task.maximize


def test_its_picture_has_a_ring_and_a_cross_for_each_point_of_an_object():
    _, arrays = _landmarks()
    shown = {f"target_{name}": value for name, value in arrays.items()} | {
        "prediction_landmarks": arrays["landmarks"][:, 0] + 500
    }
    (picture,) = PICTURES["landmarks"]({"input": BATCH["image"], **shown})
    assert [len(axes.lines) for axes in picture.figure.axes] == [6, 6, 0]
    assert {axes.get_xlim() for axes in picture.figure.axes} == {(-0.5, WIDTH - 0.5)}
    ring = picture.figure.axes[0].lines[1]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (39.5, 4.5)


def test_the_worst_points_are_kept_for_pictures_and_shown():
    """The points of the first object are off by 5 and 0 pixels, those of the second by 1 and 2; the third is none."""
    task, arrays = _landmarks()
    said = {"landmarks": arrays["landmarks"][:, 0] + [[[3, 4], [0, 0]], [[1, 0], [0, -2]], [[9, 9], [9, 9]]]}
    mistakes = task.kept(arrays, said)["mistakes"]
    assert mistakes == pytest.approx([250 / 1200**0.5, 150 / 72**0.5, 0])
    assert task.picked(arrays, said, 2).tolist() == [0, 1]
    shown = {f"target_{name}": value for name, value in arrays.items()} | {"prediction_landmarks": said["landmarks"]}
    kept = {"whole_mistakes": mistakes, "row": np.arange(3), "input": BATCH["image"]}
    _, worst = PICTURES["landmarks"]({**kept, **shown})
    assert [axes.get_title() for axes in worst.figure.axes] == ["18\u00a0%", "7\u00a0%"]
    ring = worst.figure.axes[0].lines[1]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (11.5, 7.5)
    assert "whose points are furthest off" in worst.caption


# Scenes without a balloon


def _read(**options):
    return {name: np.asarray(array) for name, array in balloons(None, size=32, examples=60, **options).train.items()}


def test_some_scenes_have_no_balloon_and_the_others_stay_as_they_are():
    whole, some = _read(), _read(empty=0.3)
    bare = some["count"] == 0
    assert 10 <= bare.sum() <= 26
    for name, array in some.items():
        np.testing.assert_array_equal(array[~bare], whole[name][~bare], err_msg=name)
    for name, nothing in {"label": -1, "color": -1, "box_label": -1}.items():
        assert (some[name][bare] == nothing).all(), name
    for name in ("present", "boxes", "landmarks", "mask", "instances"):
        assert not some[name][bare].any(), name
    changed = (some["image"] != whole["image"])[bare].any(axis=-1)
    covered = whole["instances"][bare] > 0
    assert (changed & covered).any(axis=(1, 2)).all()
    fewer = balloons(None, size=32, examples=20, empty=0.3).train
    np.testing.assert_array_equal(fewer["image"], some["image"][:20])


def test_what_is_no_balloon_stays_in_a_scene_without_balloons(monkeypatch):
    laid_out, painted = [], []

    def recorded(*given):
        things = layout(*given)
        laid_out.extend(things)
        return things

    monkeypatch.setattr(drawing, "layout", recorded)
    monkeypatch.setattr(drawing, "_paint", lambda canvas, cover, *_: painted.append(cover.thing))
    for seed in range(20):
        one = drawing.scene(seed, 32, 2, 2, balloons=False)
        assert (one.boxes.shape, one.landmarks.shape, one.kinds.shape) == ((0, 4), (0, 2, 2), (0,))
    others = [thing for thing in laid_out if not thing.balloon]
    assert len(others) > 5
    assert sorted(map(id, painted)) == sorted(map(id, others))


def test_classification_names_a_scene_without_a_class():
    arrays = {"image": {"shape": [32, 32, 3], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}}
    card = Card("toy", "", "", "image", arrays, {}, class_names=("a", "b"))
    with pytest.raises(UserError, match="label -1 in example 1"):
        TASKS.build("classification", card).arrays({"label": np.array([0, -1])})
