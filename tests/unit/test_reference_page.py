"""A report beside the reference: what came out as there, what did not, and by how much."""

import csv
import math
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import fake_runs as fake
import pytest
from site_text import site_text

from archbench.page.report import write_report
from archbench.page.section import columns
from archbench.page.sections.reference import reference as reference_section
from archbench.records.run_folder import BrokenRecord
from archbench.results.gathered import Options, Results
from archbench.results.reference import read_reference
from archbench.results.runs import read_runs

ROOT = Path(__file__).parents[2]
HEADS = ["Network (scale)", "Score", "In the reference", "Rank", "Rank there", "Difference"]
SCORES = {"lenet5-digits": (0.90, 0.92, 0.94), "vgg11-digits": (0.95, 0.96, 0.97), "plain20-digits": (0.80, 0.80, 0.80)}
"""In the reference, by seed."""


def _write(root, scores, first_seed=0):
    """The runs of a board of `digits`; each benchmark has the scores of its seeds in order."""
    for benchmark, values in scores.items():
        for seed, score in enumerate(values, first_seed):
            name = benchmark.partition("-")[0]
            own = fake.settings(
                benchmark, seed, architecture=name, scale="paper", dataset="digits", task="classification"
            )
            fake.write_run(root / "runs" / benchmark / f"seed-{seed}", own, score)


