"""R-CNN: the warp, what it is fine-tuned on, and what its SVMs and its boxes are fitted to and answer."""

import numpy as np
import pytest
from keras import ops

from archbench.architectures.detection import hard_negatives
from archbench.architectures.detection.hard_negatives import Miner, mine
from archbench.architectures.network import build_network, outline
from archbench.architectures.parted import parts_of
from archbench.errors import UserError
from archbench.layers.fitted import Line
from archbench.layers.warp import warp
from archbench.tasks import TASKS
from backend import compiled
from scenes import BATCH, HEIGHT, KINDS, WIDTH, BoundParts, drawn_weights, scene_card

SMALL = {"side": 20, "widths": (8, 8, 12, 12, 8), "dense_width": 16, "stem": (5, 1)}
PROPOSALS = np.array(
    [
        [(3, 3, 21, 22), (5, 28, 40, 60), (2, 3, 12, 13), (30, 2, 46, 20), (0, 0, 0, 0)],
        [(8, 8, 16, 17), (7, 8, 17, 18), (20, 20, 40, 40), (0, 0, 48, 64), (9, 9, 9, 30)],
        [(0, 0, 20, 20), (10, 10, 30, 30), (4, 40, 30, 60), (0, 0, 0, 0), (0, 0, 0, 0)],
    ],
    "float32",
)
GIVEN = {**BATCH, "proposals": PROPOSALS}
CARD = scene_card(proposals=([5, 4], "float32"))


def _parts(name, **options):
    return drawn_weights(build_network({"name": name, **SMALL, **options}, (HEIGHT, WIDTH, 3), len(KINDS)).parts)


def _task(name, parts, **options):
    task = TASKS.build({"name": name, **options}, CARD)
    task.learn({}, parts)
    return task


def _iou(one, other):
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = np.prod(np.maximum(sides, 0))
    areas = [np.prod(np.maximum(box[2:] - box[:2], 0)) for box in (one, other)]
    return shared / (sum(areas) - shared) if sum(areas) > shared else 0.0


# The warp


def _plain_warp(image, box, side):
    """Pixel by pixel: the box takes 195 of 227, and what lies more than a pixel outside is 0."""
    centre, sides = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * 227 / 195
    found = np.zeros((side, side, image.shape[-1]))
    for row, column in np.ndindex(side, side):
        y, x = centre - sides / 2 + (np.array([row, column]) + 0.5) * sides / side - 0.5
        if not (-1 <= y <= image.shape[0] and -1 <= x <= image.shape[1]):
            continue
        y, x = np.clip(y, 0, image.shape[0] - 1), np.clip(x, 0, image.shape[1] - 1)
        (up, left), (low, right) = (
            (int(y), int(x)),
            (min(int(y) + 1, image.shape[0] - 1), min(int(x) + 1, image.shape[1] - 1)),
        )
        down, across = y - up, x - left
        above = image[up, left] * (1 - across) + image[up, right] * across
        below = image[low, left] * (1 - across) + image[low, right] * across
        found[row, column] = above * (1 - down) + below * down
    return found


def test_a_region_is_warped_with_its_surroundings():
    boxes = np.array([[(2, 3, 20, 21), (-6, 30, 45, 70), (0, 0, 48, 64)]], "float32")
    found = compiled(
        lambda given: warp(given["images"], given["boxes"], 9), {"images": BATCH["image"][:1], "boxes": boxes}
    )
    assert found.shape == (1, 3, 9, 9, 3)
    for read, box in zip(found[0], boxes[0], strict=True):
        np.testing.assert_allclose(read, _plain_warp(BATCH["image"][0], box, 9), atol=1e-4)


def test_of_227_pixels_16_show_what_surrounds_a_box_on_each_side():
    """A white box on black fills the pixels 16 to 210 of 227."""
    image = np.zeros((1, 400, 400, 1), "float32")
    image[:, 100:295, 50:245] = 1
    found = ops.convert_to_numpy(warp(image, np.array([[(100, 50, 295, 245)]], "float32"), 227))[0, 0, :, :, 0]
    np.testing.assert_allclose(np.flatnonzero(found[113] > 0.5)[[0, -1]], [16, 210])
    np.testing.assert_allclose(np.flatnonzero(found[:, 113] > 0.5)[[0, -1]], [16, 210])


