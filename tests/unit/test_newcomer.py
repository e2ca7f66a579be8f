"""The least architecture that docs/adding.md shows works as it stands, and tells what is missing from less than it."""

import re
from pathlib import Path

import keras
import pytest

from archbench import architectures
from archbench.architectures import ARCHITECTURES
from archbench.catalogue import Catalogue, IncompleteEntry

PAGE = Path(__file__).parents[2] / "docs" / "adding.md"
EXAMPLE = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]


def _declared(text: str, monkeypatch) -> Catalogue:
    """A catalogue like that of the architectures, with what the file `text` declares."""
    catalogue = Catalogue("architecture", "archbench", needs=ARCHITECTURES.needs, takes=ARCHITECTURES.takes)
    catalogue._scanned = True
    monkeypatch.setattr(architectures, "architecture", catalogue.declare)
    exec(compile(text, "two_layers.py", "exec"), {"__name__": "archbench.architectures.classic.two_layers"})
    return catalogue


def test_the_example_is_whole_and_builds(monkeypatch):
    catalogue = _declared(EXAMPLE, monkeypatch)
    assert not catalogue.faults
    (entry,) = catalogue
    small = keras.Input(entry.facts["smoke_input"])
    assert entry(small, 3, **entry.facts["smoke"]).shape == (None, 3)
    assert set(entry.facts) == set(ARCHITECTURES.needs)


@pytest.mark.parametrize("fact", ARCHITECTURES.needs)
def test_a_fact_that_is_left_out_of_it_is_named_with_its_meaning(fact, monkeypatch):
    less = re.sub(rf"^    {fact}=.*\n", "", EXAMPLE, flags=re.MULTILINE)
    assert less != EXAMPLE
    with pytest.raises(IncompleteEntry) as caught:
        _declared(less, monkeypatch)["two_layers"]
    assert str(caught.value) == (
        "archbench.architectures.classic.two_layers declares the architecture 'two_layers', but not as it must:\n"
        f"  {fact} is missing: {ARCHITECTURES.needs[fact]}."
    )


def test_a_declaration_of_a_name_and_a_source_alone_is_told_all_the_rest_at_once(monkeypatch):
    text = (
        "from archbench.architectures import architecture\n@architecture('two_layers', source='x')\ndef f(): 'An f.'\n"
    )
    with pytest.raises(IncompleteEntry) as caught:
        _declared(text, monkeypatch)["two_layers"]
    lines = str(caught.value).splitlines()[1:]
    assert [line.split()[0] for line in lines] == [fact for fact in ARCHITECTURES.needs if fact != "source"]