def _report(root, reference):
    options = Options("x", seeds={name: [0, 1, 2] for name in SCORES}, study_seeds={}, reference=reference)
    return write_report("tour", list(SCORES), [], root / "runs", root / "studies", root / "report", options).parent


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The folder of a report, and the runs that it was written from, two folders above."""
    root = tmp_path_factory.mktemp("then")
    _write(root, SCORES)
    return _report(root, None)


def _section(root, tables, benchmarks=tuple(SCORES), seeds=(0, 1, 2)):
    """The lead, and the cells of every network beside its name."""
    runs = read_runs(root / "runs", {name: list(seeds) for name in benchmarks})
    options = Options("x", seeds={}, study_seeds={})
    results = Results("tour", options, runs, [], {}, None, [], reference=read_reference(tables))
    (section,) = reference_section(results, None)
    _, table = section.blocks
    assert list(table.rows[0]) == ["digits (classification): test accuracy"]
    assert columns(table.rows) == HEADS
    cells = [[cell.replace("\u00a0", " ") for cell in row.values()] for row in table.rows[1:]]
    return section.lead, {row[0].split(" (")[0]: row[1:] for row in cells}


def test_the_same_runs_are_as_in_the_reference(reference):
    lead, rows = _section(reference.parent, reference / "tables")
    assert {row[-1] for row in rows.values()} == {"as in the reference"}
    assert [rows[name][2:4] for name in ("vgg11", "lenet5", "plain20")] == [["1", "1"], ["2", "2"], ["3", "3"]]
    assert "3 of 3 benchmarks" in lead


def test_another_score_and_rank_stand_beside_those_of_the_reference(tmp_path, reference):
    """lenet5 gains 0.04, 0.05 and 0.06: mean 0.05, deviation 0.01, half width t(0.975, 2) 4.3027 * 0.01 / sqrt(3)."""
    _write(tmp_path, {**SCORES, "lenet5-digits": (0.94, 0.97, 1.0)})
    lead, rows = _section(tmp_path, reference / "tables")
    assert rows["lenet5"][2:] == ["1", "2", f"+0.050 ± {4.3027 * 0.01 / math.sqrt(3):.3f}, n=3"]
    assert rows["lenet5"][0].startswith("0.97")
    assert rows["lenet5"][1].startswith("0.92")
    assert rows["vgg11"][2:] == ["2", "1", "as in the reference"]
    assert "2 of 3 benchmarks" in lead


def test_what_the_reference_does_not_know_is_said(tmp_path, reference):
    now = {**SCORES, "alexnet-digits": (0.5, 0.5, 0.6)}
    _write(tmp_path, now)
    lead, rows = _section(tmp_path, reference / "tables", now)
    assert rows["alexnet"][1:] == ["–", "4", "–", "not in the reference"]
    assert "3 of 3 benchmarks" in lead


def test_other_seeds_are_not_as_in_the_reference(tmp_path, reference):
    """One more seed with the others equal; then none in common."""
    _write(tmp_path / "more", {name: (*values, values[0]) for name, values in SCORES.items()})
    _, rows = _section(tmp_path / "more", reference / "tables", seeds=range(4))
    assert rows["plain20"][-1] == "0 ± 0, n=3"
    _write(tmp_path / "other", SCORES, first_seed=7)
    _, rows = _section(tmp_path / "other", reference / "tables", seeds=range(7, 10))
    assert {row[-1] for row in rows.values()} == {"no seed in common with a score"}


def test_a_seed_without_a_score_is_in_no_difference(tmp_path, reference):
    _write(tmp_path, SCORES)
    fake.diverge(tmp_path / "runs" / "vgg11-digits" / "seed-1")
    _, rows = _section(tmp_path, reference / "tables")
    assert rows["vgg11"][2:] == ["3", "1", "0 ± 0, n=2"]


def test_the_same_name_on_other_data_is_another_benchmark(tmp_path, reference):
    tables = shutil.copytree(reference / "tables", tmp_path / "tables")
    with (tables / "results.csv").open(newline="") as file:
        others = [{**row, "dataset": "shifted"} for row in csv.DictReader(file)]
    fake.write_rows(tables / "results.csv", others)
    _, rows = _section(reference.parent, tables)
    assert {(row[1], row[3], row[4]) for row in rows.values()} == {("–", "–", "not in the reference")}


def test_the_page_and_the_readme_show_it_where_there_is_one(reference, tmp_path):
    root = shutil.copytree(reference.parent, tmp_path / "now")
    shutil.rmtree(root / "report")
    out = _report(root, reference)
    section = site_text(out / "index.html").split('<section id="reference">')[1].split("</section>")[0]
    assert section.count("as in the reference") == 3
    assert "[Beside the reference](pages/reference.html)" in (out / "README.md").read_text()
    assert 'id="reference"' not in site_text(reference / "index.html")
    assert "reference" not in (reference / "README.md").read_text().lower()


def test_where_there_is_none_nothing_is_said(tmp_path):
    assert read_reference(tmp_path / "none") is None


@pytest.mark.parametrize("spoiled", ["results.csv", "leaderboard-digits-classification.csv"])
def test_a_reference_that_cannot_be_read_is_named(tmp_path, reference, spoiled):
    tables = shutil.copytree(reference / "tables", tmp_path / "tables")
    (tables / spoiled).write_text("<<<<<<< ours\n")
    with pytest.raises(BrokenRecord, match=f"{spoiled} has no column benchmark. Run: git checkout"):
        _section(reference.parent, tables)


def test_a_reference_that_cannot_be_read_holds_up_no_report(reference, tmp_path):
    spoiled = tmp_path / "spoiled"
    shutil.copytree(reference / "tables", spoiled / "tables")
    (spoiled / "tables" / "results.csv").write_text("")
    root = shutil.copytree(reference.parent, tmp_path / "now")
    page = site_text(_report(root, spoiled) / "index.html")
    assert "results.csv cannot be read" in page
    assert 'id="reference"' not in page


@pytest.mark.parametrize("site", sorted((ROOT / "reports/reference").iterdir()), ids=lambda site: site.name)
def test_every_link_of_a_committed_reference_leads_to_something(site):
    pages = [site / "index.html", *(site / "pages").glob("*.html")]
    assert len(pages) > 20
    for page in pages:
        for address in re.findall(r'(?:href|src)="([^"#]+)', page.read_text()):
            parts = urlsplit(address)
            if not parts.scheme:
                assert (page.parent / unquote(parts.path)).exists(), (page.name, address)
            assert parts.hostname not in ("127.0.0.1", "localhost"), (page.name, address)


@pytest.mark.parametrize("site", sorted((ROOT / "reports/reference").iterdir()), ids=lambda site: site.name)
def test_a_committed_reference_is_small(site):
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 12e6
