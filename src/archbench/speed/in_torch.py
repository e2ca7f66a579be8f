"""Training steps of networks in PyTorch, eager, written as its users write them: run by a Python that has it.

`python in_torch.py GIVEN.npz NETWORK.json`. NETWORK holds the `name` of the architecture with its options, `dropout`,
and of YOLO v2 its `anchors` (anchor, [width, height]) in cells and the `stride` (4,) from pixels to cells. GIVEN holds
the trainable weights `weight0`, ... in Keras's shapes and order, and columns of batches (batch, example, ...): what a
network reads, preprocessed, and its targets. For each line on standard input it takes a step of Adam with each batch,
in turn, and answers with a line of JSON: the `seconds` that took, and the `loss` of each step.

Each network has its parameters in the order in which Keras makes those of ours. Nothing of archbench is imported.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Batch = Mapping[str, Tensor]
RATE = 1e-4
PADDING, START = 0, 1


class MLP(nn.Module):
    """Dense layers on flat pictures, with dropout before each but the first; softmax cross-entropy."""

    def __init__(self, options: Mapping[str, Any], given: Batch) -> None:
        super().__init__()
        sides = [given["image"][0, 0].numel(), *options["units"], options["outputs"]]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sides))
        self.dropout = options["dropout"]

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        x = batch["image"].flatten(1)
        for layer in self.layers[:-1]:
            x = functional.dropout(functional.relu(layer(x)), self.dropout, self.training)
        return functional.cross_entropy(self.layers[-1](x), batch["label"])


class LeNet5(nn.Module):
    """Two convolutions with average pooling, three dense layers; softmax cross-entropy."""

    def __init__(self, options: Mapping[str, Any], given: Batch) -> None:
        super().__init__()
        *_, side, channels = given["image"].shape
        first, second = options["maps"]
        self.first, self.second = nn.Conv2d(channels, first, 5), nn.Conv2d(first, second, 5)
        left = ((side - 4) // 2 - 4) // 2
        sides = [second * left**2, *options["units"], options["outputs"]]
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sides))

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        x = functional.avg_pool2d(torch.tanh(self.first(batch["image"])), 2)
        x = functional.avg_pool2d(torch.tanh(self.second(x)), 2)
        x = x.permute(0, 2, 3, 1).flatten(1)  # in the order of Keras
        for layer in self.dense[:-1]:
            x = torch.tanh(layer(x))
        return functional.cross_entropy(self.dense[-1](x), batch["label"])


class ConvNorm(nn.Sequential):
    """Convolution without bias, and batch normalization."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        convolution = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs))


class ResNet20(nn.Module):
    """Three stages of three basic blocks, shortcuts without parameters; softmax cross-entropy."""

    def __init__(self, options: Mapping[str, Any], given: Batch) -> None:
        super().__init__()
        widths = options["widths"]
        self.stem = ConvNorm(given["image"].shape[-1], widths[0])
        self.blocks = nn.ModuleList()
        inputs = widths[0]
        for stage, width in enumerate(widths):
            for block in range(3):
                stride = 2 if stage and not block else 1
                self.blocks.append(nn.Sequential(ConvNorm(inputs, width, 3, stride), nn.ReLU(), ConvNorm(width, width)))
                inputs = width
        self.last = nn.Linear(inputs, options["outputs"])

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        x = functional.relu(self.stem(batch["image"]))
        for block in self.blocks:
            made = block(x)
            if made.shape != x.shape:
                more = made.shape[1] - x.shape[1]
                x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more // 2, more - more // 2))
            x = functional.relu(x + made)
        return functional.cross_entropy(self.last(x.mean(dim=(2, 3))), batch["label"])


def two_convolutions(inputs: int, width: int) -> nn.Sequential:
    """Of U-Net."""
    return nn.Sequential(ConvNorm(inputs, width), nn.ReLU(), ConvNorm(width, width), nn.ReLU())


class UNet(nn.Module):
    """The network of same convolutions, normalized; softmax cross-entropy of pixels."""

    def __init__(self, options: Mapping[str, Any], given: Batch) -> None:
        super().__init__()
        width, depth, inputs = options["width"], options["depth"], given["image"].shape[-1]
        widths = [width * 2**stage for stage in range(depth + 1)]
        before = [inputs, *widths[:-1]]
        self.down = nn.ModuleList(two_convolutions(a, b) for a, b in zip(before, widths, strict=True))
        self.up = nn.ModuleList()
        for one in reversed(widths[:-1]):
            self.up.append(nn.ModuleList([nn.ConvTranspose2d(2 * one, one, 2, 2), two_convolutions(2 * one, one)]))
        self.last = nn.Conv2d(width, options["outputs"], 1)

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        x, skips = batch["image"], []
        for stage, convolutions in enumerate(self.down):
            x = convolutions(functional.max_pool2d(x, 2) if stage else x)
            skips.append(x)
        for (larger, convolutions), skip in zip(self.up, skips[-2::-1], strict=True):
            x = convolutions(torch.cat([skip, larger(x)], dim=1))
        return functional.cross_entropy(self.last(x), batch["mask"])


