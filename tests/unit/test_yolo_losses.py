"""The losses of YOLO v1 and v3 against plain transcriptions of what darknet's layers compute, one number at a time.

`detection_layer.c` and `yolo_layer.c` write a `delta` for each number that a network says: minus the gradient of the
loss. That of YOLO v2 is in test_detection.py, beside its task.
"""

import numpy as np
import pytest
from keras import ops

from archbench.losses import LOSSES
from archbench.losses.yolo_v1 import yolo_v1_parts
from archbench.losses.yolo_v3 import yolo_v3, yolo_v3_parts
from backend import compiled, gradient

PICTURES, OBJECTS, KINDS = 8, 5, 3
PARTS = ("coordinates", "objectness", "classes")


def _objects(rows: int, columns: int, seed: int) -> dict[str, np.ndarray]:
    """Boxes in cells, with gaps; the first picture is empty, and several objects lie in one cell."""
    random = np.random.default_rng(seed)
    size = random.uniform(0.3, 0.9, (PICTURES, OBJECTS, 2)) * [rows, columns]
    corner = random.uniform(0, 1, (PICTURES, OBJECTS, 2)) * ([rows, columns] - size)
    label = random.integers(-1, KINDS, (PICTURES, OBJECTS))
    label[0] = -1
    boxes = np.where(label[..., None] >= 0, np.concatenate([corner, corner + size], -1), 0)
    return {"boxes": boxes.astype("float32"), "box_label": label.astype("int32")}


def _truths(boxes, labels, rows, columns) -> list[tuple]:
    """(x, y, width, height) in shares of the picture, and the kind, as darknet's label files have them."""
    found = []
    for (top, left, bottom, right), label in zip(boxes.astype(float), labels, strict=True):
        if label >= 0:
            middle = (left + right) / 2 / columns, (top + bottom) / 2 / rows
            found.append((*middle, (right - left) / columns, (bottom - top) / rows, int(label)))
    return found


def _overlap(a, b) -> float:
    """IoU of (x, y, width, height)."""
    width = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    height = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    shared = width * height if width > 0 and height > 0 else 0.0
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def _detection_layer(out, truths, count) -> tuple[np.ndarray, dict[str, float]]:
    """detection_layer.c with sqrt=1, rescore=1, softmax=0: `delta` of one picture, and half its squares by part."""
    rows, columns, _ = out.shape
    delta, cost = np.zeros_like(out), dict.fromkeys(PARTS, 0.0)
    held = {}
    for x, y, width, height, kind in truths:
        place = int(y * rows), int(x * columns)
        held.setdefault(place, (x * columns - place[1], y * rows - place[0], width, height, kind))
    for place in np.ndindex(rows, columns):
        said, change = out[place], delta[place]
        confidences = [5 * box + 4 for box in range(count)]
        for number in confidences:
            change[number] = 0.5 * (0 - said[number])
        weights = dict.fromkeys(confidences, 0.5)
        if place in held:
            x, y, width, height, kind = held[place]
            for other in range(KINDS):
                change[5 * count + other] = float(other == kind) - said[5 * count + other]
            truth = x / columns, y / rows, width, height
            best, best_overlap, best_distance = -1, 0.0, 20.0
            for box in range(count):
                px, py, pw, ph = said[5 * box : 5 * box + 4]
                guess = px / columns, py / rows, pw * pw, ph * ph
                overlap, distance = _overlap(guess, truth), np.sqrt(np.square(np.subtract(guess, truth)).sum())
                if best_overlap > 0 or overlap > 0:
                    if overlap > best_overlap:
                        best, best_overlap = box, overlap
                elif distance < best_distance:
                    best, best_distance = box, distance
            first = 5 * best
            change[first + 4] = 1.0 * (best_overlap - said[first + 4])
            weights[first + 4] = 1.0
            aims = x, y, np.sqrt(width), np.sqrt(height)
            change[first : first + 4] = 5 * (np.array(aims) - said[first : first + 4])
            cost["coordinates"] += np.square(change[first : first + 4]).sum() / 5 / 2
            cost["classes"] += np.square(change[5 * count :]).sum() / 2
        cost["objectness"] += sum(change[number] ** 2 / weight for number, weight in weights.items()) / 2
    return delta, cost


V1_ROWS, V1_COLUMNS, V1_BOXES = 3, 4, 2


