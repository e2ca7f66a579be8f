"""The collection of faults keeps in step with the code and the tests that it names."""

import subprocess
import sys

import pytest

from mutants import PROJECT, Mutant, areas, read

MUTANTS = read(areas())


@pytest.mark.parametrize("area", areas())
def test_every_fault_fits_the_code_once_and_names_tests_that_are_there(area):
    for mutant in read([area]):
        mutant.put_into((PROJECT / mutant.path).read_text(encoding="utf-8"))
        assert mutant.why.endswith("."), mutant
        assert mutant.tests, mutant
        for test in mutant.tests:
            file, _, name = test.partition("::")
            text = (PROJECT / "tests" / file).read_text(encoding="utf-8")
            assert f"def {name.partition('[')[0]}" in text, f"{area}.toml: there is no test {test}"


def test_no_fault_stands_twice():
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a + b", "a - b", "stands 0 times"),
        ("x", "y", "stands 2 times"),
        ("x + 1", "(x + 1)", "changes nothing"),
    ],
)
def test_a_fault_that_does_not_fit_is_told(old, new, message):
    with pytest.raises(ValueError, match=message):
        Mutant("area", "file.py", old, new, "Why.", ()).put_into("def f(x):\n    return x + 1\n")


def test_what_is_imported_before_a_fault_is_put_in_is_none_of_this_package():
    """A process that has imported the code as it is would test that, and every fault would survive."""
    code = "import sys; from mutants import run; run._import_what_is_slow(); print(*sys.modules)"
    paths = [str(PROJECT / "tests"), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}; {code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = done.stdout.split()
    assert "mlflow" in names
    assert not [name for name in names if name.partition(".")[0] == "archbench"]
