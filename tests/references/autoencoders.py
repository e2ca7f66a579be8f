"""What autoencoders of Hinton and Salakhutdinov, Vincent et al., and Kingma and Welling cost, in PyTorch.

`python autoencoders.py CASE GIVEN.npz MADE.npz`: CASE is JSON with `kind` (autoencoder, denoising, vae) and, for
denoising, `noise` and `amount`; given are `x` (example, value) in [0, 1], `noise` of the layer that draws, and `0`,
`1`, ...: the weights of each layer in turn. Made are the means over examples of `reconstruction` and `kl`.
"""

import json
import sys

import numpy as np
import torch
from torch.nn import functional

case, source, target = json.loads(sys.argv[1]), *sys.argv[2:]
given = {name: torch.from_numpy(array).double() for name, array in np.load(source).items()}
x, weights = given["x"], [given[str(number)] for number in range(len(given)) if str(number) in given]
kl = torch.zeros(len(x), dtype=torch.double)


def chain(x, layers, last_is_linear):
    """Logistic layers; `layers` are kernels and biases in turn."""
    for number in range(0, len(layers), 2):
        x = x @ layers[number] + layers[number + 1]
        if not (last_is_linear and number == len(layers) - 2):
            x = torch.sigmoid(x)
    return x


if case["kind"] == "autoencoder":
    half = len(weights) // 2
    logits = chain(chain(x, weights[:half], True), weights[half:], True)
elif case["kind"] == "denoising":
    spoilt = x.clone()
    for row, noise in zip(spoilt, given["noise"], strict=True):
        if case["noise"] == "gaussian":
            row += case["amount"] * noise
            continue
        for place in torch.argsort(noise.abs(), descending=True)[: round(case["amount"] * len(noise))]:
            row[place] = float(noise[place] > 0) if case["noise"] == "salt_and_pepper" else 0.0
    kernel, bias, back = weights
    logits = functional.linear(torch.sigmoid(spoilt @ kernel + bias), kernel, back)
else:
    hidden = torch.tanh(x @ weights[0] + weights[1])
    mean, log_variance = hidden @ weights[2] + weights[3], hidden @ weights[4] + weights[5]
    normal = torch.distributions.Normal(mean, log_variance.div(2).exp())
    kl = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum(1)
    code = normal.loc + normal.scale * given["noise"]
    logits = torch.tanh(code @ weights[6] + weights[7]) @ weights[8] + weights[9]

nats = functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
np.savez(target, reconstruction=nats.mean().item(), kl=kl.mean().item())
