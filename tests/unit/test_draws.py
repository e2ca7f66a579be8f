"""The random numbers of layers and tasks: the hash by another implementation, and what a fair draw has."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.layers.draws import normal, uniform
from backend import compiled

MASK = 2**32 - 1


def _drawn(shape, seed, calls=1):
    generator = keras.random.SeedGenerator(seed)
    return [ops.convert_to_numpy(uniform(shape, generator)) for _ in range(calls)]


def _mixed(x):
    """`lowbias32` in Python's whole numbers."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & MASK
    return x ^ (x >> 16)


def test_the_numbers_are_two_rounds_of_the_hash_of_place_and_key():
    generator = keras.random.SeedGenerator(11)
    first, second = (int(value) for value in ops.convert_to_numpy(generator.state))
    key = _key(first, second)
    last = _mixed((key + 0x9E3779B9) & MASK)
    by_hand = [(_mixed((_mixed(place ^ key) + last) & MASK) >> 8) / 2**24 for place in range(12)]
    drawn = ops.convert_to_numpy(uniform((3, 4), generator))
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn, np.float32(by_hand).reshape(3, 4))


def test_the_compiled_numbers_are_the_same_ones():
    (expected,) = _drawn((5, 7), 3)
    found = compiled(lambda arrays, generator: uniform(arrays.shape, generator), np.zeros((5, 7), "float32"), seed=3)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_the_numbers_are_spread_evenly(seed):
    """Of 10**6 numbers: mean and variance within 4 deviations, and chi squared of 4096 cells, whose deviation is 90."""
    (drawn,) = _drawn((1000, 1000), seed)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert abs(drawn.mean(dtype="float64") - 0.5) < 4 * (1 / 12) ** 0.5 / 1000
    assert abs(drawn.var(dtype="float64") - 1 / 12) < 4 * (1 / 180) ** 0.5 / 1000
    counts = np.bincount((drawn.ravel() * 4096).astype(int), minlength=4096)
    assert abs((((counts - 10**6 / 4096) ** 2) / (10**6 / 4096)).sum() - 4095) < 4 * 90


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32, 2**40 + 7, -1])
def test_a_number_for_a_seed_draws_the_same_at_every_call_and_as_a_generator_whose_state_it_is(seed):
    first, again = (ops.convert_to_numpy(uniform((5, 7), seed)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    generator = keras.random.SeedGenerator(0)
    generator.state.assign(np.array([seed % 2**32, 0], "uint32"))
    np.testing.assert_array_equal(first, ops.convert_to_numpy(uniform((5, 7), generator)))


def test_normal_numbers_are_those_of_box_and_muller():
    far, turn = np.float64(ops.convert_to_numpy(uniform((2, 100_000), 3)))
    drawn = ops.convert_to_numpy(normal((100_000,), 3))
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn, np.sqrt(-2 * np.log1p(-far)) * np.cos(2 * np.pi * turn), atol=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_normal_numbers_have_the_moments_and_the_tails_of_their_distribution(seed):
    """Of 10**6: four moments within 4 deviations, and as many farther than 1, 2, 3 and 4 as there should be."""
    drawn = np.float64(ops.convert_to_numpy(normal((1000, 1000), keras.random.SeedGenerator(seed))))
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((drawn**power).mean() - moment) < 4 * variance**0.5 / 1000
    for bound, share in ((1, 0.317311), (2, 0.0455003), (3, 0.0026998), (4, 6.334e-5)):
        assert abs((abs(drawn) > bound).mean() - share) < 4 * share**0.5 / 1000
    assert abs(drawn).max() < 5.8


def test_the_farthest_normal_number_is_finite(monkeypatch):
    """Where the hash gives the largest and the smallest number there are."""
    for bits in (0.0, 1 - 2.0**-24):
        monkeypatch.setattr("archbench.layers.draws.uniform", lambda shape, _, u=bits: ops.full(shape, u, "float32"))
        assert 0 <= abs(ops.convert_to_numpy(normal((1,), 0))[0]) < 5.8


def test_neighbours_calls_and_seeds_have_nothing_in_common():
    """Correlations within 4 deviations of 0, between places beside and below each other, calls, and seeds."""
    (first, second), (other,) = _drawn((1000, 1000), 0, calls=2), _drawn((1000, 1000), 1)
    pairs = [(first[:, 1:], first[:, :-1]), (first[1:], first[:-1]), (first, second), (first, other), (second, other)]
    pairs += [(first, second[::-1]), (first, np.roll(second, 1))]
    for one, another in pairs:
        assert abs(np.corrcoef(one.ravel(), another.ravel())[0, 1]) < 4 / 1000


def _key(first, second):
    return _mixed((_mixed(first) + second) & MASK)


def test_two_draws_whose_keys_are_close_are_not_the_same_numbers_in_another_order():
    """As those of one round of a hash would be: keys that differ in their last 12 bits reorder 4096 places."""
    seen: dict[int, int] = {}
    for count in range(20_000):
        other = seen.setdefault(_key(0, count) >> 12, count)
        if other != count:
            break
    assert other != count
    draws = []
    for state in (other, count):
        generator = keras.random.SeedGenerator(0)
        generator.state.assign(np.array([0, state], "uint32"))
        draws.append(ops.convert_to_numpy(uniform((64, 64), generator)))
    assert not np.array_equal(*(np.sort(drawn, axis=None) for drawn in draws))
    assert abs(np.corrcoef(draws[0].ravel(), draws[1].ravel())[0, 1]) < 4 / 64
