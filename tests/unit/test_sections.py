"""The sections of a report: a catalogue in an order, each asked for what was read, laid out with names as text."""

import re

import fake_runs as fake
import pytest

from archbench import code, sources
from archbench.catalogue import Catalogue
from archbench.config import check_config
from archbench.expected import Expected
from archbench.page import report, sections
from archbench.page.figures import Shown
from archbench.page.readme import readme
from archbench.page.report import Options, Page, write_report
from archbench.page.section import Figures, File, Folded, Heading, Included, Section, Table, Text, columns
from archbench.page.sections import SECTIONS, sections_of
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
    lines = sources.lists(check_config(params), code.PACKAGE.parents[1] / "pipelines")["report.txt"].splitlines()
    wanted = {f"page/sections/{path.name}" for path in (code.PACKAGE / "page" / "sections").glob("*.py")}
    assert wanted | {"page/reading.html", "page/index.html"} <= {line.split("  ")[1] for line in lines}


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
    page = write_report("tour", list(seeds), ["optimizers"], *folders, options).read_text()
    assert re.findall('<section id="([^"]*)">', page) == [
        "board-digits-classification", "board-balloons-segmentation", "board-balloons-detection",
        "diagnosis", "expectations", "family-tree", "published", "degradation", "xla", "study-optimizers", "pictures",
        "gaps", "speed", "where", "reading",
    ]  # fmt: skip
    contents = page.split("<nav")[1].split("</nav>")[0]
    assert "#gaps" not in contents
    assert [anchor for anchor in ("expectations", "pictures", "where") if f"#{anchor}" not in contents] == []


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
    html = report._render(page)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 14
    markdown = readme(page)
    assert "<script" not in markdown
    assert markdown.count("&lt;script&gt;") >= 8


def test_the_readme_has_what_is_brief():
    rows = [{"a": "1"}]
    kept = Section("a", "Kept", [Table(rows), Table([{"a": "2"}], brief=False), Folded("x", "f", [PICTURE], True)])
    text = readme(Page("t", "p", [], [kept, Section("b", "Left out", [Text("x")], brief=False)]))
    assert "## Kept\n\n| a |\n| --- |\n| 1 |\n" in text
    assert "Left out" not in text
    assert "| 2 |" not in text
    assert "a.svg" not in text


def test_the_heads_of_a_table_are_those_of_a_row_that_is_no_line():
    assert columns([{"line": ""}, {"a": "1", "b": "2"}]) == ["a", "b"]
    assert columns([]) == []
