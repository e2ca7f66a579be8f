"""One dialect of YAML: what DVC reads, with keys that are text, and no file that cannot be held."""

import keyword
import time

import pytest
import yaml
from dvc.utils.serialize import parse_yaml

from archbench import dialect
from archbench.config import ConfigError, read_config

ALIKE = """
xla: on
arms: {on: {}, off: {}, yes: {}, no: {}}
trials: 010
octal: 0o10
hexadecimal: 0x1F
rates: [1e-3, 1E5, +1e3, .5, 1., 0.1e-3, -.inf]
clock: 12:30
words: [on, Off, YES, n, nullable, ~, null, Null, true, False, TRUE]
base: &base {a: 1, b: [2, 3]}
more: {<<: *base, b: 4}
text: |
  two
  lines
"""


def test_dvc_reads_the_same():
    values = dialect.read(ALIKE)
    assert values == parse_yaml(ALIKE, "params.yaml")
    assert (values["xla"], values["trials"], values["octal"], values["clock"]) == ("on", 10, 8, "12:30")
    assert list(values["arms"]) == ["on", "off", "yes", "no"]
    assert values["words"] == ["on", "Off", "YES", "n", "nullable", None, None, None, True, False, True]
    assert values["more"] == {"a": 1, "b": 4}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("benchmarks: {1e5: {}}", "benchmarks: a key reads as a number, 100000.0, and keys are text"),
        ("a: [{b: {12: 3}}]", "a.0.b: a key reads as a number, 12"),
        ("arms: {null: {}}", "arms: a key reads as nothing, None"),
        ("arms: {true: {}}", "arms: a key reads as true or false, True"),
        ("{[1, 2]: 3}", "the file: a key reads as a tuple"),
        ("scale: 2024-12-01", "scale: this reads as a date"),
        ("scale: 2024-13-01", "month must be in 1..12"),
        ("scale: !!binary aGk=", "scale: this reads as binary data"),
        ("scale: {{ size }}", "line 1"),
        ("a: 1\nb: 2\na: 3", "the key 'a' stands twice (line 3, column 1)"),
        ("a: &x [*x]", "an alias stands inside what it repeats"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor for the tag"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("a: 'open", "line 1"),
        ("a: \x01", "special characters are not allowed"),
        ("--- 1\n--- 2", "expected a single document"),
    ],
)
def test_what_cannot_be_held_is_refused_with_its_place(tmp_path, text, says):
    with pytest.raises(dialect.NotReadable) as caught:
        dialect.read(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ConfigError, match="is not valid YAML"):
        read_config(tmp_path / "params.yaml")


def test_aliases_of_aliases_are_counted_before_they_are_followed():
    bomb = "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    start = time.perf_counter()
    with pytest.raises(dialect.NotReadable, match="at most 100,000 are read"):
        dialect.read(bomb)
    assert time.perf_counter() - start < 60  # it would not end at all


WORDS = (
    "1e5",
    "on",
    "010",
    "0o10",
    "12:30",
    "~",
    "null",
    "true",
    "1_000",
    "2024-12-01",
    ".5",
    "1e-3",
    "a",
    "=",
    "<<",
    "Null",
    "0o7",
    "0x1F",
    "-.inf",
    "1:30",
    "../a-b/c@d.txt",
    "",
    "é",
    "x: y",
)


@pytest.mark.parametrize("word", [*WORDS, *keyword.kwlist])
def test_what_is_written_is_read_as_text(word):
    class Dumper(yaml.SafeDumper):
        pass

    Dumper.add_representer(str, dialect.write_text)
    written = yaml.dump({word: [word]}, Dumper=Dumper)
    assert parse_yaml(written, "dvc.yaml") == {word: [word]}