# Fine-tuning


@pytest.fixture(scope="module")
def classifier():
    return _parts("rcnn")


def _answers(task, parts, batch=GIVEN):
    net = BoundParts(parts)
    return compiled(lambda x: {"losses": task.losses(net, x, 0), "found": task.predict(net, x, 0)}, batch)


def _losses(task, parts):
    """Operation by operation: to compile the network once for each task is enough."""
    batch = {name: ops.convert_to_tensor(value) for name, value in GIVEN.items()}
    return ops.convert_to_numpy(task.losses(BoundParts(parts), batch, 0)["loss"])


def _said(parts, part, boxes):
    """What a part says of each picture's `boxes`, region by region."""
    source = "map" if part == "boxes" else "features"
    side = parts["features"].input_shape[1]
    said = []
    for image, own in zip(BATCH["image"], boxes, strict=True):
        squares = np.stack([_plain_warp(image, box, side) for box in own]).astype("float32")
        said.append(ops.convert_to_numpy(parts[part](parts["features"](squares)[source])))
    return np.stack(said)


def test_all_regions_and_true_boxes_are_told_by_their_class(classifier):
    """Where all are drawn: those of an IoU of one half count as the object, the others as none, of class 0."""
    found = _losses(_task("proposal_classification", classifier, sampled_regions=1000), classifier)
    boxes = np.concatenate([PROPOSALS, BATCH["boxes"]], axis=1)
    logits = _said(classifier, "classes", boxes)
    for example in range(3):
        nats, objects = [], 0
        for box, said in zip(boxes[example], logits[example], strict=True):
            if np.prod(np.maximum(box[2:] - box[:2], 0)) == 0:
                continue
            shared = [
                _iou(true, box) if kind >= 0 else 0
                for true, kind in zip(BATCH["boxes"][example], BATCH["box_label"][example], strict=True)
            ]
            kind = BATCH["box_label"][example][np.argmax(shared)] + 1 if max(shared) >= 0.5 else 0
            objects += kind > 0
            nats.append(np.log(np.exp(said - said.max()).sum()) + said.max() - said[kind])
        assert objects == (4, 3, 0)[example]
        assert found[example] == pytest.approx(np.mean(nats), rel=1e-3)


def test_a_quarter_of_what_is_drawn_are_objects_at_most(classifier):
    task, seen = _task("proposal_classification", classifier, sampled_regions=4), []
    net = BoundParts(classifier, training=True)

    def spy(*inputs, part):
        seen.append((part, inputs[0].shape[0]))
        return net(*inputs, part=part)

    spy.training = False
    task.losses(spy, {name: ops.convert_to_tensor(value) for name, value in GIVEN.items()}, 0)
    assert seen == [("features", 3 * 4), ("classes", 3 * 4)]
    assert task.calls() == {"features": 5, "classes": 5}
    assert TASKS.build({"name": "proposal_svm", "proposals": 2}, CARD).calls() == {"features": 2, "svms": 2, "boxes": 2}


def test_a_proposal_is_where_it_was_proposed_with_the_softmax_of_its_class(classifier):
    task = _task("proposal_classification", classifier, iou_threshold=1.0, score_threshold=0.0, max_detections=20)
    found = _answers(task, classifier)["found"]
    logits = _said(classifier, "classes", PROPOSALS)
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    for example, count in enumerate((4, 4, 3)):
        detected = found["label"][example] >= 0
        assert detected.sum() == count * len(KINDS)  # a row without an area is no proposal
        expected = {
            (*PROPOSALS[example, row], kind): shares[example, row, kind + 1]
            for row in range(count)
            for kind in range(len(KINDS))
        }
        for box, kind, score in zip(
            *(found[name][example][detected] for name in ("boxes", "label", "score")), strict=True
        ):
            assert score == pytest.approx(expected.pop((*box, kind)), rel=1e-3)
        assert not expected


