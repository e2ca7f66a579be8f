"""Non-maximum suppression in fixed shapes, for use inside a compiled program."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

from archbench.layers.boxes import pairwise_iou

NOTHING = -1
"""The label of a row that holds no detection."""


class Detections(NamedTuple):
    """The boxes that are left, best first, padded to a fixed number."""

    boxes: Any
    """float32 (batch, detection, [top, left, bottom, right]); zeros where there is none."""
    scores: Any
    """float32 (batch, detection); zero where there is none."""
    labels: Any
    """int32 (batch, detection); -1 where there is none."""


def suppress(
    boxes: Any,
    scores: Any,
    labels: Any,
    *,
    iou_threshold: float,
    score_threshold: float,
    candidates: int,
    detections: int,
) -> Detections:
    """Greedy suppression within each class: a box goes where a better one that stays overlaps it too much.

    `boxes` (batch, box, 4), `scores` (batch, box), `labels` (batch, box). Only the best `candidates` boxes
    with a score above `score_threshold` are looked at, and the best `detections` of those that are left are
    given.
    """
    scores, order = ops.top_k(scores, min(candidates, scores.shape[1]))  # (batch, candidate), best first
    boxes = ops.take_along_axis(boxes, order[..., None], axis=1)
    labels = ops.take_along_axis(ops.cast(labels, "int32"), order, axis=1)
    rivals = (labels[:, :, None] == labels[:, None, :]) & (pairwise_iou(boxes, boxes) > iou_threshold)
    kept = _survivors(scores > score_threshold, ops.triu(ops.cast(rivals, "float32"), k=1))
    return _best(boxes, scores, labels, kept, detections)


def _survivors(alive: Any, beats: Any) -> Any:
    """Which of `alive` (batch, box) stay, where `beats` (batch, i, j) is 1 if i, being better, rules out j.

    Greedy suppression goes down the list one box at a time. Here all boxes are judged at once, again and
    again until nothing changes: once the boxes above j are right, so is j, hence the fixed point is the
    greedy answer, reached after as many rounds as the longest chain of suppressions, not boxes (Zheng et al.
    2020, Cluster-NMS, arXiv:2005.03572).
    """

    def judge(kept: Any) -> Any:
        return alive & (ops.einsum("bi,bij->bj", ops.cast(kept, "float32"), beats) < 0.5)

    def unsettled(kept: Any, before: Any) -> Any:
        return ops.any(kept != before)

    kept, _ = ops.while_loop(unsettled, lambda kept, _: (judge(kept), kept), (judge(alive), alive))
    return kept


def _best(boxes: Any, scores: Any, labels: Any, kept: Any, detections: int) -> Detections:
    found = min(detections, scores.shape[1])
    _, order = ops.top_k(ops.where(kept, scores, -1.0), found)
    kept = ops.take_along_axis(kept, order, axis=1)
    boxes = ops.where(kept[..., None], ops.take_along_axis(boxes, order[..., None], axis=1), 0.0)
    scores = ops.where(kept, ops.take_along_axis(scores, order, axis=1), 0.0)
    labels = ops.where(kept, ops.take_along_axis(labels, order, axis=1), NOTHING)
    empty = (0, detections - found)
    return Detections(
        ops.pad(boxes, ((0, 0), empty, (0, 0))),
        ops.pad(scores, ((0, 0), empty)),
        ops.pad(labels, ((0, 0), empty), constant_values=NOTHING),
    )