DARKNET19 = ([(1, 3)], [(2, 3)], [(4, 3), (2, 1), (4, 3)], [(8, 3), (4, 1), (8, 3)])
"""Stage by stage, channels over the first's and sides of convolutions; halved between stages."""


class YOLOv2(nn.Module):
    """Darknet-19 of three halvings and finer maps passed through; the sums of squares of region_layer.c."""

    def __init__(self, options: Mapping[str, Any], given: Batch) -> None:
        super().__init__()
        width, kinds = options["width"], options["outputs"]
        self.anchors = torch.tensor(options["anchors"])
        self.stride = torch.tensor(options["stride"])
        inputs, self.stages = given["image"].shape[-1], nn.ModuleList()
        for stage in DARKNET19:
            units = []
            for channels, size in stage:
                units += [ConvNorm(inputs, channels * width, size), nn.LeakyReLU(0.1)]
                inputs = channels * width
            self.stages.append(nn.Sequential(*units))
        finer = DARKNET19[-2][-1][0] * width
        self.two = nn.Sequential(*(x for _ in range(2) for x in (ConvNorm(inputs, inputs), nn.LeakyReLU(0.1))))
        self.joined = nn.Sequential(ConvNorm(4 * finer + inputs, inputs), nn.LeakyReLU(0.1))
        self.last = nn.Conv2d(inputs, len(self.anchors) * (5 + kinds), 1)

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        x = batch["image"]
        for number, stage in enumerate(self.stages):
            if number:
                finer, x = x, functional.max_pool2d(x, 2)
            x = stage(x)
        # Two by two pixels to channels, in reading order, the channels of a pixel together.
        moved = torch.cat([finer[:, :, row::2, column::2] for row in (0, 1) for column in (0, 1)], dim=1)
        x = self.last(self.joined(torch.cat([moved, self.two(x)], dim=1)))
        raw = x.permute(0, 2, 3, 1).unflatten(3, (len(self.anchors), -1))
        return self.loss(raw, batch["boxes"] / self.stride, batch["box_label"])

    def loss(self, raw: Tensor, truth: Tensor, label: Tensor) -> Tensor:
        """`raw` (batch, row, column, anchor, number), `truth` (batch, object, 4) in cells, `label` -1 where none is."""
        batch, rows, columns, anchors, _ = raw.shape
        there = label >= 0
        top, left, bottom, right = truth.unbind(-1)
        sides = torch.stack([right - left, bottom - top], dim=-1).clamp(min=1e-6)
        shared = torch.minimum(sides[:, :, None], self.anchors).prod(-1)
        whole = sides.prod(-1)[..., None] + self.anchors.prod(-1)
        anchor = (shared / (whole - shared)).argmax(-1)
        x, y = (left + right) / 2, (top + bottom) / 2
        column, row = x.floor().clamp(0, columns - 1), y.floor().clamp(0, rows - 1)
        index = ((row * columns + column) * anchors + anchor).long()
        # Of two objects of one prediction, the later one has it.
        same = (index[:, :, None] == index[:, None, :]) & there[:, None, :]
        answers = there & ~same.triu(1).any(2)
        flat = raw.flatten(1, 3)
        mine = flat.gather(1, index[..., None].expand(-1, -1, flat.shape[-1]))
        with torch.no_grad():
            boxes = self.boxes(raw).flatten(1, 3)
            overlap = iou(boxes[:, :, None], truth[:, None]) * there[:, None]
            answering = torch.zeros_like(flat[..., 0]).scatter_reduce(1, index, answers.float(), "amax")
            empty = (overlap.amax(2) <= 0.6) & (answering < 0.5)
            own = iou(boxes.gather(1, index[..., None].expand(-1, -1, 4)), truth)
        place = torch.stack([x - column, y - row], dim=-1)
        wrong = (mine[..., :2].sigmoid() - place) ** 2 + (mine[..., 2:4] - (sides / self.anchors[anchor]).log()) ** 2
        small = 2 - whole_area(truth) / (rows * columns)
        coordinates = (wrong.sum(-1) * small * answers).sum() / 2
        an_object = 5 * (answers * (mine[..., 4].sigmoid() - own) ** 2).sum() / 2
        no_object = (empty * flat[..., 4].sigmoid() ** 2).sum() / 2
        nats = functional.cross_entropy(mine[..., 5:].flatten(0, 1), label.clamp(min=0).flatten(), reduction="none")
        return (coordinates + an_object + no_object + (nats * answers.flatten()).sum()) / batch

    def boxes(self, raw: Tensor) -> Tensor:
        """(batch, row, column, anchor, [top, left, bottom, right]) in cells."""
        _, rows, columns, _, _ = raw.shape
        x = raw[..., 0].sigmoid() + torch.arange(columns)[:, None]
        y = raw[..., 1].sigmoid() + torch.arange(rows)[:, None, None]
        width, height = (raw[..., 2:4].exp() * self.anchors).unbind(-1)
        return torch.stack([y - height / 2, x - width / 2, y + height / 2, x + width / 2], dim=-1)


