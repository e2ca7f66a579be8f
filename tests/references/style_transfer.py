"""The costs of arXiv:1508.06576, equations 1 to 7, and their gradient, on a VGG in PyTorch.

`python style_transfer.py CASE GIVEN.npz MADE.npz`: CASE is JSON with `convs`, `pooling`, `content_maps`, `style_maps`,
`alpha` and `beta`; given are `content`, `style` and `made` (height, width, channel), and `0`, `1`, ...: each
convolution's kernel (height, width, in, out) and bias in turn. Made are `content_cost`, `style_cost`, and `gradient` of
their weighted sum by `made`.
"""

import json
import sys

import numpy as np
import torch
from torch.nn import functional

case, source, target = json.loads(sys.argv[1]), *sys.argv[2:]
given = {name: torch.from_numpy(array).double() for name, array in np.load(source).items()}


def responses(picture):
    """F^l of every layer: (N_l filters, M_l positions)."""
    found, x, number = {}, picture.permute(2, 0, 1)[None], 0
    for stage, count in enumerate(case["convs"], 1):
        for place in range(1, count + 1):
            kernel, bias = given[str(number)].permute(3, 2, 0, 1), given[str(number + 1)]
            x, number = functional.relu(functional.conv2d(x, kernel, bias, padding=1)), number + 2
            found[f"conv{stage}_{place}"] = x[0].flatten(1)
        pool = functional.avg_pool2d if case["pooling"] == "average" else functional.max_pool2d
        x = pool(x, 2, 2, ceil_mode=True)
    return found


made = given["made"].requires_grad_()
x, p, a = (responses(picture) for picture in (made, given["content"], given["style"]))
content = sum(0.5 * ((x[layer] - p[layer]) ** 2).sum() for layer in case["content_maps"])
style, w = 0.0, 1 / len(case["style_maps"])
for layer in case["style_maps"]:
    n, m = x[layer].shape
    style = style + w * ((x[layer] @ x[layer].T - a[layer] @ a[layer].T) ** 2).sum() / (4 * n**2 * m**2)
(case["alpha"] * content + case["beta"] * style).backward()
np.savez(target, content_cost=content.item(), style_cost=style.item(), gradient=made.grad.numpy())
