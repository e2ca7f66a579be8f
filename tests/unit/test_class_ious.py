"""The section of the report about classes of pixels."""

import math
import re

import fake_runs as fake
import numpy as np
import pandas as pd
import pytest
from matplotlib.container import BarContainer
from site_text import site_text

from archbench.figures.detections import grouped_bars
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
    # Half the interval of two seeds 0.1 apart: t(0.975, 1) = 12.7062, deviation 0.0707, over the root of 2: 0.635.
    assert cells == ["unet", "0.85\u00a0±\u00a00.64", "0.30\u00a0±\u00a00.64", "n=2", "fcn8s", "0.7", "–", "n=1"]
    assert "long one" in part
    table = pd.read_csv(tmp_path / "report" / "tables" / "class-iou-balloons.csv")
    assert table["iou"].tolist() == [0.9, 0.25, 0.8, 0.35, 0.7]
    assert table["class"].tolist() == ["background", "long_one"] * 2 + ["background"]
    assert (tmp_path / "report" / "figures" / "class-iou-balloons.svg").is_file()


def test_a_bar_has_the_line_of_its_interval_where_one_is_known():
    means = pd.DataFrame({"sky": [0.5, 0.7], "road": [0.25, math.nan]}, ["unet", "fcn8s"])
    halves = pd.DataFrame({"sky": [0.1, math.nan], "road": [0.2, math.nan]}, means.index)
    (axes,) = grouped_bars(means, "IoU", halves).axes
    heights = [[bar.get_height() for bar in group] for group in axes.containers if isinstance(group, BarContainer)]
    assert heights == [[0.5, 0.25], [0.7, pytest.approx(math.nan, nan_ok=True)]]
    lines = [line.vertices[:, 1] for one in axes.collections for line in one.get_paths() if len(line.vertices)]
    assert [line.tolist() for line in lines if np.isfinite(line).all()] == [
        pytest.approx([0.4, 0.6]),
        pytest.approx([0.05, 0.45]),
    ]


def test_without_classes_of_pixels_there_is_no_such_section(tmp_path):
    assert "class-iou" not in _report(tmp_path, {"unet": [{}, {}]})
