"""Tuned numbers: what a drawn one means, and where it goes."""

import pytest

from archbench.config import Range
from archbench.tuning import value_of, with_values


@pytest.mark.parametrize(
    ("options", "drawn", "meant"),
    [
        ({"low": 0.1, "high": 1.0}, 0.25, 0.25),
        ({"low": 0.001, "high": 0.1, "log": True, "one_minus": True}, 0.01, 0.99),  # a beta of 1 - 0.01
        ({"low": 8.0, "high": 64.0, "integer": True}, 32.0, 32),
    ],
)
def test_a_drawn_number_is_itself_or_one_minus_it_or_whole(options, drawn, meant):
    value = value_of(drawn, Range(**options))
    assert value == pytest.approx(meant)
    assert isinstance(value, int) == options.get("integer", False)


def test_numbers_go_to_their_places_and_leave_the_settings_of_other_trials_alone():
    settings = {
        "optimizer": {"name": "adam", "beta_1": 0.9},
        "parts": {"regularizer": {"name": "l2", "strength": 0.1}},
        "batch_size": 32,
    }
    numbers = {"beta_1": 0.8, "learning_rate": 0.5, "parts.regularizer.strength": 0.2, "batch_size": 16}
    assert with_values(settings, numbers) == {
        "optimizer": {"name": "adam", "beta_1": 0.8, "learning_rate": 0.5},
        "parts": {"regularizer": {"name": "l2", "strength": 0.2}},
        "batch_size": 16,
    }
    assert settings["optimizer"] == {"name": "adam", "beta_1": 0.9}
    assert settings["parts"]["regularizer"]["strength"] == 0.1