def _check_v1(raw, targets) -> None:
    pairs = [
        _detection_layer(out, _truths(boxes, labels, V1_ROWS, V1_COLUMNS), V1_BOXES)
        for out, boxes, labels in zip(raw.astype(float), targets["boxes"], targets["box_label"], strict=True)
    ]
    arrays = {"raw": raw, **targets}
    found = compiled(lambda x: yolo_v1_parts(x["boxes"], x["box_label"], x["raw"], V1_BOXES), arrays)
    for part in PARTS:
        assert found[part] == pytest.approx([cost[part] for _, cost in pairs], rel=1e-4, abs=1e-5), part
    known = {name: ops.convert_to_tensor(array) for name, array in targets.items()}
    total = lambda x: ops.sum(sum(yolo_v1_parts(known["boxes"], known["box_label"], x, V1_BOXES).values()))  # noqa: E731
    assert -gradient(total, raw) == pytest.approx(np.stack([delta for delta, _ in pairs]), rel=1e-3, abs=1e-5)


def test_yolo_v1_has_the_deltas_of_detection_layer():
    random = np.random.default_rng(3)
    raw = random.normal(size=(PICTURES, V1_ROWS, V1_COLUMNS, 5 * V1_BOXES + KINDS)).astype("float32")
    _check_v1(raw, _objects(V1_ROWS, V1_COLUMNS, seed=4))


def test_a_yolo_v1_cell_whose_boxes_miss_its_object_has_the_nearest_answer():
    """Boxes that are specks: none overlaps, and the distance counts all four numbers, in shares of the picture."""
    random = np.random.default_rng(5)
    raw = random.normal(size=(PICTURES, V1_ROWS, V1_COLUMNS, 5 * V1_BOXES + KINDS)).astype("float32")
    for box in range(V1_BOXES):
        raw[..., 5 * box : 5 * box + 2] *= 3
        raw[..., 5 * box : 5 * box + 2] += 6
        raw[..., 5 * box + 2 : 5 * box + 4] *= 0.01
    _check_v1(raw, _objects(V1_ROWS, V1_COLUMNS, seed=6))


def test_the_first_object_of_a_yolo_v1_cell_has_it():
    boxes = np.zeros((1, OBJECTS, 4), "float32")
    boxes[0, :2] = (0.2, 0.2, 0.8, 0.8), (0.1, 0.1, 0.7, 0.9)
    labels = np.array([[0, 1, -1, -1, -1]], "int32")
    raw = np.zeros((1, V1_ROWS, V1_COLUMNS, 5 * V1_BOXES + KINDS), "float32")
    raw[..., 5 * V1_BOXES] = 1  # the kind of the first
    found = yolo_v1_parts(*map(ops.convert_to_tensor, (boxes, labels, raw)), V1_BOXES)
    assert ops.convert_to_numpy(found["classes"]) == pytest.approx([0])


V3_MAPS, V3_EACH = ((4, 8), (2, 4), (1, 2)), 2
V3_ANCHORS = np.array([[0.5, 0.6], [0.8, 1.5], [1.5, 1.2], [2, 3], [4, 2], [6, 5]], "float32")
"""In cells of the finest map."""


def _logistic(x):
    return 1 / (1 + np.exp(-x))


def _yolo_layer(out, truths, shapes, mask, ignore) -> tuple[np.ndarray, dict[str, float]]:
    """yolo_layer.c, of one map of one picture: `delta`, and the function that has it as minus its gradient, by part.

    `out` (row, column, anchor, number) is raw, `shapes` all anchors in shares of the picture, `mask` those of this map.
    """
    rows, columns, anchors, _ = out.shape
    said = np.concatenate([_logistic(out[..., :2]), out[..., 2:4], _logistic(out[..., 4:])], axis=-1)
    aims, weights, delta = np.full_like(out, np.nan), np.zeros_like(out), np.zeros_like(out)

    def told(place, number, aim, weight=1.0):
        aims[(*place, number)], weights[(*place, number)] = aim, weight
        delta[(*place, number)] = weight * (aim - said[(*place, number)])

    for place in np.ndindex(rows, columns, anchors):
        x, y, width, height = said[place][:4]
        shape = shapes[mask[place[2]]]
        guess = (place[1] + x) / columns, (place[0] + y) / rows, np.exp(width) * shape[0], np.exp(height) * shape[1]
        if max((_overlap(guess, truth[:4]) for truth in truths), default=0.0) <= ignore:
            told(place, 4, 0)
    for x, y, width, height, kind in truths:
        column, row = int(x * columns), int(y * rows)
        best = int(np.argmax([_overlap((0, 0, width, height), (0, 0, *shape)) for shape in shapes]))
        if best not in mask:
            continue
        place, scale = (row, column, mask.index(best)), 2 - width * height
        told(place, 0, x * columns - column, scale)
        told(place, 1, y * rows - row, scale)
        told(place, 2, np.log(width / shapes[best][0]), scale)
        told(place, 3, np.log(height / shapes[best][1]), scale)
        told(place, 4, 1)
        if delta[place][5] == 0:  # no object before was answered here
            for other in range(KINDS):
                told(place, 5 + other, 0)
        told(place, 5 + kind, 1)
    cost = dict.fromkeys(PARTS, 0.0)
    for place in np.argwhere(weights > 0):
        number, aim, value, weight = place[-1], aims[tuple(place)], said[tuple(place)], weights[tuple(place)]
        part = "coordinates" if number < 4 else "objectness" if number == 4 else "classes"
        if number in (2, 3):
            cost[part] += weight * (aim - value) ** 2 / 2
            continue
        cost[part] += weight * sum(
            share * (np.log(share) - np.log(chance)) for share, chance in ((aim, value), (1 - aim, 1 - value)) if share
        )
    return delta, cost


