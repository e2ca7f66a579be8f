"""What a reader is told: data and text of figures, captions, remarks and sentences, held against each other."""

import math
import re

import fake_runs as fake
import numpy as np
import pandas as pd
import pytest
from site_text import site_text
from test_ranking import SEEDS, train

from archbench.figures.ancestry import VERDICTS, degradation, family_tree
from archbench.figures.curves import learning_curves
from archbench.figures.fronts import score_against_costs
from archbench.figures.pictures.classification import confusion_figure
from archbench.figures.pictures.multi_label import multi_label
from archbench.figures.scores import SEED_OFFSET, interval_figure
from archbench.figures.start import heads_side_by_side, score_by_size
from archbench.figures.study_choices import cell_map
from archbench.page import figures as page_figures
from archbench.page import formats, study_figures
from archbench.page.figures import Gallery, better
from archbench.page.readme import table
from archbench.page.report import Options, write_report
from archbench.page.sections.boards import board_remark, board_rows
from archbench.page.sections.studies import arm_rows, study_remark
from archbench.page.summary import board_words, study_words, summarize
from archbench.results.leaderboard import boards
from archbench.results.runs import read_runs
from archbench.results.studies import read_study
from archbench.results.table import results_table

COMPETITORS = {
    "best": [0.90, 0.91, 0.92], "close": [0.89, 0.92, 0.90], "worse": [0.790, 0.811, 0.820],
    "broken": [0.99, None, 0.99], "lucky": [1.0],
}  # fmt: skip


def made(folder, competitors=COMPETITORS, **changes):
    """The runs, and the board of them."""
    seeds = {}
    for name, scores in competitors.items():
        seeds |= train(folder, name, scores, expected=range(len(scores)), **changes)
    runs = read_runs(folder, seeds)
    return runs, boards(runs)[0]


@pytest.fixture
def drawings(monkeypatch):
    """The figures that a page draws, by the name of their function, as they are before they are saved."""
    kept = {}

    def keeping(module, name):
        draw = getattr(module, name)

        def kept_draw(*args, **options):
            kept[name] = draw(*args, **options)
            return kept[name]

        monkeypatch.setattr(module, name, kept_draw)

    for name in ("interval_figure", "learning_curves", "score_against_costs"):
        keeping(page_figures, name)
    for name in ("learning_curves", "best_so_far_curves", "learning_rate_sensitivity", "cell_map", "target_times"):
        keeping(study_figures, name)
    return kept


def diamonds(axes):
    """Row -> (value, whether it is hollow)."""
    lines = [line for line in axes.get_lines() if line.get_marker() == "D"]
    return {line.get_ydata()[0]: (line.get_xdata()[0], line.get_markerfacecolor() == "white") for line in lines}


