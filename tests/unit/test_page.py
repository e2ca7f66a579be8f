"""The whole report from made-up folders: nothing dropped, nothing claimed too much, names never markup."""

import math
import re
import shutil
from html.parser import HTMLParser

import fake_runs as fake
import pandas as pd
import pytest
from site_text import site_text

from archbench.page import formats
from archbench.page.readme import escape, table
from archbench.page.report import Options, write_report
from archbench.results.statistics import Interval

EVIL = "<script>alert('x')</script>|`*"


def report(root, benchmarks, studies=(), seeds=fake.SEEDS, title="archbench"):
    options = Options(
        title=title,
        seeds=dict.fromkeys(benchmarks, seeds),
        study_seeds=dict.fromkeys(studies, seeds),
    )
    folders = root / "runs", root / "studies", root / "report"
    return write_report("tour", list(benchmarks), list(studies), *folders, options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    fake.write_runs(root / "runs")
    fake.write_study(root / "studies" / "optimizers")
    speed = "case,backend,ours,baseline,ratio,unit,n,note,machine\nlenet5,jax,38000.0,6100.0,6.23,images/s,5,,Abacus\n"
    (root / "runs" / "speed.csv").write_text(speed)
    return report(root, [*fake.NETWORKS, "vgg11-digits"], ["optimizers", "ghost"]).parent


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.targets, self.ids = set(), set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src"):
                self.targets.add(value)
            if name == "id":
                self.ids.add(value)


def parse(page):
    links = Links()
    links.feed(page.read_text())
    return links


def pages(folder):
    return sorted((folder / "pages").glob("*.html"))


def test_page_needs_nothing_but_its_folder(whole):
    ids = {page.resolve(): parse(page).ids for page in (whole / "index.html", *pages(whole))}
    for page in ids:
        assert "http" not in page.read_text()
        for target in parse(page).targets - {"data:,"}:
            file, _, anchor = target.partition("#")
            path = (page.parent / file).resolve() if file else page
            if path.is_dir():  # of a run that is shown, for those who have the project too
                assert (path / "settings.yaml").is_file(), target
                continue
            assert path.is_file(), target
            assert not anchor or anchor in ids[path], target


def test_pages_run_our_own_scripts_alone(whole):
    for page in (whole / "index.html", *pages(whole)):
        scripts = re.findall("<script([^>]*)>([^<]*)</script>", page.read_text())
        assert [inner for _, inner in scripts] == ["", ""]
        assert {re.search('src="(?:pages/)?([^"]*)"', facts)[1] for facts, _ in scripts} == {"names.js", "site.js"}
        assert "iframe" not in parse(page).tags


def test_every_figure_and_table_is_used_and_the_report_is_small(whole):
    page = site_text(whole / "index.html")
    figures = list((whole / "figures").iterdir())
    assert len(figures) >= 12
    assert all(f"figures/{path.name}" in page for path in figures)
    assert all(f"tables/{path.name}" in page for path in (whole / "tables").iterdir())
    assert sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()) < 3_000_000


def test_unfinished_runs_are_on_the_page(whole):
    text = site_text(whole / "index.html")
    for words in ("2 finished, 1 diverged", "2 finished, 1 killed", "2 finished, 1 missing", "vgg11-digits"):
        assert words in text
    assert "The loss is nan at step 133." in text
    assert "no trials.csv" in text
    for brief in ((whole / "index.html").read_text(), (whole / "README.md").read_text()):
        assert "plain20-digits, unet-balloons, yolo-balloons, vgg11-digits and ghost" in brief
    states = set(pd.read_csv(whole / "tables" / "results.csv")["state"])
    assert states == {"finished", "diverged", "killed", "missing"}


def test_summary_is_computed_and_careful(whole):
    sentences = re.findall("<li>(.*?)</li>", (whole / "index.html").read_text().split('class="summary"')[1])[:3]
    assert sentences[0] == "12 of 18 runs of 6 benchmarks finished (1 diverged, 1 killed, 4 missing)."
    assert sentences[1] == "Data: digits and balloons."
    leads = {page.name: re.findall('<p class="lead">(.*?)</p>', page.read_text()) for page in pages(whole)}
    (lead,) = leads["board-digits-classification.html"]
    # Seeds 0.984, 0.988, 0.992: half width 4.3027 * 0.004 / sqrt(3) = 0.0099.
    assert "resnet20 (8x8 input, width 1/2), test accuracy 0.9880\u00a0±\u00a00.0099 (n=3)" in lead
    # lenet5's seeds are 0.988, 0.984, 0.980, so differences 0.004, -0.004 and -0.012 minus ... have t = 0.87, p = 0.48.
    assert "of 3 networks with several seeds; not distinguishable from it: lenet5 (paper)" in lead
    assert lead.endswith("1 ranked last for seeds without a score.")
    assert leads["board-balloons-segmentation.html"][0].startswith("Nothing is ranked on balloons (segmentation): ")


