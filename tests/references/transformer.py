"""PyTorch's Transformer, post-norm and without the norms after its stacks, a sentence at a time, nothing padded.

`python transformer.py HEADS GIVEN.npz MADE.npz`. Given are the tokens `x0`, ... of the sources and `y0`, ... of the
targets, each with the token before it first; the `table` (word, channel); and of each layer, as `encoder.0.` or
`decoder.0.`, the matrices (unit, input) and biases of `own` and `other` attention (`own.query.weight`,
`own.query.bias`, key, value, out), `inner` and `outer`, and the norms `norm1`, `norm2`, `norm3`. Made are `logits0`,
... (place, word) and `attention0`, ... (place, word of the source): of the last layer, the mean over its heads.
"""

import sys

import numpy as np
import torch
from torch import nn


def sinusoids(count, channels):
    """Section 3.5, number by number."""
    codes = torch.zeros(count, channels, dtype=torch.float64)
    for place in range(count):
        for channel in range(channels):
            angle = place / 10000 ** (2 * (channel // 2) / channels)
            codes[place, channel] = np.sin(angle) if channel % 2 == 0 else np.cos(angle)
    return codes


def copied(layer, given, where):
    """`layer` with the weights given for it."""

    def put(to, name):
        to.weight.data, to.bias.data = given[f"{where}{name}.weight"], given[f"{where}{name}.bias"]

    for attention, name in ((layer.self_attn, "own"), (getattr(layer, "multihead_attn", None), "other")):
        if attention is not None:
            for kind in ("weight", "bias"):
                three = torch.cat([given[f"{where}{name}.{one}.{kind}"] for one in ("query", "key", "value")])
                getattr(attention, f"in_proj_{kind}").data = three
            put(attention.out_proj, f"{name}.out")
    put(layer.linear1, "inner")
    put(layer.linear2, "outer")
    for name in ("norm1", "norm2", "norm3"):
        if hasattr(layer, name):
            put(getattr(layer, name), name)


def network(given, heads):
    """`nn.Transformer` with these weights."""
    width, hidden = given["table"].shape[1], len(given["encoder.0.inner.bias"])
    depth = sum(name.startswith("encoder.") and name.endswith(".inner.bias") for name in given)
    made = nn.Transformer(
        width, heads, depth, depth, hidden, dropout=0.0, layer_norm_eps=1e-6, batch_first=True, dtype=torch.float64
    ).eval()
    made.encoder.norm = made.decoder.norm = None
    for number in range(depth):
        copied(made.encoder.layers[number], given, f"encoder.{number}.")
        copied(made.decoder.layers[number], given, f"decoder.{number}.")
    return made


def main(heads, source, target):
    with np.load(source) as found:
        given = {name: torch.from_numpy(array) for name, array in found.items()}
    given = {name: value.double() if value.is_floating_point() else value.long() for name, value in given.items()}
    net, table = network(given, int(heads)), given["table"]
    looked = []
    attention = net.decoder.layers[-1].multihead_attn
    forward = attention.forward

    def watched(*arguments, **options):
        made = forward(*arguments, **{**options, "need_weights": True})
        looked.append(made[1])
        return made

    attention.forward = watched

    def codes(tokens):
        return (table[tokens] * table.shape[1] ** 0.5 + sinusoids(len(tokens), table.shape[1]))[None]

    made = {}
    with torch.no_grad():
        for number in range(sum(name[0] == "x" and name[1:].isdigit() for name in given)):
            x, y = given[f"x{number}"], given[f"y{number}"]
            later = torch.triu(torch.ones(len(y), len(y), dtype=torch.bool), diagonal=1)
            states = net(codes(x), codes(y), tgt_mask=later)[0]
            made[f"logits{number}"], made[f"attention{number}"] = (states @ table.T).numpy(), looked[-1][0].numpy()
    np.savez(target, **made)


if __name__ == "__main__":
    main(*sys.argv[1:])
