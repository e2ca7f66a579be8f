"""torchvision's RoIAlign on the maps of a pyramid, level by level. Usage: roi_align.py SIZE SAMPLES CANONICAL in out.

`given` holds `map0`, `map1`, ... (batch, height, width, channel), `strides` (twice as large at each map, the first a
power of two) and `boxes` (batch, region, [top, left, bottom, right]); `made` holds `level` (batch, region) and
`read` (batch, region, row, column, channel).
"""

import sys

import numpy as np
from with_torchvision import torch, torchvision

size, samples, canonical, (given, made) = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
given = np.load(given)
strides = given["strides"]
boxes = torch.from_numpy(given["boxes"][..., [1, 0, 3, 2]])
first, last = int(np.log2(strides[0])), int(np.log2(strides[-1]))
levels = torchvision.ops.poolers.LevelMapper(first, last, canonical_scale=canonical)([*boxes]).reshape(boxes.shape[:2])
read = np.zeros((*levels.shape, size, size, given["map0"].shape[-1]), "float32")
for level, stride in enumerate(strides):
    image, region = np.nonzero(levels.numpy() == level)
    if not len(image):
        continue
    regions = torch.cat([torch.from_numpy(image)[:, None].float(), boxes[image, region]], dim=1)
    maps = torch.from_numpy(given[f"map{level}"]).permute(0, 3, 1, 2)
    found = torchvision.ops.roi_align(maps, regions, size, 1 / float(stride), samples, aligned=True)
    read[image, region] = found.permute(0, 2, 3, 1).numpy()
np.savez(made, level=levels.numpy(), read=read)
