"""One class a pixel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.losses import LOSSES
from archbench.metrics.borders import near_borders
from archbench.metrics.confusion import class_ious, frequency_weighted_iou, mean_iou, pixel_accuracy, pixel_error
from archbench.metrics.regions import v_rand
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke, TaskMismatch, smoke_inputs
from archbench.tasks.class_loss import MapLoss
from archbench.tasks.labels import NothingToTell, check_class_names, check_labels
from archbench.tasks.objects import first_and_worst

NO_VOID = -1
"""In the place of the label of void, where there is none."""
BANDS = (1, 2, 3, 4, 6, 8, 12, 16)
"""How far, in pixels, the bands reach on each side of a true border in which mean IoU is told by itself."""
CERTAIN = 255
"""What stands for a probability of 1."""
NEVER = -1e4
"""The logit of a class that is not there; its sigmoid is 0, and it is no infinity."""


@task(
    "segmentation", source="Long et al. 2014, arXiv:1411.4038; Ronneberger et al. 2015, arXiv:1505.04597", smoke="unet"
)
class Segmentation(Direct):
    """The class of every pixel, from one logit a class: 0 is the background, then the data set's kinds; or the classes
    that it names for its mask, if there is no background.

    Trained on softmax cross-entropy averaged over pixels, or on another `loss`: one of class scores, or "dice", in
    which every class stands against the rest; chosen and scored by mean IoU. A network whose map is smaller than the
    picture (a U-Net without padding) is compared with the central crop of the mask.

    Pixels with the label that the card calls void count nowhere: the loss is a mean over the others, of all pictures of
    a batch or a split together.

    `regions` names the class, if there is one, of which every piece that hangs together is a region of its own, with
    borders of other classes around it, as cells with their membranes: then it is scored too how well they are told
    apart.
    """

    monitor = "mean_iou"
    maximize = True
    needs = ("mask",)

    def __init__(self, card: Card, *, loss: MapLoss = "cross_entropy", regions: str | None = None) -> None:
        super().__init__(card)
        if "mask" not in card.label_names:
            check_class_names(card, "segmentation")
        self.loss, self.loss_options = LOSSES.resolve(loss)
        self.void = card.void.get("mask", NO_VOID)
        if 0 <= self.void < self.outputs():
            raise TaskMismatch(
                f"In the mask of the data set {card.name!r} {self.void} is void, and also {self._names[self.void]!r}. "
                f"Void must be at least {self.outputs()}: correct its parser."
            )
        if regions is not None and regions not in self._names:
            raise TaskMismatch(
                f"regions is {regions!r}, but the mask of the data set {card.name!r} has no such class. It has: "
                f"{', '.join(self._names)}."
            )
        self.regions = None if regions is None else self._names.index(regions)

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Pixels of three kinds and background, at random."""
        inputs = smoke_inputs(shape, examples, random)
        mask = random.integers(0, 4, (examples, *shape[:2]), dtype=np.uint8)
        return Smoke({**inputs, "mask": mask}, *inputs, ("a", "b", "c"))

    def outputs(self) -> int:
        """The number of classes: of the mask, or of kinds and the background."""
        return len(self._names)

    @property
    def _names(self) -> list[str]:
        """What the logits are of."""
        return list(self.card.label_names.get("mask", ("background", *self.card.class_names)))

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Check that the network's map (batch, height, width, class) fits into the mask."""
        shape, mask = tuple(parts["network"].output.shape), tuple(self.card.arrays["mask"]["shape"])
        if len(shape) != 4 or shape[1] > mask[0] or shape[2] > mask[1]:
            raise TaskMismatch(
                f"Segmentation needs a map (batch, height, width, class) of at most {mask[0]} x {mask[1]} "
                f"pixels, but the network gives {shape}. Choose a segmentation network: "
                f'"archbench list architectures".'
            )

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`mask`, uint8 (example, height, width), whole, so that augmentation can move it too.

        Raises `LabelOutOfRange`, and `NothingToTell` where all of it is void.
        """
        mask = np.asarray(split["mask"])
        void = mask == self.void
        check_labels(self.card, "mask", np.where(void, 0, mask), 0, self.outputs())
        if void.all():
            raise NothingToTell(
                f"The data set {self.card.name!r} has a split in which every pixel is void. Correct its parser, or "
                f'give the split more examples, then prepare it again: "dvc repro prepare@{self.card.name}".'
            )
        return {"mask": mask}

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`, by default a pixel's mean cross-entropy in nats; `outputs`: logits (batch, height, width, class).

        With void, `weight` counts the pixels of an example that are none; of whole maps all examples count alike, but
        not those that are nothing but void.
        """
        mask = ops.cast(central_crop(arrays["mask"], *outputs.shape[1:3]), "int32")
        known = mask != self.void
        labels = ops.where(known, mask, 0)
        if self.loss.facts["over"] == "maps":
            shares = ops.one_hot(labels, outputs.shape[-1], dtype="float32") * ops.cast(known, "float32")[..., None]
            found = {"loss": self.loss(shares, ops.where(known[..., None], outputs, NEVER), **self.loss_options)}
            return found if self.void == NO_VOID else found | {"weight": ops.cast(ops.any(known, (1, 2)), "float32")}
        if self.void == NO_VOID:
            return {"loss": self.loss(labels, outputs, **self.loss_options)}
        logits = ops.reshape(outputs, (-1, outputs.shape[-1]))
        nats = ops.reshape(self.loss(ops.reshape(labels, (-1,)), logits, **self.loss_options), ops.shape(known))
        counted = ops.cast(known, "float32")
        weight = ops.sum(counted, axis=(1, 2))
        return {"loss": ops.sum(nats * counted, axis=(1, 2)) / ops.maximum(weight, 1.0), "weight": weight}

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`mask`, uint8 (batch, height, width): the likeliest class of each pixel of the network's map.

        With `regions` also the probability of their class, `inside`, uint8 of which 255 is certain.
        """
        mask = ops.cast(ops.argmax(outputs, axis=-1), "uint8")
        if self.regions is None:
            return {"mask": mask}
        inside = ops.softmax(ops.cast(outputs, "float32"), axis=-1)[..., self.regions]
        return {"mask": mask, "inside": ops.cast(ops.round(inside * CERTAIN), "uint8")}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`mean_iou`, `pixel_accuracy` and `frequency_weighted_iou` over all pixels of the split that are not void.

        Also the IoU of each class by itself, as `background_class_iou`, if the split has that class; and with `regions`
        `pixel_error`, and `v_rand` of these.
        """
        mask, known = self._truth(arrays, predictions)
        truth, said = mask[known], predictions["mask"][known]
        shares = class_ious(truth, said, self.outputs())
        there = np.bincount(truth, minlength=self.outputs()) > 0
        apart = {}
        if self.regions is not None:
            apart["pixel_error"] = pixel_error(truth, said)
            apart["v_rand"] = v_rand(mask == self.regions, predictions["inside"] / CERTAIN)
        return {
            "mean_iou": mean_iou(truth, said),
            "pixel_accuracy": pixel_accuracy(truth, said),
            "frequency_weighted_iou": frequency_weighted_iou(truth, said),
            **{
                f"{re.sub(r'[^a-z0-9]+', '_', name.lower())}_class_iou": float(share)
                for name, share, present in zip(self._names, shares, there, strict=True)
                if present
            },
            **apart,
        }

    def picked(self, arrays: Arrays, predictions: Arrays, most: int) -> np.ndarray:
        """The first, and those with most wrong pixels."""
        return first_and_worst(self._mistakes(arrays, predictions), most)

    def kept(self, arrays: Arrays, predictions: Arrays) -> dict[str, np.ndarray]:
        """`border_mean_iou` (band,), the mean IoU of pixels at most `border_pixels` from a true border, nan without.

        A border of void is one too. `mistakes` (example,) are the share of its known pixels that are wrong.
        """
        mask, known = self._truth(arrays, predictions)
        bands = [near_borders(mask, pixels) & known for pixels in BANDS]
        found = [mean_iou(mask[band], predictions["mask"][band]) if band.any() else np.nan for band in bands]
        mistakes = self._mistakes(arrays, predictions)
        return {"border_pixels": np.array(BANDS), "border_mean_iou": np.array(found), "mistakes": mistakes}

    def _truth(self, arrays: Arrays, predictions: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """What is true of each predicted pixel, and whether that is known."""
        mask = central_crop(np.asarray(arrays["mask"]), *predictions["mask"].shape[1:3])
        return mask, mask != self.void

    def _mistakes(self, arrays: Arrays, predictions: Arrays) -> np.ndarray:
        mask, known = self._truth(arrays, predictions)
        wrong = (mask != predictions["mask"]) & known
        return wrong.sum(axis=(1, 2)) / np.maximum(known.sum(axis=(1, 2)), 1)


def central_crop(maps: Any, height: int, width: int) -> Any:
    """The middle of `maps` (batch, height, width); an odd margin is the larger one below and right."""
    top, left = (maps.shape[1] - height) // 2, (maps.shape[2] - width) // 2
    return maps[:, top : top + height, left : left + width]