def _darknet(maps, boxes, labels) -> tuple[list[np.ndarray], dict[str, float]]:
    """The three layers of one picture."""
    rows, columns = V3_MAPS[0]
    truths, shapes = _truths(boxes, labels, rows, columns), V3_ANCHORS.astype(float) / [columns, rows]
    deltas, total = [], dict.fromkeys(PARTS, 0.0)
    for number, out in enumerate(maps):
        delta, cost = _yolo_layer(out.astype(float), truths, shapes, [V3_EACH * number, V3_EACH * number + 1], 0.5)
        deltas.append(delta)
        total = {part: total[part] + cost[part] for part in PARTS}
    return deltas, total


def _check_v3(raw, targets) -> None:
    """`raw` is a dictionary, from "0", the finest."""
    per_picture = [
        _darknet([one[image] for one in raw.values()], targets["boxes"][image], targets["box_label"][image])
        for image in range(len(targets["boxes"]))
    ]
    parts = lambda x, known: yolo_v3_parts(  # noqa: E731
        known["boxes"], known["box_label"], [x[key] for key in raw], V3_ANCHORS
    )
    found = compiled(lambda x: parts(x["raw"], x), {"raw": raw, **targets})
    for part in PARTS:
        assert found[part] == pytest.approx([cost[part] for _, cost in per_picture], rel=1e-4, abs=1e-4), part
    known = {name: ops.convert_to_tensor(array) for name, array in targets.items()}
    slopes = gradient(lambda x: ops.sum(sum(parts(x, known).values())), raw)
    for number, key in enumerate(raw):
        expected = np.stack([deltas[number] for deltas, _ in per_picture])
        assert -slopes[key] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def _maps(pictures, random=None) -> dict[str, np.ndarray]:
    shapes = [(pictures, *grid, V3_EACH, 5 + KINDS) for grid in V3_MAPS]
    values = [np.zeros(shape) if random is None else random.normal(size=shape) / 2 for shape in shapes]
    return {str(number): value.astype("float32") for number, value in enumerate(values)}


def test_yolo_v3_has_the_deltas_of_yolo_layer():
    for seed in range(3):
        targets = _objects(*V3_MAPS[0], seed=seed)
        targets["boxes"][4:] = targets["boxes"][4:] / 4 + 1  # small ones, for the finest map
        targets["boxes"][targets["box_label"] < 0] = 0
        _check_v3(_maps(PICTURES, np.random.default_rng(7 + seed)), targets)


def test_two_kinds_in_one_yolo_v3_prediction_are_both_right_and_the_later_box_is():
    boxes = np.zeros((1, OBJECTS, 4), "float32")
    boxes[0, :3] = (0.1, 0.1, 3.1, 2.1), (0.2, 0.3, 3.4, 2.2), (0.2, 2.2, 0.8, 2.7)  # and another elsewhere
    targets = {"boxes": boxes, "box_label": np.array([[0, 2, 1, -1, -1]], "int32")}
    raw = _maps(1, np.random.default_rng(11))
    _check_v3(raw, targets)
    sure = {key: value.copy() for key, value in raw.items()}
    sure["1"][0, 0, 0, 1, 5:] = 30, -30, 30
    sure["0"][0, 0, 2, 0, 5:] = -30, 30, -30
    found = yolo_v3_parts(boxes, targets["box_label"], list(sure.values()), V3_ANCHORS)
    assert ops.convert_to_numpy(found["classes"]) == pytest.approx([0], abs=1e-6)


