"""The pages in docs/: what is written from the code is not stale, links lead somewhere, and what they claim is so."""

import re
from pathlib import Path

import optuna
import pytest
import yaml
from dvc.utils.serialize import modify_yaml
from typer.main import get_command

from archbench.cli.app import app
from archbench.cli.manual import PAGES, PLACES
from archbench.config import Config, Model
from archbench.sweeps import storage

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
WRITTEN = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_written_from_the_code_is_not_stale(name):
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: make docs"


def test_every_key_of_params_yaml_is_told_with_what_it_is():
    rows = [line for line in PAGES["params.md"]().splitlines() if line.startswith("| `")]
    untold = [row.split(" | ")[0] for row in rows if row.endswith("|  |")]
    assert untold == []
    told = {name for model in PLACES for name in model.__annotations__ if name in model.model_fields}
    assert told >= set(Config.model_fields)
    assert {model for model in Model.__subclasses__() if model.__module__ == "archbench.config"} <= set(PLACES)


def test_a_range_and_a_default_are_those_of_the_model():
    page = PAGES["params.md"]()
    assert "| `batch_size` | a whole number, at least 1 and at most 1000000000 | `32` |" in page
    assert "| `workers` | a whole number, at least 1 and at most 256 | `2` |" in page
    assert "| `from` | text | needed |" in page


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {"".join(c for c in head.lower().replace(" ", "-") if c.isalnum() or c in "-_") for head in heads}
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif not link.startswith("http"):
            assert (page.parent / link.partition("#")[0]).exists(), link


def test_every_page_stands_in_the_readme():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DOCS.glob("*.md") if f"docs/{path.name}" not in text] == []


def test_every_command_that_they_name_there_is():
    known = set(get_command(app).commands)
    named = {
        word
        for page in WRITTEN
        for word in re.findall(r"(?:^|`)archbench ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named - known == set()


def test_a_study_is_loaded_as_they_say(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "studies.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shared = storage.open_storage(tmp_path / "studies" / "tour" / "optimizers.journal")
    study = optuna.create_study(storage=shared, study_name="tour/optimizers/adam", direction="maximize")
    for rate, score in ((0.1, 0.5), (0.2, 0.75)):
        trial = study.ask({"learning_rate": optuna.distributions.FloatDistribution(rate, rate)})
        study.tell(trial, score)
    exec(compile(code, "studies.md", "exec"), {})
    assert capsys.readouterr().out.startswith("0.75 {'learning_rate': 0.2}")


def test_dvc_keeps_values_and_comments_of_params_yaml_and_not_its_layout(tmp_path):
    """What `dvc exp run -S` does to the file, as docs/tracking.md says."""
    before = (PROJECT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(before, encoding="utf-8")
    with modify_yaml(str(tmp_path / "params.yaml")) as given:
        given["benchmarks"]["lenet5-digits"]["epochs"] = 3
    after = (tmp_path / "params.yaml").read_text(encoding="utf-8")
    expected = yaml.safe_load(before)
    expected["benchmarks"]["lenet5-digits"]["epochs"] = 3
    assert yaml.safe_load(after) == expected
    comments = [re.findall(r"#\s*(.*)$", text, re.MULTILINE) for text in (before, after)]
    assert comments[0] == comments[1]
    assert max(map(len, after.splitlines())) < max(map(len, before.splitlines()))
