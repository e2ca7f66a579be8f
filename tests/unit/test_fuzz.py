"""No traceback, no hang and no wall of text from params.yaml, whatever stands in it."""

import pytest

import fuzz

SEED = 0
MUTATIONS = 1_000
TO_THE_END = 25
"""Of those accepted: to write dvc.yaml and to outline networks takes as long as all the reading before."""


def test_a_thousand_mutations_end_in_a_plan_or_in_one_message(tmp_path):
    refused = accepted = 0
    for number, text in enumerate(fuzz.mutations(SEED, MUTATIONS)):
        try:
            message = fuzz.attempt(text, tmp_path, to_the_end=accepted < TO_THE_END)
        except Exception as error:
            pytest.fail(f"mutation {number} of seed {SEED}: {type(error).__name__}: {str(error)[:300]}")
        assert fuzz.fault_of(message) is None, f"mutation {number} of seed {SEED}: {message[:300]}"
        accepted += message == "accepted"
        refused += message != "accepted"
    assert accepted > TO_THE_END
    assert refused > MUTATIONS / 2  # most are wrong, and a fuzzer that broke would be accepted


def test_mutations_are_the_same_again_and_differ_by_seed():
    assert [*fuzz.mutations(1, 30)] == [*fuzz.mutations(1, 30)] != [*fuzz.mutations(2, 30)]