def test_a_yolo_v3_box_on_an_object_that_another_answers_for_is_not_told_that_it_is_empty():
    """By hand: the object fills the one cell of the coarsest map half; a box of the middle map lies on it as well."""
    boxes = np.zeros((1, OBJECTS, 4), "float32")
    boxes[0, 0] = (0, 0, 3, 2)  # sides 2 by 3: the anchor of the middle map
    labels = np.array([[0, -1, -1, -1, -1]], "int32")
    raw = _maps(1)
    for value in raw.values():
        value[..., 2:4], value[..., 4] = -8, -30
    raw["1"][0, 0, 0, 1, :5] = 0, 0, 0, 0, 30  # answers, and is sure
    raw["0"][0, 1, 1, 0, :5] = -30, 0, np.log(2 / 0.5), 0, 30  # in the middle of the object, as wide as it
    for height, told in ((0.55, 0), (0.45, 1)):  # its overlap; section 2.1: .5
        raw["0"][0, 1, 1, 0, 3] = np.log(3 * height / 0.6)
        objectness = yolo_v3_parts(boxes, labels, list(raw.values()), V3_ANCHORS)["objectness"]
        assert ops.convert_to_numpy(objectness) == pytest.approx([30 * told], abs=1e-3), height


# Overlap and focus


def _corners(x, y, width, height):
    return y - height / 2, x - width / 2, y + height / 2, x + width / 2


def _plain_giou(a, b, generalized=True) -> float:
    """Algorithm 1 of the paper, of (top, left, bottom, right)."""
    (y1, x1, y2, x2), (v1, u1, v2, u2) = a, b
    areas = (x2 - x1) * (y2 - y1), (u2 - u1) * (v2 - v1)
    width, height = min(x2, u2) - max(x1, u1), min(y2, v2) - max(y1, v1)
    shared = width * height if width > 0 and height > 0 else 0
    around = (max(x2, u2) - min(x1, u1)) * (max(y2, v2) - min(y1, v1))
    union = sum(areas) - shared
    return shared / union - generalized * (around - union) / around


def _boxes_that_answer(maps, boxes, labels) -> list[tuple]:
    """The box that each answered object of a picture is answered with, and its own; a later object has the box."""
    found = {}
    for box, label in zip(boxes.astype(float), labels, strict=True):
        if label < 0:
            continue
        y, x, height, width = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
        best = int(np.argmax([_overlap((0, 0, width, height), (0, 0, *shape)) for shape in V3_ANCHORS.astype(float)]))
        number, anchor = divmod(best, V3_EACH)
        cell = V3_MAPS[0][0] / V3_MAPS[number][0]
        row, column = int(y / cell), int(x / cell)
        tx, ty, tw, th = maps[number][row, column, anchor, :4].astype(float)
        middle = (column + _logistic(tx)) * cell, (row + _logistic(ty)) * cell
        sides = V3_ANCHORS[best].astype(float) * np.exp([tw, th])
        found[number, row, column, anchor] = _corners(*middle, *sides), tuple(box)
    return list(found.values())


@pytest.mark.parametrize("box_loss", ["iou", "giou"])
def test_the_boxes_of_yolo_v3_may_be_compared_as_boxes(box_loss):
    targets, raw = _objects(*V3_MAPS[0], seed=3), _maps(PICTURES, np.random.default_rng(12))

    def parts(x, **options):
        maps = [x["raw"][key] for key in raw]
        return yolo_v3_parts(x["boxes"], x["box_label"], maps, V3_ANCHORS, **options)

    found = compiled(lambda x: parts(x, box_loss=box_loss), {"raw": raw, **targets})
    expected = []
    for image in range(PICTURES):
        pairs = _boxes_that_answer([one[image] for one in raw.values()], *(one[image] for one in targets.values()))
        expected.append(sum(1 - _plain_giou(*pair, box_loss == "giou") for pair in pairs))
    assert max(expected) > 2
    assert expected[0] == 0  # of the empty picture
    assert found["coordinates"] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    plain = compiled(lambda x: parts(x), {"raw": raw, **targets})
    for name in ("objectness", "classes"):
        assert found[name] == pytest.approx(plain[name], rel=1e-6), name
    outputs = dict(zip(("small", "medium", "large"), raw.values(), strict=True))
    shapes = tuple(map(tuple, V3_ANCHORS.tolist()))
    total = yolo_v3(targets, outputs, anchors=shapes, box_loss=box_loss)
    assert ops.convert_to_numpy(total) == pytest.approx(sum(found.values()), rel=1e-5)


