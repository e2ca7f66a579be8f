"""ResNet, pre-activated ResNet and DenseNet in PyTorch, from the papers; arXiv:1512.03385, 1603.05027, 1608.06993.

`python residual_and_dense.py NET ACTIVATION GIVEN.npz MADE.npz`, where NET is "basic", "bottleneck", "preact_basic",
"preact_bottleneck" or "dense". Given are `blocks`, for each stage their number; `epsilon` of batch normalization; the
images `x0`, `x1`, ..., channels last; and `w0`, `w1`, ..., the weights in the order of the forward pass, a block's
shortcut first: kernels (height, width, in, out), and gamma, beta, mean and variance of a normalization. Made are the
logits `y0`, `y1`, ... of the images.
"""

import sys

import numpy as np
import torch
from torch.nn import functional


class Net:
    """One forward pass, which takes the weights one after the other."""

    def __init__(self, given, activation):
        self.given, self.taken, self.epsilon = given, 0, float(given["epsilon"])
        self.act = {"relu": torch.relu, "tanh": torch.tanh}[activation]

    def take(self):
        value = torch.from_numpy(self.given[f"w{self.taken}"])
        self.taken += 1
        return value

    def conv(self, x, stride=1):
        kernel = self.take().permute(3, 2, 0, 1)
        return functional.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    def norm(self, x):
        gamma, beta, mean, variance = (self.take() for _ in range(4))
        return functional.batch_norm(x, mean, variance, gamma, beta, eps=self.epsilon)

    def stem(self, x):
        return functional.max_pool2d(self.act(self.norm(self.conv(x, 2))), 3, 2, 1)

    def logits(self, x):
        weights, bias = self.take(), self.take()
        assert f"w{self.taken}" not in self.given
        return x.mean((2, 3)) @ weights + bias

    def postactivated(self, x, blocks, convolutions):
        """Figures 2 and 5 of 1512.03385; the stride is in the first convolution, as in the text of section 3.3."""
        x = self.stem(x)
        for stage, count in enumerate(blocks):
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                changes = index == 0 and (stage > 0 or convolutions == 3)
                around = self.norm(self.conv(x, stride)) if changes else x
                for place in range(convolutions):
                    x = self.norm(self.conv(x, stride if place == 0 else 1))
                    x = self.act(x) if place < convolutions - 1 else x
                x = self.act(around + x)
        return self.logits(x)

    def preactivated(self, x, blocks, convolutions):
        """Figure 1 (b) and the appendix of 1603.05027: the first activation is right after the first convolution."""
        x = self.stem(x)
        for stage, count in enumerate(blocks):
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                changes = index == 0 and (stage > 0 or convolutions == 3)
                y = x if stage == index == 0 else self.act(self.norm(x))
                around = self.conv(y, stride) if changes else x
                for place in range(convolutions):
                    y = self.act(self.norm(y)) if place > 0 else y
                    y = self.conv(y, stride if place == 0 else 1)
                x = around + y
        return self.logits(self.act(self.norm(x)))

    def dense(self, x, blocks):
        """Table 1 of 1608.06993."""
        x = self.stem(x)
        for stage, count in enumerate(blocks):
            if stage > 0:
                x = functional.avg_pool2d(self.conv(self.act(self.norm(x))), 2)
            for _ in range(count):
                y = x
                for _ in range(2):
                    y = self.conv(self.act(self.norm(y)))
                x = torch.cat([x, y], 1)
        return self.logits(self.act(self.norm(x)))


def main(kind, activation, source, target):
    with np.load(source) as arrays:
        given = dict(arrays)
    blocks, made = given["blocks"].tolist(), {}
    for number in range(sum(name.startswith("x") for name in given)):
        net, x = Net(given, activation), torch.from_numpy(given[f"x{number}"]).permute(0, 3, 1, 2)
        if kind == "dense":
            y = net.dense(x, blocks)
        else:
            forward = net.preactivated if kind.startswith("preact") else net.postactivated
            y = forward(x, blocks, 3 if kind.endswith("bottleneck") else 2)
        made[f"y{number}"] = y.numpy()
    np.savez(target, **made)


with torch.no_grad():
    main(*sys.argv[1:])
