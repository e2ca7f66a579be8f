"""Mean ranks over several questions, by the example of Demšar 2006, and performance profiles by hand."""

import math
from dataclasses import replace

import fake_runs as fake
import numpy as np
import pandas as pd
import pytest

from archbench.figures.mean_ranks import critical_differences
from archbench.page.figures import Gallery
from archbench.page.section import Workplace
from archbench.page.sections.mean_ranks import mean_ranks
from archbench.results.gathered import Options, gather
from archbench.results.mean_ranks import (
    FAILED,
    Ranks,
    board_scores,
    critical_difference,
    friedman,
    profile,
    rank_over,
    setting_costs,
    setting_scores,
    settings_of,
)


def test_the_example_of_the_paper():
    """Demšar 2006, section 3.2.2: four algorithms on 14 data sets, F = 3.69, critical difference 1.25."""
    means = pd.Series([3.143, 2.000, 2.893, 1.964], ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"])
    from scipy import stats

    assert stats.f.isf(friedman(means, 14), 3, 39) == pytest.approx(3.69, abs=0.01)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize(
    ("choices", "quantile"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.949), (8, 3.031), (9, 3.102), (10, 3.164)],
)
def test_nemenyis_quantiles_are_those_of_table_5(choices, quantile):
    one = critical_difference(choices, 1) / math.sqrt(choices * (choices + 1) / 6)
    assert one == pytest.approx(quantile, abs=1e-3)


def ranks(means, p, critical):
    return Ranks(pd.DataFrame([means]), p, critical)


def test_groups_are_the_longest_runs_within_the_critical_difference():
    means = {"a": 1.0, "b": 1.8, "c": 2.6, "d": 4.0}
    assert ranks(means, 0.01, 1.0).groups == [["a", "b"], ["b", "c"]]
    assert ranks(means, 0.01, 2.0).groups == [["a", "b", "c"], ["c", "d"]]  # b is 2.2 from d
    assert ranks(means, 0.2, 1.0).groups == [["a", "b", "c", "d"]]  # no difference is shown at all
    assert ranks(means, 0.01, 0.1).groups == []


def test_only_what_was_tried_everywhere_is_ranked_and_a_failure_is_last():
    scores = pd.DataFrame(
        {
            "a": [0.9, 0.8, 0.7, math.nan],
            "b": [0.8, FAILED, 0.6, 0.5],
            "c": [0.7, 0.7, 0.9, 0.4],
            "d": [math.nan, 0.9, math.nan, math.nan],
        }
    )
    found = rank_over(scores)
    assert found.each.to_dict("list") == {"a": [1, 1, 2], "c": [3, 2, 1], "b": [2, 3, 3]}
    assert rank_over(scores.iloc[:2]) is None  # two questions
    assert rank_over(scores[["a", "b"]]) is None  # two choices


def test_the_same_order_everywhere_is_as_sure_as_can_be_and_equal_ranks_are_not():
    assert friedman(pd.Series([1.0, 2.0, 3.0]), 4) == 0
    assert friedman(pd.Series([2.0, 2.0, 2.0]), 4) == 1


def test_a_profile_by_hand():
    costs = pd.DataFrame({"a": [1.0, 4.0, math.nan, math.nan], "b": [2.0, 2.0, 3.0, math.nan]})
    found = profile(costs)
    assert found[found["choice"] == "a"][["ratio", "share"]].to_numpy().tolist() == [[1, 1 / 3], [2, 2 / 3]]
    assert found[found["choice"] == "b"][["ratio", "share"]].to_numpy().tolist() == [[1, 1 / 3], [1, 2 / 3], [2, 1]]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Three studies of optimizers and one of optimizers by schedules."""
    root = tmp_path_factory.mktemp("ranks")
    arms, names = fake.OPTIMIZERS[:4], ["one", "two", "three"]
    for name in names:
        fake.write_study(root / "studies" / name, name=name, arms=arms)
    axes = {"optimizer": {"sgd": "sgd", "adam": "adam", "adamw": "adamw"}, "schedule": {"constant": 1, "cosine": 1}}
    fake.write_study(root / "studies" / "crossed", name="crossed", cross=axes)
    fake.write_runs(root / "runs")
    seeds = dict.fromkeys([*names, "crossed"], fake.SEEDS)
    options = Options(title="t", seeds=dict.fromkeys(fake.NETWORKS, fake.SEEDS), study_seeds=seeds)
    folders = root / "runs", root / "studies"
    return gather("tour", list(fake.NETWORKS), list(seeds), *folders, options)


def _crossed(study):
    """The same study, its runs made by the optimizers and schedules that its arms are called by."""
    arms = []
    for arm in study.arms:
        made = {axis: {"name": value} for axis, value in arm.cell.items()}
        arms.append(replace(arm, runs=tuple(replace(run, settings={**run.settings, **made}) for run in arm.runs)))
    return replace(study, arms=tuple(arms))


def test_a_crossed_study_is_a_question_for_each_value_of_its_other_axis(results):
    settings = list(settings_of([_crossed(results.studies[-1])], "optimizer"))
    assert [setting.label for setting in settings] == ["crossed, schedule constant", "crossed, schedule cosine"]
    assert {arm.name for arm in settings[1].arms.values()} == {"sgd-cosine", "adam-cosine", "adamw-cosine"}
    assert list(settings_of(results.studies[:3], "schedule")) == []  # all arms have the same


def test_where_less_is_better_the_least_is_first(results):
    (setting,) = settings_of(results.studies[:1], "optimizer")
    higher = setting_scores([setting]).iloc[0]
    lower = setting_scores([replace(setting, study=replace(setting.study, maximize=False))]).iloc[0]
    assert higher.idxmax() == "sgd"
    assert lower.idxmax() == "adagrad"


def test_seconds_to_the_target_are_a_row_a_setting_and_seed(results):
    settings = list(settings_of(results.studies[:3], "optimizer"))
    costs = setting_costs(settings, list(fake.OPTIMIZERS[:4]))
    assert len(costs) == 9
    assert list(costs.index[:2]) == ["one, seed 0", "one, seed 1"]
    assert np.isfinite(costs.to_numpy(dtype=float)).any()


def test_the_page_says_who_is_first_and_who_cannot_be_told_from_it(results, tmp_path):
    written = {}
    place = Workplace(Gallery(tmp_path), lambda name, table, **_: written.update({name: table}))
    (page,) = mean_ranks(replace(results, studies=results.studies[:3]), place)
    assert page.title == "Mean ranks: optimizer"
    assert page.lead.startswith("Over 3 questions sgd has the best mean rank of 4, 1.")
    assert {path.name for path in tmp_path.iterdir()} == {"ranks-optimizer.svg", "ranks-optimizer-profile.svg"}
    assert list(written["ranks-optimizer.csv"]["question"]) == ["one", "two", "three"]
    assert list(mean_ranks(replace(results, studies=results.studies[:2]), place)) == []


def test_networks_are_ranked_over_boards_that_share_them(results):
    scores = board_scores(results.boards)
    assert scores.shape[0] == len(results.boards)
    assert scores.loc["digits (classification)", "plain20"] == FAILED  # one seed diverged
    assert rank_over(scores) is None


def test_the_diagram_names_everybody_at_its_rank():
    means = pd.Series({"a": 1.2, "b": 2.0, "c": 2.8, "d": 4.0})
    drawn = critical_differences(means, [["a", "b"], ["b", "c"]], 1.0)
    texts = [text.get_text().strip() for text in drawn.axes[0].texts]
    assert {"a 1.20", "d 4.00", "critical difference 1.00", "1", "4"} <= set(texts)
