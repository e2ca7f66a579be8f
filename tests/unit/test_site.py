"""The report in a real browser, opened from disk: wide and narrow, light and dark, with scripts and without."""

import csv
import importlib.util
import io
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import fake_runs as fake
import pytest
from own_files import picture, put

from archbench.datasets.prepare import prepare
from archbench.page.report import Options, write_report
from archbench.results.data_sets import DataSetHere

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt install chromium"),
]
EVIL = "<img src=x onerror=alert(1)>"
TRACKED = "http://127.0.0.1:5000/#/experiments/1/runs/abc"
ARMS = ("adadelta", "adagrad", "adam", "adamw", "momentum", "nesterov", "rmsprop", "sgd")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a report with runs that failed, studies, a measurement of speed and a name that looks like HTML."""
    root = tmp_path_factory.mktemp("site")
    fake.write_runs(root / "runs")
    fake.write_study(root / "studies" / "optimizers")
    for name in ("second", "third"):
        fake.write_study(root / "studies" / name, name=name, arms=ARMS[2:6], trials=4)
    for seed in fake.SEEDS:
        described = {"architecture": EVIL, "scale": "paper", "dataset": "digits", "task": "classification"}
        fake.write_run(root / "runs" / "evil" / f"seed-{seed}", fake.settings("evil", seed, **described), 0.9)
    speed = "case,backend,ours,baseline,ratio,unit,n,note,machine\nlenet5,jax,38000.0,6100.0,6.23,images/s,5,,Abacus\n"
    (root / "runs" / "speed.csv").write_text(speed)
    benchmarks = [*fake.NETWORKS, "evil", "vgg11-digits"]
    studies = ["optimizers", "second", "third"]
    seeds = {"seeds": dict.fromkeys(benchmarks, fake.SEEDS), "study_seeds": dict.fromkeys(studies, fake.SEEDS)}
    folders = root / "runs", root / "studies", root / "report"
    seeds["tracked"] = {"runs/tour/lenet5-digits/seed-1": TRACKED}
    seeds["data_sets"] = {one.name: one for one in _data_sets(root)}
    return write_report("tour", benchmarks, studies, *folders, Options(title=EVIL, **seeds)).parent


def _data_sets(root):
    """Pictures with boxes and masks, pictures of classes whose names look like HTML, and data that are not here."""
    put(root / "files", {f"{kind}/{name}": content for kind in ("red", "<i>x") for name, content in _pictures(kind)})
    specs = {
        "digits": {"name": "image_folder", "folder": str(root / "files"), "size": 12},
        "balloons": {"name": "balloons", "examples": 40, "size": 32},
    }
    for slug, spec in specs.items():
        card = prepare(spec, slug, root / "data" / slug, root / "raw")
        yield DataSetHere(slug, spec, root / "data" / slug, root / "raw", augmentation=[{"name": "flip"}], card=card)
    yield DataSetHere("absent", {"name": "mnist"}, root / "data" / "absent", root / "raw")


def _pictures(kind):
    return [(f"{number}.png", picture((20, 200, len(kind)), number)) for number in range(12)]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def opened(browser, **options):
    """A page of the browser, and a list of all that it complained about."""
    context = browser.new_context(**{"viewport": {"width": 1300, "height": 1000}, **options})
    page, faults = context.new_page(), []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append("a dialog"))
    page.on("requestfailed", lambda request: faults.append(request.url))
    yield page, faults
    context.close()


def everywhere(site):
    return [site / "index.html", *sorted((site / "pages").glob("*.html"))]


SHOWN = """async () => {
  const pictures = [...document.images];
  pictures.forEach((picture) => { picture.loading = "eager"; });
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  await Promise.allSettled(pictures.map((picture) => picture.decode()));
  return pictures.filter((picture) => !picture.naturalWidth).map((picture) => picture.src);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 390])
def test_no_page_complains_or_scrolls_sideways_and_every_figure_is_seen(site, browser, width, scheme):
    with opened(browser, viewport={"width": width, "height": 844}, color_scheme=scheme) as (page, faults):
        for path in everywhere(site):
            page.goto(path.as_uri())
            assert page.evaluate(SHOWN) == [], path.name
            across = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert across <= 0, path.name
            unnamed = page.evaluate("[...document.images].filter((picture) => !picture.alt).length")
            assert not unnamed, path.name
    assert faults == []


