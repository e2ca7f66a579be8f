"""The pages of one architecture and of one choice: what they gather from boards, studies, catalogues and papers."""

import re
from dataclasses import replace

import fake_runs as fake
import pytest

from archbench.figures.choices import rates_by_epoch
from archbench.page.figures import Gallery
from archbench.page.papers import OTHER
from archbench.page.section import Facts, Figures, Folded, Heading, Table, Text, Workplace
from archbench.page.sections.architectures import architectures
from archbench.page.sections.choices import choices
from archbench.results.gathered import Options, gather


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Runs of five architectures, of which one twice, and a study of optimizers."""
    root = tmp_path_factory.mktemp("own")
    fake.write_runs(root / "runs")
    described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
    for seed in fake.SEEDS:
        settings = fake.settings("again", seed, **described, epochs=3)
        fake.write_run(root / "runs" / "again" / f"seed-{seed}", settings, 0.7)
    fake.write_study(root / "studies" / "optimizers")
    names = [*fake.NETWORKS, "again"]
    options = Options(title="t", seeds=dict.fromkeys(names, fake.SEEDS), study_seeds={"optimizers": fake.SEEDS})
    return gather("tour", names, ["optimizers"], root / "runs", root / "studies", options)


@pytest.fixture(scope="module")
def pages(results, tmp_path_factory):
    """Anchor -> section, of both."""
    place = Workplace(Gallery(tmp_path_factory.mktemp("figures")), None)
    return {one.anchor: one for build in (architectures, choices) for one in build(results, place)}


def tables(section):
    return [block.rows for block in section.blocks if isinstance(block, Table)]


def words(section):
    return " ".join(block.text for block in section.blocks if isinstance(block, Text))


def test_every_architecture_has_a_page_and_a_row_a_benchmark(pages):
    anchors = {anchor for anchor in pages if anchor.startswith("architecture-")}
    assert anchors == {f"architecture-{name}" for name in ("lenet5", "resnet20", "plain20", "unet", "yolo_v2")}
    (rows,) = tables(pages["architectures"])
    assert {row["Benchmark"] for row in rows} == {*fake.NETWORKS, "again"}
    lenet5 = next(row for row in rows if row["Benchmark"] == "lenet5-digits")
    told = {head: lenet5[head] for head in ("Family", "Data", "Task", "Parameters", "Seeds")}
    assert told == {
        "Family": "chain of convolutions",
        "Data": "digits",
        "Task": "classification",
        "Parameters": "61,706",
        "Seeds": "n=3",
    }
    assert all(row["Recipe"].startswith("adam at 0.001") for row in rows)


def test_the_page_of_an_architecture_has_all_its_runs_seeds_curves_and_pictures(pages):
    page = pages["architecture-lenet5"]
    runs, every = tables(page)[:2]
    assert [row["Benchmark"] for row in runs] == ["lenet5-digits", "again"]
    assert "3 epochs" in runs[1]["Recipe"]
    assert [row["Folder"] for row in every][:2] == [f"runs/tour/lenet5-digits/seed-{seed}" for seed in (0, 1)]
    assert len(every) == 6
    blocks, curves = [block for block in page.blocks if isinstance(block, Figures)]
    assert [shown.file for shown in blocks.shown] == ["blocks-of-lenet5.svg"]
    assert [shown.file for shown in curves.shown] == ["curves-of-lenet5-digits.svg", "curves-of-again.svg"]
    assert "lenet5-digits" in [block.title for block in page.blocks if isinstance(block, Folded)]
    assert {"lenet5", "lenet5-digits", "again"} <= set(page.names)


def test_the_page_of_an_architecture_says_what_it_is_and_where_it_comes_from(pages):
    page = pages["architecture-resnet20"]
    assert "arXiv:1512.03385" in words(page)
    told = dict(next(block.pairs for block in page.blocks if isinstance(block, Facts)))
    assert told["In its paper it reads"] == "32 × 32 × 3"
    assert told["Written in"] == "src/archbench/architectures/vision/resnet_cifar.py"
    # He et al. 2015, table 6: 0.27M; by hand 7 x 16 + 6 x 32 + 6 x 64 channels with two moving statistics not trained
    count, trained = (int(told[name].replace(",", "")) for name in ("Parameters there", "Of these trained"))
    assert round(trained / 1e6, 2) == 0.27
    assert count - trained == 2 * (7 * 16 + 6 * 32 + 6 * 64)
    assert told["Weight layers on the longest way"] == "20"
    line, published = next(rows for rows in tables(page) if "Result" in rows[-1])[:2]
    assert line == {OTHER: ""}
    assert published["Result"] == "test\u00a0error\u00a08.75\u00a0%"
    here = published["Test, here"]
    assert here.startswith("error\u00a0")
    assert here.endswith("%,\u00a0n=3")
    assert (published["Data here"], published["Scale"]) == ("digits", "8x8 input, width 1/2")
    assert "place 1 of 4" in page.lead
    neighbours = next(rows for rows in tables(pages["architecture-lenet5"]) if "Is its" in rows[0])
    assert {"alexnet"} <= {row["Net"] for row in neighbours if row["Is its"] == "child"}


def test_the_page_of_an_architecture_tells_of_the_health_of_its_runs(results, tmp_path):
    rows = [{"health_update_1": step, "health_dead_1": 0.0, "health_gradient_1": 1.0} for step in (0.01, 3.0)]
    runs = [replace(run, rows=rows) if run.benchmark == "again" and run.seed == 1 else run for run in results.runs]
    found = architectures(replace(results, runs=runs), Workplace(Gallery(tmp_path), None))
    page = next(one for one in found if one.title == "lenet5")
    assert "Health of training" in [block.text for block in page.blocks if isinstance(block, Heading)]
    (marked,) = next(rows for rows in tables(page) if "Sign" in rows[0])
    assert (marked["Run"], marked["Seed"], marked["Sign"]) == ("again", "1", "explodes")


def test_a_choice_is_told_in_every_study_that_compares_its_kind(pages):
    assert "choice-optimizer-adam" in pages
    (rows,) = tables(pages["choice-optimizer-sgd"])
    assert [(row["Study"], row["Arm"]) for row in rows] == [("Study: optimizers", "sgd")]
    assert re.fullmatch(r"\+0\.\d+\u00a0±\u00a00\.\d+ over adam", rows[0]["Gain over the usual choice"])
    (usual,) = tables(pages["choice-optimizer-adam"])
    assert usual[0]["Gain over the usual choice"] == "–"
    assert "arXiv:1412.6980" in words(pages["choice-optimizer-adam"])
    assert not [anchor for anchor in pages if anchor.startswith("choice-schedule")]  # all arms have the same one


def test_a_name_that_is_two_things_in_two_studies_leads_to_neither(results):
    (study,) = results.studies
    other = replace(study, name="other", settings=study.settings, arms=tuple(_with_optimizer(study.arms, "sgd")))
    both = replace(results, studies=[study, other])
    names = {one.title: list(one.names) for one in choices(both, Workplace(None, None))}
    assert names["adam (optimizer)"] == []  # the arm adam of the other study is trained by sgd
    assert names["sgd (optimizer)"] == ["sgd"]


def _with_optimizer(arms, name):
    """The same arms, of which adam and adamw are trained by others than they are called."""
    for arm in arms:
        found = {"adam": name, "adamw": "momentum"}.get(arm.name)
        changed = [replace(run, settings={**run.settings, "optimizer": {"name": found}}) for run in arm.runs]
        yield replace(arm, runs=tuple(changed)) if found else arm


def test_an_activation_and_a_schedule_are_drawn_as_they_are(results, tmp_path):
    (study,) = results.studies
    arms = []
    for arm, activation, schedule in zip(
        study.arms, ("relu", "maxout", "relu"), ("cosine", "constant", "cosine"), strict=False
    ):
        made = {"parts": {"activation": {"name": activation}}, "schedule": {"name": schedule}}
        runs = [
            replace(run, settings={**run.settings, **made}, rows=[{"learning_rate": rate} for rate in (0.4, 0.2, 0.1)])
            for run in arm.runs
        ]
        arms.append(replace(arm, runs=tuple(runs)))
    found = {
        one.anchor: one
        for one in choices(
            replace(results, studies=[replace(study, arms=tuple(arms))]), Workplace(Gallery(tmp_path), None)
        )
    }
    drawn = {anchor: any(isinstance(block, Figures) for block in one.blocks) for anchor, one in found.items()}
    assert drawn["choice-activation-relu"]
    assert drawn["choice-schedule-cosine"]
    assert not drawn["choice-activation-maxout"]  # which takes the largest of several
    axes = rates_by_epoch({"a": [0.4, 0.2, 0.1]}).axes[0]
    assert axes.get_lines()[0].get_ydata().tolist() == [1, 0.5, 0.25]
