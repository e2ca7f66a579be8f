"""FCN, U-Net and FC-DenseNet in PyTorch, from the papers and their authors' net definitions.

arXiv:1411.4038, 1505.04597, 1611.09326. `python fully_convolutional.py NET GIVEN.npz MADE.npz`, where NET is "fcn",
"fcn_same", "unet" or "fc_densenet". Given are `blocks`, the convolutions or layers of each stage; `skips` of an FCN;
`epsilon` of batch normalization; the images `x0`, `x1`, ..., channels last; and `w0`, `w1`, ..., the weights in the
order of the forward pass: kernels (height, width, in, out), of transposed convolutions (height, width, out, in), each
with its bias if it has one, and gamma, beta, mean and variance of a normalization. Made are the maps `y0`, `y1`, ....
"""

import sys

import numpy as np
import torch
from torch.nn import functional

FCN_CROPS = (5, 9)
"""Where the maps of pool4 and pool3 are cut (voc-fcn8s/net.py: score_pool4c, score_pool3c)."""
FCN_LAST_CROP = {0: 19, 1: 27, 2: 31}
"""Where the last map is cut: voc-fcn32s, voc-fcn16s, voc-fcn8s."""


class Net:
    """One forward pass, which takes the weights one after the other."""

    def __init__(self, given):
        self.given, self.taken = given, 0
        self.epsilon = float(given.get("epsilon", 0))

    def take(self):
        value = torch.from_numpy(self.given[f"w{self.taken}"])
        self.taken += 1
        return value

    def conv(self, x, padding=0):
        kernel = self.take().permute(3, 2, 0, 1)
        return functional.conv2d(x, kernel, self.take(), padding=padding)

    def up(self, x, stride, padding=0, bias=False):
        kernel = self.take().permute(3, 2, 0, 1)
        return functional.conv_transpose2d(x, kernel, self.take() if bias else None, stride=stride, padding=padding)

    def norm(self, x):
        gamma, beta, mean, variance = (self.take() for _ in range(4))
        return functional.batch_norm(x, mean, variance, gamma, beta, eps=self.epsilon)

    def fcn(self, x, blocks, skips, same):
        height, width = x.shape[2:]
        pools = []
        for stage, count in enumerate(blocks):
            for index in range(count):
                first = stage == index == 0
                x = torch.relu(self.conv(x, 100 if first and not same else 1))
            x = functional.max_pool2d(x, 2, 2, ceil_mode=True)
            pools.append(x)
        x = torch.relu(self.conv(x, 3 if same else 0))
        x = self.conv(torch.relu(self.conv(x)))
        for step in range(skips):
            finer = self.conv(pools[-2 - step])
            if same:
                x = self.up(x, 2, 1)[:, :, : finer.shape[2], : finer.shape[3]]
            else:
                x, cut = self.up(x, 2), FCN_CROPS[step]
                finer = finer[:, :, cut : cut + x.shape[2], cut : cut + x.shape[3]]
            x = x + finer
        stride = 2 ** (len(blocks) - skips)
        cut = 0 if same else FCN_LAST_CROP[skips]
        x = self.up(x, stride, stride // 2 if same else 0)
        return x[:, :, cut : cut + height, cut : cut + width]

    def unet(self, x, blocks):
        skips = []
        for stage, count in enumerate(blocks):
            for _ in range(count):
                x = torch.relu(self.conv(x))
            if stage < len(blocks) - 1:
                skips.append(x)
                x = functional.max_pool2d(x, 2)
        for count, skip in zip(reversed(blocks[:-1]), reversed(skips), strict=True):
            x = self.up(x, 2, bias=True)
            top, left = ((skip.shape[axis] - x.shape[axis]) // 2 for axis in (2, 3))
            skip = skip[:, :, top : top + x.shape[2], left : left + x.shape[3]]
            x = torch.cat([skip, x], 1)
            for _ in range(count):
                x = torch.relu(self.conv(x))
        return self.conv(x)

    def dense_block(self, x, count):
        made = []
        for _ in range(count):
            made.append(self.conv(torch.relu(self.norm(x)), 1))
            x = torch.cat([x, made[-1]], 1)
        return x, torch.cat(made, 1)

    def fc_densenet(self, x, blocks):
        x, skips = self.conv(x, 1), []
        for count in blocks[:-1]:
            x, _ = self.dense_block(x, count)
            skips.append(x)
            x = functional.max_pool2d(self.conv(torch.relu(self.norm(x))), 2)
        _, made = self.dense_block(x, blocks[-1])
        for count, skip in zip(reversed(blocks[:-1]), reversed(skips), strict=True):
            up = self.up(made, 2, bias=True)[:, :, : skip.shape[2], : skip.shape[3]]
            x, made = self.dense_block(torch.cat([up, skip], 1), count)
        return self.conv(x)


def main(kind, source, target):
    with np.load(source) as arrays:
        given = dict(arrays)
    blocks, made = given["blocks"].tolist(), {}
    for number in range(sum(name.startswith("x") for name in given)):
        net, x = Net(given), torch.from_numpy(given[f"x{number}"]).permute(0, 3, 1, 2)
        if kind.startswith("fcn"):
            y = net.fcn(x, blocks, int(given["skips"]), kind.endswith("same"))
        else:
            y = getattr(net, kind)(x, blocks)
        assert f"w{net.taken}" not in given
        made[f"y{number}"] = y.permute(0, 2, 3, 1).contiguous().numpy()
    np.savez(target, **made)


with torch.no_grad():
    main(*sys.argv[1:])
