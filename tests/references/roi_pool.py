"""RoI pooling of one map: torchvision's, or where its compiled operators do not load, torch's adaptive maxima of the
cells that torchvision gives a region. Usage: roi_pool.py SIZE STRIDE in out.

`given` holds `map` (batch, height, width, channel) and `boxes` (batch, region, [top, left, bottom, right]), whose
regions lie in the map; `made` holds `read` (batch, region, row, column, channel).
"""

import sys

import numpy as np
from with_torchvision import torch, torchvision

size, stride, (given, made) = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
given = np.load(given)
maps = torch.from_numpy(given["map"]).permute(0, 3, 1, 2)
boxes = torch.from_numpy(given["boxes"][..., [1, 0, 3, 2]])
image = torch.arange(len(boxes)).repeat_interleave(boxes.shape[1])
regions = torch.cat([image[:, None].float(), boxes.reshape(-1, 4)], dim=1)


def adaptive(maps, regions):
    found = []
    for image, *ends in regions.tolist():
        left, top, right, bottom = (int(end / stride + 0.5) for end in ends)
        cells = maps[int(image), :, min(top, maps.shape[2] - 1) : max(bottom, top) + 1]
        cells = cells[:, :, min(left, maps.shape[3] - 1) : max(right, left) + 1]
        found.append(torch.nn.functional.adaptive_max_pool2d(cells, size))
    return torch.stack(found)


try:
    read = torchvision.ops.roi_pool(maps, regions, size, 1 / stride)
except (RuntimeError, AttributeError):
    read = adaptive(maps, regions)
np.savez(made, read=read.reshape(*boxes.shape[:2], *read.shape[1:]).permute(0, 1, 3, 4, 2).numpy())