# SVMs and boxes


def test_an_svm_learns_from_background_that_is_hard_and_forgets_what_became_easy(monkeypatch):
    """SVMs that answer x, then x - 1: the first background is kept whole; then what is above -1."""
    lines = iter([Line(np.array([1.0]), 0.0), Line(np.array([1.0]), -1.0), Line(np.array([1.0]), -1.0)])
    learnt = []

    def svm(objects, background, cost, seed):
        learnt.append((objects.ravel().tolist(), background.ravel().tolist(), cost, seed))
        return next(lines)

    monkeypatch.setattr(hard_negatives, "svm", svm)
    monkeypatch.setattr(hard_negatives, "NEW", 2)
    miner = Miner(np.array([[5.0]]), 0.25, 7)
    miner.look_at(np.array([[-1.1], [-1.3], [3.0]]))
    assert learnt == [([5.0], [-1.1, -1.3, 3.0], 0.25, 7)]
    assert miner.background.ravel().tolist() == [-1.1, 3.0]  # -1.3 is below -1.2
    miner.look_at(np.array([[-1.0], [-0.9], [2.0]]))  # -1 is not above -1
    assert len(learnt) == 1  # two are new, and it takes more than two
    miner.look_at(np.array([[-0.5]]))
    assert learnt[1][1] == [-1.1, 3.0, -0.9, 2.0, -0.5]
    assert miner.background.ravel().tolist() == [3.0, 2.0]  # those whose x - 1 is -1.2 at least
    miner.learn()
    assert learnt[2][1] == [3.0, 2.0]


def test_a_class_without_objects_or_background_has_no_svm():
    miner = Miner(np.zeros((0, 2)), 1e-3, 0)
    miner.look_at(np.ones((3, 2)))
    miner.learn()
    assert miner.line is None
    alone = Miner(np.ones((2, 2)), 1e-3, 0)
    alone.look_at(np.zeros((0, 2)))
    assert alone.line is None


@pytest.fixture(scope="module")
def fitted():
    """The parts, after everything was learnt from, and with what."""
    parts, learnt = _parts("rcnn_svm", cost=0.5, ridge=3.0), {"svm": [], "ridge": []}
    true_svm, true_ridge = hard_negatives.svm, hard_negatives.ridge
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hard_negatives, "svm", lambda *given: (learnt["svm"].append(given), true_svm(*given))[1])
        patch.setattr(hard_negatives, "ridge", lambda *given: (learnt["ridge"].append(given), true_ridge(*given))[1])
        mine(parts, BATCH["image"], PROPOSALS, BATCH["boxes"], BATCH["box_label"], seed=3)
    return parts, learnt


def _features(parts, name, boxes):
    side = parts["features"].input_shape[1]
    return np.stack(
        [
            ops.convert_to_numpy(
                parts["features"](np.stack([_plain_warp(image, box, side) for box in own]).astype("float32"))[name]
            ).reshape(len(own), -1)
            for image, own in zip(BATCH["image"], boxes, strict=True)
        ]
    )


def _sorted(rows):
    return rows[np.lexsort(rows.T)]


