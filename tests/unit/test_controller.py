"""The controller of a search: its gradient, its steps, what it proposes, and that it finds what is best."""

import csv
import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from archbench.sweeps import controller
from archbench.sweeps.controller import Controller
from formula_weights import formula
from references import reference

GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "controller_steps.csv").open(newline="")))
SIZES = (3, 2, 4)
CHILDREN = [(2, 0, 3), (0, 1, 1), (2, 0, 0), (1, 1, 3), (2, 0, 3)]
REWARDS = [0.5, 0.25, 0.75, -1.0, 0.625]


def _made() -> Controller:
    """A controller of 5 units with weights from a formula, so large that every gate bends."""
    made = Controller(SIZES, np.random.default_rng(0), units=5)
    for number, name in enumerate(made.weights):
        made.weights[name] = 2.4 * formula(made.weights[name].shape, number) - 1.2
    return made


def _log_chance(made, choices) -> float:
    return sum(math.log(chances[choice]) for chances, choice in zip(made.chances(choices), choices, strict=True))


def _learned() -> Controller:
    made = _made()
    for choices, reward in zip(CHILDREN, REWARDS, strict=True):
        made.learn(choices, reward)
    return made


def test_the_gradient_is_that_of_central_differences():
    made, step = _made(), 1e-5
    gradient = made.gradient(CHILDREN[0], -0.7)
    assert set(gradient) == set(made.weights)
    for name, weight in made.weights.items():
        for place in np.ndindex(weight.shape):
            value, ends = weight[place], []
            for moved in (value + step, value - step):
                weight[place] = moved
                ends.append(-0.7 * _log_chance(made, CHILDREN[0]))
            weight[place] = value
            slope = (ends[0] - ends[1]) / (2 * step)
            assert gradient[name][place] == pytest.approx(slope, abs=1e-9), (name, place)


def test_the_gradient_and_all_steps_are_pytorchs():
    case = {"sizes": SIZES, "layers": controller.LAYERS, "choices": CHILDREN, "rewards": REWARDS}
    case |= {"rate": controller.LEARNING_RATE, "decay": controller.DECAY}
    found = reference("controller", json.dumps(case), **_made().weights)
    gradient, learned = _made().gradient(CHILDREN[0], 1.0), _learned().weights
    for name in learned:
        np.testing.assert_allclose(gradient[name], found[f"gradient {name}"], rtol=1e-9, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(learned[name], found[f"learned {name}"], rtol=1e-7, atol=1e-9, err_msg=name)
    for row in GOLDEN:
        assert found[f"{row['what']} {row['weight']}"].ravel()[int(row["place"])] == pytest.approx(float(row["value"]))


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['what']} {row['weight']}")
def test_the_gradient_and_all_steps_are_the_golden_ones(row):
    arrays = _made().gradient(CHILDREN[0], 1.0) if row["what"] == "gradient" else _learned().weights
    assert arrays[row["weight"]].ravel()[int(row["place"])] == pytest.approx(float(row["value"]), rel=1e-6)


def test_the_baseline_is_a_moving_average_of_the_rewards_before():
    made = _made()
    before = {name: value.copy() for name, value in made.weights.items()}
    made.learn(CHILDREN[0], 0.5)
    assert made.baseline == 0.5
    assert all((made.weights[name] == before[name]).all() for name in before)  # there was nothing to compare with
    made.learn(CHILDREN[1], 1.0)
    assert made.baseline == pytest.approx(controller.DECAY * 0.5 + (1 - controller.DECAY) * 1.0)


@pytest.mark.parametrize("scale", [1, 1e3])
def test_neither_the_scale_of_rewards_nor_where_it_begins_makes_a_difference(scale):
    """But for Adam's epsilon; its four steps move a weight by up to 0.02."""
    made, other = _made(), _made()
    for choices, reward in zip(CHILDREN, REWARDS, strict=True):
        made.learn(choices, reward)
        other.learn(choices, 7.0 + scale * reward)
    for name in made.weights:
        np.testing.assert_allclose(other.weights[name], made.weights[name], rtol=0, atol=2e-4)


def test_proposals_have_the_chances_that_the_controller_says():
    """Of all 24 sequences: the chi-square of 6000 draws is below its 99.99 % point, which is 56.9 for 23."""
    made, draws = _made(), np.random.default_rng(1)
    counts = dict.fromkeys(product(*map(range, SIZES)), 0)
    for _ in range(6000):
        counts[made.propose(draws)] += 1
    chances = {cell: math.exp(_log_chance(made, cell)) for cell in counts}
    assert sum(chances.values()) == pytest.approx(1)
    assert sum((counts[cell] - 6000 * p) ** 2 / (6000 * p) for cell, p in chances.items()) < 56.9


def test_a_draw_at_the_very_end_is_the_last_value():
    chances = np.full(3, np.nextafter(1 / 3, 0))
    assert [controller._draw(chances, uniform) for uniform in (0.0, 0.34, 1 - 1e-16)] == [0, 1, 2]


def test_it_is_the_papers_controller():
    """Section 4.1: two layers of 35 units, weights uniform between -0.08 and 0.08."""
    weights = Controller((3, 3), np.random.default_rng(0)).weights
    assert weights["lstm 0"].shape == weights["lstm 1"].shape == (70, 140)
    assert "lstm 2" not in weights
    values = np.concatenate([value.ravel() for value in weights.values()])
    assert 0.0799 < values.max() <= 0.08
    assert -0.08 <= values.min() < -0.0799


def _found_best(seed: int, children: int) -> bool:
    """Whether the best of 256 cells is among so many children; a reward is the mean of what each choice is worth."""
    random = np.random.default_rng(seed)
    worth = [random.permutation(4) / 3 for _ in range(4)]
    made = Controller((4, 4, 4, 4), random)
    for _ in range(children):
        choices = made.propose(random)
        reward = np.mean([values[choice] for values, choice in zip(worth, choices, strict=True)])
        if reward == 1:
            return True
        made.learn(choices, reward)
    return False


def test_on_a_table_of_rewards_it_finds_the_best_cell_far_sooner_than_random():
    """Random draws find one of 256 cells in 80 with the chance 1 - (255/256)^80 = 0.269.

    So of 12 seeds 3.2 find it; that 9 or more do has the chance sum_k>=9 C(12, k) 0.269^k 0.731^(12-k) = 7.2e-4.
    """
    chance = 1 - (255 / 256) ** 80
    assert sum(math.comb(12, k) * chance**k * (1 - chance) ** (12 - k) for k in range(9, 13)) < 1e-3
    assert sum(_found_best(seed, 80) for seed in range(12)) >= 9
