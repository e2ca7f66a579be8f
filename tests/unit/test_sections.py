"""The sections of a report: a catalogue in an order, each asked for what was read, laid out with names as text."""

import re

import fake_runs as fake
import pytest
from site_text import site_text

from archbench import code, sources
from archbench.catalogue import Catalogue
from archbench.config import check_config
from archbench.expected import Expected
from archbench.page import report, sections
from archbench.page.figures import Shown
from archbench.page.readme import readme
from archbench.page.report import Options, write_report
from archbench.page.section import Answer, Figures, File, Folded, Heading, Included, Section, Table, Text, columns
from archbench.page.sections import SECTIONS, sections_of
from archbench.page.site import Page, render
from archbench.results.gathered import Results

EVIL = "<script>alert('x')</script>|`*"
PICTURE = Shown("a.svg", EVIL, EVIL, 100, 50)
NOTHING = Results("tour", Options(title="t", seeds={}, study_seeds={}), [], [], {}, None, [])


def test_every_module_declares_its_section_and_needs_what_results_have():
    assert SECTIONS.faults == []
    assert all(hasattr(NOTHING, name) for entry in SECTIONS for name in entry.facts["needs"])
    assert len({entry.facts["order"] for entry in SECTIONS}) == len(list(SECTIONS))
    assert len({entry.module for entry in SECTIONS}) == len(list(SECTIONS))


def test_the_report_stage_depends_on_every_section_and_on_what_they_include():
    params = {"pipeline": "tour", "datasets": {}, "benchmarks": {}}
    _, lines = sources.parts(sources.lists(check_config(params), code.PACKAGE.parents[1] / "pipelines")["report.txt"])
    wanted = {f"page/sections/{path.name}" for path in (code.PACKAGE / "page" / "sections").glob("*.py")}
    assert wanted | {"page/reading.html", "page/home.html", "page/site.js"} <= {
        line.split("  ")[1] for line in lines.splitlines()
    }


@pytest.fixture
def own(monkeypatch):
    """A catalogue of its own, in place of the project's."""
    made = Catalogue("section", "archbench.page.sections", needs=SECTIONS.needs)
    made._scanned = True
    monkeypatch.setattr(sections, "SECTIONS", made)
    return made


def test_sections_stand_in_their_order_and_one_may_be_none_or_several(own):
    def declare(name, order, titles):
        @own.declare(name, order=order, needs=(), source="x")
        def build(results, place):
            """A section."""
            for title in titles:
                yield Section(title, title, [])

    declare("last", 9, ["e"])
    declare("none", 3, [])
    declare("several", 5, ["c", "d"])
    declare("b", 1, ["b"])
    declare("a", 1, ["a"])
    assert [one.title for one in sections_of(NOTHING, None)] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("name", ["runs", "studies", "speed", "expected"])
def test_a_section_is_asked_only_where_there_is_what_it_needs(own, name):
    @own.declare("needy", order=1, needs=(name,), source="x")
    def build(results, place):
        """A section."""
        yield Section("x", "x", [])

    assert list(sections_of(NOTHING, None)) == []
    expected = [Expected("a", "accuracy", True, 0.5)]
    options = Options(title="t", seeds={}, study_seeds={}, expected=expected)
    full = Results("tour", options, runs=[1], studies=[1], gone={}, speed=[1], durations=[])
    assert len(list(sections_of(full, None))) == 1


def test_the_order_of_a_whole_report(tmp_path):
    fake.write_runs(tmp_path / "runs")
    fake.write_study(tmp_path / "studies" / "optimizers")
    head = "case,backend,ours,baseline,ratio,unit,n,note,machine\n"
    (tmp_path / "runs" / "speed.csv").write_text(f"{head}lenet5,jax,38000.0,6100.0,6.23,images/s,5,,Abacus\n")
    seeds = dict.fromkeys(fake.NETWORKS, fake.SEEDS)
    expected = [Expected("lenet5-digits", "accuracy", True, 0.5)]
    options = Options(title="t", seeds=seeds, study_seeds={"optimizers": fake.SEEDS}, expected=expected)
    folders = tmp_path / "runs", tmp_path / "studies", tmp_path / "report"
    page = write_report("tour", list(seeds), ["optimizers"], *folders, options)
    anchors = re.findall('<section id="([^"]*)">', site_text(page))
    assert anchors[:17] == [
        "board-digits-classification", "board-balloons-segmentation", "board-balloons-detection",
        "architectures", "diagnosis", "expectations", "family-tree", "published", "degradation", "xla",
        "study-optimizers", "choices", "pictures", "speed", "where", "reading", "architecture-lenet5",
    ]  # fmt: skip
    assert "gaps" in anchors
    contents = page.read_text().split("<nav")[1].split("</nav>")[0]
    assert "gaps.html" not in contents
    assert [anchor for anchor in ("expectations", "pictures", "where") if f"{anchor}.html" not in contents] == []