def test_svms_learn_true_boxes_from_what_is_far_from_those_of_their_class(fitted):
    parts, learnt = fitted
    boxes = np.concatenate([PROPOSALS, BATCH["boxes"]], axis=1)
    said = _features(parts, "features", boxes)
    there = BATCH["box_label"] >= 0
    norm = np.linalg.norm(said[:, 5:][there], axis=1).mean()
    for kind in range(len(KINDS)):
        mine_, far = BATCH["box_label"] == kind, []
        for example in range(3):
            for row, box in enumerate(boxes[example]):
                shared = [
                    _iou(true, box) for true, own in zip(BATCH["boxes"][example], mine_[example], strict=True) if own
                ]
                if np.prod(box[2:] - box[:2]) > 0 and max(shared, default=0) < 0.3:
                    far.append(said[example, row])
        objects, background, cost, seed = learnt["svm"][kind]
        np.testing.assert_allclose(_sorted(objects), _sorted(said[:, 5:][mine_]) * 20 / norm, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(_sorted(background), _sorted(np.array(far)) * 20 / norm, rtol=1e-3, atol=1e-3)
        assert (cost, seed) == (0.5, 3)
    assert len(learnt["svm"]) == 2 * len(KINDS)  # once at the first pictures, once at the end


def test_what_the_svms_answer_is_what_they_learnt(fitted):
    parts, learnt = fitted
    boxes = np.concatenate([PROPOSALS, BATCH["boxes"]], axis=1)
    said = _said(parts, "svms", boxes)
    line = hard_negatives.svm(*learnt["svm"][-1])
    scale = 20 / np.linalg.norm(_features(parts, "features", boxes)[:, 5:][BATCH["box_label"] >= 0], axis=1).mean()
    expected = _features(parts, "features", boxes) @ line.kernel * scale + line.bias
    np.testing.assert_allclose(said[..., 1], expected, rtol=1e-3, atol=1e-3)


def test_boxes_are_regressed_from_proposals_near_an_object_of_their_class(fitted):
    parts, learnt = fitted
    maps, pairs = _features(parts, "map", PROPOSALS), {0: [], 1: []}
    for example in range(3):
        for row, box in enumerate(PROPOSALS[example]):
            shared = [
                _iou(true, box) if kind >= 0 else 0
                for true, kind in zip(BATCH["boxes"][example], BATCH["box_label"][example], strict=True)
            ]
            if max(shared) > 0.6:
                true, kind = BATCH["boxes"][example][np.argmax(shared)], BATCH["box_label"][example][np.argmax(shared)]
                sides, centre = box[2:] - box[:2], (box[2:] + box[:2]) / 2
                moves = [*(((true[2:] + true[:2]) / 2 - centre) / sides), *np.log((true[2:] - true[:2]) / sides)]
                pairs[kind].append((maps[example, row], moves))
    assert [len(own) for own in pairs.values()] == [1, 3]
    norm = np.mean([np.linalg.norm(one) for own in pairs.values() for one, _ in own])
    for kind, own in pairs.items():
        features, moves = (np.array(values) for values in zip(*own, strict=True))
        given, targets, strength = learnt["ridge"][kind]
        order = [int(np.argmin(np.abs(given - one * 20 / norm).sum(axis=1))) for one in features]
        np.testing.assert_allclose(given[order], features * 20 / norm, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(targets[order], moves, atol=1e-5)
        assert strength == 3.0
        line = hard_negatives.ridge(given, targets, strength)
        answered = _said(parts, "boxes", PROPOSALS)[..., kind, :]
        np.testing.assert_allclose(answered, maps @ line.kernel * 20 / norm + line.bias, rtol=1e-2, atol=1e-3)


def test_some_pictures_at_once_are_fitted_as_all_are(fitted, monkeypatch):
    """Where each picture comes alone, in whatever order, an SVM sees the same background in the end if all is hard."""
    monkeypatch.setattr(hard_negatives, "REGIONS_AT_ONCE", 1)
    monkeypatch.setattr(hard_negatives, "HARD", -np.inf)
    monkeypatch.setattr(hard_negatives, "EASY", -np.inf)
    parts = _parts("rcnn_svm", cost=0.5, ridge=3.0)
    mine(parts, BATCH["image"], PROPOSALS, BATCH["boxes"], BATCH["box_label"], seed=3)
    for part in ("svms", "boxes"):
        for one, other in zip(parts[part].get_weights(), fitted[0][part].get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-2, atol=2e-3)


def test_a_detection_is_a_moved_proposal_with_the_distance_of_its_class(fitted):
    parts = fitted[0]
    task = _task("proposal_svm", parts, iou_threshold=1.0, score_threshold=0.0, max_detections=20)
    found = _answers(task, parts)
    distance, moves = _said(parts, "svms", PROPOSALS), _said(parts, "boxes", PROPOSALS)
    for example, count in enumerate((4, 4, 3)):
        boxes, scores = [], []
        for row, kind in np.ndindex(count, len(KINDS)):
            box, move = PROPOSALS[example, row], moves[example, row, kind]
            sides = box[2:] - box[:2]
            centre, half = (box[2:] + box[:2]) / 2 + move[:2] * sides, sides * np.exp(move[2:]) / 2
            moved = np.clip(np.concatenate([centre - half, centre + half]), 0, (HEIGHT, WIDTH) * 2)
            boxes.append((*moved, kind))
            scores.append(1 / (1 + np.exp(-distance[example, row, kind])))
        order = np.argsort(scores)[::-1]
        made = np.column_stack([found["found"]["boxes"][example], found["found"]["label"][example]])[: len(order)]
        np.testing.assert_allclose(found["found"]["score"][example][: len(order)], np.array(scores)[order], rtol=2e-3)
        np.testing.assert_allclose(_sorted(made), _sorted(np.array(boxes)), atol=2e-2)
        assert (found["found"]["label"][example][len(order) :] == -1).all()


def test_the_hinge_counts_objects_from_an_iou_of_one_half_and_background_below_three_tenths(fitted):
    parts = fitted[0]
    found = _losses(_task("proposal_svm", parts), parts)
    distance = _said(parts, "svms", PROPOSALS)
    for example in range(3):
        losses = []
        for row, kind in np.ndindex(5, len(KINDS)):
            box = PROPOSALS[example, row]
            if np.prod(box[2:] - box[:2]) == 0:
                continue
            own = [
                true
                for true, one in zip(BATCH["boxes"][example], BATCH["box_label"][example], strict=True)
                if one == kind
            ]
            most = max((_iou(true, box) for true in own), default=0)
            if not 0.3 <= most < 0.5:
                losses.append(max(0, 1 - (1 if most >= 0.5 else -1) * distance[example, row, kind]))
        assert found[example] == pytest.approx(np.mean(losses), rel=2e-3, abs=1e-4)


def test_objects_of_one_class_are_background_to_another(fitted):
    """A true heart is far from all that is round: its features are among the background of round, and not of heart."""
    _, learnt = fitted
    hearts = learnt["svm"][1][0]
    for kind, count in enumerate((2, 0)):
        background = learnt["svm"][kind][1]
        near = [np.abs(background - heart).sum(axis=1).min() < 1e-3 for heart in hearts]
        assert sum(near) == count


# What a user gets wrong, and sizes


def test_what_a_user_gets_wrong_is_said(classifier):
    with pytest.raises(UserError, match=r"side is 11\. A stem of \[5, 1\] needs regions of at least 12 pixels"):
        _parts("rcnn", side=11)
    with pytest.raises(UserError, match="parts features, svms, boxes, but this one has: features, classes"):
        _task("proposal_svm", classifier)
    with pytest.raises(UserError, match="has no proposals"):
        TASKS.build("proposal_classification", scene_card())


def test_only_the_first_of_the_proposals_are_looked_at():
    task = TASKS.build({"name": "proposal_svm", "proposals": 2}, CARD)
    np.testing.assert_array_equal(task.arrays(GIVEN)["proposals"], PROPOSALS[:, :2])
    assert TASKS.build({"name": "proposal_svm"}, CARD).proposals == 5


def test_svms_and_boxes_have_the_papers_size():
    """4,096 numbers and a bias for each of 20 classes; 6 x 6 x 256 numbers and a bias for each of 4 numbers of each."""
    parts = parts_of(outline("rcnn_svm", (375, 500, 3), 20))
    counts = {name: sum(int(np.prod(weight.shape)) for weight in part.weights) for name, part in parts.items()}
    assert counts == {"features": 56_868_224, "svms": 20 * 4_097, "boxes": 20 * 36_868}