def test_the_same_data_give_the_same_report(whole, tmp_path):
    root = whole.parent
    shutil.copytree(root / "runs", tmp_path / "runs")
    shutil.copytree(root / "studies", tmp_path / "studies")
    again = report(tmp_path, [*fake.NETWORKS, "vgg11-digits"], ["optimizers", "ghost"]).parent
    for path in (path for path in whole.rglob("*") if path.is_file()):
        assert path.read_bytes() == (again / path.relative_to(whole)).read_bytes(), path.name


def test_names_are_never_markup(tmp_path):
    described = {"architecture": EVIL, "scale": EVIL, "dataset": EVIL, "task": "classification", "optimizer": EVIL}
    for seed in fake.SEEDS:
        fake.write_run(
            tmp_path / "runs" / "a<script>" / f"seed-{seed}",
            fake.settings("a<script>", seed, **described),
            0.9 + seed / 100,
            predictions=fake.digit_predictions() | {"class_names": [EVIL] * 10},
        )
    page = report(tmp_path, ["a<script>"], title=EVIL)
    assert all("<script>" not in path.read_text() for path in (page, *pages(page.parent)))
    assert "&lt;script&gt;" in page.read_text()
    for path in (page.parent / "figures").iterdir():
        assert "<script" not in path.read_text()
        assert re.fullmatch(r"[A-Za-z0-9._-]+", path.name)
    markdown = (page.parent / "README.md").read_text()
    assert "<script" not in markdown
    assert r"[&lt;script&gt;alert('x')&lt;/script&gt;\|\`\* (classification)](pages/" in markdown


def test_nothing_has_run_yet(tmp_path):
    page = site_text(report(tmp_path, ["lenet5-digits"], ["optimizers"]))
    assert "0 of 3 runs of 1 benchmark finished (3 missing)." in page
    assert "No run has started" in page


def test_no_benchmarks_at_all(tmp_path):
    assert "No benchmark is listed" in report(tmp_path, []).read_text()


def test_a_single_seed_has_no_interval_and_says_so(tmp_path):
    described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
    fake.write_run(tmp_path / "runs" / "a" / "seed-0", fake.settings("a", 0, **described), 0.9)
    page = site_text(report(tmp_path, ["a"], seeds=(0,)))
    assert "n=1, no interval" in page
    assert "did not finish" not in page  # no heading for nothing
    assert "±\u00a0nan" not in page
    assert ">nan<" not in page


def test_only_failures_still_make_a_page(tmp_path):
    fake.write_runs(tmp_path / "runs")
    for seed in fake.SEEDS:
        fake.diverge(tmp_path / "runs" / "lenet5-digits" / f"seed-{seed}")
        fake.kill(tmp_path / "runs" / "unet-balloons" / f"seed-{seed}")
    page = site_text(report(tmp_path, ["lenet5-digits", "unet-balloons"]))
    assert "No test score exists yet" in page
    assert "3 diverged" in page
    assert "3 killed" in page


def test_arms_with_other_budgets_are_not_ranked(tmp_path):
    fake.write_study(tmp_path / "studies" / "optimizers")
    path = tmp_path / "studies" / "optimizers" / "trials.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-2]) + "\n")
    page = site_text(report(tmp_path, [], ["optimizers"]))
    assert "the arms did not have the same budget (trials: 10, 12)" in page
    assert "had different budgets, so they are not ranked" in page
    assert "best mean" not in page


def test_a_study_without_final_runs_is_shown(tmp_path):
    fake.write_study(tmp_path / "studies" / "optimizers", arms=("sgd", "adam"))
    shutil.rmtree(tmp_path / "studies" / "optimizers" / "final")
    page = site_text(report(tmp_path, [], ["optimizers"]))
    assert "has no final scores yet" in page
    assert "optimizers / adam" in page


def test_a_study_says_how_many_trials_it_stopped_early(whole):
    """Eight arms of twelve trials, of which one each was pruned and one failed."""
    text = " ".join(site_text(whole / "index.html").split())
    assert "96 trials drawn by tpe; 8 were stopped early as hopeless (median) and 8 diverged." in text


