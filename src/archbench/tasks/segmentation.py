"""One class a pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.losses.entropy import cross_entropy
from archbench.metrics.confusion import frequency_weighted_iou, mean_iou, pixel_accuracy
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke, TaskMismatch, smoke_inputs
from archbench.tasks.labels import check_class_names, check_labels


@task(
    "segmentation", source="Long et al. 2014, arXiv:1411.4038; Ronneberger et al. 2015, arXiv:1505.04597", smoke="unet"
)
class Segmentation(Direct):
    """The class of every pixel, from one logit a class: 0 is the background, then the data set's kinds.

    Trained on softmax cross-entropy averaged over pixels, chosen and scored by mean IoU. A network whose map
    is smaller than the picture (a U-Net without padding) is compared with the central crop of the mask.
    """

    monitor = "mean_iou"
    maximize = True
    needs = ("mask",)

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        check_class_names(card, "segmentation")

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Pixels of three kinds and background, at random."""
        inputs = smoke_inputs(shape, examples, random)
        mask = random.integers(0, 4, (examples, *shape[:2]), dtype=np.uint8)
        return Smoke({**inputs, "mask": mask}, *inputs, ("a", "b", "c"))

    def outputs(self) -> int:
        """The number of kinds, and the background."""
        return 1 + len(self.card.class_names)

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
        """`mask`, uint8 (example, height, width), whole, so that augmentation can move it too."""
        mask = np.asarray(split["mask"])
        check_labels(self.card, "mask", mask, 0, self.outputs())
        return {"mask": mask}

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`, a pixel's mean cross-entropy in nats; `outputs`: logits (batch, height, width, class)."""
        return {"loss": cross_entropy(central_crop(arrays["mask"], *outputs.shape[1:3]), outputs)}

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`mask`, uint8 (batch, height, width): the likeliest class of each pixel of the network's map."""
        return {"mask": ops.cast(ops.argmax(outputs, axis=-1), "uint8")}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`mean_iou`, `pixel_accuracy` and `frequency_weighted_iou` over all pixels of the split."""
        pair = central_crop(arrays["mask"], *predictions["mask"].shape[1:3]), predictions["mask"]
        return {
            "mean_iou": mean_iou(*pair),
            "pixel_accuracy": pixel_accuracy(*pair),
            "frequency_weighted_iou": frequency_weighted_iou(*pair),
        }


def central_crop(maps: Any, height: int, width: int) -> Any:
    """The middle of `maps` (batch, height, width); an odd margin is the larger one below and right."""
    top, left = (maps.shape[1] - height) // 2, (maps.shape[2] - width) // 2
    return maps[:, top : top + height, left : left + width]
