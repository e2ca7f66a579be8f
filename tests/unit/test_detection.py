"""The detection task against a plain transcription of its definition, one box and one cell at a time."""

import types

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures import ARCHITECTURES
from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.tasks import TASKS
from archbench.training.build import build_learner, build_task
from archbench.training.program import Program
from archbench.training.split import open_split
from backend import compiled, gradient
from smoke_data import smoke, spec

HEIGHT, WIDTH, OBJECTS, KINDS = 48, 64, 5, ("round", "heart", "star")
ROWS, COLUMNS, ANCHORS = 3, 4, 2
SHAPE = (ROWS, COLUMNS, ANCHORS, 5 + len(KINDS))


def _answering(shape) -> dict[str, types.SimpleNamespace]:
    """The parts of a network whose outputs have this shape."""
    return {"network": types.SimpleNamespace(output=keras.KerasTensor(shape))}


def _card(**changes) -> Card:
    arrays = {
        "image": {"shape": [HEIGHT, WIDTH, 3], "dtype": "uint8"},
        "boxes": {"shape": [OBJECTS, 4], "dtype": "float32"},
        "box_label": {"shape": [OBJECTS], "dtype": "int32"},
    }
    fields = {"name": "scenes", "source": "", "licence": "", "input": "image", "split_sizes": {}}
    return Card(**{**fields, "arrays": arrays, "class_names": KINDS, **changes})


def _objects(count: int, seed: int) -> dict[str, np.ndarray]:
    """Boxes with gaps: some rows hold no object, and one picture is empty."""
    random = np.random.default_rng(seed)
    size = random.uniform(4, 30, (count, OBJECTS, 2))
    corner = random.uniform(0, 1, (count, OBJECTS, 2)) * ([HEIGHT, WIDTH] - size)
    label = random.integers(-1, len(KINDS), (count, OBJECTS))
    label[0] = -1
    boxes = np.where(label[..., None] >= 0, np.concatenate([corner, corner + size], -1), 0)
    return {"boxes": boxes.astype("float32"), "box_label": label.astype("int32")}


def _task(training: dict | None = None, **options):
    task = TASKS.build({"name": "detection", **options}, _card())
    task.learn(training or _objects(40, seed=9), _answering((None, *SHAPE)))
    return task