def whole_area(boxes: Tensor) -> Tensor:
    """Of boxes (..., [top, left, bottom, right])."""
    top, left, bottom, right = boxes.unbind(-1)
    return (bottom - top).clamp(min=0) * (right - left).clamp(min=0)


def iou(one: Tensor, other: Tensor) -> Tensor:
    """Of boxes (..., [top, left, bottom, right]), one with one."""
    shared = whole_area(
        torch.cat([torch.maximum(one[..., :2], other[..., :2]), torch.minimum(one[..., 2:], other[..., 2:])], dim=-1)
    )
    return shared / (whole_area(one) + whole_area(other) - shared).clamp(min=1e-7)


class LSTM(nn.Module):
    """The state after the last step to one number; its squared error."""

    def __init__(self, options: Mapping[str, Any], given: Batch) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(given["sequence"].shape[-1], options["units"], batch_first=True)
        # Keras has one bias, and so has the paper.
        self.recurrent.bias_hh_l0.requires_grad_(False).zero_()
        self.last = nn.Linear(options["units"], given["target"].shape[-1])

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        states, _ = self.recurrent(batch["sequence"])
        return functional.mse_loss(self.last(states[:, -1]), batch["target"])


class Attention(nn.Module):
    """Four projections around PyTorch's own attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.heads = heads

    def forward(self, x: Tensor, seen: Tensor, known: Tensor | None = None, causal: bool = False) -> Tensor:
        """`x` (batch, place, width) looks at `seen`, as far as it is `known` (batch, place)."""
        told = (x, self.query), (seen, self.key), (seen, self.value)
        heads = [layer(one).unflatten(2, (self.heads, -1)).transpose(1, 2) for one, layer in told]
        mask = None if known is None else known[:, None, None]
        made = functional.scaled_dot_product_attention(*heads, attn_mask=mask, is_causal=causal)
        return self.out(made.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Of encoder or decoder, post-norm."""

    def __init__(self, width: int, hidden: int, heads: int, decodes: bool) -> None:
        super().__init__()
        self.own, self.own_norm = Attention(width, heads), nn.LayerNorm(width, 1e-6)
        if decodes:
            self.other, self.other_norm = Attention(width, heads), nn.LayerNorm(width, 1e-6)
        self.inner, self.outer, self.norm = (
            nn.Linear(width, hidden),
            nn.Linear(hidden, width),
            nn.LayerNorm(width, 1e-6),
        )

    def forward(self, x: Tensor, known: Tensor | None, source: Tensor | None = None) -> Tensor:
        """`x` (batch, place, width) to the same shape; `known` is of the source."""
        decodes = source is not None
        x = self.own_norm(x + self.own(x, x, None if decodes else known, causal=decodes))
        if decodes:
            x = self.other_norm(x + self.other(x, source, known))
        return self.norm(x + self.outer(functional.relu(self.inner(x))))


