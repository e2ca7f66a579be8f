"""YOLO v1, v2 and v3 in PyTorch, from figure 3 of arXiv:1506.02640 and darknet's yolov2-voc.cfg and yolov3.cfg.

`python darknet.py NET GIVEN.npz MADE.npz`, where NET is "yolo_v1", "yolo_v2" or "yolo_v3". Given are `epsilon` of
batch normalization; `grid`, the cells a side of YOLO v1; `blocks`, the residual blocks of each stage of YOLO v3; the
image `x`, channels last; and `w0`, `w1`, ..., the weights in the order of the forward pass: kernels (height, width, in,
out) or (in, out), and gamma, beta, mean and variance of a normalization, or a bias. Made are the outputs, channels
last: `y`, or `small`, `medium` and `large`.

Differs from yolov2-voc.cfg as the paper does: the finer map is passed through whole, its pixels in reading order.
"""

import sys

import numpy as np
import torch
from torch.nn import functional


class Net:
    """One forward pass, which takes the weights one after the other."""

    def __init__(self, given):
        self.given, self.taken, self.epsilon = given, 0, float(given["epsilon"])

    def take(self):
        value = torch.from_numpy(self.given[f"w{self.taken}"])
        self.taken += 1
        return value

    def done(self, outputs):
        assert f"w{self.taken}" not in self.given
        return {name: one.permute(0, 2, 3, 1) for name, one in outputs.items()}

    def kernel(self, x, size, stride):
        kernel = self.take().permute(3, 2, 0, 1)
        assert kernel.shape[-1] == size
        return functional.conv2d(x, kernel, stride=stride, padding=size // 2)

    def linear(self, x, size=1, stride=1):
        """[convolutional] without batch_normalize, activation=linear."""
        return self.kernel(x, size, stride) + self.take()[:, None, None]

    def plain(self, x, size, stride=1):
        """Without batch_normalize, activation=leaky."""
        return functional.leaky_relu(self.linear(x, size, stride), 0.1)

    def unit(self, x, size, stride=1):
        """batch_normalize=1, activation=leaky."""
        x = self.kernel(x, size, stride)
        gamma, beta, mean, variance = (self.take() for _ in range(4))
        return functional.leaky_relu(functional.batch_norm(x, mean, variance, gamma, beta, eps=self.epsilon), 0.1)

    def yolo_v1(self, x):
        half = lambda x: functional.max_pool2d(x, 2)  # noqa: E731
        x = half(self.plain(x, 7, 2))
        x = half(self.plain(x, 3))
        for size in (1, 3, 1, 3):
            x = self.plain(x, size)
        x = half(x)
        for size in (1, 3) * 5:
            x = self.plain(x, size)
        x = half(x)
        for size in (1, 3, 1, 3, 3):
            x = self.plain(x, size)
        x = self.plain(x, 3, 2)
        for size in (3, 3):
            x = self.plain(x, size)
        x = x.permute(0, 2, 3, 1).flatten(1)
        x = functional.leaky_relu(x @ self.take() + self.take(), 0.1)
        x = x @ self.take() + self.take()
        side = int(self.given["grid"])
        return {"y": x.reshape(len(x), side, side, -1).permute(0, 3, 1, 2)}

    def yolo_v2(self, x):
        half = lambda x: functional.max_pool2d(x, 2)  # noqa: E731
        x = half(self.unit(x, 3))
        x = half(self.unit(x, 3))
        for sizes in ((3, 1, 3), (3, 1, 3)):
            for size in sizes:
                x = self.unit(x, size)
            x = half(x)
        for size in (3, 1, 3, 1, 3):
            x = self.unit(x, size)
        finer, x = x, half(x)
        for size in (3, 1, 3, 1, 3, 3, 3):
            x = self.unit(x, size)
        passed = torch.cat([finer[:, :, row::2, column::2] for row in (0, 1) for column in (0, 1)], dim=1)
        return {"y": self.linear(self.unit(torch.cat([passed, x], dim=1), 3))}

    def yolo_v3(self, x):
        x, routes = self.unit(x, 3), []
        for count in self.given["blocks"].tolist():
            x = self.unit(x, 3, 2)
            for _ in range(count):
                x = x + self.unit(self.unit(x, 1), 3)  # [shortcut] from=-3
            routes.append(x)
        made = {}
        for scale, route in (("large", routes[-2]), ("medium", routes[-3]), ("small", None)):
            for size in (1, 3, 1, 3, 1):
                x = self.unit(x, size)
            made[scale] = self.linear(self.unit(x, 3))
            if route is not None:  # [route] layers=-4, [upsample], [route] layers=-1, 61 or 36
                x = functional.interpolate(self.unit(x, 1), scale_factor=2, mode="nearest")
                x = torch.cat([x, route], dim=1)
        return made


def main(kind, source, target):
    with np.load(source) as arrays:
        given = dict(arrays)
    net = Net(given)
    outputs = getattr(net, kind)(torch.from_numpy(given["x"]).permute(0, 3, 1, 2))
    np.savez(target, **{name: one.numpy() for name, one in net.done(outputs).items()})


with torch.no_grad():
    main(*sys.argv[1:])