def labels(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


# --- scores


def test_the_figure_of_scores_says_what_the_verdicts_say(tmp_path, drawings):
    _, board = made(tmp_path / "runs")
    (shown, *_) = Gallery(tmp_path).board(board, results_table(board.runs))
    left, right = drawings["interval_figure"].axes
    names = [label.removesuffix(" (paper)") for label in labels(left)]
    assert names == ["best", "close", "worse", "broken", "lucky"]
    hollow = {names[row]: is_hollow for row, (_, is_hollow) in diamonds(left).items()}
    assert hollow == {"best": False, "close": False, "worse": True, "broken": True}  # and lucky has no mean
    apart = {names[row]: value for row, (value, _) in diamonds(right).items() if np.isfinite(value)}
    differences = board.table().set_index("benchmark")["difference"].dropna()
    assert apart == pytest.approx(differences.to_dict())
    assert right.get_xlabel() == "minus the best, seed by seed"
    for words in ("higher is better", "n=2 to 3", "Below the line: networks with a single seed", formats.SURELY):
        assert words in shown.caption
    assert "overlap" not in shown.caption


def test_the_bars_of_a_difference_are_its_interval(tmp_path, drawings):
    _, board = made(tmp_path / "runs")
    Gallery(tmp_path).board(board, results_table(board.runs))
    right = drawings["interval_figure"].axes[1]
    bars = {line.get_ydata()[0]: list(line.get_xdata()) for line in right.get_lines() if line.get_linewidth() == 2.4}
    table = board.table()
    for row in (1, 2):
        assert bars[row] == pytest.approx([table.loc[row, "difference_low"], table.loc[row, "difference_high"]])


def test_every_seed_is_drawn_at_its_own_competitor(tmp_path, drawings):
    """The dots of one below its mean, nearer to it than to the next; a single seed below the line, on its own row."""
    _, board = made(tmp_path / "runs")
    Gallery(tmp_path).board(board, results_table(board.runs))
    left = drawings["interval_figure"].axes[0]
    drawn = {}
    for value, row in left.collections[0].get_offsets():
        drawn.setdefault(row, []).append(value)
    assert {row: sorted(values) for row, values in drawn.items()} == {
        0 + SEED_OFFSET: [0.90, 0.91, 0.92],
        1 + SEED_OFFSET: [0.89, 0.90, 0.92],
        2 + SEED_OFFSET: [0.790, 0.811, 0.820],
        3 + SEED_OFFSET: [0.99, 0.99],
        4: [1.0],
    }
    assert 0 < SEED_OFFSET < 0.5
    line = next(line for line in left.get_lines() if line.get_linestyle() == "--")
    assert line.get_ydata()[0] == 3.5
    assert max(diamonds(left)) == 3


def test_single_seeds_alone_are_drawn_without_means_and_nothing_is_said_of_best(tmp_path, drawings):
    runs, board = made(tmp_path / "runs", {"a": [0.9], "b": [0.8]})
    (shown, *_) = Gallery(tmp_path).board(board, results_table(runs))
    assert len(drawings["interval_figure"].axes) == 1
    assert diamonds(drawings["interval_figure"].axes[0]) == {}
    assert "Diamond" not in shown.caption
    assert "best" not in shown.caption
    text = " ".join([*summarize(runs, [board]), board_words(board), board_remark(board)])
    assert "Nothing is ranked" in text
    assert "est mean" not in text


def test_which_direction_is_better_is_said_in_every_caption(tmp_path):
    for maximize, words in ((True, "igher is better"), (False, "ower is better")):
        runs, board = made(tmp_path / str(maximize), maximize=maximize)
        shown = Gallery(tmp_path).board(board, results_table(runs))
        opposite = "igher is better" if not maximize else "ower is better"
        for text in (*(figure.caption for figure in shown), board_remark(board)):
            assert words in text, text
            assert opposite not in text, text
    assert (better(True), better(False)) == ("higher is better", "lower is better")


def test_means_and_spread_in_the_scores_figure():
    scores = pd.DataFrame(
        {
            "label": ["a", "b"], "mean": [0.9, 0.8], "interval_low": [0.85, 0.7], "interval_high": [0.95, 0.9],
            "difference": [math.nan, -0.1], "difference_low": [math.nan, -0.15], "difference_high": [math.nan, -0.05],
            "ranked": True, "open": [True, False],
        }
    )  # fmt: skip
    left, right = interval_figure(scores, pd.DataFrame({"label": ["b"], "value": [0.8]}), metric="recall").axes
    assert {row: value for row, (value, _) in diamonds(left).items()} == {0: 0.9, 1: 0.8}
    assert left.get_xlabel() == "test recall"
    assert left.get_ylim() == (1.5, -0.5)  # best on top
    assert diamonds(right)[1] == (-0.1, True)


# --- curves


def test_no_name_in_a_figure_is_cut_and_no_two_are_alike(tmp_path, drawings):
    """Two networks of one architecture with long scales go by their benchmarks, the others by their architecture."""
    scale = "blocks [1, 1, 1], width 16, no stem_pool, output_stride 4, 64 pixels"
    seeds = {}
    for name, architecture in {"plain": "deeplab_v1", "refined": "deeplab_v1", "other": "unet"}.items():
        seeds |= train(tmp_path / "runs", name, [0.9, 0.92, 0.91], architecture=architecture, scale=scale)
    (board,) = boards(runs := read_runs(tmp_path / "runs", seeds))
    Gallery(tmp_path).board(board, results_table(runs))
    expected = {"plain", "refined", "unet"}
    assert {text.get_text() for text in drawings["interval_figure"].axes[0].get_yticklabels()} == expected
    assert {text.get_text() for text in drawings["learning_curves"].legends[0].get_texts()} == expected


def test_the_left_panel_is_the_training_loss_and_the_right_one_the_validation_score(tmp_path, drawings):
    runs, board = made(tmp_path / "runs", {"close": [0.89, 0.92, 0.90], "lucky": [1.0], "best": [0.90, 0.91, 0.92]})
    captions = [shown.caption for shown in Gallery(tmp_path).board(board, results_table(runs))]
    caption = next(text for text in captions if text.startswith("Learning curves"))
    left, right = drawings["learning_curves"].axes
    assert "Left: training loss. Right: validation accuracy" in caption
    assert (left.get_title(), right.get_title()) == ("training loss", "validation accuracy")
    assert (left.get_xlabel(), right.get_xlabel()) == ("epoch", "epoch")
    legend = [text.get_text() for text in drawings["learning_curves"].legends[0].get_texts()]
    assert legend == ["best (paper)", "close (paper)", "n=1: lucky (paper)"]  # as on the board, not as they were read
    histories = [run.history for run in runs if run.benchmark == "best"]
    means = {name: np.mean([one[name] for one in histories], axis=0) for name in ("train_loss", "validation_accuracy")}
    assert left.get_lines()[0].get_ydata() == pytest.approx(means["train_loss"])
    assert right.get_lines()[0].get_ydata() == pytest.approx(means["validation_accuracy"])


def test_a_band_is_the_interval_of_the_mean():
    rows = [("a", seed, "train", "loss", 1, value) for seed, value in enumerate((1.0, 2.0, 3.0))]
    rows += [("a", seed, "train", "loss", 2, value) for seed, value in enumerate((1.0, 2.0, 3.0))]
    table = pd.DataFrame(rows, columns=["benchmark", "seed", "split", "metric", "epoch", "value"])
    axes = learning_curves(table, monitor="accuracy", metric="accuracy", labels={"a": "A"}).axes[0]
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    # Deviation 1, three seeds: 4.302653 / sqrt(3) = 2.484138.
    assert (heights.min(), heights.max()) == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-5)


