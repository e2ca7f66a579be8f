"""PyTorch's max pooling of arrays (batch, channel, ...) called "SIZE STRIDE PADDING CEIL ...", CEIL 0 or 1.

`python max_pool.py GIVEN.npz MADE.npz`: made are the maps, under the same names.
"""

import sys

import numpy as np
import torch
from torch.nn import functional

source, target = sys.argv[1:]
made = {}
with np.load(source) as given:
    for name, x in given.items():
        size, stride, padding, ceil = map(int, name.split()[:4])
        pool = functional.max_pool3d if x.ndim == 5 else functional.max_pool2d
        made[name] = pool(torch.from_numpy(x), size, stride, padding, ceil_mode=bool(ceil)).numpy()
np.savez(target, **made)
