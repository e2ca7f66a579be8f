"""What the second stage makes of what its head says: against plain loops over regions, classes and boxes."""

import numpy as np
import pytest

from archbench.tasks import TASKS
from backend import compiled
from scenes import HEIGHT, KINDS, WIDTH, scene_card

PICTURES, REGIONS, MOST = 6, 12, 8
SCORE, OVERLAP = 0.2, 0.4


class _Head:
    """A head that says what it is told to, whatever it reads."""

    training = False

    def __init__(self, said):
        self.said = said

    def __call__(self, *inputs, part):
        assert part == "head"
        return self.said


def _case(seed: int) -> dict[str, np.ndarray]:
    """Regions near each other, some of them none, and what is said of each: boxes that stick out, and tiny ones."""
    random, many = np.random.default_rng(seed), PICTURES * REGIONS
    corner = random.uniform(-4, 1, (PICTURES, REGIONS, 2)) * 3 + random.integers(0, 2, (PICTURES, 1, 2)) * 20 + 12
    boxes = np.concatenate([corner, corner + random.uniform(6, 30, corner.shape)], axis=-1)
    deltas = random.normal(size=(many, 1 + len(KINDS), 4)) * [0.8, 0.8, 0.7, 0.7]
    tiny = random.random(many) < 0.15
    deltas[tiny, 1, 2:] = -60  # e^-12 of a side: under a hundredth of a pixel
    return {
        "boxes": boxes.clip(0, [HEIGHT, WIDTH] * 2).astype("float32"),
        "there": random.random((PICTURES, REGIONS)) < 0.8,
        "classes": (2 * random.normal(size=(many, 1 + len(KINDS)))).astype("float32"),
        "deltas": deltas.astype("float32"),
    }


def _plain(boxes, there, classes, deltas) -> list[tuple[float, int, list[float]]]:
    """Score, kind and box of the detections of one picture, the surest first."""
    found = []
    for region, exists, logits, moves in zip(boxes.astype(float), there, classes, deltas.astype(float), strict=True):
        shares = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum()
        (y, x), (height, width) = (region[:2] + region[2:]) / 2, region[2:] - region[:2]
        for kind in range(len(KINDS)):
            down, across, taller, wider = moves[1 + kind] * [0.1, 0.1, 0.2, 0.2]
            middle = y + down * height, x + across * width
            half = np.exp(taller) * height / 2, np.exp(wider) * width / 2
            ends = middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]
            box = [min(max(end, 0), side) for end, side in zip(ends, (HEIGHT, WIDTH) * 2, strict=True)]
            large = box[2] - box[0] >= 0.01 and box[3] - box[1] >= 0.01
            if exists and large and shares[1 + kind] > SCORE:
                found.append((shares[1 + kind], kind, box))
    kept = []
    for score, kind, box in sorted(found, reverse=True):
        if all(kind != other or _iou(box, rival) <= OVERLAP for _, other, rival in kept):
            kept.append((score, kind, box))
    return kept[:MOST]


def _iou(a, b) -> float:
    height, width = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(height, 0) * max(width, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


@pytest.mark.parametrize("seed", range(4))
def test_detections_are_those_of_plain_loops(seed):
    card = scene_card(proposals=([REGIONS, 4], "float32"))
    limits = {"score_threshold": SCORE, "iou_threshold": OVERLAP, "max_detections": MOST, "proposals": REGIONS * 2}
    task = TASKS.build({"name": "proposal_detection", **limits}, card)
    task.grids, task.strides = [1], [8]
    task.suppression["candidates"] = REGIONS * len(KINDS)  # all pairs of a region and a class
    case, maps = _case(seed), np.zeros((PICTURES, HEIGHT // 8, WIDTH // 8, 1), "float32")

    def run(x):
        return task.detected(_Head({"classes": x["classes"], "deltas": x["deltas"]}), maps, x["boxes"], x["there"])

    found, counts = compiled(run, case), []
    said = [case[name].reshape(PICTURES, REGIONS, *case[name].shape[1:]) for name in ("classes", "deltas")]
    for image, given in enumerate(zip(case["boxes"], case["there"], *said, strict=True)):
        expected = _plain(*given)
        counts.append(len(expected))
        padding = MOST - len(expected)
        assert found["label"][image].tolist() == [*(kind for _, kind, _ in expected), *[-1] * padding]
        assert found["score"][image] == pytest.approx([*(score for score, _, _ in expected), *[0] * padding], rel=1e-4)
        places = [*(box for _, _, box in expected), *[[0, 0, 0, 0]] * padding]
        np.testing.assert_allclose(found["boxes"][image], places, atol=1e-3)
    assert min(counts) < MOST
    assert max(counts) > 2