# --- costs


def test_only_what_every_seed_stands_behind_is_on_the_front(tmp_path, drawings):
    _, board = made(tmp_path / "runs")
    shown = Gallery(tmp_path).board(board, results_table(board.runs))
    named = {text.get_text() for axes in drawings["score_against_costs"].axes for text in axes.texts}
    assert named == {"best"}
    assert "Hollow: a single seed, or seeds without a score; it is not on the front" in shown[-1].caption
    hollow = [
        line.get_ydata()[0]
        for line in drawings["score_against_costs"].axes[0].get_lines()
        if line.get_markerfacecolor() == "white"
    ]
    assert sorted(hollow) == [0.99, 1.0]


def test_the_front_of_a_loss_runs_along_the_bottom():
    points = pd.DataFrame(
        {
            "name": list("abc"), "family": "dense", "mean": [3.0, 2.0, 2.5], "interval_low": math.nan,
            "interval_high": math.nan, "whole": True, "parameters": [1, 2, 3], "multiply_adds": [1, 2, 3],
            "train_seconds": [1, 2, 3], "peak_memory_bytes": [1, 2, 3],
        }
    )  # fmt: skip
    axes = score_against_costs(points, metric="loss", maximize=False, families=["dense"]).axes[0]
    assert {text.get_text() for text in axes.texts} == {"a", "b"}


# --- pictures, pairs, tree, depth


def test_a_row_of_the_confusion_matrix_is_the_true_class():
    counts = np.array([[5, 2], [0, 3]])  # class a was called b twice
    axes = confusion_figure(counts, ["a", "b"]).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts[1.5, 0.5] == "2"
    assert (0.5, 1.5) not in texts
    shares = axes.collections[0].get_array().reshape(2, 2)
    assert np.asarray(shares) == pytest.approx(np.array([[5 / 7, 2 / 7], [0, 1]]))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]


