"""Translation by deep LSTMs in PyTorch, a sentence and a word at a time: arXiv:1409.3215 and, with a score, 1508.04025.

`python deep_lstm.py SCORE WAY GIVEN.npz MADE.npz`. SCORE is none (no attention), dot, general or concat; WAY is
backwards or forwards. Given are the tokens `x0`, ... of the sources and `y0`, ... of the targets, each with the token
before it first; the tables `Ex` and `Ey`; of each layer, as `encoder.0.` or `decoder.0.`, `W`, `U` (4 units, input)
and `b`, for the gates i, f, g, o; `Wo` (word, unit) and `bo`; with a score `Wc`, and `Wa`, or `Wt`, `Ws` and `va`.
Where the first layer of the decoder reads more than a code, it is fed the attentional state before. Made are
`logits0`, ... (place, word) and with a score `attention0`, ... (place, word of the source).
"""

import sys

import numpy as np
import torch
from torch import nn


def stack(given, where):
    """The cells of an encoder or a decoder."""
    cells = []
    for number in range(sum(name.startswith(where) and name.endswith(".W") for name in given)):
        w, u, b = (given[f"{where}.{number}.{name}"] for name in "WUb")
        cell = nn.LSTMCell(w.shape[1], u.shape[1], dtype=torch.float64)
        cell.weight_ih.data, cell.weight_hh.data, cell.bias_ih.data = w, u, b
        cell.bias_hh.data = torch.zeros_like(b)
        cells.append(cell)
    return cells


def up(cells, x, states):
    """One step through all layers; `states` are changed."""
    for number, cell in enumerate(cells):
        states[number] = tuple(one[0] for one in cell(x[None], tuple(one[None] for one in states[number])))
        x = states[number][0]
    return x


def scores(given, score, h, annotations):
    """Equation 8."""
    if score == "dot":
        return torch.stack([h @ one for one in annotations])
    if score == "general":
        return torch.stack([h @ given["Wa"] @ one for one in annotations])
    return torch.stack([given["va"] @ torch.tanh(given["Wt"] @ h + given["Ws"] @ one) for one in annotations])


def translate(given, words, said, score, way):
    """The logits after each of `said`, and where the decoder looked."""
    readers, speakers = stack(given, "encoder"), stack(given, "decoder")
    units = readers[0].hidden_size
    zero = torch.zeros(units, dtype=torch.float64)
    states = [(zero, zero) for _ in readers]
    annotations = {}
    for place in range(len(words)) if way == "forwards" else range(len(words) - 1, -1, -1):
        annotations[place] = up(readers, given["Ex"][words[place]], states)
    annotations = [annotations[place] for place in range(len(words))]
    logits, looked, fed = [], [], zero
    feeding = speakers[0].input_size > given["Ey"].shape[1]
    for word in said:
        x = torch.cat([given["Ey"][word], fed]) if feeding else given["Ey"][word]
        h = up(speakers, x, states)
        if score != "none":
            shares = torch.softmax(scores(given, score, h, annotations), dim=0)
            context = sum(share * one for share, one in zip(shares, annotations, strict=True))
            h = fed = torch.tanh(given["Wc"] @ torch.cat([context, h]))
            looked.append(shares)
        logits.append(given["Wo"] @ h + given["bo"])
    return torch.stack(logits), torch.stack(looked) if looked else None


def main(score, way, source, target):
    with np.load(source) as found:
        given = {name: torch.from_numpy(array) for name, array in found.items()}
    given = {name: value.double() if value.is_floating_point() else value for name, value in given.items()}
    made = {}
    with torch.no_grad():
        for number in range(sum(name[0] == "x" for name in given)):
            logits, looked = translate(given, given[f"x{number}"], given[f"y{number}"], score, way)
            made[f"logits{number}"] = logits.numpy()
            if looked is not None:
                made[f"attention{number}"] = looked.numpy()
    np.savez(target, **made)


if __name__ == "__main__":
    main(*sys.argv[1:])
