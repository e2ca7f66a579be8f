"""The fit of R-CNN: SVMs that learn from the background that they take for objects, and the regression of boxes.

Girshick et al. 2013, arXiv:1311.2524, sections 2.3 and 3.5 and appendix C; how often an SVM is trained anew, and what
it forgets, as in the authors' code, which like the paper goes over the pictures once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import keras
import numpy as np
from keras import ops

from archbench.layers import regions
from archbench.layers.boxes import area, pairwise_iou
from archbench.layers.fitted import Fitted, Line, ridge, svm, typical_scale
from archbench.layers.warp import warp

FAR, NEAR = 0.3, 0.6
"""A region that overlaps no object of a class by as much is background to its SVM; one that overlaps an object by more
than that shows how boxes are to be moved."""
HARD, EASY = -1.0, -1.2
"""Background is learnt from where its distance is above that, and forgotten where it is below that."""
NEW = 2000
"""So much background that an SVM has not seen is enough to train it anew."""
REGIONS_AT_ONCE = 1024


@dataclass
class Miner:
    """The SVM of one class with what it has learnt from so far."""

    objects: np.ndarray
    """(example, feature): the objects of the class."""
    cost: float
    seed: int
    background: np.ndarray = field(init=False)
    line: Line | None = None
    unseen: int = 0

    def __post_init__(self) -> None:
        self.background = self.objects[:0]

    def look_at(self, background: np.ndarray) -> None:
        """Keep what is hard of `background` (example, feature), and learn from it once there is enough."""
        hard = background if self.line is None else background[self.distance(background) > HARD]
        self.background, self.unseen = np.concatenate([self.background, hard]), self.unseen + len(hard)
        if self.line is None or self.unseen > NEW:
            self.learn()

    def learn(self) -> None:
        """Train the SVM anew on all that is kept, and forget what has become easy."""
        if not len(self.objects) or not len(self.background):
            return
        self.line, self.unseen = svm(self.objects, self.background, self.cost, self.seed), 0
        self.background = self.background[self.distance(self.background) >= EASY]

    def distance(self, features: np.ndarray) -> np.ndarray:
        """The signed distance of each of `features` (example, feature) from the margin."""
        return features @ self.line.kernel + self.line.bias


def mine(
    parts: Mapping[str, keras.Model],
    images: np.ndarray,
    proposals: np.ndarray,
    boxes: np.ndarray,
    label: np.ndarray,
    seed: int,
) -> None:
    """Set the SVMs in `svms` and the regression in `boxes` from pictures, in an order that `seed` decides.

    `images` (example, height, width, channel), `proposals` (example, region, 4), `boxes` (example, object, 4) and
    `label` (example, object), -1 in rows without one. An SVM learns the true boxes of its class from all regions that
    are far from these; the regression, how regions lie to the object that they are near to.
    """
    net, svms, regression = parts["features"], _fitted(parts["svms"]), _fitted(parts["boxes"])
    truth, order = label >= 0, np.random.default_rng(seed).permutation(len(images))
    objects = np.concatenate([said[truth[rows]] for rows, said, _ in _answers(net, images, boxes, order)])
    kinds, scale = label[order][truth[order]], typical_scale(objects)
    miners = [Miner(objects[kinds == kind] * scale, svms.strength, seed) for kind in range(svms.units)]
    given = np.concatenate([proposals, boxes], axis=1)
    there, near = ops.convert_to_numpy(area(given)) > 0, []
    for rows, said, maps in _answers(net, images, given, order):
        overlap = ops.convert_to_numpy(pairwise_iou(boxes[rows], given[rows])) * truth[rows][..., None]
        for kind, miner in enumerate(miners):
            most = np.max(overlap * (label[rows] == kind)[..., None], axis=1)
            miner.look_at(said[there[rows] & (most < FAR)] * scale)
        pairs = _pairs(overlap[..., : proposals.shape[1]])
        near.append(_moves(pairs, proposals[rows], boxes[rows], label[rows], maps))
    for kind, miner in enumerate(miners):
        miner.learn()
        if miner.line:
            svms.keep(kind, Line(miner.line.kernel * scale, miner.line.bias))
    _regress(regression, *(np.concatenate(values) for values in zip(*near, strict=True)))


def _fitted(part: keras.Model) -> Fitted:
    (layer,) = (layer for layer in part.layers if isinstance(layer, Fitted))
    return layer


def _answers(
    net: keras.Model, images: np.ndarray, boxes: np.ndarray, order: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """What `net` says of all `boxes` (example, region, 4), some pictures at once, in their `order` (example,).

    Yields the rows of these pictures, their features (example, region, feature) and maps (example, region, value).
    """
    for rows in np.split(order, range(step := max(1, REGIONS_AT_ONCE // boxes.shape[1]), len(order), step)):
        regions_read = warp(images[rows], boxes[rows], net.input_shape[1])
        said = net(ops.reshape(regions_read, (-1, *net.input_shape[1:])), training=False)
        shape = (len(rows), boxes.shape[1], -1)
        yield rows, *(ops.convert_to_numpy(said[name]).reshape(shape) for name in ("features", "map"))


def _pairs(overlap: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The example, the object and the region of each region that is near to an object, the one that it overlaps most.

    `overlap` is (example, object, region).
    """
    example, region = np.nonzero(overlap.max(axis=1) > NEAR)
    return example, overlap.argmax(axis=1)[example, region], region


def _moves(
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
    proposals: np.ndarray,
    boxes: np.ndarray,
    label: np.ndarray,
    maps: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each of `pairs` the map of the region, what would move it to its object, and the class of that."""
    example, row, region = pairs
    moves = ops.convert_to_numpy(regions.encode(boxes[example, row], proposals[example, region]))
    return maps[example, region], moves, label[example, row]


def _regress(layer: Fitted, maps: np.ndarray, moves: np.ndarray, kinds: np.ndarray) -> None:
    """Fit the regression of every class that has examples: `maps` (example, value), `moves` (example, 4)."""
    scale = typical_scale(maps) if len(maps) else 1.0
    for kind in np.unique(kinds):
        line = ridge(maps[kinds == kind] * scale, moves[kinds == kind], layer.strength)
        layer.keep(slice(4 * kind, 4 * kind + 4), Line(line.kernel * scale, line.bias))
