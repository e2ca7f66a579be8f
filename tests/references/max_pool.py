"""PyTorch's max pooling of every array (batch, channel, ...) given: the maps of the same name.

`python max_pool.py SIZE STRIDE PADDING CEIL GIVEN.npz MADE.npz`, CEIL 0 or 1.
"""

import sys

import numpy as np
import torch
from torch.nn import functional

*numbers, source, target = sys.argv[1:]
size, stride, padding, ceil = map(int, numbers)
with np.load(source) as given:
    made = {}
    for name, x in given.items():
        pool = functional.max_pool3d if x.ndim == 5 else functional.max_pool2d
        made[name] = pool(torch.from_numpy(x), size, stride, padding, ceil_mode=bool(ceil)).numpy()
np.savez(target, **made)