def test_recall_is_of_what_is_there_and_precision_of_what_was_said():
    truth, guess = np.array([[1, 0], [1, 1], [1, 0]]), np.array([[1, 1], [0, 1], [0, 0]])
    known = {"input": np.zeros((3, 2)), "target_present": truth, "prediction_present": guess}
    axes = multi_label(known)[0].figure.axes[0]
    heights = [patch.get_height() for patch in axes.patches]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["recall", "precision"]
    assert heights == pytest.approx([1 / 3, 1, 1, 1 / 2])


def test_rows_and_columns_of_pairs_are_called_what_they_are():
    rows = [("relu", "he", 0.9, 3, 3), ("relu", "zeros", 0.1, 3, 3), ("tanh", "he", 0.5, 3, 3)]
    cells = pd.DataFrame(rows, columns=["row", "column", "mean", "finished", "seeds"])
    axes = cell_map(cells, rows="activation", columns="initializer", metric="accuracy").axes[0]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("activation", "initializer")
    values = axes.collections[0].get_array()
    assert values[0].tolist() == [0.9, 0.1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["he", "zeros"]


def test_the_colour_of_a_gain_is_its_verdict():
    nodes = pd.DataFrame(
        {
            "name": ["a", "b", "c", "d"], "parent": ["", "a", "a", "a"], "title": list("abcd"), "year": "2014",
            "added": "x", "score": "s", "data": "", "gain": ["", "up", "down", "same"], "sure": [0, 1, -1, 0],
            "run": True,
        }
    )  # fmt: skip
    colours = {text.get_text(): text.get_color() for text in family_tree(nodes).axes[0].texts}
    assert [colours[word] for word in ("up", "down", "same")] == ["#1a7a3c", "#b23c0c", "#333333"]
    assert VERDICTS[1] == "#1a7a3c"


def test_depth_stands_left_for_the_score_and_right_for_the_training_loss():
    rows = pd.DataFrame(
        {
            "family": "plain", "depth": [20, 56], "mean": [0.9, 0.8], "interval_low": [0.8, 0.7],
            "interval_high": [1.0, 0.9], "loss": [0.1, 0.3], "loss_low": [0.0, 0.2], "loss_high": [0.2, 0.4],
            "whole": True,
        }
    )  # fmt: skip
    left, right = degradation(rows, metric="accuracy").axes
    assert left.get_lines()[0].get_ydata().tolist() == [0.9, 0.8]
    assert right.get_lines()[0].get_ydata().tolist() == [0.1, 0.3]
    assert (left.get_title(), right.get_title()) == ("test accuracy", "training loss, last epoch")
    assert [[point[1] for point in path.vertices] for path in right.collections[0].get_paths()] == [
        [0.0, 0.2], [0.2, 0.4]
    ]  # fmt: skip


def test_intervals_of_transfers_and_heads_stand_at_their_own_marks():
    points = pd.DataFrame(
        [("from scratch", 25, 0.7, 0.6, 0.8), ("all layers", 25, 0.9, 0.85, 0.95)],
        columns=["way", "training_examples", "mean", "interval_low", "interval_high"],
    )
    axes = score_by_size(points, metric="accuracy").axes[0]
    ends = [[point[1] for point in bars.get_paths()[0].vertices] for bars in axes.collections]
    assert ends == [[0.6, 0.8], [0.85, 0.95]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("training examples", "test accuracy")
    heads = pd.DataFrame(
        [("count", "together", 0.7, 0.6, 0.8), ("count", "alone", 0.5, 0.4, 0.6)],
        columns=["head", "way", "mean", "interval_low", "interval_high"],
    )
    figure = heads_side_by_side(heads)
    assert [line.get_xdata()[0] for line in figure.axes[0].get_lines()] == [0.7, 0.5]
    ends = [[point[0] for point in bars.get_paths()[0].vertices] for bars in figure.axes[0].collections]
    assert ends == [[0.6, 0.8], [0.4, 0.6]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["together", "alone"]


# --- studies


@pytest.fixture
def study(tmp_path):
    cross = {"optimizer": {"sgd": "sgd", "adam": "adam"}, "schedule": {"constant": "constant", "cosine": "cosine"}}
    fake.write_study(tmp_path / "pairs", cross=cross, name="pairs")
    fake.diverge(tmp_path / "pairs" / "final" / "sgd-constant" / "seed-0")
    return read_study(tmp_path / "pairs", "pairs", SEEDS)


def test_the_captions_of_a_study_say_what_is_drawn(study, tmp_path, drawings):
    shown = study_figures.study_figures(Gallery(tmp_path), study)
    captions = {figure.file.removeprefix("study-pairs-").removesuffix(".svg"): figure.caption for figure in shown}
    assert "Left: training loss. Right: validation accuracy" in captions["curves"]
    left, right = drawings["learning_curves"].axes
    assert (left.get_title(), right.get_title()) == ("training loss", "validation accuracy")
    for name in ("scores", "pairs", "best-so-far"):
        assert "higher is better" in captions[name]
    assert "fewer is better" in captions["target"]
    assert captions["pairs"].startswith("Optimizer by schedule")
    pairs = drawings["cell_map"].axes[0]
    assert (pairs.get_ylabel(), pairs.get_xlabel()) == ("optimizer", "schedule")
    assert labels(pairs) == ["adam", "sgd"]
    assert [label.get_text() for label in pairs.get_xticklabels()] == ["constant", "cosine"]
    assert pairs.collections[0].get_array().mask.tolist() == [[False, False], [True, False]]
    assert [text.get_text().split("\n")[1:] for text in pairs.texts] == [[], [], ["2 of 3"], []]


def test_a_diverged_seed_is_counted_among_those_that_never_got_to_the_target(study, tmp_path, drawings):
    study_figures.study_figures(Gallery(tmp_path), study)
    axes = drawings["target_times"].axes[0]
    counts = dict(zip(labels(axes), (text.get_text() for text in axes.texts), strict=True))
    reached, seeds = map(int, counts["sgd-constant"].split(" of "))
    assert (reached <= 2, seeds) == (True, 3)


def test_the_table_of_a_study_is_that_of_its_verdicts(study):
    rows = {row["Arm"]: row for row in arm_rows(study)}
    assert rows["sgd-constant"]["Verdict"] == "1 of 3 seeds without a score, counted as worst"
    assert rows["sgd-constant"]["Seeds"] == "n=2: 2 finished, 1 diverged"
    assert arm_rows(study)[-1]["Arm"] == "sgd-constant"
    assert "Higher is better. Verdicts are of the difference from the best" in study_remark(study)
    sentence = study_words(study)
    assert sentence.startswith("In the study")
    assert "1 ranked last for seeds without a score" in sentence
    assert f"{study.best.name} has the best mean" in sentence


def test_a_study_of_several_networks_names_each_with_its_parameters(tmp_path):
    """The base's words on its size are not said of another network."""
    networks = {"wide": {"name": "lenet5", "maps": [9, 9]}, "other": {"name": "mlp"}}
    fake.write_study(tmp_path / "nets", arms=["base", "wide", "other"], name="nets", networks=networks)
    read = read_study(tmp_path / "nets", "nets", SEEDS)
    rows = {row["Arm"]: row["Network"] for row in arm_rows(read)}
    assert rows == {"base": "lenet5 (paper)", "wide": "lenet5, maps [9, 9] (paper)", "other": "mlp (paper)"}
    assert {row["Parameters"] for row in arm_rows(read)} == {"61,706"}
    assert study_remark(read).startswith("Networks that differ, also in their number of parameters")
    table = read.table().set_index("arm")
    assert (table["network"].to_dict(), set(table["parameters"])) == (rows, {61706})


def test_a_study_of_one_network_names_it_once(study):
    assert not {"Network", "Parameters"} & set(arm_rows(study)[0])
    assert study_remark(study).startswith("lenet5 (paper) on digits.")


# --- tables and sentences


def test_the_table_of_a_board_is_that_of_its_verdicts(tmp_path):
    _, board = made(tmp_path)
    rows = board_rows(board)
    names = [row.get("Network (scale)") for row in rows]
    assert names == ["best (paper)", "close (paper)", "worse (paper)", "broken (paper)", None, "lucky (paper)"]
    assert rows[4] == {"Single seeds, not ranked": ""}
    verdicts = [row.get("Verdict") for row in rows]
    assert [verdict for verdict in verdicts if verdict] == list(board.table()["verdict"])
    worse = board.places[2].standing.comparison
    assert rows[2]["p"] == formats.p_value(worse.p_holm)
    assert rows[2]["Minus the best"] == formats.gain(worse.difference)
    assert rows[2]["Minus the best"].startswith("-0.103\u00a0±\u00a00.015")
    assert {row["Minus the best"] for row in (rows[0], rows[3], rows[5])} == {"–"}
    assert board_remark(board).startswith("All recipes are equal: adam at 0.001, 12 epochs, batch 32, no augmentation.")
    sentence = board_words(board)
    assert sentence.startswith("Best mean on digits (classification): best (paper), test accuracy 0.910")
    assert "of 4 networks with several seeds" in sentence
    assert "not distinguishable from it: close (paper); 1 worse; 1 ranked last for seeds without a score" in sentence
    assert "lucky" not in sentence


def test_a_board_whose_recipes_differ_says_so_first(tmp_path):
    seeds = train(tmp_path, "a", [0.9, 0.8, 0.7]) | train(tmp_path, "b", [0.9, 0.8, 0.7], epochs=3, batch_size=8)
    (board,) = boards(read_runs(tmp_path, seeds))
    assert board_remark(board).startswith(
        "Recipes differ in epochs and batch size: what is ranked is a network with its"
    )
    assert [row["Recipe"] for row in board_rows(board) if "Recipe" in row] == [place.recipe for place in board.places]


def test_data_and_code_that_differ_are_named_on_their_board(tmp_path):
    seeds = train(tmp_path, "a", [0.9, 0.8, 0.7]) | train(tmp_path, "b", [0.9, 0.8, 0.7], dataset_sha256="f" * 64)
    (board,) = boards(read_runs(tmp_path, seeds))
    assert "Not the same data, by their digest: " in board_remark(board)


def test_the_line_above_single_seeds_reaches_across_the_table(tmp_path):
    _, _ = made(tmp_path / "runs")
    seeds = {name: range(len(scores)) for name, scores in COMPETITORS.items()}
    folders = tmp_path / "runs", tmp_path / "studies", tmp_path / "report"
    page = write_report("tour", list(seeds), [], *folders, Options(title="t", seeds=seeds, study_seeds={}))
    section = site_text(page).split('<section id="board-digits-classification">')[1].split("</section>")[0]
    heads = re.findall('<th scope="col">', section)
    line = f'<tr class="line"><th scope="rowgroup" colspan="{len(heads)}">Single seeds, not ranked</th></tr>'
    above, below = section.split(line)
    above = above.split("<table")[-1]
    assert "broken (paper)" in above
    assert "lucky (paper)" not in above
    assert "lucky (paper)" in below


def test_a_line_in_markdown_has_as_many_cells_as_the_table():
    lines = table([{"only a line": ""}, {"a": "1", "b": "2", "c": "3"}]).splitlines()
    assert lines == ["| a | b | c |", "| --- | --- | --- |", "| **only a line** |  |  |", "| 1 | 2 | 3 |"]


def test_a_cell_in_markdown_that_names_a_page_links_to_it():
    assert table([{"a": "x|y", "b": "z"}], {"x|y": "p.html"}).splitlines()[2] == r"| [x\|y](pages/p.html) | z |"


def test_names_are_listed_as_people_do():
    assert [formats.in_words(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_the_level_that_captions_name_is_the_one_that_decides():
    assert "p\u00a0<\u00a00.05 by the paired t test, adjusted by Holm's method" in formats.SURELY


def test_tables_show_p_after_its_adjustment(tmp_path):
    _, board = made(tmp_path)
    close, worse = (place.standing.comparison for place in board.places[1:3])
    shown = [row["p"] for row in board_rows(board)[1:3]]
    assert shown == [f"{close.p:.2g}", f"{2 * worse.p:.2g}"]  # of two, the smaller p is doubled
    fake.write_study(tmp_path / "s", arms=("sgd", "adam", "adagrad"), name="s")
    study = read_study(tmp_path / "s", "s", SEEDS)
    first, second = (arm.standing.comparison.p for arm in study.arms[1:])
    adjusted = sorted([max(first, second, 2 * min(first, second)), 2 * min(first, second)])
    shown = [row["p"] for row in arm_rows(study)[1:]]
    assert sorted(shown) == sorted(formats.p_value(p) for p in adjusted)
