"""The section of the report about classes of pixels."""

import re

import fake_runs as fake
import pandas as pd
from site_text import site_text

from archbench.page.report import Options, write_report


def _report(tmp_path, runs: dict[str, list[dict[str, float]]], dataset="balloons") -> str:
    for benchmark, seeds in runs.items():
        for seed, scores in enumerate(seeds):
            described = {"architecture": benchmark, "scale": "paper", "dataset": dataset, "task": "segmentation"}
            told = {"mean_iou": 0.5, "loss": 0.1, **{f"{name}_class_iou": value for name, value in scores.items()}}
            fake.write_run(
                tmp_path / "runs" / benchmark / f"seed-{seed}",
                fake.settings(benchmark, seed, **described),
                0.5,
                monitor="mean_iou",
                scores={"validation": {"mean_iou": 0.5, "loss": 0.1}, "test": told},
            )
    options = Options(title="t", seeds={name: range(len(seeds)) for name, seeds in runs.items()}, study_seeds={})
    folders = tmp_path / "runs", tmp_path / "studies", tmp_path / "report"
    return site_text(write_report("tour", list(runs), [], *folders, options))


def test_the_iou_of_each_class_is_told_as_a_mean_over_seeds(tmp_path):
    runs = {
        "unet": [{"background": 0.9, "long_one": 0.25}, {"background": 0.8, "long_one": 0.35}],
        "fcn8s": [{"background": 0.7}],  # whose class was not in the split
    }
    page = _report(tmp_path, runs)
    assert '<section id="class-iou-balloons">' in page
    part = page.split('<section id="class-iou-balloons">')[1].split("</section>")[0]
    cells = re.findall("<td[^>]*>([^<]*)</td>", part)
    assert cells == ["unet", "0.85", "0.3", "n=2", "fcn8s", "0.7", "–", "n=1"]
    assert "long one" in part
    table = pd.read_csv(tmp_path / "report" / "tables" / "class-iou-balloons.csv")
    assert table["iou"].tolist() == [0.9, 0.25, 0.8, 0.35, 0.7]
    assert table["class"].tolist() == ["background", "long_one"] * 2 + ["background"]
    assert (tmp_path / "report" / "figures" / "class-iou-balloons.svg").is_file()


def test_without_classes_of_pixels_there_is_no_such_section(tmp_path):
    assert "class-iou" not in _report(tmp_path, {"unet": [{}, {}]})
