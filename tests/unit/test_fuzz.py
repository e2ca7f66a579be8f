"""No traceback, no hang and no wall of text from params.yaml, whatever stands in it."""

import os
import subprocess
import sys

import pytest

import fuzz
from archbench.cli.record_checks import check_project

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


GOOD = """
pipeline: toy
datasets: {digits: {size: 32}}
benchmarks: {one: {architecture: lenet5, dataset: digits}}
"""
MERGES = "\n".join(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 30))
WALL = "\n".join(f"wrong-{number}: {number}" for number in range(5_000))


@pytest.mark.parametrize(
    ("params", "words", "says"),
    [
        (f"m0: &m0 {{x: 1}}\n{MERGES}{GOOD}", ("plan",), "at most 100,000 are read"),
        (
            GOOD.replace("lenet5", "{name: mlp, units: [0]}"),
            ("plan",),
            "units cannot be [0]. At place 1: Input should",
        ),
        (GOOD.replace("toy", "x" * 300), ("report",), "pipeline: String should have at most 100 characters"),
        (GOOD + WALL, ("train", "one"), "... and 4,990 more mistakes"),
        (GOOD, ("train", "x" * 10_000), "params.yaml has no benchmark 'xxx"),
        (GOOD, ("sweep", "\x1b[31mred\x07"), r"no study '\x1b[31mred\x07'"),
        (GOOD, ("show", "\x1b[2J" + "y" * 10_000), r"is called '\x1b[2Jyyy"),
        (GOOD, ("list", "z" * 10_000), "There is no kind 'zzz"),
    ],
    ids=("merges", "no units", "long slug", "wall", "long name", "escapes", "long entry", "long kind"),
)
def test_a_process_ends_in_one_short_message(tmp_path, params, words, says):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(params)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "archbench", *words]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr[-2_000:]
    assert done.stdout == ""
    message = done.stderr.removeprefix("error: ").removesuffix("\n")
    assert says in message
    assert fuzz.fault_of(message) is None


def test_doctor_tells_of_a_wrong_file_in_a_line(tmp_path):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(GOOD + WALL)
    (finding,) = check_project(tmp_path)
    assert finding.check == "params.yaml"
    assert "wrong-0: unknown key" in finding.text
    assert fuzz.fault_of(finding.text) is None