def test_a_section_that_cannot_be_imported_is_named_and_stops_no_other(own, tmp_path, monkeypatch, capsys):
    own._broken["archbench.page.sections.bad"] = "archbench.page.sections.bad cannot be imported: SyntaxError: x"
    monkeypatch.setattr(report, "SECTIONS", own)
    options = Options(title="t", seeds={}, study_seeds={})
    assert write_report("tour", [], [], tmp_path, tmp_path, tmp_path / "out", options).is_file()
    assert "left out of the report: archbench.page.sections.bad cannot be imported" in capsys.readouterr().err


def test_names_are_text_in_every_block():
    blocks = [
        Text(EVIL), Heading(EVIL), Table([{EVIL: EVIL}, {"b": "", EVIL: EVIL}], [(EVIL, 2)]), File("a.csv", EVIL, EVIL),
        Figures([PICTURE]), Folded("x", EVIL, [PICTURE], is_open=True), Included("reading.html"),
    ]  # fmt: skip
    page = Page(EVIL, EVIL, [EVIL], [Section("a", EVIL, blocks)])
    html = "".join(text for name, text in render(page).items() if name.endswith(".html"))
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") >= 14
    markdown = readme(page)
    assert "<script" not in markdown
    assert markdown.count("&lt;script&gt;") >= 4


def test_the_readme_is_a_page_of_questions_and_links():
    asked = Answer("Which?", ["a", "b"], "+0.1", "1 s", "3", "sure")
    sections = [
        Section("x", "Asked", [Text("long")], answer=asked),
        Section("y", "Kept", [Text("long")]),
        Section("z", "Failed", [Text("long")], listed=False, lead="2 runs.", at_home=True),
        Section("w", "Left out", [Text("long")], brief=False),
    ]
    text = readme(Page("t", "p", ["One."], sections))
    assert "| [Which?](pages/x.html) | a, or b | +0.1 | 1 s | 3 | sure |" in text
    assert "- [Kept](pages/y.html)" in text
    assert "**[Failed](pages/z.html).** 2 runs." in text
    assert "Left out" not in text
    assert "long" not in text


def test_a_page_opens_with_its_answer_and_its_first_figure():
    second = Shown("b.svg", "second", "c", 10, 10)
    first = Section("a", "t", [Text("words"), Figures([PICTURE, second])], lead="The answer.")
    html = render(Page("t", "p", [], [first]))["pages/a.html"]
    places = [html.index(part) for part in ("The answer.", "a.svg", "words", "b.svg")]
    assert places == sorted(places)
    assert html.count("a.svg") == 1


def test_a_table_that_is_not_brief_is_folded_away():
    tables = [Table([{"a": "shown"}]), Table([{"a": "hidden"}], brief=False)]
    html = render(Page("t", "p", [], [Section("a", "t", tables)]))["pages/a.html"]
    opened, folded = html.split("<details>")
    assert "shown" in opened
    assert "hidden" in folded


def test_a_cell_that_is_a_name_links_to_its_page_and_none_to_its_own():
    one = Section("one", "One", [Table([{"a": "two", "b": "one"}])], names=["one"])
    two = Section("two", "Two", [Table([{"a": "two", "b": "other"}])], names=["two"])
    html = render(Page("t", "p", [], [one, two]))
    assert '<td class="first"><a href="two.html">two</a></td><td>one</td>' in html["pages/one.html"]
    assert '<td class="first">two</td>' in html["pages/two.html"]


def test_a_name_of_two_pages_leads_to_the_first():
    sections = [Section(name, "Same", [], names=["shared"]) for name in "ab"]
    assert Page("t", "p", [], sections).pages == {"Same": "a.html", "shared": "a.html"}


def test_pages_stand_in_a_row_of_those_among_the_contents():
    sections = [Section(name, name.upper(), [], listed=name != "b") for name in "abc"]
    html = render(Page("t", "p", [], sections))
    assert 'rel="next" href="c.html"' in html["pages/a.html"]
    assert 'rel="prev" href="a.html"' in html["pages/c.html"]
    assert "rel=" not in html["pages/b.html"].split("<nav")[1]
    assert 'rel="prev"' not in html["pages/a.html"]


def test_the_heads_of_a_table_are_those_of_a_row_that_is_no_line():
    assert columns([{"line": ""}, {"a": "1", "b": "2"}]) == ["a", "b"]
    assert columns([]) == []
