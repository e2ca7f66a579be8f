"""What the outputs of YOLO v1, v2 and v3 are read as: boxes in pixels with their kinds and scores."""

import types

import keras
import numpy as np
import pytest
from keras import ops

from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.losses.yolo_v3 import yolo_v3_parts
from archbench.tasks import TASKS
from backend import compiled
from yolo_cases import COCO_ANCHORS, FORMS, GRID, KINDS, VOC_ANCHORS, objects, perfect

CELL = 8
HEIGHT, WIDTH = GRID[0] * CELL, GRID[1] * CELL
LOSSES = dict(zip(FORMS, ("yolo_v1", "yolo_v2", "yolo_v3"), strict=True))
ANCHORS = {"objects of anchors": VOC_ANCHORS, "objects on maps": COCO_ANCHORS}
BATCH = 8


def _card() -> Card:
    arrays = {
        "image": {"shape": [HEIGHT, WIDTH, 3], "dtype": "uint8"},
        "boxes": {"shape": [3, 4], "dtype": "float32"},
        "box_label": {"shape": [3], "dtype": "int32"},
    }
    fields = {"name": "scenes", "source": "", "licence": "", "input": "image", "split_sizes": {}}
    return Card(**fields, arrays=arrays, class_names=("a", "b", "c"))


def _network(said) -> dict[str, types.SimpleNamespace]:
    symbols = keras.tree.map_structure(lambda one: keras.KerasTensor((None, *one.shape[1:])), said)
    return {"network": types.SimpleNamespace(output=symbols)}


def _read(form: str, said, targets, **options):
    """The task that has learnt to read `said`, with the anchors that `perfect` speaks in."""
    task = TASKS.build({"name": "detection", "loss": LOSSES[form], **options}, _card())
    task.learn(targets, _network(said))
    if form in ANCHORS:
        assert task.reading.anchors.shape == np.shape(ANCHORS[form])
        task.reading.anchors = np.array(ANCHORS[form], "float32")
    return task


def _in_pixels(targets: dict) -> dict:
    return {**targets, "boxes": targets["boxes"] * CELL}


def _floats(said):
    return keras.tree.map_structure(lambda one: one.astype("float32"), said)


