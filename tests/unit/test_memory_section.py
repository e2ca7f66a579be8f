"""The section of the report about how far back networks remember."""

import re

import fake_runs as fake
import pandas as pd
from site_text import site_text

from archbench.page.report import Options, write_report


def _report(tmp_path, runs: dict[str, list[dict[str, float]]]) -> str:
    for benchmark, seeds in runs.items():
        for seed, scores in enumerate(seeds):
            described = {
                "architecture": benchmark,
                "scale": "paper",
                "dataset": "copying",
                "task": "sequence_labelling",
            }
            told = {"step_accuracy": 0.5, "loss": 0.1}
            fake.write_run(
                tmp_path / "runs" / benchmark / f"seed-{seed}",
                fake.settings(benchmark, seed, **described),
                0.5,
                monitor="step_accuracy",
                scores={
                    "validation": told,
                    "test": told,
                    "test_later": told,
                    **{f"delay_{delay}": {**told, "step_accuracy": value} for delay, value in scores.items()},
                },
            )
    options = Options(title="t", seeds={name: range(len(seeds)) for name, seeds in runs.items()}, study_seeds={})
    folders = tmp_path / "runs", tmp_path / "studies", tmp_path / "report"
    return site_text(write_report("tour", list(runs), [], *folders, options))


def test_the_score_after_each_wait_is_told_as_a_mean_over_seeds(tmp_path):
    page = _report(tmp_path, {"lstm": [{5: 1.0, 40: 0.5}, {5: 0.9, 40: 0.7}], "rnn": [{5: 0.25, 40: 0.125}]})
    part = page.split('<section id="memory-copying">')[1].split("</section>")[0]
    cells = re.findall("<td[^>]*>([^<]*)</td>", part)
    # t(0.975, 1) = 12.7062 times the deviation over the root of 2: 0.0707 / 1.414 and 0.1414 / 1.414
    assert cells == ["lstm", "0.95\u00a0±\u00a00.64", "0.6\u00a0±\u00a01.3", "n=2", "rnn", "0.25", "0.125", "n=1"]
    assert re.findall("<th[^>]*>([^<]*)</th>", part)[:3] == ["Network", "5 steps", "40 steps"]
    table = pd.read_csv(tmp_path / "report" / "tables" / "memory-copying.csv")
    assert table["step_accuracy"].tolist() == [1.0, 0.5, 0.9, 0.7, 0.25, 0.125]
    assert table["delay"].tolist() == [5, 40] * 3
    assert (tmp_path / "report" / "figures" / "memory-copying.svg").is_file()


def test_without_splits_by_wait_there_is_no_such_section(tmp_path):
    assert "memory-copying" not in _report(tmp_path, {"lstm": [{}]})
