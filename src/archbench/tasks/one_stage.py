"""How networks of one stage say what is where: the grids of YOLO v1, v2 and v3, each with its loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Protocol

import numpy as np
from keras import ops
from pydantic import AfterValidator

from archbench.errors import UserError
from archbench.layers import boxes, grid
from archbench.layers.anchors import fit_anchors
from archbench.layers.scales import SCALES, decode_scales
from archbench.losses import LOSSES
from archbench.losses.yolo_v1 import yolo_v1_parts
from archbench.losses.yolo_v2 import NUMBERS, yolo_v2_parts
from archbench.losses.yolo_v3 import yolo_v3_parts
from archbench.tasks.base import TaskMismatch
from archbench.tasks.class_loss import Spec

ANCHOR_SEED = 0


@dataclass(frozen=True)
class Scene:
    """What a data set says of the pictures that boxes lie in."""

    picture: tuple[int, int]
    """Height and width, in pixels."""
    kinds: int
    sides: np.ndarray
    """(box, [height, width]) in pixels, of the training split; none is empty."""


class Candidates(NamedTuple):
    """Boxes to suppress, one for each kind that it may be of."""

    boxes: Any
    """float32 (batch, candidate, [top, left, bottom, right]) in pixels."""
    scores: Any
    """float32 (batch, candidate)."""
    labels: Any
    """int32 (batch, candidate)."""


class Reading(Protocol):
    """How the outputs of a network of one stage are read."""

    cell: int
    """Pixels of the sides of its largest cells, of which a picture has a whole number; 0 where it reads one size."""

    def __init__(self, outputs: Any, scene: Scene, **options: Any) -> None:
        """Of a network with these symbolic outputs; raises `TaskMismatch` where they are of another kind.

        `options` are those of a loss that has any.
        """

    def losses(self, outputs: Any, truth: Any, label: Any) -> dict[str, Any]:
        """The parts of the loss, (batch,): `truth` (batch, object, 4) in pixels, `label` (batch, object) or -1."""

    def candidates(self, outputs: Any) -> Candidates:
        """All that the outputs say, likely or not."""

    def in_pixels(self) -> np.ndarray:
        """Its anchors in pixels, with the height and width of the cells of their map: float32 (anchor, 4)."""


class Grid:
    """YOLO v1: (batch, row, column, number), a few boxes a cell and the kind of the object in it."""

    cell = 0

    def __init__(self, outputs: Any, scene: Scene) -> None:
        shape = tuple(getattr(outputs, "shape", ()))
        self.boxes, rest = divmod(shape[-1] - scene.kinds, grid.NUMBERS) if len(shape) == 4 else (0, 0)
        if self.boxes < 1 or rest:
            wanted = f"{grid.NUMBERS} numbers a box and {scene.kinds} classes)"
            raise _mismatch("yolo_v1", f"(batch, row, column, {wanted}", outputs)
        self.kinds, self.grid = scene.kinds, shape[1:3]
        self.stride = _stride(scene.picture, self.grid)

    def losses(self, outputs: Any, truth: Any, label: Any) -> dict[str, Any]:
        """Those of YOLO v1."""
        return yolo_v1_parts(truth / self.stride, label, outputs, self.boxes)

    def candidates(self, outputs: Any) -> Candidates:
        """Every box as each kind, the score its confidence times what its cell says of the kind."""
        raw = ops.cast(outputs, "float32")
        rows, columns = self.grid
        said = ops.reshape(raw[..., : self.boxes * grid.NUMBERS], (-1, rows, columns, self.boxes, grid.NUMBERS))
        places = grid.decode_grid(said, self.grid) + grid.corners(self.grid)[:, :, None]
        score = said[..., 4:] * raw[..., None, self.boxes * grid.NUMBERS :]
        return _each_kind(
            ops.reshape(places * self.stride, (-1, rows * columns * self.boxes, 4)),
            ops.reshape(score, (-1, rows * columns * self.boxes, self.kinds)),
        )

    def in_pixels(self) -> np.ndarray:
        """It has none."""
        return np.zeros((0, 4), "float32")


class AnchorGrid:
    """YOLO v2: (batch, row, column, anchor, number), anchors by k-means, one kind a box."""

    def __init__(self, outputs: Any, scene: Scene) -> None:
        shape = tuple(getattr(outputs, "shape", ()))
        if len(shape) != 5 or shape[-1] != NUMBERS + scene.kinds:
            raise _mismatch("yolo_v2", f"(batch, row, column, anchor, {NUMBERS + scene.kinds})", outputs)
        self.kinds = scene.kinds
        self.stride = _stride(scene.picture, shape[1:3])
        self.cell = scene.picture[0] // shape[1]
        self.anchors = fit_anchors((scene.sides / self.stride[:2])[:, ::-1], shape[3], ANCHOR_SEED)

    def losses(self, outputs: Any, truth: Any, label: Any) -> dict[str, Any]:
        """Those of YOLO v2."""
        return yolo_v2_parts(truth / self.stride, label, outputs, self.anchors)

    def candidates(self, outputs: Any) -> Candidates:
        """Every box as its likeliest kind, the score its objectness times the probability of the kind."""
        raw = ops.cast(outputs, "float32")
        count = np.prod(raw.shape[1:4])
        places = ops.reshape(boxes.decode_cells(raw, self.anchors) * self.stride, (-1, count, 4))
        classes = ops.reshape(ops.softmax(raw[..., NUMBERS:], axis=-1), (-1, count, self.kinds))
        objectness = ops.reshape(ops.sigmoid(raw[..., 4]), (-1, count))
        return Candidates(places, objectness * ops.max(classes, axis=-1), ops.argmax(classes, axis=-1))

    def in_pixels(self) -> np.ndarray:
        """All are of its one map."""
        return _in_pixels(self.stride[:2], self.anchors, self.stride[:2])


class AnchorScales:
    """YOLO v3: three maps (batch, row, column, anchor, number), anchors by k-means, any number of kinds a box."""

    def __init__(self, outputs: Any, scene: Scene, **options: Any) -> None:
        maps = [outputs.get(scale) for scale in SCALES] if isinstance(outputs, Mapping) else [None]
        shapes = [tuple(getattr(one, "shape", ())) for one in maps]
        if any(len(shape) != 5 or shape[3:] != (shapes[0][3], NUMBERS + scene.kinds) for shape in shapes):
            wanted = f"(batch, row, column, anchor, {NUMBERS + scene.kinds})"
            raise _mismatch("yolo_v3", f"{', '.join(SCALES)} of {wanted}", outputs)
        self.kinds = scene.kinds
        self.stride = _stride(scene.picture, shapes[0][1:3])
        self.cell, self.options = scene.picture[0] // shapes[-1][1], options
        self.coarser = [shapes[0][1] // shape[1] for shape in shapes]
        count = len(maps) * shapes[0][3]
        self.anchors = fit_anchors((scene.sides / self.stride[:2])[:, ::-1], count, ANCHOR_SEED)

    def losses(self, outputs: Any, truth: Any, label: Any) -> dict[str, Any]:
        """Those of YOLO v3."""
        return yolo_v3_parts(truth / self.stride, label, self._maps(outputs), self.anchors, **self.options)

    def candidates(self, outputs: Any) -> Candidates:
        """Every box as each kind, the score its objectness times the probability of the kind."""
        maps = self._maps(outputs)
        said = [ops.sigmoid(ops.reshape(one[..., 4:], (-1, np.prod(one.shape[1:4]), 1 + self.kinds))) for one in maps]
        said = ops.concatenate(said, axis=1)
        return _each_kind(decode_scales(maps, self.anchors) * self.stride, said[..., :1] * said[..., 1:])

    def in_pixels(self) -> np.ndarray:
        """The same number of each map, the smallest of the finest."""
        shares = np.split(self.anchors, len(self.coarser))
        pairs = zip(self.coarser, shares, strict=True)
        return np.concatenate([_in_pixels(self.stride[:2] * times, some, self.stride[:2]) for times, some in pairs])

    def _maps(self, outputs: Any) -> list[Any]:
        return [ops.cast(outputs[scale], "float32") for scale in SCALES]


READINGS: dict[str, type[Reading]] = {"yolo_v1": Grid, "yolo_v2": AnchorGrid, "yolo_v3": AnchorScales}
"""By the loss that a network is trained on."""
LEARNT = ("anchors", "boxes")
"""Options of these losses that no one gives: anchors are those of the data, boxes a cell those of the network."""


class NotOfObjects(UserError):
    """A loss that does not compare grids with objects, or an option of one that the task finds out itself."""


def _check_of_objects(spec: Spec) -> Spec:
    entry, options = LOSSES.resolve(spec)
    if entry.name not in READINGS:
        raise NotOfObjects(f"Detection cannot be trained on the loss {entry.name!r}. These do: {', '.join(READINGS)}.")
    if given := [name for name in LEARNT if name in options]:
        raise NotOfObjects(
            f"The loss {entry.name!r} of a detection has {given[0]}, which data set and network tell. Leave it out."
        )
    return spec


ObjectLoss = Annotated[Spec, AfterValidator(_check_of_objects)]
"""The name of a loss of detection, or `{name: ..., option: ...}`; raises `NotOfObjects` for any other."""


def _stride(picture: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Pixels of a cell: y x y x."""
    return np.array([picture[0] / cells[0], picture[1] / cells[1]] * 2, "float32")


def _in_pixels(cell: np.ndarray, anchors: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """`anchors` (anchor, [width, height]) times a `scale` (y, x), each behind the sides of its `cell` (y, x)."""
    return np.concatenate([np.tile(cell, (len(anchors), 1)), anchors[:, ::-1] * scale], axis=1).astype("float32")


def _each_kind(places: Any, scores: Any) -> Candidates:
    """`places` (batch, box, 4) once for every kind in `scores` (batch, box, kind)."""
    count, kinds = scores.shape[1:]
    labels = ops.broadcast_to(ops.arange(kinds, dtype="int32"), ops.shape(scores))
    places = ops.repeat(places, kinds, axis=1)
    return Candidates(places, *(ops.reshape(one, (-1, count * kinds)) for one in (scores, labels)))


def _mismatch(loss: str, wanted: str, outputs: Any) -> TaskMismatch:
    named = isinstance(outputs, Mapping)
    given = {name: tuple(one.shape) for name, one in outputs.items()} if named else tuple(outputs.shape)
    return TaskMismatch(
        f"Detection with the loss {loss} needs outputs {wanted}, but the network gives {given}. Choose the loss of the "
        'network, or a detection network: "archbench list architectures".'
    )
