"""torchvision's DeepLab v3 and FCN, and timm's aligned Xception under the head of DeepLab v3+ from its paper.

`python deeplab.py NET GIVEN.npz MADE.npz`, where NET is "deeplab_v3", "fcn_resnet50" or "deeplab_v3_plus_xception65".
Given are `image` (batch, height, width, channel), the options of the net, and `w0`, `w1`, ..., the weights in the order
of the forward pass, a block's shortcut first: kernels (height, width, in, out), depthwise ones (height, width, in, 1),
biases, and gamma, beta, mean and variance of a normalization. Made are the `logits` (batch, height, width, class).
"""

import sys

import numpy as np
from torch import nn
from torch.nn import functional
from with_torchvision import torch, torchvision

segmentation = torchvision.models.segmentation


class Weights:
    """The arrays that are given, taken one after the other."""

    def __init__(self, given):
        self.given, self.taken = given, 0

    def take(self):
        value = torch.from_numpy(self.given[f"w{self.taken}"])
        self.taken += 1
        return value

    def fill(self, modules):
        """Set the parameters of convolutions and normalizations."""
        for module in modules:
            if isinstance(module, nn.BatchNorm2d):
                for target in (module.weight, module.bias, module.running_mean, module.running_var):
                    self._set(target, self.take())
                continue
            kernel = self.take()
            self._set(module.weight, kernel.permute(2, 3, 0, 1) if module.groups > 1 else kernel.permute(3, 2, 0, 1))
            if module.bias is not None:
                self._set(module.bias, self.take())

    def check(self):
        assert f"w{self.taken}" not in self.given

    @staticmethod
    def _set(target, value):
        assert target.shape == value.shape, (target.shape, value.shape)
        target.copy_(value)


def torchvisions(kind, given, weights):
    blocks = given["blocks"].tolist()
    outputs = int(given["outputs"])
    whole, on_trunk = {
        "deeplab_v3": (segmentation.deeplabv3_resnet50, segmentation.deeplabv3._deeplabv3_resnet),
        "fcn_resnet50": (segmentation.fcn_resnet50, segmentation.fcn._fcn_resnet),
    }[kind]
    if blocks == [3, 4, 6, 3]:
        net = whole(weights=None, weights_backbone=None, num_classes=outputs, aux_loss=False)
    else:
        resnet = torchvision.models.resnet
        trunk = resnet.ResNet(resnet.Bottleneck, blocks, replace_stride_with_dilation=[False, True, True])
        net = on_trunk(trunk, outputs, False)
    weights.fill(_in_order(net))
    return lambda x: net.eval()(x)["out"]


def _in_order(net):
    trunk, head = net.backbone, net.classifier
    yield from (trunk.conv1, trunk.bn1)
    for stage in (trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4):
        for block in stage:
            yield from block.downsample or ()
            yield from (block.conv1, block.bn1, block.conv2, block.bn2, block.conv3, block.bn3)
    pyramid = (*head[0].convs, head[0].project) if isinstance(head, segmentation.deeplabv3.DeepLabHead) else ()
    for part in (*pyramid, list(head)[bool(pyramid) :]):
        yield from (module for module in part if isinstance(module, nn.Conv2d | nn.BatchNorm2d))


def timms(given, weights):
    from timm.models.xception_aligned import XceptionAligned

    stride = int(given["output_stride"])
    entry, exits = given["entry"].tolist(), given["exits"].tolist()
    sides = [64, *entry]
    plan = [{"in_chs": a, "out_chs": b, "stride": 2} for a, b in zip(sides, entry, strict=False)]
    plan += [{"in_chs": entry[-1], "out_chs": entry[-1], "stride": 1}] * int(given["middle"])
    plan += [{"in_chs": entry[-1], "out_chs": tuple(exits[0]), "stride": 2}]
    last = {"out_chs": tuple(exits[1]), "stride": 1, "start_with_relu": False, "no_skip": True}
    plan += [{"in_chs": exits[0][-1], **last}]
    trunk = XceptionAligned([dict(block) for block in plan], output_stride=stride).eval()
    weights.fill(_in_order_of_xception(trunk))
    head = DecoderHead(weights, [int(rate) * 16 // stride for rate in given["rates"]])

    def forward(x):
        sizes, y = x.shape[2:], trunk.stem(x)
        fine = None
        for place, block in enumerate(trunk.blocks):
            if place == 1:
                fine = block.stack[:4](y)
            y = block(y)
        return head(y, fine, sizes)

    return forward


def _in_order_of_xception(trunk):
    for unit in trunk.stem:
        yield from (unit.conv, unit.bn)
    for block in trunk.blocks:
        if block.shortcut is not None:
            yield from (block.shortcut.conv, block.shortcut.bn)
        for name, unit in block.stack.named_children():
            if name.startswith("conv"):
                yield from (unit.conv_dw, unit.bn_dw, unit.conv_pw, unit.bn_pw)


class DecoderHead:
    """The pyramid and the decoder of 1802.02611 (figure 2), separable, with corners aligned as in the authors' code."""

    def __init__(self, weights, rates):
        self.weights, self.rates = weights, rates

    def __call__(self, x, fine, sizes):
        around = [self.unit(x), *(self.separable(x, rate) for rate in self.rates)]
        mean = self.unit(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        x = self.unit(torch.cat([*around, mean], 1))
        fine = self.unit(fine)
        x = torch.cat([functional.interpolate(x, size=fine.shape[2:], mode="bilinear", align_corners=True), fine], 1)
        for _ in range(2):
            x = self.separable(x, 1)
        logits = functional.conv2d(x, self.weights.take().permute(3, 2, 0, 1), self.weights.take())
        return functional.interpolate(logits, size=sizes, mode="bilinear", align_corners=True)

    def unit(self, x):
        return self.norm(functional.conv2d(x, self.weights.take().permute(3, 2, 0, 1)))

    def separable(self, x, rate):
        kernel = self.weights.take().permute(2, 3, 0, 1)
        return self.unit(self.norm(functional.conv2d(x, kernel, padding=rate, dilation=rate, groups=len(kernel))))

    def norm(self, x):
        gamma, beta, mean, variance = (self.weights.take() for _ in range(4))
        return torch.relu(functional.batch_norm(x, mean, variance, gamma, beta, eps=1e-5))


def main(kind, source, target):
    with np.load(source) as arrays:
        given = dict(arrays)
    weights = Weights(given)
    timms_own = kind == "deeplab_v3_plus_xception65"
    forward = timms(given, weights) if timms_own else torchvisions(kind, given, weights)
    logits = forward(torch.from_numpy(given["image"]).permute(0, 3, 1, 2))
    weights.check()
    np.savez(target, logits=logits.permute(0, 2, 3, 1).numpy())


with torch.no_grad():
    main(*sys.argv[1:])
