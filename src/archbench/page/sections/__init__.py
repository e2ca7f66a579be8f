"""The sections of a report, a module each: a function from the results to what there is to say of them.

It takes the results that were read and the place where figures and tables go, and yields none, one, or one for each of
the boards, studies or sources that it is about.
"""

from collections.abc import Iterator

from archbench.catalogue import Catalogue
from archbench.page.section import Section, Workplace
from archbench.results.gathered import Results

SECTIONS = Catalogue(
    "section",
    __name__,
    needs={
        "order": "its place in the report: a number; of equal ones the names decide",
        "needs": "the fields of the results that must hold something for it to be asked: a tuple of names",
    },
)
section = SECTIONS.declare


def sections_of(results: Results, place: Workplace) -> Iterator[Section]:
    """Every section in its order, as far as there is anything to say; its figures and tables are written with it."""
    for entry in sorted(SECTIONS, key=lambda entry: (entry.facts["order"], entry.name)):
        if all(results.has(name) for name in entry.facts["needs"]):
            yield from entry(results, place)
