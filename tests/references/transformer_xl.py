"""Transformer-XL by the equations of arXiv:1901.02860, section 3.3: each score of a query and a key by itself.

`python transformer_xl.py HEADS GIVEN.npz MADE.npz`. Given are `tokens` (batch, place) and `memory` (batch, layer, kept,
channel); the table `word` and the logits' `bias`; `u` and `v` of all heads; and of each layer, as `0.`, the matrices
(input, unit) `query`, `key`, `value`, `distance` and `out`, `inner` and `outer` with `inner.bias` and `outer.bias`, and
the norms `norm1` and `norm2` as `norm1.scale` and `norm1.shift`. Made are `logits` and `memory`.
"""

import sys

import numpy as np

try:
    import torch
except ImportError:
    sys.exit(3)


def sinusoid(distance, channels):
    """R of a distance: section 3.3, by Vaswani et al. 2017, section 3.5."""
    code = torch.zeros(channels)
    for channel in range(channels):
        angle = torch.tensor(distance / 10_000 ** ((channel - channel % 2) / channels))
        code[channel] = torch.cos(angle) if channel % 2 else torch.sin(angle)
    return code


def attended(h, seen, layer, u, v, heads):
    """`h` (place, channel) looks at `seen` (key, channel), whose last rows it is."""
    places, channels = h.shape
    size = channels // heads
    earlier = len(seen) - places
    made = torch.zeros(places, channels)
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        for i in range(places):
            q = (h[i] @ layer["query"])[own]
            scores = []
            for j in range(earlier + i + 1):
                k = (seen[j] @ layer["key"])[own]
                r = (sinusoid(earlier + i - j, channels) @ layer["distance"])[own]
                scores.append((q @ k + q @ r + u[own] @ k + v[own] @ r) / size**0.5)
            shares = torch.softmax(torch.stack(scores), dim=0)
            for j, share in enumerate(shares):
                made[i, own] += share * (seen[j] @ layer["value"])[own]
    return made @ layer["out"]


def main(heads, source, target):
    with np.load(source) as found:
        given = {name: torch.from_numpy(array) for name, array in found.items()}
    tokens = given.pop("tokens").long()
    given = {name: value.double() for name, value in given.items()}
    torch.set_default_dtype(torch.float64)
    width = given["word"].shape[1]
    logits, memory = [], []
    for row, before in zip(tokens, given["memory"], strict=True):
        h, left = given["word"][row] * width**0.5, []
        for number, kept in enumerate(before):
            layer = {name[2:]: value for name, value in given.items() if name.startswith(f"{number}.")}
            seen = torch.cat([kept, h])
            left.append(seen[len(seen) - len(kept) :])
            norms = [(layer[f"norm{n}.scale"], layer[f"norm{n}.shift"]) for n in (1, 2)]
            o = h + attended(h, seen, layer, given["u"], given["v"], int(heads))
            o = torch.layer_norm(o, (width,), *norms[0], 1e-5)
            fed = torch.relu(o @ layer["inner"] + layer["inner.bias"]) @ layer["outer"] + layer["outer.bias"]
            h = torch.layer_norm(o + fed, (width,), *norms[1], 1e-5)
        logits.append(h @ given["word"].T + given["bias"])
        memory.append(torch.stack(left))
    np.savez(target, logits=torch.stack(logits).numpy(), memory=torch.stack(memory).numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
