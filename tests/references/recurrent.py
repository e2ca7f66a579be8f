"""Recurrent layers in PyTorch: its own cells where it has them, else the papers' equations with its autograd.

`python recurrent.py GIVEN.npz MADE.npz`. Given are, of each case `NAME.`: `x` (batch, step, feature), `kernel`
(feature, sums), `recurrent` (unit, sums) and `bias` in the order of Keras, of a GRU with its reset gate after the
product two biases, `peepholes` (3, unit) of the gates input, forget and output, and `share` (batch, step, unit). Made
are, in float64, `NAME.states` (batch, step, unit) and the gradients of the sum of states times share, by the names of
what is given.
"""

import sys

import numpy as np
import torch
from torch import nn


def torchs(kind, x, kernel, recurrent, bias, order):
    """PyTorch's layer; `order` says which of the sums of Keras stands at each of its places."""
    units = len(recurrent)

    def moved(weight):
        return torch.cat([weight[..., units * place : units * (place + 1)] for place in order], dim=-1)

    biases = bias if bias.ndim == 2 else torch.stack([bias, torch.zeros_like(bias)])
    weights = [moved(kernel).T, moved(recurrent).T, *moved(biases)]
    layer = kind(x.shape[-1], units, batch_first=True).double()
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    states, *_ = torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), (x,))
    return states


def by_equations(step, x, recurrent):
    """Each state from the one before it; what `step` is given and gives may hold a cell behind the state."""
    held = (torch.zeros(len(x), len(recurrent), dtype=torch.float64),) * 2
    states = []
    for place in range(x.shape[1]):
        held = step(x[:, place], *held)
        states.append(held[0])
    return torch.stack(states, dim=1)


def gru_before(x, kernel, recurrent, bias):
    """Cho et al. 2014, equations 5 to 8: the reset gate on the state, before its product."""
    wz, wr, w = kernel.chunk(3, dim=1)
    uz, ur, u = recurrent.chunk(3, dim=1)
    bz, br, b = bias.chunk(3)

    def step(told, h, _):
        z, r = torch.sigmoid(told @ wz + h @ uz + bz), torch.sigmoid(told @ wr + h @ ur + br)
        return z * h + (1 - z) * torch.tanh(told @ w + (r * h) @ u + b), h

    return by_equations(step, x, recurrent)


def gru_simplified(x, kernel, recurrent, bias):
    """One gate, on the new state."""

    def step(told, h, _):
        gate, new = (told @ kernel + h @ recurrent + bias).chunk(2, dim=1)
        gate = torch.sigmoid(gate)
        return h + gate * (torch.tanh(new) - h), h

    return by_equations(step, x, recurrent)


def lstm_peephole(x, kernel, recurrent, bias, peepholes):
    """Graves 2013, equations 7 to 11."""
    to_input, to_forget, to_output = peepholes

    def step(told, h, c):
        i, f, new, o = (told @ kernel + h @ recurrent + bias).chunk(4, dim=1)
        i, f = torch.sigmoid(i + to_input * c), torch.sigmoid(f + to_forget * c)
        c = f * c + i * torch.tanh(new)
        return torch.sigmoid(o + to_output * c) * torch.tanh(c), c

    return by_equations(step, x, recurrent)


CELLS = {
    "rnn": lambda **given: torchs(nn.RNN, **given, order=[0]),
    "lstm": lambda **given: torchs(nn.LSTM, **given, order=[0, 1, 2, 3]),
    "gru_after": lambda **given: torchs(nn.GRU, **given, order=[1, 0, 2]),
    "gru_before": gru_before,
    "gru_simplified": gru_simplified,
    "lstm_peephole": lstm_peephole,
}


def main(source, target):
    with np.load(source) as found:
        given = {name: torch.from_numpy(array).double() for name, array in found.items()}
    made = {}
    for case in dict.fromkeys(name.partition(".")[0] for name in given):
        own = {name.partition(".")[2]: value for name, value in given.items() if name.startswith(f"{case}.")}
        share = own.pop("share")
        for value in own.values():
            value.requires_grad_()
        states = CELLS[case](**own)
        (states * share).sum().backward()
        made[f"{case}.states"] = states.detach().numpy()
        made |= {f"{case}.{name}": value.grad.numpy() for name, value in own.items()}
    np.savez(target, **made)


if __name__ == "__main__":
    main(*sys.argv[1:])
