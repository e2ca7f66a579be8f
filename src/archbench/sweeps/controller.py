"""A recurrent controller that writes one choice after another and learns by REINFORCE.

Zoph and Le 2016, arXiv:1611.01578, section 3.2; its size, its first weights and its optimizer are those of section 4.1.
Differs from the paper: the learning rate is higher and every child makes a step of its own, since a study has tens of
children and not thousands; a reward is the score itself, whose scale Adam makes no difference of, and not its cube.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

UNITS = 35
LAYERS = 2
SPREAD = 0.08
"""Weights start uniform between -SPREAD and SPREAD."""
LEARNING_RATE = 0.005
"""Of Adam; the paper has 0.0006."""
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
DECAY = 0.8
"""What the baseline, an exponential moving average of rewards, keeps of itself."""

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class _Cell:
    """One step of one layer: what it read, its gates, and its state before and after."""

    read: np.ndarray
    """Its input, and its own output of the step before."""
    take: np.ndarray
    keep: np.ndarray
    show: np.ndarray
    """The input, forget and output gates."""
    offer: np.ndarray
    """What the memory is offered."""
    before: np.ndarray
    memory: np.ndarray
    output: np.ndarray


@dataclass(frozen=True)
class _Step:
    """What one choice leaves behind for the way back."""

    cells: list[_Cell]
    """Of every layer, from the input up."""
    chances: np.ndarray
    """Of every value of the choice."""
    before: int
    """The choice before, which was its input; 0 for the first step."""
    choice: int


class Controller:
    """An LSTM whose outputs are choices: each is drawn from a softmax of its own and is the next step's input."""

    def __init__(self, sizes: Sequence[int], random: np.random.Generator, units: int = UNITS):
        """`sizes` tells of each choice among how many values it is; `random` draws the first weights."""
        self.sizes, self.units = tuple(sizes), units
        self.weights = {name: random.uniform(-SPREAD, SPREAD, shape) for name, shape in self._shapes().items()}
        self.baseline: float | None = None
        self._steps = 0
        self._first = {name: np.zeros_like(value) for name, value in self.weights.items()}
        self._second = {name: np.zeros_like(value) for name, value in self.weights.items()}

    def propose(self, random: np.random.Generator) -> tuple[int, ...]:
        """One sequence of choices, drawn from the policy."""
        return tuple(step.choice for step in self._run(lambda place, chances: _draw(chances, random.random())))

    def chances(self, choices: Sequence[int]) -> list[np.ndarray]:
        """P(a_t | a_1 .. a_t-1) of every value of each choice a_t, where those before it were these."""
        return [step.chances for step in self._follow(choices)]

    def learn(self, choices: Sequence[int], reward: float) -> None:
        """One step of Adam up the policy gradient of these choices, by how much their reward is above the baseline.

        The baseline is that of the rewards before, so that it does not depend on the choices; the first reward sets it.
        """
        if self.baseline is None:
            self.baseline = reward
            return
        self._climb(self.gradient(choices, reward - self.baseline))
        self.baseline = DECAY * self.baseline + (1 - DECAY) * reward

    def gradient(self, choices: Sequence[int], advantage: float) -> Weights:
        """The gradient of advantage sum_t log P(a_t | a_1 .. a_t-1) by every weight: back through time."""
        gradient = {name: np.zeros_like(value) for name, value in self.weights.items()}
        ahead = [(np.zeros(self.units), np.zeros(self.units))] * LAYERS
        for place, step in reversed(list(enumerate(self._follow(choices)))):
            rise = advantage * (np.eye(self.sizes[place])[step.choice] - step.chances)
            gradient[f"output {place}"] = np.outer(step.cells[-1].output, rise)
            gradient[f"bias {place}"] = rise
            below = self.weights[f"output {place}"] @ rise
            for layer in reversed(range(LAYERS)):
                cell = step.cells[layer]
                gates, kept = _back(cell, below + ahead[layer][0], ahead[layer][1])
                gradient[f"lstm {layer}"] += np.outer(cell.read, gates)
                gradient[f"lstm bias {layer}"] += gates
                below, output = np.split(self.weights[f"lstm {layer}"] @ gates, 2)
                ahead[layer] = output, kept
            gradient[f"embedding {place}"][step.before] = below
        return gradient

    def _follow(self, choices: Sequence[int]) -> list[_Step]:
        return self._run(lambda place, chances: choices[place])

    def _run(self, choose: Callable[[int, np.ndarray], int]) -> list[_Step]:
        """All choices, each made by `choose` from its place and the chances of its values."""
        states = [(np.zeros(self.units), np.zeros(self.units))] * LAYERS
        steps, before = [], 0
        for place in range(len(self.sizes)):
            x, cells = self.weights[f"embedding {place}"][before], []
            for layer in range(LAYERS):
                cells.append(self._cell(layer, x, *states[layer]))
                x, states[layer] = cells[-1].output, (cells[-1].output, cells[-1].memory)
            chances = _softmax(x @ self.weights[f"output {place}"] + self.weights[f"bias {place}"])
            steps.append(_Step(cells, chances, before, choose(place, chances)))
            before = steps[-1].choice
        return steps

    def _cell(self, layer: int, x: np.ndarray, output: np.ndarray, memory: np.ndarray) -> _Cell:
        read = np.concatenate([x, output])
        take, keep, show, offer = np.split(read @ self.weights[f"lstm {layer}"] + self.weights[f"lstm bias {layer}"], 4)
        take, keep, show, offer = _sigmoid(take), _sigmoid(keep), _sigmoid(show), np.tanh(offer)
        new = keep * memory + take * offer
        return _Cell(read, take, keep, show, offer, memory, new, show * np.tanh(new))

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of every weight."""
        units, shapes = self.units, {}
        for layer in range(LAYERS):
            shapes |= {f"lstm {layer}": (2 * units, 4 * units), f"lstm bias {layer}": (4 * units,)}
        for place, (before, size) in enumerate(zip((1, *self.sizes), self.sizes, strict=False)):
            shapes |= {
                f"embedding {place}": (before, units),
                f"output {place}": (units, size),
                f"bias {place}": (size,),
            }
        return shapes

    def _climb(self, gradient: Weights) -> None:
        """One step of Adam, upwards. Kingma and Ba 2014, arXiv:1412.6980, algorithm 1."""
        self._steps += 1
        for name, slope in gradient.items():
            self._first[name] = BETA_1 * self._first[name] + (1 - BETA_1) * slope
            self._second[name] = BETA_2 * self._second[name] + (1 - BETA_2) * slope**2
            first = self._first[name] / (1 - BETA_1**self._steps)
            second = self._second[name] / (1 - BETA_2**self._steps)
            self.weights[name] = self.weights[name] + LEARNING_RATE * first / (np.sqrt(second) + EPSILON)


def _back(cell: _Cell, output: np.ndarray, memory: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From the gradients by a cell's output and by its memory, as the step ahead has it, those by what its gates are
    made of and by the memory before."""
    squashed = np.tanh(cell.memory)
    memory = memory + output * cell.show * (1 - squashed**2)
    gates = [
        memory * cell.offer * cell.take * (1 - cell.take),
        memory * cell.before * cell.keep * (1 - cell.keep),
        output * squashed * cell.show * (1 - cell.show),
        memory * cell.take * (1 - cell.offer**2),
    ]
    return np.concatenate(gates), memory * cell.keep


def _draw(chances: np.ndarray, uniform: float) -> int:
    """The choice at which the sum of the chances goes above a number that is uniform in [0, 1)."""
    return min(int(np.searchsorted(np.cumsum(chances), uniform, side="right")), len(chances) - 1)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))
