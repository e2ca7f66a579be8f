"""The input itself, by way of a code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.errors import listed
from archbench.losses.entropy import bernoulli, elbo
from archbench.losses.regression import mse
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch, smoke_inputs

NOISE_SEED = 0
"""Of the noise that evaluation draws with: the same for every benchmark, seed and epoch."""
PARTS = {"encoder", "decoder"}
STEPS = 8
"""Of a walk from one code to another."""


@task(
    "reconstruction",
    smoke="vae",
    source="Kingma & Welling 2013, Auto-Encoding Variational Bayes, arXiv:1312.6114",
    preprocessing="rescale",
)
class Reconstruction(Task):
    """The input again, from a code of it: the task of autoencoders.

    Part `encoder` of a network makes the code, part `decoder` the logits of coins, one a value, out of it. The target
    is the network's own input, which preprocessing must have brought into [0, 1] (`rescale`), or what the encoder calls
    `target`, as the layers below do that a stack of them has. Trained on and chosen by what the target costs in nats,
    `reconstruction`; where the encoder gives a divergence `kl` of the code from its prior, by the sum of both, the
    negative evidence lower bound. Every number is one of `losses`, so nothing is left for the host to compare.

    A layer that draws, be it a code or noise to undo, draws in evaluation with the noise of the example's place in its
    split: the same in every epoch and of every seed, however it is batched. The finished model draws nothing.
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
        """Read the shape of what is drawn for an example off the encoder."""
        if set(parts) != PARTS:
            raise TaskMismatch(
                f"Reconstruction needs a network of the parts {listed(sorted(PARTS))}, but this one has: "
                f"{listed(parts)}. Choose an autoencoder, as vae or autoencoder."
            )
        drawing = (layer for layer in parts["encoder"].layers if hasattr(layer, "noise"))
        self.drawn = next((tuple(layer.output.shape[1:]) for layer in drawing), None)

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`noise`, float32 (example, ...), standard normal, if a layer draws; of an example it depends on its row."""
        if self.drawn is None:
            return {}
        shape = len(split[self.card.input]), *self.drawn
        return {"noise": np.random.default_rng(NOISE_SEED).standard_normal(shape, "float32")}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss` and its parts, all in nats: `reconstruction`, and `kl` if there is one; `mse` of the means."""
        told, logits = self._told(net, batch)
        target = told.get("target", batch[self.card.input])
        error = {"mse": mse(target, ops.sigmoid(logits))}
        if "kl" not in told:
            nats = bernoulli(target, logits)
            return {"loss": nats, "reconstruction": nats, **error}
        loss, kl = elbo(target, {"reconstruction": logits, "kl": told["kl"]}), told["kl"]
        return {"loss": loss, "reconstruction": loss - kl, "kl": kl, **error}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`image`, the decoder's means in [0, 1], in the shape of the target."""
        return {"image": ops.sigmoid(self._told(net, batch)[1])}

    def show(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`seen`, the spoilt copy that was read, if there is one; `walk`, if codes have a prior.

        That is (batch, step, ...): what is decoded on the straight way from the code of the example to a sample of the
        prior, which is the noise of its place.
        """
        told, _ = self._told(net, batch)
        if "kl" not in told:
            return {"seen": told["seen"]} if "seen" in told else {}
        first, last = told["code"][:, None], batch["noise"][:, None]
        shares = ops.reshape(ops.linspace(0.0, 1.0, STEPS), (1, STEPS, 1))
        codes = ops.reshape(first + shares * (last - first), (-1, first.shape[-1]))
        made = ops.sigmoid(net(codes, part="decoder"))
        return {"walk": ops.reshape(made, (-1, STEPS, *made.shape[1:]))}

    def _told(self, net: Net, batch: Batch) -> tuple[Mapping[str, Any], Any]:
        """What the encoder answers, and the decoder's logits."""
        told = net(batch[self.card.input], part="encoder")
        return told, net(told["code"], part="decoder")

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """None beyond the means of `losses`."""
        return {}
