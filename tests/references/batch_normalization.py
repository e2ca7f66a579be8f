"""PyTorch's BatchNorm2d over several steps. Usage: batch_normalization.py MOMENTUM EPSILON given.npz made.npz.

`given` holds `x` (step, batch, height, width, channel), float32, and `momentum` is the share of the old average. `made`
holds `trained`, the outputs of the steps, `tested`, the last step's inputs at inference, and the moving averages.
"""

import sys

import numpy as np
import torch

momentum, epsilon, given, made = float(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:]
x = torch.from_numpy(np.load(given)["x"]).movedim(-1, 2)
layer = torch.nn.BatchNorm2d(x.shape[2], eps=epsilon, momentum=1 - momentum)
trained = torch.stack([layer(step) for step in x])
layer.eval()
outputs = {"trained": trained.movedim(2, -1), "tested": layer(x[-1]).movedim(1, -1)}
averages = {"mean": layer.running_mean, "variance": layer.running_var}
np.savez(made, **{name: value.detach().numpy() for name, value in {**outputs, **averages}.items()})