def _losses(task, raw: np.ndarray, targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return compiled(lambda x: task.compare(x["raw"], x, None), {"raw": raw.astype("float32"), **targets})


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _iou(a, b):
    height, width = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(height, 0) * max(width, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def _centred(x, y, w, h):
    return y - h / 2, x - w / 2, y + h / 2, x + w / 2


def _decoded(raw, anchors, row, column, anchor):
    tx, ty, tw, th = raw[row, column, anchor, :4]
    w, h = anchors[anchor] * np.exp([tw, th])
    return _centred(column + _sigmoid(tx), row + _sigmoid(ty), w, h)


def _plain_deltas(raw, anchors, boxes, labels):
    """What region_layer.c calls `delta` (minus the gradient), and the parts of the loss, of one picture."""
    delta, squares = np.zeros_like(raw), {}
    truths = []
    for (top, left, bottom, right), label in zip(boxes / [16, 16, 16, 16], labels, strict=True):
        if label >= 0:
            truths.append(((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, label))
    slope = lambda p: p * (1 - p)  # noqa: E731
    for place in np.ndindex(ROWS, COLUMNS, ANCHORS):
        found = _decoded(raw, anchors, *place)
        best = max((_iou(found, _centred(*truth[:4])) for truth in truths), default=0)
        o = _sigmoid(raw[place][4])
        error = 0 if best > 0.6 else 0 - o
        delta[place][4] = error * slope(o)
        squares[place] = {"objectness": error**2 / 2, "coordinates": 0.0, "classes": 0.0}
    for x, y, w, h, label in truths:
        column, row = int(x), int(y)
        shapes = [_iou(_centred(0, 0, w, h), _centred(0, 0, *anchor)) for anchor in anchors]
        place = row, column, int(np.argmax(shapes))
        anchor, out = anchors[place[2]], raw[place]
        scale = 2 - w * h / (ROWS * COLUMNS)
        px, py, o = _sigmoid(out[[0, 1, 4]])
        errors = [
            x - column - px,
            y - row - py,
            np.log(w / anchor[0]) - out[2],
            np.log(h / anchor[1]) - out[3],
        ]
        overlap = _iou(_decoded(raw, anchors, *place), _centred(x, y, w, h))
        p = np.exp(out[5:]) / np.exp(out[5:]).sum()
        delta[place][:4] = scale * np.array(errors) * [slope(px), slope(py), 1, 1]
        delta[place][4] = 5 * (overlap - o) * slope(o)
        delta[place][5:] = np.eye(len(p))[label] - p
        squares[place] = {
            "objectness": 5 * (overlap - o) ** 2 / 2,
            "coordinates": scale * np.square(errors).sum() / 2,
            "classes": -np.log(p[label]),
        }
    return delta, {part: sum(s[part] for s in squares.values()) for part in ("objectness", "coordinates", "classes")}


def test_loss_and_gradient_equal_the_plain_loops():
    task, targets = _task(), _objects(12, seed=1)
    raw = np.random.default_rng(2).normal(size=(12, *SHAPE))
    pairs = [
        _plain_deltas(r, task.reading.anchors, *t)
        for r, t in zip(raw, zip(*targets.values(), strict=True), strict=True)
    ]
    losses = _losses(task, raw, targets)
    for part in ("objectness", "coordinates", "classes"):
        assert losses[part] == pytest.approx([parts[part] for _, parts in pairs], rel=1e-4, abs=1e-5)
    assert losses["loss"] == pytest.approx([sum(parts.values()) for _, parts in pairs], rel=1e-4)
    on_device = {name: ops.convert_to_tensor(array) for name, array in targets.items()}
    slope = gradient(lambda x: ops.sum(task.compare(x, on_device, None)["loss"]), raw.astype("float32"))
    assert -slope == pytest.approx(np.stack([delta for delta, _ in pairs]), rel=1e-3, abs=1e-5)


def test_two_objects_in_one_cell_leave_it_to_the_later_one():
    boxes = np.zeros((1, OBJECTS, 4), "float32")
    boxes[0, :2] = (2, 2, 12, 12), (3, 3, 13, 13)
    labels = np.array([[0, 1, -1, -1, -1]], "int32")
    task, raw = _task(), np.zeros((1, *SHAPE), "float32")
    raw[..., 5:] = 0, 5, 0
    both = _losses(task, raw, {"boxes": boxes, "box_label": labels})
    assert float(both["classes"][0]) == pytest.approx(np.log(np.exp(5) + 2) - 5, rel=1e-4)


def test_a_prediction_on_an_object_that_another_answers_for_is_not_told_that_it_is_empty():
    """By hand: two equal anchors, both on the object. The first answers; the second overlaps it wholly."""
    square = {"boxes": np.zeros((2, OBJECTS, 4), "float32"), "box_label": np.full((2, OBJECTS), -1, "int32")}
    square["boxes"][:, 0], square["box_label"][:, 0] = (16, 16, 32, 32), 0
    task = _task(square)
    assert task.reading.anchors == pytest.approx(np.ones((ANCHORS, 2)))  # one cell high and wide
    raw = np.zeros((1, *SHAPE), "float32")
    raw[..., 2:4] = -8  # all other boxes are a speck
    raw[0, 1, 1, :, :4] = 0  # in the middle of the object's cell, as large as the anchor
    raw[..., 4] = -20
    raw[0, 1, 1, 1, 4] = 20  # the second is sure of an object
    objectness = _losses(task, raw, {name: array[:1] for name, array in square.items()})["objectness"]
    assert objectness == pytest.approx([5 / 2], rel=1e-4)  # of the answering one, which says 0 where 1 is right
    for height, told in ((0.65, 0), (0.55, 1)):  # its overlap; yolov2-voc.cfg: thresh=.6
        raw[0, 1, 1, 1, 3] = np.log(height)
        objectness = _losses(task, raw, {name: array[:1] for name, array in square.items()})["objectness"]
        assert objectness == pytest.approx([5 / 2 + told / 2], rel=1e-4), height


def test_a_cell_has_the_sides_of_a_picture_that_is_not_square():
    """48 by 64 pixels in 3 rows and 2 columns: cells of 16 by 32, which such boxes fill."""
    task = TASKS.build("detection", _card())
    boxes, labels = np.zeros((2, OBJECTS, 4), "float32"), np.full((2, OBJECTS), -1, "int32")
    boxes[:, 0], labels[:, 0] = (0, 0, 16, 32), 1
    task.learn({"boxes": boxes, "box_label": labels}, _answering((None, 3, 2, 1, 8)))
    assert task.reading.anchors == pytest.approx(np.ones((1, 2)))


def _perfect(task, targets: dict) -> np.ndarray:
    """Raw outputs that say exactly what is there, built by hand."""
    raw = np.zeros((len(targets["boxes"]), *SHAPE), "float32")
    raw[..., 4] = -20
    for image, row in np.argwhere(targets["box_label"] >= 0):
        top, left, bottom, right = targets["boxes"][image, row] / 16
        x, y, w, h = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
        shapes = [_iou(_centred(0, 0, w, h), _centred(0, 0, *anchor)) for anchor in task.reading.anchors]
        anchor = int(np.argmax(shapes))
        out = raw[image, int(y), int(x), anchor]
        out[:2] = [np.log((v % 1) / (1 - v % 1)) for v in (x, y)]
        out[2:4] = np.log([w, h] / task.reading.anchors[anchor])
        out[4], out[5 + targets["box_label"][image, row]] = 20, 20
    return raw


def _sparse_objects(count: int) -> dict[str, np.ndarray]:
    """Objects far apart, at most one a cell, so that a perfect answer exists; none to three a picture."""
    boxes, labels = np.zeros((count, OBJECTS, 4), "float32"), np.full((count, OBJECTS), -1, "int32")
    places = [(1, 3, 12, 13), (17, 33, 30, 60), (34, 2, 46, 11)]
    for image in range(count):
        for row in range(image % 4):
            boxes[image, row], labels[image, row] = places[row], (image + row) % len(KINDS)
    return {"boxes": boxes, "box_label": labels}


def test_the_perfect_answer_decodes_to_the_truth_and_costs_nothing():
    task, targets = _task(max_detections=6), _sparse_objects(8)
    raw = _perfect(task, targets)
    found = compiled(lambda x: task.decode(x["raw"]), {"raw": raw})
    assert found["boxes"].shape == (8, 6, 4)
    for image in range(8):
        there = targets["box_label"][image] >= 0
        here = found["label"][image] >= 0
        order = np.argsort(found["boxes"][image, here][:, 0])
        truth = np.argsort(targets["boxes"][image, there][:, 0])
        assert found["boxes"][image, here][order] == pytest.approx(targets["boxes"][image, there][truth], abs=1e-3)
        assert (found["label"][image, here][order] == targets["box_label"][image, there][truth]).all()
        assert found["score"][image, here] == pytest.approx(np.ones(there.sum()))
    scores = task.scores(task.arrays(targets), found, {})
    assert scores == pytest.approx({"map": 1.0, "map_50": 1.0, "map_small": 1.0})
    assert _losses(task, raw, targets)["loss"] == pytest.approx(np.zeros(8), abs=1e-5)


def test_boxes_are_cut_at_the_border_of_the_picture():
    task, raw = _task(), np.zeros((1, *SHAPE), "float32")
    raw[..., 2:4] = 3  # every box is twenty anchors wide
    found = compiled(lambda x: task.decode(x["raw"]), {"raw": raw})["boxes"][0]
    assert (found >= 0).all()
    assert found[:, [0, 2]].max() == HEIGHT
    assert found[:, [1, 3]].max() == WIDTH


def test_loss_and_gradient_are_finite_for_wild_outputs():
    task, targets = _task(), _objects(4, seed=3)
    raw = np.where(np.random.default_rng(0).random((4, *SHAPE)) < 0.5, 1e4, -1e4).astype("float32")
    on_device = {name: ops.convert_to_tensor(array) for name, array in targets.items()}
    assert np.isfinite(_losses(task, raw, targets)["loss"]).all()
    assert np.isfinite(gradient(lambda x: ops.sum(task.compare(x, on_device, None)["loss"]), raw)).all()


def test_anchors_are_in_cells_and_ignore_padding():
    targets = _sparse_objects(4)
    targets["boxes"][:, :, 2:] = targets["boxes"][:, :, :2] + [8, 32]  # also in rows that hold no object
    targets["boxes"][targets["box_label"] < 0] = 1000
    assert _task(targets).reading.anchors == pytest.approx(np.array([[2, 0.5], [2, 0.5]]))


def test_what_a_user_gets_wrong_is_said():
    task = TASKS.build("detection", _card())
    with pytest.raises(UserError, match=r"gives \(None, 3, 4, 2, 9\)"):
        task.learn(_objects(4, 0), _answering((None, 3, 4, 2, 9)))
    nothing = {"boxes": np.zeros((4, 5, 4), "float32"), "box_label": np.full((4, 5), -1)}
    with pytest.raises(UserError, match="holds 0 boxes"):
        task.learn(nothing, _answering((None, *SHAPE)))
    flat = nothing["box_label"].copy()
    flat[2, 1] = 0
    with pytest.raises(UserError, match="1 of them without an area"):
        task.learn({**nothing, "box_label": flat}, _answering((None, *SHAPE)))
    with pytest.raises(UserError, match="box_label 3 in example 2"):
        task.arrays({**nothing, "box_label": np.array([[-1], [2], [3], [4]])})
    with pytest.raises(UserError, match="max_detections"):
        TASKS.build({"name": "detection", "max_detections": 101}, _card())
    with pytest.raises(UserError, match="names no classes"):
        TASKS.build("detection", _card(class_names=()))


def test_objects_that_a_data_set_ignores_are_no_mistakes():
    task, targets = _task(), _sparse_objects(8)
    found = {"boxes": targets["boxes"], "label": targets["box_label"]}
    found["score"] = (targets["box_label"] >= 0).astype("float32")
    hard = {name: value.copy() for name, value in targets.items()}
    hard["box_label"][:, 0] = -1  # the first of each picture is found, and is none of the objects
    assert task.scores(task.arrays(hard), found, {})["map_50"] < 0.9
    ignored = {
        "ignored_boxes": targets["boxes"][:, :1],
        "ignored_label": targets["box_label"][:, :1],
        "ignored_crowd": np.zeros((8, 1), "uint8"),
    }
    assert task.scores(task.arrays({**hard, **ignored}), found, {})["map_50"] == pytest.approx(1.0)


# Several sizes


def _halving(calls: list):
    """A network whose outputs are the means of squares of 16 by 16 pixels, once for every number."""

    def net(image):
        calls.append(tuple(image.shape))
        pooled = ops.average_pool(image, 16, data_format="channels_last")[..., :1]
        return ops.reshape(ops.repeat(pooled, ANCHORS * SHAPE[-1], axis=-1), (-1, *pooled.shape[1:3], *SHAPE[2:]))

    net.training = True
    return net


def test_every_part_of_a_batch_has_its_size_and_its_boxes_with_it():
    task, calls = _task(), []
    several = TASKS.build({"name": "detection", "heights": [48, 96]}, _card())
    network = _answering((None, *SHAPE))
    several.learn(_objects(40, seed=9), network)
    assert network["network"].input_spec.shape == (None, None, None, 3)
    batch = {"image": np.random.default_rng(3).random((5, HEIGHT, WIDTH, 3), "float32"), **_objects(5, seed=4)}
    found = several.losses(_halving(calls), batch, 0)
    assert calls == [(2, 48, 64, 3), (3, 96, 128, 3)]
    twice = np.asarray(ops.image.resize(batch["image"][2:], (96, 128), data_format="channels_last"))
    raw = np.concatenate([_halving([])(batch["image"][:2])])
    known = {name: batch[name] for name in ("boxes", "box_label")}
    first = task.compare(raw, {name: value[:2] for name, value in known.items()}, None)
    doubled = {"boxes": known["boxes"][2:] * 2, "box_label": known["box_label"][2:]}
    second = task.compare(_halving([])(twice), doubled, None)
    for name, value in found.items():
        expected = np.concatenate([ops.convert_to_numpy(one[name]) for one in (first, second)])
        assert ops.convert_to_numpy(value) == pytest.approx(expected, rel=1e-5), name


def test_boxes_follow_a_width_that_is_rounded():
    """32 by 18 pixels in cells of 2, brought to a height of 28: a width of 15.75, which is 16 and not in proportion."""
    card = _card()
    card.arrays["image"]["shape"] = [32, 18, 3]
    task, shape = TASKS.build({"name": "detection", "heights": [28]}, card), SHAPE[2:]
    task.learn(_objects(40, seed=9), _answering((None, 16, 9, *shape)))
    batch = {"image": np.zeros((1, 32, 18, 3), "float32"), "box_label": np.array([[1, -1]], "int32")}
    batch["boxes"] = np.array([[(3, 4, 19, 15), (0, 0, 0, 0)]], "float32")

    def net(image):
        assert image.shape == (1, 28, 16, 3)
        return ops.zeros((1, 14, 8, *shape))

    net.training = True
    found = task.losses(net, batch, 0)
    moved = batch["boxes"] * np.array([28 / 32, 16 / 18, 28 / 32, 16 / 18], "float32")
    expected = task.compare(ops.zeros((1, 14, 8, *shape)), {**batch, "boxes": moved}, None)
    for name, value in expected.items():
        assert ops.convert_to_numpy(found[name]) == pytest.approx(ops.convert_to_numpy(value), rel=1e-6), name


def test_pictures_are_read_as_they_are_outside_of_training_and_by_the_few_of_a_small_batch():
    several, calls = TASKS.build({"name": "detection", "heights": [32, 48, 96]}, _card()), []
    with pytest.raises(UserError, match=r"heights has 32, .* 32 x 43 pixels.* a multiple of 16"):
        several.learn(_objects(40, seed=9), _answering((None, *SHAPE)))
    several = TASKS.build({"name": "detection", "heights": [48, 96, 144]}, _card())
    several.learn(_objects(40, seed=9), _answering((None, *SHAPE)))
    batch = {"image": np.zeros((2, HEIGHT, WIDTH, 3), "float32"), **_objects(2, seed=4)}
    net = _halving(calls)
    assert several.losses(net, batch, 0)["loss"].shape == (2,)
    net.training = False
    several.losses(net, batch, 0)
    assert [shape[:2] for shape in calls] == [(1, 48), (1, 144), (2, HEIGHT)]


def test_yolo_v1_reads_one_size():
    task = TASKS.build({"name": "detection", "loss": "yolo_v1", "heights": [48]}, _card())
    with pytest.raises(UserError, match="with the loss yolo_v1 reads pictures of one size"):
        task.learn(_objects(40, seed=9), _answering((None, 3, 4, 13)))


@pytest.mark.parametrize("name", ["yolo_v2", "yolo_v3"])
def test_training_on_several_sizes_is_one_program_and_moves_every_weight(name):
    network, shape = spec(name), ARCHITECTURES[name].facts["smoke_input"]
    card, arrays = smoke("detection", shape, examples=8)
    settings = {
        "architecture": network,
        "task": {"name": "detection", "loss": name, "heights": [shape[0], 2 * shape[0]]},
        "parts": {},
        "precision": "float32",
        "preprocessing": {"name": "standardize"},
        "augmentation": [],
        "optimizer": {"name": "adam"},
        "clip": None,
        "batch_size": 4,
    }
    task = build_task(settings, card)
    learner = build_learner(settings, card, task, seed=0)
    task.learn(arrays, learner.parts)
    program = Program(learner, xla=keras.backend.backend() == "jax")
    split = open_split(program, arrays, batch_size=4, resident_bytes=10**9, group=None)
    before = [np.array(ops.convert_to_numpy(weight)) for weight in learner.trainable]
    for epoch in range(2):
        for data, rows, count in split.chunks(0, epoch, 4, 8):
            logs = program.train(data, rows, count, np.full(len(rows), 1e-3), {})
            assert logs["finite"]
    assert program.compiled == 1
    after = [ops.convert_to_numpy(weight) for weight in learner.trainable]
    assert all(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert np.isfinite(split.scores(4)[0]["loss"])
