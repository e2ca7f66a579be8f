"""Spectral normalization by PyTorch over some training steps, then at inference; weight normalization of each kernel.

Reads `kernels` (step, ...) in torch's layout, the `axis` that counts units, and the start vector `u`. Writes `spectral`
(step, ...), `inference` of the first kernel after all steps, and `weight` (step, ...), each with lengths 1, 2, 3...

`torch.nn.utils.spectral_norm` iterates in the paper's order, v from u and then u from v; the later
`parametrizations.spectral_norm` has the other order.
"""

import sys

import numpy as np
import torch


def main(given, made):
    with np.load(given) as arrays:
        kernels, axis, u = torch.tensor(arrays["kernels"]), int(arrays["axis"]), torch.tensor(arrays["u"])
    holder = torch.nn.Module()
    holder.weight = torch.nn.Parameter(kernels[0].clone())
    holder.forward = lambda: holder.weight
    torch.nn.utils.spectral_norm(holder, dim=axis)
    holder.weight_u.copy_(u)

    def normalized(kernel):
        holder.weight_orig.data.copy_(kernel)
        return holder().detach().numpy().copy()

    holder.train()
    spectral = np.stack([normalized(kernel) for kernel in kernels])
    holder.eval()
    inference = normalized(kernels[0])
    shape = [-1 if place == axis else 1 for place in range(kernels[0].ndim)]
    gain = torch.arange(1.0, 1 + kernels[0].shape[axis]).reshape(shape)
    weight = np.stack([torch._weight_norm(kernel, gain, axis).numpy() for kernel in kernels])
    np.savez(made, spectral=spectral, inference=inference, weight=weight)


main(*sys.argv[1:])
