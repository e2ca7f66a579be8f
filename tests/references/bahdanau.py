"""RNNsearch in PyTorch, from the equations of appendix A of arXiv:1409.0473; a sentence at a time, with nothing padded.

`python bahdanau.py GIVEN.npz MADE.npz`. Given are the tokens `x0`, `x1`, ... of the sources and `y0`, `y1`, ... of the
targets, each with the token before it first; and every matrix of the appendix, by its name: `Ex`, `W`, `Wz`, `Wr`, `U`,
`Uz`, `Ur` with `_forward`, `_backward` or `_decoder` behind it, `C`, `Cz`, `Cr`, `Ws`, `Wa`, `Ua`, `va`, `Ey`, `Uo`,
`Vo`, `Co`, `Wo`, and `b` before the name of a sum for its bias. Made are `logits0`, ... (place, word) and `attention0`,
... (place, word of the source).
"""

import sys

import numpy as np
import torch


def unit(given, where, x, s, c=None):
    """A.1.1 and A.1.2: x is the code of the word, s the state before, c the context."""

    def total(gate, state):
        told = given[f"W{gate}_{where}"] @ x + given[f"U{gate}_{where}"] @ state + given[f"b{gate}_{where}"]
        return told if c is None else told + given[f"C{gate}"] @ c

    update, reset = torch.sigmoid(total("z", s)), torch.sigmoid(total("r", s))
    proposed = torch.tanh(total("", reset * s))
    return (1 - update) * s + update * proposed


def annotations(given, words):
    """A.2.1: h (word, 2 n), both ways side by side."""
    units = len(given["b_forward"])
    ways = []
    for where, order in (("forward", range(len(words))), ("backward", reversed(range(len(words))))):
        state, states = torch.zeros(units, dtype=torch.float64), {}
        for place in order:
            state = unit(given, where, given["Ex"][words[place]], state)
            states[place] = state
        ways.append(torch.stack([states[place] for place in range(len(words))]))
    return torch.cat(ways, dim=1), ways[1][0]


def translate(given, words, said):
    """A.2.2: the logits of each word after those of `said` up to it, and where the decoder looked."""
    h, first = annotations(given, words)
    s = torch.tanh(given["Ws"] @ first + given["bs"])
    logits, looked = [], []
    for word in said:
        e = torch.stack([given["va"] @ torch.tanh(given["Wa"] @ s + given["Ua"] @ one + given["ba"]) for one in h])
        share = torch.exp(e) / torch.exp(e).sum()
        c = (share[:, None] * h).sum(dim=0)
        y = given["Ey"][word]
        wide = given["Uo"] @ s + given["Vo"] @ y + given["Co"] @ c + given["bo"]
        t = torch.stack([torch.maximum(wide[2 * j], wide[2 * j + 1]) for j in range(len(wide) // 2)])
        logits.append(given["Wo"] @ t + given["bw"])
        looked.append(share)
        s = unit(given, "decoder", y, s, c)
    return torch.stack(logits), torch.stack(looked)


def main(source, target):
    with np.load(source) as found:
        given = {name: torch.from_numpy(array) for name, array in found.items()}
    weights = {name: value.double() for name, value in given.items() if value.is_floating_point()}
    made = {}
    for number in range(sum(name.startswith("x") for name in given)):
        logits, attention = translate(weights, given[f"x{number}"], given[f"y{number}"])
        made[f"logits{number}"], made[f"attention{number}"] = logits.numpy(), attention.numpy()
    np.savez(target, **made)


if __name__ == "__main__":
    main(*sys.argv[1:])