def test_the_objectness_of_yolo_v3_may_be_focused_and_ignore_more():
    """Equation 4 of the focal loss, of the predictions that are told: (1 - p)^focus times the cross-entropy."""
    targets, raw = _objects(*V3_MAPS[0], seed=5), _maps(PICTURES, np.random.default_rng(13))
    outputs = dict(zip(("small", "medium", "large"), raw.values(), strict=True))
    shapes = tuple(map(tuple, V3_ANCHORS.tolist()))
    rows, columns = V3_MAPS[0]
    for focus, ignore in ((2.0, 0.5), (0.0, 0.9), (0.5, 0.1)):
        expected = []
        for image in range(PICTURES):
            truths = _truths(targets["boxes"][image], targets["box_label"][image], rows, columns)
            scaled, nats = V3_ANCHORS.astype(float) / [columns, rows], 0.0
            for number, one in enumerate(raw.values()):
                mask = [V3_EACH * number, V3_EACH * number + 1]
                delta, _ = _yolo_layer(one[image].astype(float), truths, scaled, mask, ignore)
                wrong = np.abs(delta[..., 4])  # 1 - p of what is told, 0 of what is not
                nats += -(wrong**focus * np.log1p(-wrong))[wrong > 0].sum()
            expected.append(nats)
        options = {"focus": focus, "ignore_iou": ignore}
        maps = list(raw.values())
        found = yolo_v3_parts(targets["boxes"], targets["box_label"], maps, V3_ANCHORS, **options)
        assert ops.convert_to_numpy(found["objectness"]) == pytest.approx(expected, rel=1e-4), options
        total = yolo_v3(targets, outputs, anchors=shapes, **options)
        assert ops.convert_to_numpy(total) == pytest.approx(ops.convert_to_numpy(sum(found.values())), rel=1e-5)


@pytest.mark.parametrize("far", [1e4, -1e4, 60.0])
def test_the_options_of_yolo_v3_are_finite_far_out(far):
    targets = _objects(*V3_MAPS[0], seed=5)
    raw = {key: np.where(np.arange(one.size).reshape(one.shape) % 2, far, -far) for key, one in _maps(PICTURES).items()}
    raw = {key: value.astype("float32") for key, value in raw.items()}
    known = {"truth": targets["boxes"], "label": targets["box_label"]}
    for options in ({"box_loss": "giou"}, {"box_loss": "iou"}, {"focus": 2.0}):

        def loss(x, options=options):
            maps = [x[key] for key in raw]
            return ops.sum(sum(yolo_v3_parts(**known, maps=maps, anchors=V3_ANCHORS, **options).values()))

        assert np.isfinite(float(loss(raw)))
        assert all(np.isfinite(slope).all() for slope in gradient(loss, raw).values())


def test_giou_equals_algorithm_1_of_its_paper():
    random = np.random.default_rng(0)
    corner = random.uniform(0, 6, (2, 500, 1, 2))
    truth, found = np.concatenate([corner, corner + random.uniform(0.1, 5, corner.shape)], axis=-1)

    expected = [1 - _plain_giou(a[0], b[0]) for a, b in zip(truth, found, strict=True)]
    assert max(expected) > 1.5  # far apart
    assert min(expected) < 0.8
    value = LOSSES["giou"](ops.convert_to_tensor(truth), ops.convert_to_tensor(found))
    assert ops.convert_to_numpy(value) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.0, 0.5), (5.0, 0.9)])
def test_focal_equals_equation_5_of_its_paper(gamma, alpha):
    random = np.random.default_rng(1)
    scores, labels = random.normal(size=(50, 4)) * 4, random.integers(4, size=50)
    expected = []
    for score, label in zip(scores, labels, strict=True):
        total = 0.0
        for kind, one in enumerate(score):
            p = 1 / (1 + np.exp(-one))
            p_t, alpha_t = (p, alpha) if kind == label else (1 - p, 1 - alpha)
            total -= alpha_t * (1 - p_t) ** gamma * np.log(p_t)
        expected.append(total)
    value = LOSSES["focal"](ops.convert_to_tensor(labels), ops.convert_to_tensor(scores), gamma=gamma, alpha=alpha)
    assert ops.convert_to_numpy(value) == pytest.approx(expected, rel=1e-4)
