"""Where the page of a data set is: what other pages link to."""

from __future__ import annotations

from archbench.page import formats
from archbench.page.section import Link
from archbench.results.gathered import Results


def data_anchor(name: str) -> str:
    """The anchor of the page, and its file but for the ending."""
    return formats.file_name("data", name)


def data_link(name: str, results: Results) -> str:
    """The data set's name, as a link to its page where the report has one."""
    return Link(name, f"{data_anchor(name)}.html") if name in results.options.data_sets else name
