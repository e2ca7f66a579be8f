"""Every catalogue: its modules can be imported and its declarations are whole; what is not, is told here, once."""

import pytest

from archbench.cli import index
from archbench.figures.pictures import PICTURES

CATALOGUES = {**index.catalogues(), "pictures": PICTURES}


@pytest.mark.parametrize("kind", CATALOGUES)
def test_every_declaration_is_whole(kind):
    assert not CATALOGUES[kind].faults, "\n".join(CATALOGUES[kind].faults)


@pytest.mark.parametrize("kind", CATALOGUES)
def test_every_fact_that_is_needed_or_taken_is_declared_by_somebody(kind):
    """A meaning that is written down and used by no entry is one that no reader of the facts knows."""
    used = {fact for entry in CATALOGUES[kind] for fact in entry.facts}
    assert used == {*CATALOGUES[kind].needs, *CATALOGUES[kind].takes}