def test_a_crossed_study_has_its_map_with_failed_pairs_marked(tmp_path):
    cross = {"optimizer": {"sgd": "sgd", "adam": "adam"}, "schedule": {"constant": "constant", "cosine": "cosine"}}
    folder = tmp_path / "studies" / "pairs"
    fake.write_study(folder, cross=cross, name="pairs")
    for seed in fake.SEEDS:
        fake.diverge(folder / "final" / "adam-cosine" / f"seed-{seed}")
    out = report(tmp_path, [], ["pairs"]).parent
    drawn = (out / "figures" / "study-pairs-pairs.svg").read_text()
    assert drawn.count(">failed<") == 1
    links = parse(out / "pages" / "study-pairs.html")
    figures = ("scores", "pairs", "curves", "best-so-far", "learning-rate", "importance", "target")
    for figure in figures:
        assert f"../figures/study-pairs-{figure}.svg" in links.targets, figure


def test_what_an_earlier_report_left_is_gone(tmp_path):
    fake.write_runs(tmp_path / "runs")
    report(tmp_path, ["lenet5-digits"])
    figures = set((tmp_path / "report" / "figures").iterdir())
    report(tmp_path, ["yolo-balloons"])
    assert not figures & set((tmp_path / "report" / "figures").iterdir())


def test_where_it_ran_tells_dirty_commits_and_the_rule(tmp_path):
    fake.write_runs(tmp_path / "runs")
    facts = fake.machine(git_dirty=True, xla=False, xla_rule="xla: off", host="<b>host</b>")
    fake.write_json(tmp_path / "runs" / "lenet5-digits" / "seed-1" / "machine.json", facts)
    page = site_text(report(tmp_path, ["lenet5-digits"]))
    assert "0123456789 + changes" in page
    assert "off (xla: off)" in page
    assert "with uncommitted changes" in page
    assert "&lt;b&gt;host" in page


def test_speed_is_shown_with_its_baseline(whole):
    section = site_text(whole / "index.html").split('<section id="speed">')[1].split("</section>")[0]
    assert re.findall("<td[^>]*>(.*?)</td>", section) == [
        "lenet5",
        "jax",
        "38,000",
        "6100",
        "6.23",
        "images/s",
        "5",
        "–",
        "Abacus",
    ]


@pytest.mark.parametrize(
    ("content", "told"), [("case,ours\na,1\n", "has no column backend, baseline"), ("", "cannot be read")]
)
def test_a_speed_table_of_another_shape_is_named_and_blocks_nothing(tmp_path, content, told):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "speed.csv").write_text(content)
    page = site_text(report(tmp_path, []))
    assert "speed.csv" in page
    assert told in page


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.99123, 0.01, 0.00321, 3), "0.9912\u00a0±\u00a00.0032"),
        (Interval(31.4159, 9.0, 12.3, 3), "31\u00a0±\u00a012"),
        (Interval(0.5, math.nan, math.nan, 1), "0.5"),
        (Interval(1.0, 0.0, 0.0, 3), "1\u00a0±\u00a00"),
        (Interval(math.nan, math.nan, math.nan, 0), "–"),
    ],
)
def test_scores_show_two_digits_of_their_uncertainty(interval, text):
    assert formats.score(interval) == text


def test_seconds_and_p_values_read_well():
    assert [formats.seconds(s) for s in (0.123, 12.4, 150, 9000, None)] == ["0.12 s", "12 s", "2.5 min", "2.5 h", "–"]
    assert [formats.p_value(p) for p in (0.0009, 0.001, 0.0042, 0.05, 1.0)] == [
        "<\u00a00.001", "0.001", "0.0042", "0.05", "1"
    ]  # fmt: skip
    assert formats.p_value(math.nan) == "–"


def test_file_names_that_lose_letters_stay_apart():
    assert formats.file_name("digits", "classification") == "digits-classification"
    assert formats.file_name("a b") != formats.file_name("a<b")
    assert "/" not in formats.file_name("../../etc")


def test_markdown_escapes_what_it_would_read_as_markup():
    assert escape("a|b\n*c* <d> `e` [f]") == r"a\|b \*c\* &lt;d&gt; \`e\` \[f\]"
    assert escape("long_balloon") == "long_balloon"
    assert table([{"x": "a|b"}]).splitlines() == ["| x |", "| --- |", r"| a\|b |"]
