"""One picture painted in the style of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.losses import style
from archbench.options import NonNegative
from archbench.preprocessing import PREPROCESSING
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch

PARTS = {"features", "picture"}


@task(
    "style_transfer",
    smoke="style_transfer",
    source="Gatys, Ecker, Bethge 2015, arXiv:1508.06576",
    preprocessing="rescale",
)
class StyleTransfer(Task):
    """A picture that shows what `content` shows, painted as `style` is, by the maps of a network trained before.

    What trains is the picture: the loss is `alpha` times the content cost and `beta` times the style cost of its maps
    (equation 7). It begins as white noise, or as one of the two pictures; of several pairs it is one picture for all,
    which begins as the first. Nothing is foretold, so validation and test are the same pair and tell the same costs.
    """

    monitor = "loss"
    maximize = False
    needs = ("content", "style")
    predict_every = 0

    def __init__(
        self,
        card: Card,
        *,
        alpha: NonNegative = 1e-3,
        beta: NonNegative = 1.0,
        begin: Literal["noise", "content", "style"] = "noise",
    ) -> None:
        super().__init__(card)
        self.alpha, self.beta, self.begin = alpha, beta, begin
        shapes = [tuple(card.arrays[name]["shape"]) for name in self.needs]
        if shapes[0] != shapes[1] or len(shapes[0]) != 3:
            raise TaskMismatch(
                f"style_transfer needs content and style as pictures (height, width, channel) of one size, and those "
                f"of the data set {card.name!r} have the shapes {shapes[0]} and {shapes[1]}. Choose style_pair."
            )

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Pairs of pictures of noise."""
        arrays = {name: random.integers(0, 256, (examples, *shape), dtype=np.uint8) for name in cls.needs}
        return Smoke(arrays, "content")

    def reads(self) -> dict[str, keras.InputSpec]:
        """Both pictures."""
        shape = (None, *self.card.arrays["content"]["shape"])
        return {name: keras.InputSpec(shape=shape, dtype="float32") for name in self.needs}

    def scaled(self) -> tuple[str, ...]:
        """Both pictures alike."""
        return self.needs

    def outputs(self) -> int:
        """The channels of a picture."""
        return self.card.arrays["content"]["shape"][-1]

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Let the picture begin as one that is there."""
        if set(parts) != PARTS:
            raise TaskMismatch(
                f"style_transfer needs a network of the parts {', '.join(sorted(PARTS))}, but this one has: "
                f"{', '.join(parts)}. Choose the architecture style_transfer."
            )
        if self.begin != "noise":
            (picture,) = parts["picture"].weights
            first = np.asarray(training[self.begin][:1], "float32")
            picture.assign(PREPROCESSING.build("rescale", self.card)(first)[0])

    def calls(self) -> dict[str, float]:
        """The maps of three pictures."""
        return {"features": 3}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`content`, equation 1, and `style`, equations 3 to 5, summed over a picture's values; `loss`, equation 7.

        Layers of style count alike, and together 1; those of content are added up.
        """
        pictures = net(batch["content"], part="picture"), batch["content"], batch["style"]
        made, content, painted = (net(one, part="features") for one in pictures)
        contents = [style.content(*maps) for maps in zip(made["content"], content["content"], strict=True)]
        styles = [style.style(*maps) for maps in zip(made["style"], painted["style"], strict=True)]
        costs = {"content": sum(contents), "style": sum(styles) / len(styles)}
        return {"loss": self.alpha * costs["content"] + self.beta * costs["style"], **costs}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`picture` (batch, height, width, channel) in [0, 1], from the darkest to the brightest of `content`."""
        return {"picture": ops.clip(net(batch["content"], part="picture"), 0.0, 1.0)}

    def show(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """The same, for a film of how it comes."""
        return self.predict(net, batch, seed)

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """None beyond the means of `losses`."""
        return {}
