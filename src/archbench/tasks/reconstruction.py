"""The input itself, by way of a code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.losses.entropy import elbo
from archbench.losses.regression import mse
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke, TaskMismatch, smoke_inputs

NOISE_SEED = 0
"""Of the noise that evaluation draws codes with: the same for every benchmark, seed and epoch."""


@task(
    "reconstruction",
    smoke="vae",
    source="Kingma & Welling 2013, Auto-Encoding Variational Bayes, arXiv:1312.6114",
    preprocessing="rescale",
)
class Reconstruction(Direct):
    """The input again, from a random code of it: a variational autoencoder's task.

    The target is the network's own input, which preprocessing must have brought into [0, 1] (`rescale`).
    Trained on and chosen by the negative evidence lower bound in nats, which is the mean of `loss` over a
    split; every number is one of `losses`, so nothing is left for the host to compare.

    The bound is an expectation over codes. Evaluation takes one sample an example, drawn with the noise of the
    example's place in its split: the same in every epoch and of every seed, however it is batched. What it predicts
    is decoded from that sample; the finished model decodes the mean of the code.
    """

    monitor = "loss"
    maximize = False
    needs = ()
    predict_every = 0

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Inputs alone."""
        inputs = smoke_inputs(shape, examples, random)
        return Smoke(inputs, *inputs)

    def outputs(self) -> int:
        """The channels of the input: the length of its last axis."""
        return self.card.input_shape[-1]

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Read the length of the code off the network's outputs."""
        outputs = parts["network"].output
        missing = {"reconstruction", "kl", "code"} - set(outputs if isinstance(outputs, Mapping) else ())
        if missing:
            raise TaskMismatch(
                f"Reconstruction needs a network that answers with reconstruction, kl and code, and this one lacks "
                f'{", ".join(sorted(missing))}. Choose a generative network: "archbench list architectures".'
            )
        self.latent = outputs["code"].shape[-1]

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`noise`, float32 (example, latent), standard normal; of an example it depends on its row alone."""
        shape = len(split[self.card.input]), self.latent
        return {"noise": np.random.default_rng(NOISE_SEED).standard_normal(shape, "float32")}

    def compare(self, outputs: Mapping[str, Any], arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`, the negative bound; its parts `reconstruction` and `kl`, all in nats; `mse` of the means.

        `outputs` holds `reconstruction`, logits in the shape of `inputs`, and `kl` (batch,).
        """
        loss, kl = elbo(inputs, outputs), ops.cast(outputs["kl"], "float32")
        return {
            "loss": loss,
            "reconstruction": loss - kl,
            "kl": kl,
            "mse": mse(inputs, self.decode(outputs)["image"]),
        }

    def decode(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """`image`, the decoder's means in [0, 1], in the shape of the input."""
        return {"image": ops.sigmoid(ops.cast(outputs["reconstruction"], "float32"))}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """None beyond the means of `losses`."""
        return {}