AXE = importlib.util.find_spec("axe_playwright_python")
SERIOUS = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const bad = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  return bad.map((one) => [one.id, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))]);
}"""


@pytest.mark.skipif(AXE is None, reason="axe is not installed: pip install axe-playwright-python")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 390)])
def test_axe_finds_no_serious_fault(site, browser, scheme, width):
    with opened(browser, viewport={"width": width, "height": 844}, color_scheme=scheme) as (page, _):
        faults = {}
        for path in everywhere(site):
            page.goto(path.as_uri())
            page.evaluate(SHOWN)
            page.add_script_tag(path=Path(AXE.origin).parent / "axe.min.js")
            faults[path.name] = page.evaluate(SERIOUS)
    assert {name: found for name, found in faults.items() if found} == {}


def test_every_page_is_html_without_faults(site):
    html5lib = pytest.importorskip("html5lib", reason="html5lib is not installed: pip install html5lib")
    for path in everywhere(site):
        html5lib.HTMLParser(strict=True).parse(path.read_text())
        names = re.findall(r' id="([^"]*)"', path.read_text())
        assert len(names) == len(set(names)), path.name


def test_what_several_studies_share_has_a_page_of_mean_ranks(site):
    text = (site / "pages" / "ranks-optimizer.html").read_text()
    assert "Over 3 questions" in text
    assert text.count("<img") == 2  # the critical differences, and the performance profiles


def test_every_link_leads_to_something(site):
    for path in everywhere(site):
        for address in re.findall(r'(?:href|src)="([^"]*)"', path.read_text()):
            parts = urlsplit(address)
            if not parts.scheme:
                leads = path.parent / unquote(parts.path) if parts.path else path
                assert leads.exists(), (path.name, address)
                if parts.fragment:
                    assert f'id="{parts.fragment}"' in leads.read_text(), (path.name, address)


def test_a_run_leads_to_its_folder_and_to_its_page_in_mlflow(site):
    text = (site / "pages" / "architecture-lenet5.html").read_text()
    assert '<a href="../../runs/lenet5-digits/seed-0">runs/tour/lenet5-digits/seed-0</a>' in text
    assert f'<a href="{TRACKED}">lenet5-digits seed 1</a>' in text
    assert text.count(TRACKED) == 1
    assert "while archbench ui runs" in text


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_pages_and_figures_are_dark_where_the_reader_wants_it(site, browser, scheme, dark):
    with opened(browser, color_scheme=scheme) as (page, _):
        page.goto((site / "pages" / "study-optimizers.html").as_uri())
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, paper[4:-1].split(","))) < 384) == dark
        corner = """async () => {
          const picture = document.images[0];
          await picture.decode();
          return getComputedStyle(picture.parentElement).backgroundColor;
        }"""
        assert (sum(map(int, page.evaluate(corner)[4:-1].split(","))) < 384) == dark
        page.goto((site / "figures" / "study-optimizers-gains.svg").as_uri())
        assert ("invert" in page.evaluate("getComputedStyle(document.documentElement).filter")) == dark


LABELS = """() => {
  const texts = [...document.querySelectorAll("text")].filter((text) => text.textContent.trim());
  const placed = texts.map((text) => [text.textContent.trim(), text.getBoundingClientRect()]);
  const frame = document.documentElement.getBoundingClientRect();
  const cut = placed.filter(([, box]) => box.left < -1 || box.top < -1 || box.right > frame.right + 1
    || box.bottom > frame.bottom + 1).map(([text]) => [text, "beyond the edge"]);
  const over = placed.flatMap(([text, box], place) => placed.slice(place + 1).filter(([, other]) => {
    const width = Math.min(box.right, other.right) - Math.max(box.left, other.left);
    const height = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
    return width > 2 && height > 0.35 * Math.min(box.height, other.height);
  }).map(([other]) => [text, other]));
  return [...cut, ...over];
}"""


def test_no_label_of_a_figure_covers_another_or_is_cut(site, browser):
    with opened(browser) as (page, _):
        for path in sorted((site / "figures").glob("*.svg")):
            page.goto(path.as_uri())
            assert page.evaluate(LABELS) == [], path.name


def column(page, table, place):
    return [text.strip() for text in page.locator(f"{table} tbody tr:visible td:nth-child({place})").all_inner_texts()]


def test_a_table_is_sorted_by_a_click_and_the_other_way_by_the_next(site, browser):
    with opened(browser) as (page, faults):
        page.goto((site / "pages" / "study-optimizers.html").as_uri())
        head = page.locator("table").first.locator("th").first
        head.locator("button").click()
        assert (head.get_attribute("aria-sort"), column(page, "table >> nth=0 >>", 1)) == ("ascending", list(ARMS))
        head.locator("button").click()
        assert (head.get_attribute("aria-sort"), column(page, "table >> nth=0 >>", 1)) == (
            "descending",
            list(reversed(ARMS)),
        )
        page.get_by_role("button", name="Minus the best").first.click()
        gains = column(page, "table >> nth=0 >>", 4)
        numbers = [float(gain.split("\u00a0")[0]) for gain in gains[:-1]]
        assert numbers == sorted(numbers)
        assert gains[-1] == "–"  # what has no number stands last, whichever way
        page.get_by_role("button", name="Minus the best").first.click()
        assert column(page, "table >> nth=0 >>", 4)[-1] == "–"
        assert head.get_attribute("aria-sort") is None
    assert faults == []


def test_numbers_are_sorted_with_their_units_and_thousands(site, browser):
    with opened(browser) as (page, _):
        page.goto((site / "index.html").as_uri())
        texts = ["2.5 min", "100 s", "1,000 s", "3 h", "0.5 s"]
        values = page.evaluate("(texts) => texts.map(numberOf)", texts)
        assert values == [150, 100, 1000, 10800, 0.5]
        others = ["1.5 GiB", "512 MiB", "61,706", "2.6M", "+0.002 ± 0.010", "<\u00a00.001", "n=3", "-3e-4", "-0.5"]
        found = page.evaluate("(texts) => texts.map((text) => numberOf(text.replace(/\\\\s+/g, ' ')))", others)
        assert found == [1.5 * 2**30, 2**29, 61706, 2.6e6, 0.002, 0.001, 3, -3e-4, -0.5]
        assert page.evaluate("['–', 'adam at 0.001', ''].map(numberOf).every(Number.isNaN)")


def test_what_is_not_ranked_stays_below_its_line(site, browser):
    with opened(browser) as (page, _):
        page.set_content(
            "<div class='search'><input><ul></ul></div><div class='scroll'><table class='data'><thead><tr><th>a</th>"
            "<th>b</th></tr></thead><tbody><tr><td>x</td><td>2</td></tr><tr><td>y</td><td>1</td></tr>"
            "<tr class='line'><th colspan=2>below</th></tr><tr><td>z</td><td>0</td></tr></tbody></table></div>"
        )
        page.add_script_tag(path=site / "pages" / "names.js")
        page.add_script_tag(path=site / "pages" / "site.js")
        page.get_by_role("button", name="b", exact=True).click()
        assert page.locator("tbody tr").all_inner_texts() == ["y\t1", "x\t2", "below", "z\t0"]


def test_rows_are_filtered_by_words_and_by_what_a_column_holds(site, browser):
    with opened(browser) as (page, _):
        page.goto((site / "pages" / "study-optimizers.html").as_uri())
        tools = page.locator(".tools").first
        tools.get_by_label("Filter rows").fill("ADAM")
        assert column(page, "table >> nth=0 >>", 1) == ["adam", "adamw"]
        assert tools.get_by_role("status").inner_text() == "2 of 8 rows"
        tools.get_by_label("Filter rows").fill("")
        tools.get_by_role("combobox", name="Verdict").select_option("worse")
        verdicts = column(page, "table >> nth=0 >>", 6)
        assert verdicts
        assert set(verdicts) == {"worse"}
        tools.get_by_role("combobox", name="Verdict").select_option("")
        assert len(column(page, "table >> nth=0 >>", 1)) == 8


def test_a_table_is_copied_as_it_is_shown(site, browser):
    with opened(browser) as (page, _):
        page.goto((site / "pages" / "study-optimizers.html").as_uri())
        page.evaluate(
            "Object.defineProperty(navigator, 'clipboard',"
            "{ value: { writeText: async (text) => { window.copied = text; } } })"
        )
        tools = page.locator(".tools").first
        tools.get_by_label("Filter rows").fill("adamw")
        tools.get_by_text("Columns").click()
        tools.get_by_role("checkbox", name="Verdict").uncheck()
        tools.get_by_text("Copy CSV").click()
        head, row = csv.reader(io.StringIO(page.evaluate("window.copied")))
        assert head[:2] == ["Arm", "Test accuracy"]
        assert "Verdict" not in head
        assert len(row) == len(head)
        assert row[0] == "adamw"
        tools.get_by_text("Copy Markdown").click()
        assert page.evaluate("window.copied").splitlines()[1].startswith("| --- | --- |")
        tools.get_by_text("Copy LaTeX").click()
        assert page.evaluate("window.copied").startswith("\\begin{tabular}{lll")


def test_a_page_is_found_by_any_of_its_names(site, browser):
    with opened(browser) as (page, faults):
        page.goto((site / "index.html").as_uri())
        box = page.get_by_label("Find a page by name")
        box.fill("onerror")
        assert page.locator(".search a").first.inner_text() == EVIL
        box.fill("resnet20-dig")
        box.press("Enter")
        page.wait_for_url("**/pages/architecture-resnet20.html")
        assert page.locator("h1").inner_text() == "resnet20"
        page.get_by_label("Find a page by name").fill("optimizers")
        page.locator(".search a").first.click()
        page.wait_for_url("**/pages/study-optimizers.html")
    assert faults == []


def test_without_scripts_everything_can_be_read(site, browser):
    with opened(browser, java_script_enabled=False) as (page, _):
        page.goto((site / "index.html").as_uri())
        assert page.locator("table.data tbody tr").count() == 4
        assert not page.locator(".search").is_visible()
        page.locator("table.data a").last.click()
        assert page.locator("figure img").count() > 3
        assert page.locator(".tools").count() == 0


def test_the_first_column_stays_in_view(site, browser):
    with opened(browser, viewport={"width": 390, "height": 844}) as (page, _):
        page.goto((site / "pages" / "board-digits-classification.html").as_uri())
        page.evaluate("document.querySelector('.scroll').scrollLeft = 300")
        assert page.evaluate("document.querySelector('.scroll').scrollLeft") > 100
        left = page.evaluate("document.querySelector('.scroll td').getBoundingClientRect().left")
        assert 0 <= left < 30
