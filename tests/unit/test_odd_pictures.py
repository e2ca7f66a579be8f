"""Detectors where pictures are odd: without any object, with one at the border, in half precision, one to a batch."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import build_network
from archbench.architectures.parted import parts_of
from archbench.tasks import TASKS
from archbench.training.build import build_learner, build_task
from archbench.training.program import Program
from archbench.training.split import open_split
from backend import gradient
from scenes import BATCH, HEIGHT, KINDS, OBJECTS, WIDTH, BoundParts, drawn_weights, scene_card
from smoke_data import smoke, spec

DETECTORS = ("yolo_v1", "yolo_v2", "yolo_v3", "faster_rcnn_vgg16", "fast_rcnn", "mask_rcnn")
CARD = scene_card(instances=([HEIGHT, WIDTH], "uint8"), proposals=([4, 4], "float32"))
PROPOSALS = np.array([(0, 0, 24, 32), (24, 32, 48, 64), (0, 0, 48, 64), (0, 0, 0, 0)], "float32")


def _task(name: str) -> dict:
    facts = ARCHITECTURES[name].facts
    return {"name": facts["task"], **facts.get("task_options", {})}


def _bound(name: str):
    """The task with a small network of drawn weights."""
    parts = drawn_weights(parts_of(build_network(spec(name), (HEIGHT, WIDTH, 3), len(KINDS))))
    chosen = _task(name)
    if "anchor_scale" in chosen:
        chosen["anchor_scale"] = [2, 4, 8]
    task = TASKS.build(chosen, CARD)
    task.learn(BATCH, parts)
    return task, parts


ODD = {
    "no object": (),
    "the whole picture": ((0, 0, HEIGHT, WIDTH),),
    "in a corner": ((HEIGHT - 1, WIDTH - 1, HEIGHT, WIDTH),),
    "along a border": ((0, 0, 0.5, WIDTH), (0, WIDTH - 0.25, HEIGHT, WIDTH)),
    "one on the other": ((8, 8, 24, 24),) * 3,
}


def _pictures() -> dict[str, np.ndarray]:
    """A batch of a picture for each of `ODD`."""
    count = len(ODD)
    boxes, labels = np.zeros((count, OBJECTS, 4), "float32"), np.full((count, OBJECTS), -1, "int32")
    instances = np.zeros((count, HEIGHT, WIDTH), "uint8")
    for image, places in enumerate(ODD.values()):
        for row, (top, left, bottom, right) in enumerate(places):
            boxes[image, row], labels[image, row] = (top, left, bottom, right), row % len(KINDS)
            instances[image, int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = row + 1
    told = {"boxes": boxes, "box_label": labels, "instances": instances, "proposals": np.stack([PROPOSALS] * count)}
    return {"image": np.repeat(BATCH["image"][:1], count, axis=0), **told}


@pytest.mark.parametrize("name", DETECTORS)
def test_losses_and_gradients_are_finite_and_without_objects_no_box_is_learnt(name):
    (task, parts), batch = _bound(name), _pictures()
    found = {key: ops.convert_to_numpy(value) for key, value in task.losses(BoundParts(parts), batch, 0).items()}
    assert all(np.isfinite(value).all() for value in found.values()), found
    asked = np.stack([found[part] for part in ("coordinates", "boxes", "rpn_boxes", "masks") if part in found])
    assert (asked[0] > 0).tolist() == [bool(places) for places in ODD.values()]
    assert not asked[:, 0].any()
    weights = [weight for part in parts.values() for weight in part.trainable_weights]

    def loss(values):
        with keras.StatelessScope(state_mapping=list(zip(weights, values, strict=True))):
            return ops.sum(task.losses(BoundParts(parts), batch, 0)["loss"])

    slopes = gradient(loss, [ops.convert_to_numpy(weight) for weight in weights])
    assert all(np.isfinite(slope).all() for slope in slopes)
    assert any(slope.any() for slope in slopes)


@pytest.mark.slow
def test_two_stages_train_in_half_precision_and_compiled_by_xla():
    """A last batch of one, of pictures whose second object is not everywhere; steps may be skipped at first."""
    name = "mask_rcnn"
    side = ARCHITECTURES[name].facts["smoke_input"][0]
    card, arrays = smoke(ARCHITECTURES[name].facts["task"], (side, side, 3), examples=5)
    settings = {
        "architecture": spec(name),
        "task": _task(name),
        "parts": {},
        "precision": "mixed_bfloat16",
        "preprocessing": {"name": "standardize"},
        "augmentation": [],
        "optimizer": {"name": "adam"},
        "clip": None,
        "batch_size": 4,
    }
    task = build_task(settings, card)
    learner = build_learner(settings, card, task, seed=0)
    task.learn(arrays, learner.parts)
    program = Program(learner, xla=True)
    split = open_split(program, arrays, batch_size=4, resident_bytes=10**9, group=None)
    before, finite = split.scores(4)[0], []
    for epoch in range(12):
        for data, rows, count in split.chunks(0, epoch, 4, 8):
            logs = program.train(data, rows, count, np.full(len(rows), 3e-3), {})
            finite.append(bool(logs["finite"]))
    assert all(finite[-4:])
    after = split.scores(4)[0]
    assert np.isfinite([after["loss"], after[task.monitor]]).all()
    assert after["loss"] < 0.9 * before["loss"]
