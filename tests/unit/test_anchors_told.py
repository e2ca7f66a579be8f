"""The anchors that a detector tells of itself: in pixels, with the cells of their maps."""

from types import SimpleNamespace

import numpy as np
import pytest

from archbench.layers.regions import pyramid_anchors
from archbench.layers.scales import SCALES
from archbench.tasks import TASKS
from archbench.tasks.one_stage import READINGS, Scene
from scenes import scene_card

SIDES = np.array([(8, 4), (16, 12), (40, 32)] * 3, "float32")
"""Heights and widths of boxes in a picture of 64 by 96."""


def _outputs(rows, columns, anchors, numbers):
    return SimpleNamespace(shape=(None, rows, columns, anchors, numbers))


def test_those_of_yolo():
    scene = Scene((64, 96), 2, SIDES)
    grid = READINGS["yolo_v1"](SimpleNamespace(shape=(None, 4, 6, 12)), scene)
    assert grid.in_pixels().shape == (0, 4)
    one = READINGS["yolo_v2"](_outputs(4, 6, 3, 7), scene).in_pixels()
    np.testing.assert_allclose(one, [(16, 16, 8, 4), (16, 16, 16, 12), (16, 16, 40, 32)], rtol=1e-6)
    maps = {scale: _outputs(8 // 2**level, 12 // 2**level, 1, 7) for level, scale in enumerate(SCALES)}
    several = READINGS["yolo_v3"](maps, scene).in_pixels()
    np.testing.assert_allclose(several, [(8, 8, 8, 4), (16, 16, 16, 12), (32, 32, 40, 32)], rtol=1e-6)


def test_those_of_region_proposals():
    task = TASKS.build("region_detection", scene_card())
    task.shapes, task.strides = [(12, 16), (6, 8)], [4, 8]
    task.anchors = pyramid_anchors(task.shapes, task.strides, [[8, 16], [32]], ratios=(1.0, 4.0))
    boxes = np.array([[(0, 0, 10, 10)]], "float32")
    arrays = {"boxes": boxes, "box_label": np.zeros((1, 1), int)}
    said = {"boxes": boxes, "label": np.zeros((1, 1), int), "score": np.ones((1, 1))}
    kept = task.kept(arrays, said)
    fine = [(4, 4, 8, 8), (4, 4, 16, 4), (4, 4, 16, 16), (4, 4, 32, 8)]
    np.testing.assert_allclose(kept["anchors"], [*fine, (8, 8, 32, 32), (8, 8, 64, 16)], rtol=1e-6)
    assert kept["class_map_50"] == pytest.approx([1.0])


def test_masks_are_told_beside_boxes_and_decide_which_pictures_are_worst():
    """Both boxes are right; of the second picture the mask is the upper third of its box."""
    task = TASKS.build("instance_segmentation", scene_card(instances=([48, 64], "uint8")))
    task.shapes, task.strides = [(12, 16)], [4]
    task.anchors = pyramid_anchors(task.shapes, task.strides, [8], ratios=(1.0,))
    boxes, instances = np.array([[(0, 0, 12, 12)]] * 2, "float32"), np.zeros((2, 48, 64), "uint8")
    instances[:, :12, :12] = 1
    arrays = {"boxes": boxes, "box_label": np.zeros((2, 1), int), "instances": instances}
    mask = np.full((2, 1, 12, 12), 255, "uint8")
    mask[1, :, 4:] = 0
    said = {"boxes": boxes, "label": np.zeros((2, 1), int), "score": np.full((2, 1), 0.9), "mask": mask}
    kept = task.kept(arrays, said)
    assert kept["class_map_50"] == pytest.approx([1.0])
    assert kept["mask_class_map_50"] == pytest.approx([51 / 101])  # of two objects the surest detection finds one
    assert kept["mistakes"].tolist() == [0, 2]
    assert kept["anchors"].tolist() == [[4, 4, 8, 8]]
    assert task.picked(arrays, said, 2).tolist() == [0, 1]
