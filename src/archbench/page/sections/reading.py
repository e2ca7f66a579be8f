"""How to read the other sections."""

from __future__ import annotations

from collections.abc import Iterator

from archbench.page.section import Included, Section, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results


@section("reading", order=900, needs=(), source="archbench")
def reading(results: Results, place: Workplace) -> Iterator[Section]:
    """What scores, intervals and verdicts mean, in words."""
    yield Section("reading", "How to read this", [Included("reading.html")], brief=False)