@pytest.mark.parametrize("form", FORMS)
def test_the_perfect_answer_is_read_as_the_truth_and_costs_nothing(form):
    cells = objects(np.random.default_rng(0), BATCH)
    said, targets = perfect(form, cells), _in_pixels(cells)
    task = _read(form, said, targets, max_detections=4)
    found = compiled(lambda x: task.decode(x["said"]), {"said": _floats(said)})
    limits = [HEIGHT, WIDTH, HEIGHT, WIDTH]
    for image in range(BATCH):
        there, here = targets["box_label"][image] >= 0, found["label"][image] >= 0
        assert here.sum() == there.sum()
        order, truth = np.argsort(found["boxes"][image, here][:, 1]), np.argsort(targets["boxes"][image, there][:, 1])
        expected = np.clip(targets["boxes"][image, there][truth], 0, limits)
        assert found["boxes"][image, here][order] == pytest.approx(expected, abs=1e-3)
        assert (found["label"][image, here][order] == targets["box_label"][image, there][truth]).all()
        assert found["score"][image, here] == pytest.approx(np.ones(there.sum()))
    losses = task.compare(_floats(said), task.arrays(targets), None)
    assert set(losses) == {"loss", "coordinates", "objectness", "classes"}
    assert ops.convert_to_numpy(losses["loss"]) == pytest.approx(np.zeros(BATCH), abs=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_a_score_is_confidence_times_class(form):
    cells = objects(np.random.default_rng(1), 1)
    said = perfect(form, cells)
    quarter = np.log(1 / 3)  # the logistic of it is 1/4
    if form == "objects in a grid":
        places = np.argwhere(said[..., 4] == 1)
        said[(*places[0], 4)] = 0.25
        said[(*places[0], slice(10, None))] = 0.5, 0.25, 0.75
        expected = [0.25 * 0.75, 0.25 * 0.5, 0.25 * 0.25]
    else:
        one = next(one for one in keras.tree.flatten(said) if one.max() > 20)
        place = tuple(np.argwhere(one[..., 4] > 0)[0])
        one[(*place, 4)] = quarter
        one[(*place, slice(5, None))] = 0, quarter, -quarter
        if form == "objects of anchors":  # one kind a box, by the softmax
            expected = [0.25 * 3 / (1 + 1 / 3 + 3)]
        else:
            expected = [0.25 * 0.75, 0.25 * 0.5, 0.25 * 0.25]
    task = _read(form, said, _in_pixels(cells), max_detections=5)
    found = compiled(lambda x: task.decode(x["said"]), {"said": _floats(said)})
    assert found["score"][0, : len(expected)] == pytest.approx(expected, rel=1e-5)
    assert found["label"][0].tolist() == [*[2, 0, 1][: len(expected)], *[-1] * (5 - len(expected))]
    assert np.ptp(found["boxes"][0, : len(expected)], axis=0) == pytest.approx(np.zeros(4))


def test_the_options_of_a_loss_reach_it():
    form, cells = "objects on maps", objects(np.random.default_rng(5), BATCH)
    random, targets = np.random.default_rng(6), _in_pixels(cells)
    said = {name: random.normal(size=one.shape).astype("float32") for name, one in perfect(form, cells).items()}
    plain = _read(form, said, targets).compare(said, targets, None)
    maps, anchors = [said[name] for name in ("small", "medium", "large")], np.array(COCO_ANCHORS, "float32")
    for options, changed in (
        ({"box_loss": "giou"}, "coordinates"),
        ({"focus": 2.0}, "objectness"),
        ({"ignore_iou": 0.1}, "objectness"),
    ):
        task = TASKS.build({"name": "detection", "loss": {"name": "yolo_v3", **options}}, _card())
        task.learn(targets, _network(said))
        task.reading.anchors = anchors
        found = task.compare(said, targets, None)
        expected = yolo_v3_parts(cells["boxes"], cells["box_label"], maps, anchors, **options)
        for name, value in expected.items():
            value = ops.convert_to_numpy(value)
            assert ops.convert_to_numpy(found[name]) == pytest.approx(value, rel=1e-4), (options, name)
            assert (ops.convert_to_numpy(plain[name]) == pytest.approx(value, rel=1e-4)) == (name != changed)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        ("giou", r"cannot be trained on the loss 'giou'\. These do: yolo_v1, yolo_v2, yolo_v3"),
        ({"name": "yolo_v3", "anchors": [[1, 1]]}, "'yolo_v3' of a detection has anchors, which .* Leave it out"),
        ({"name": "yolo_v1", "boxes": 3}, "'yolo_v1' of a detection has boxes"),
        ({"name": "yolo_v2", "focus": 2.0}, "'yolo_v2' has no option 'focus'"),
        ({"name": "yolo_v3", "focus": -1}, "focus cannot be -1"),
        ({"name": "yolo_v3", "box_loss": "ciou"}, "box_loss cannot be 'ciou'"),
    ],
)
def test_a_loss_of_something_else_or_with_an_option_that_is_learnt_is_refused(loss, says):
    with pytest.raises(UserError, match=says):
        TASKS.resolve({"name": "detection", "loss": loss})


@pytest.mark.parametrize("form", FORMS)
def test_outputs_of_another_kind_are_refused_with_the_loss(form):
    cells = objects(np.random.default_rng(2), 2)
    for other in set(FORMS) - {form}:
        with pytest.raises(UserError, match=f"the loss {LOSSES[form]} needs outputs .* but the network gives"):
            _read(form, perfect(other, cells), _in_pixels(cells))


def test_outputs_that_are_no_whole_number_of_boxes_are_refused():
    cells = objects(np.random.default_rng(3), 2)
    said = perfect("objects in a grid", cells)
    for wrong in (said[..., :-1], said[..., : KINDS - 1], said[..., :KINDS]):
        with pytest.raises(UserError, match=r"5 numbers a box and 3 classes"):
            _read("objects in a grid", wrong, _in_pixels(cells))


@pytest.mark.parametrize(("form", "cell"), [("objects of anchors", 8), ("objects on maps", 32)])
def test_heights_are_multiples_of_the_largest_cell(form, cell):
    cells = objects(np.random.default_rng(7), 6)
    said, targets = perfect(form, cells), _in_pixels(cells)
    assert _read(form, said, targets, heights=[3 * cell]).heights == (3 * cell,)
    with pytest.raises(UserError, match=rf"heights has {cell * 3 + cell // 2}, .* a multiple of {cell}:"):
        _read(form, said, targets, heights=[cell * 3 + cell // 2])


def test_anchors_are_in_cells_of_the_finest_map():
    cells = objects(np.random.default_rng(4), 6)
    cells["boxes"][..., 2:] = cells["boxes"][..., :2] + [2, 3]
    task = TASKS.build({"name": "detection", "loss": "yolo_v3"}, _card())
    task.learn(_in_pixels(cells), _network(perfect("objects on maps", cells)))
    assert task.reading.anchors == pytest.approx(np.tile([[3, 2]], (9, 1)))
