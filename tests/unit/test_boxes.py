"""Boxes, their coding, anchors and suppression against values by hand and plain loops."""

import numpy as np
import pytest
from keras import ops

from archbench.layers import boxes
from archbench.layers.anchors import fit_anchors
from archbench.layers.nms import suppress
from backend import compiled

A, SHIFTED, INSIDE, APART = (0, 0, 2, 2), (1, 1, 3, 3), (0, 0, 1, 2), (5, 5, 6, 6)


def _tensor(values):
    return ops.convert_to_tensor(np.asarray(values, "float32"))


@pytest.mark.parametrize(
    ("other", "iou", "giou"),
    [(A, 1, 1), (SHIFTED, 1 / 7, 1 / 7 - 2 / 9), (INSIDE, 1 / 2, 1 / 2), (APART, 0, -31 / 36)],
)
def test_overlap_by_hand(other, iou, giou):
    assert float(boxes.iou(_tensor(A), _tensor(other))) == pytest.approx(iou)
    assert float(boxes.giou(_tensor(A), _tensor(other))) == pytest.approx(giou)


def test_pairs_and_empty_boxes():
    empty = (1, 1, 1, 1)
    found = boxes.pairwise_iou(_tensor([A, empty]), _tensor([A, SHIFTED, empty]))
    assert ops.convert_to_numpy(found) == pytest.approx(np.array([[1, 1 / 7, 0], [0, 0, 0]]))


ANCHORS = np.array([[1, 1], [2, 4], [4, 2]], "float32")  # [width, height]


def test_code_of_a_box_by_hand():
    # Centre x 3.75, y 1.5 in cells, width 2, height 3: row 1, column 3, the tall anchor.
    code = boxes.encode_cells(_tensor([[(0, 2.75, 3, 4.75)]]), ANCHORS, (4, 5))
    assert int(code.index[0, 0]) == (1 * 5 + 3) * 3 + 1
    assert ops.convert_to_numpy(code.place)[0, 0] == pytest.approx([0.75, 0.5])
    assert ops.convert_to_numpy(code.stretch)[0, 0] == pytest.approx([0, np.log(3 / 4)])


def test_decoding_undoes_the_code():
    random = np.random.default_rng(0)
    centre, size = random.uniform(0.01, 3.99, (1, 50, 2)), random.uniform(0.3, 4, (1, 50, 2))
    truth = np.concatenate([centre - size / 2, centre + size / 2], axis=-1)
    code = [ops.convert_to_numpy(part) for part in boxes.encode_cells(_tensor(truth), ANCHORS, (4, 4))]
    raw = np.zeros((50, 4 * 4 * 3, 5), "float32")
    for box in range(50):
        place = code[1][0, box]
        raw[box, code[0][0, box], :4] = [*np.log(place / (1 - place)), *code[2][0, box]]
    decoded = ops.convert_to_numpy(boxes.decode_cells(_tensor(raw.reshape(50, 4, 4, 3, 5)), ANCHORS))
    answered = decoded.reshape(50, -1, 4)[np.arange(50), code[0][0]]
    assert answered == pytest.approx(truth[0], abs=1e-4)


def test_a_centre_on_the_far_border_belongs_to_the_last_cell():
    code = boxes.encode_cells(_tensor([[(3, 3, 5, 5)]]), ANCHORS, (4, 4))
    assert int(code.index[0, 0]) // 3 == 15


def test_wild_outputs_decode_to_finite_boxes():
    decoded = boxes.decode_cells(_tensor(np.full((1, 2, 2, 3, 5), 1e4)), ANCHORS)
    assert np.isfinite(ops.convert_to_numpy(decoded)).all()


def test_anchors_find_the_shapes_that_boxes_were_drawn_from():
    random = np.random.default_rng(0)
    shapes = np.array([[1, 1], [6, 2], [2, 6], [8, 8]])
    sides = np.repeat(shapes, 100, axis=0) * random.uniform(0.95, 1.05, (400, 2))
    found = fit_anchors(sides[random.permutation(400)], 4, seed=0)
    assert found.dtype == "float32"
    assert found[[0, 3]] == pytest.approx(shapes[[0, 3]], rel=0.02)  # by area
    assert found[np.argsort(found[:, 0])] == pytest.approx(shapes[[0, 2, 1, 3]], rel=0.02)


def test_anchors_depend_on_the_seed_alone():
    sides = np.random.default_rng(0).uniform(0.2, 5, (300, 2))
    assert (fit_anchors(sides, 5, seed=3) == fit_anchors(sides, 5, seed=3)).all()
    assert (fit_anchors(sides[:1], 3, seed=0) == sides[:1].astype("float32")).all()


def _plain_nms(places, scores, labels, threshold):
    """Greedy suppression, one box at a time."""
    kept = []
    for box in np.argsort(-scores, kind="stable"):
        rivals = [other for other in kept if labels[other] == labels[box]]
        if all(_plain_iou(places[other], places[box]) <= threshold for other in rivals):
            kept.append(box)
    return kept


