"""Pre-training: networks that begin as parts of one trained without labels, beside the same ones from scratch."""

from __future__ import annotations

from collections.abc import Iterator

from archbench.page.section import Section, Workplace
from archbench.page.sections import section
from archbench.page.sections.transfer import by_size_section
from archbench.results.gathered import Results
from archbench.results.start import pretrained


@section("pretraining", order=405, needs=("runs",), source="Bengio et al. 2006, NIPS 19; Vincent et al. 2010, JMLR 11")
def pretraining(results: Results, place: Workplace) -> Iterator[Section]:
    """Every source of parts whose takers also train from random weights: scores by the size of the training split."""
    for found in pretrained(results.runs):
        remark = (
            f"{found.architecture} begins with the layers of {found.source}; what that does not have starts from "
            "random weights. From scratch: the same network and data, all from random weights."
        )
        yield by_size_section(found, place, "pretraining", f"Pre-training by {found.source}", remark)