class Transformer(nn.Module):
    """Encoder and decoder of one table, with which the logits are made too; cross-entropy a token."""

    def __init__(self, options: Mapping[str, Any], given: Batch) -> None:
        super().__init__()
        sizes = options["width"], options["hidden"], options["heads"]
        self.table = nn.Embedding(options["outputs"], options["width"])
        self.encoder = nn.ModuleList(Layer(*sizes, decodes=False) for _ in range(options["depth"]))
        self.decoder = nn.ModuleList(Layer(*sizes, decodes=True) for _ in range(options["depth"]))
        longest = max(given[name].shape[-1] for name in ("source", "target"))
        self.register_buffer("places", waves(longest, options["width"]))

    def parameters(self, recurse: bool = True) -> list[nn.Parameter]:
        """In Keras's order: what the decoder makes of the source is part of the encoder there."""
        seen = [getattr(layer.other, name) for name in ("key", "value") for layer in self.decoder]
        first = [self.table.weight, *(p for part in (*self.encoder, *seen) for p in part.parameters())]
        had = {id(parameter) for parameter in first}
        return [*first, *(p for p in super().parameters() if id(p) not in had)]

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        source, target = batch["source"], batch["target"]
        before = torch.cat([torch.full_like(target[:, :1], START), target[:, :-1]], dim=1)
        known = source != PADDING
        x, y = self.codes(source), self.codes(before)
        for layer in self.encoder:
            x = layer(x, known)
        for layer in self.decoder:
            y = layer(y, known, x)
        logits = y @ self.table.weight.T
        return functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PADDING)

    def codes(self, tokens: Tensor) -> Tensor:
        """(batch, place, width)."""
        return self.table(tokens) * math.sqrt(self.table.embedding_dim) + self.places[: tokens.shape[1]]


def waves(longest: int, width: int) -> Tensor:
    """Sines and cosines in turns (place, width)."""
    angles = torch.arange(longest)[:, None] / 10_000 ** (torch.arange(0, width, 2) / width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


class VAE(nn.Module):
    """A Gaussian code, and coins out of it; the negative evidence lower bound."""

    def __init__(self, options: Mapping[str, Any], given: Batch) -> None:
        super().__init__()
        pixels, hidden, latent = given["image"][0, 0].numel(), options["hidden"], options["latent"]
        self.encoder, self.mean, self.log_variance = (
            nn.Linear(a, b) for a, b in ((pixels, hidden), (hidden, latent), (hidden, latent))
        )
        self.inner, self.outer = nn.Linear(latent, hidden), nn.Linear(hidden, pixels)

    def forward(self, batch: Batch) -> Tensor:
        """The loss."""
        x = batch["image"].flatten(1)
        encoded = torch.tanh(self.encoder(x))
        mean, log_variance = self.mean(encoded), self.log_variance(encoded)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        logits = self.outer(torch.tanh(self.inner(code)))
        nats = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return (nats + divergence) / len(x)


NETWORKS: Mapping[str, Callable[[Mapping[str, Any], Batch], nn.Module]] = {
    "mlp": MLP,
    "lenet5": LeNet5,
    "resnet20": ResNet20,
    "unet": UNet,
    "yolo_v2": YOLOv2,
    "lstm": LSTM,
    "transformer_base": Transformer,
    "vae": VAE,
}
FLAT = (MLP, VAE)
"""Those that read pictures as one row of numbers; others have the channels before the sides."""


def put(net: nn.Module, weights: list[np.ndarray]) -> None:
    """Set the parameters to Keras's weights; raises `ValueError` where they are not those of the same network."""
    tables = {id(module.weight) for module in net.modules() if isinstance(module, nn.Embedding)}
    for parameter, weight in zip([p for p in net.parameters() if p.requires_grad], weights, strict=True):
        value = torch.from_numpy(weight)
        if value.ndim == 4:
            value = value.permute(3, 2, 0, 1)
        elif value.ndim == 2 and id(parameter) not in tables:
            value = value.T
        if value.shape != parameter.shape:
            raise ValueError(f"a weight of Keras's is {tuple(weight.shape)}, PyTorch's {tuple(parameter.shape)}")
        parameter.data.copy_(value)


def main(given_path: str, network_path: str) -> None:
    """Answer each line of standard input with the seconds of a step with each batch."""
    with open(network_path, encoding="utf-8") as file:
        options = json.load(file)
    with np.load(given_path) as file:
        arrays = {name: file[name] for name in file.files}
    weights = [arrays.pop(f"weight{number}") for number in range(sum(name.startswith("weight") for name in arrays))]
    given = {name: torch.from_numpy(a if a.dtype.kind == "f" else a.astype("int64")) for name, a in arrays.items()}
    if options["name"] not in NETWORKS:
        sys.exit(f"{options['name']} is not written in PyTorch; there are {', '.join(NETWORKS)}")
    net = NETWORKS[options["name"]](options, given)
    put(net, weights)
    if "image" in given and not isinstance(net, FLAT):
        given["image"] = given["image"].permute(0, 1, 4, 2, 3).contiguous()
    count = len(next(iter(given.values())))
    batches = [{name: values[number] for name, values in given.items()} for number in range(count)]
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=RATE)
    for _ in sys.stdin:
        start, losses = time.perf_counter(), []
        for batch in batches:
            optimizer.zero_grad()
            loss = net(batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "loss": torch.stack(losses).tolist()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