def _plain_iou(a, b):
    height, width = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(height, 0) * max(width, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def _suppress(arrays, **options):
    settings = {"iou_threshold": 0.45, "score_threshold": 0.0, "candidates": 64, "detections": 64, **options}
    found = compiled(lambda x: suppress(x["boxes"], x["scores"], x["labels"], **settings)._asdict(), arrays)
    return found["boxes"], found["scores"], found["labels"]


def test_suppression_equals_the_plain_loop():
    random = np.random.default_rng(0)
    corner = random.uniform(0, 20, (16, 64, 2))
    places = np.concatenate([corner, corner + random.uniform(4, 14, (16, 64, 2))], -1).astype("float32")
    scores, labels = random.uniform(0.01, 1, (16, 64)).astype("float32"), random.integers(0, 2, (16, 64))
    found = _suppress({"boxes": places, "scores": scores, "labels": labels.astype("int32")})
    for image in range(16):
        expected = _plain_nms(places[image], scores[image], labels[image], 0.45)
        count = len(expected)
        assert found[1][image, :count] == pytest.approx(scores[image, expected])
        assert found[0][image, :count] == pytest.approx(places[image, expected])
        assert (found[2][image, :count] == labels[image, expected]).all()
        assert (found[2][image, count:] == -1).all()
        assert not found[0][image, count:].any()
        assert not found[1][image, count:].any()


def test_a_suppressed_box_suppresses_nothing():
    # Each of the chain overlaps the next alone: the first and the third stay.
    chain = np.array([[(0, left, 10, left + 10) for left in (0, 3, 6)]], "float32")  # IoU 7/13, 4/16
    found = _suppress(
        {
            "boxes": chain,
            "scores": np.array([[0.9, 0.8, 0.7]], "float32"),
            "labels": np.zeros((1, 3), "int32"),
        }
    )
    assert found[1][0][:3].tolist() == pytest.approx([0.9, 0.7, 0])


def test_the_best_come_first_and_the_rest_is_cut():
    places = np.array([[(0, 20 * i, 10, 20 * i + 10) for i in range(6)]], "float32")
    arrays = {
        "boxes": places,
        "scores": np.array([[0.1, 0.6, 0.3, 0.5, 0.2, 0.4]], "float32"),
        "labels": np.arange(6, dtype="int32")[None],
    }
    assert _suppress(arrays, detections=2)[2].tolist() == [[1, 3]]
    assert _suppress(arrays, candidates=3, detections=4)[2].tolist() == [[1, 3, 5, -1]]
    assert _suppress(arrays, score_threshold=0.35, detections=4)[2].tolist() == [[1, 3, 5, -1]]


def _exact_nms(places, scores, labels, part, whole):
    """Greedy suppression above an IoU of `part` / `whole`, in whole numbers; of equal scores the first is better."""
    first, second = places[:, None], places[None]
    ends, starts = np.minimum(first, second)[..., 2:], np.maximum(first, second)[..., :2]
    shared = np.maximum(ends - starts, 0).prod(axis=-1)
    own = (places[:, 2] - places[:, 0]) * (places[:, 3] - places[:, 1])
    rules_out = (shared * whole > (own[:, None] + own[None] - shared) * part) & (labels[:, None] == labels[None])
    kept = []
    for box in sorted(range(len(scores)), key=lambda box: -scores[box]):
        if scores[box] > 0 and not any(rules_out[other, box] for other in kept):
            kept.append(box)
    return kept


@pytest.mark.parametrize("kinds", [1, 3], ids=["hard", "per class"])
def test_suppression_of_thousands_of_cases_with_ties_is_exactly_the_greedy_one(kinds):
    """Corners on a coarse grid, so that many boxes are equal and many overlap by just the threshold; few scores."""
    random, cases, count = np.random.default_rng(kinds), 10_000, 16
    corner = random.integers(0, 6, (cases, count, 2))
    places = np.concatenate([corner, corner + random.integers(1, 5, (cases, count, 2))], axis=-1)
    scores, labels = random.integers(0, 5, (cases, count)) / 4, random.integers(0, kinds, (cases, count))
    places[::2, 12:], scores[::2, 12:], labels[::2, 12:] = 0, 0, -1  # rows that only fill up
    scores[::100] = 0  # pictures without a candidate
    arrays = {"boxes": places.astype("float32"), "scores": scores.astype("float32"), "labels": labels.astype("int32")}
    found = _suppress(arrays, iou_threshold=0.5, candidates=count, detections=count)
    ties = at_threshold = 0
    for case in range(cases):
        kept = _exact_nms(places[case], scores[case], labels[case], 1, 2)
        number = len(kept)
        ties += len(set(scores[case, kept])) < number
        at_threshold += kept != _exact_nms(places[case], scores[case], labels[case], 999, 2000)
        np.testing.assert_array_equal(found[0][case, :number], places[case, kept])
        np.testing.assert_array_equal(found[1][case, :number], scores[case, kept].astype("float32"))
        np.testing.assert_array_equal(found[2][case], [*labels[case, kept], *[-1] * (count - number)])
    assert ties > cases / 2
    assert at_threshold > cases / 100
