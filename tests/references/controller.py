"""The controller of arXiv:1611.01578 and its REINFORCE updates, of PyTorch's own LSTM cells, autograd and Adam.

`python controller.py CASE GIVEN.npz MADE.npz`: CASE is JSON with `sizes`, `layers`, `rate`, `decay`, and of every child
`choices` and `rewards`. Given are the weights by name: of every layer `lstm N` (input and output before, gates) and
`lstm bias N`, the gates in the order input, forget, output, offer; of every choice `embedding N` of the choice before,
`output N` and `bias N`. Made are `gradient NAME` of the log-probability of the first child's choices, and `learned
NAME`: the weights after all children.
"""

import json
import sys

import numpy as np
import torch

case, source, target = json.loads(sys.argv[1]), *sys.argv[2:]
given = np.load(source)
units = given["embedding 0"].shape[1]
torch.set_default_dtype(torch.float64)


def gates(array):
    """Gates last, as we have them, in PyTorch's order, input, forget, offer, output; turning this back is the same."""
    take, keep, third, fourth = np.split(array, 4, axis=-1)
    return np.concatenate([take, keep, fourth, third], axis=-1)


cells = torch.nn.ModuleList(torch.nn.LSTMCell(units, units) for _ in range(case["layers"]))
for layer, cell in enumerate(cells):
    kernel = torch.tensor(gates(given[f"lstm {layer}"]).T.copy())
    cell.weight_ih.data, cell.weight_hh.data = kernel[:, :units].clone(), kernel[:, units:].clone()
    cell.bias_ih.data = torch.tensor(gates(given[f"lstm bias {layer}"]))
    cell.bias_hh.data.zero_()
    cell.bias_hh.requires_grad_(False)
heads = torch.nn.ModuleList(torch.nn.Linear(units, size) for size in case["sizes"])
tables = torch.nn.ModuleList(torch.nn.Embedding(size, units) for size in (1, *case["sizes"][:-1]))
for place, (head, table) in enumerate(zip(heads, tables, strict=True)):
    head.weight.data = torch.tensor(given[f"output {place}"].T.copy())
    head.bias.data = torch.tensor(given[f"bias {place}"])
    table.weight.data = torch.tensor(given[f"embedding {place}"])


def log_chance(choices):
    states = [(torch.zeros(1, units), torch.zeros(1, units)) for _ in cells]
    total, before = 0.0, 0
    for choice, head, table in zip(choices, heads, tables, strict=True):
        x = table(torch.tensor([before]))
        for layer, cell in enumerate(cells):
            states[layer] = cell(x, states[layer])
            x = states[layer][0]
        total = total + torch.distributions.Categorical(logits=head(x)).log_prob(torch.tensor([choice])).sum()
        before = choice
    return total


def arrays(kind, of):
    """Every weight, or what `of` makes of it, under our names and in our layout."""
    made = {}
    for layer, cell in enumerate(cells):
        made[f"lstm {layer}"] = gates(np.concatenate([of(cell.weight_ih).T, of(cell.weight_hh).T]))
        made[f"lstm bias {layer}"] = gates(of(cell.bias_ih))
    for place, (head, table) in enumerate(zip(heads, tables, strict=True)):
        made |= {f"output {place}": of(head.weight).T, f"bias {place}": of(head.bias)}
        made[f"embedding {place}"] = of(table.weight)
    return {f"{kind} {name}": array for name, array in made.items()}


weights = [weight for module in (cells, heads, tables) for weight in module.parameters() if weight.requires_grad]
adam = torch.optim.Adam(weights, lr=case["rate"], maximize=True)
log_chance(case["choices"][0]).backward()
found = arrays("gradient", lambda weight: weight.grad.numpy().copy())
baseline = None
for choices, reward in zip(case["choices"], case["rewards"], strict=True):
    if baseline is not None:
        adam.zero_grad(set_to_none=False)
        ((reward - baseline) * log_chance(choices)).backward()
        adam.step()
    baseline = reward if baseline is None else case["decay"] * baseline + (1 - case["decay"]) * reward
np.savez(target, **found, **arrays("learned", lambda weight: weight.detach().numpy().copy()))
