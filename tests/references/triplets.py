"""The triplet loss of arXiv:1503.03832 with negatives mined in the batch, triplet by triplet in PyTorch.

`python triplets.py CASE GIVEN.npz MADE.npz`: CASE is JSON with `mining` (hard, semi_hard) and `margin`; given are
`label` (example,) and `embedding` (example, length). Made are `loss`, the mean over all triplets, `active`, the share
of them that cost anything, and the `gradient` of the loss by the embedding.
"""

import json
import sys

import numpy as np
import torch

case, source, target = json.loads(sys.argv[1]), *sys.argv[2:]
given = np.load(source)
label = given["label"].tolist()
embedding = torch.from_numpy(given["embedding"]).double().requires_grad_()


def apart(a, b):
    return ((embedding[a] - embedding[b]) ** 2).sum()


def negative(a, p):
    """The example of another class that the triplet of anchor `a` and positive `p` takes."""
    others = sorted((n for n in range(len(label)) if label[n] != label[a]), key=lambda n: apart(a, n).item())
    if case["mining"] == "hard":
        return others[0]
    return next((n for n in others if apart(a, n) > apart(a, p)), others[-1])


costs = [
    torch.relu(apart(a, p) - apart(a, negative(a, p)) + case["margin"])
    for a in range(len(label))
    for p in range(len(label))
    if a != p and label[a] == label[p]
]
loss = torch.stack(costs).mean()
loss.backward()
active = float(np.mean([cost.item() > 0 for cost in costs]))
np.savez(target, loss=loss.item(), active=active, gradient=embedding.grad.numpy())
