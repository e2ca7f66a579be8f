"""Figures: what is drawn, the same file for the same data, and every corner case of the data."""

import math
import re

import fake_runs as fake
import numpy as np
import pandas as pd
import pytest

from archbench.figures.curves import learning_curves
from archbench.figures.gallery import displayable
from archbench.figures.pictures import PICTURES
from archbench.figures.pictures.detection import DETECTORS
from archbench.figures.pictures.segmentation import overlay
from archbench.figures.scores import interval_figure
from archbench.figures.studies import best_so_far_curves, learning_rate_sensitivity
from archbench.figures.study_choices import cell_map, importance_bars, target_times
from archbench.figures.style import save_svg, short_number, style
from archbench.tasks import TASKS


def curves(values, benchmark="a", seed=0):
    rows = [
        {"benchmark": benchmark, "seed": seed, "split": split, "metric": metric, "epoch": epoch, "value": value}
        for split, metric in (("train", "loss"), ("validation", "accuracy"))
        for epoch, value in enumerate(values, 1)
    ]
    return pd.DataFrame(rows)


def drawn(table, labels):
    return learning_curves(table, monitor="accuracy", metric="accuracy", labels=labels)


SCORES = pd.DataFrame(
    {
        "label": ["a", "b <script>alert(1)</script> $x_1$"],
        "mean": [0.9, 0.8],
        "interval_low": [0.85, math.nan],
        "interval_high": [0.95, math.nan],
        "difference": [math.nan, math.nan],
        "difference_low": [math.nan, math.nan],
        "difference_high": [math.nan, math.nan],
        "ranked": [True, True],
        "open": [True, True],
    }
)
POINTS = pd.DataFrame({"label": ["a", "a", "b <script>alert(1)</script> $x_1$"], "value": [0.88, 0.92, 0.8]})


def test_curves_are_means_over_seeds_with_a_band_only_where_there_are_two():
    table = pd.concat([curves([1.0, 3.0, 5.0], seed=0), curves([3.0, 5.0], seed=1)])
    axes = drawn(table, {"a": "A"}).axes[0]
    assert axes.get_lines()[0].get_ydata().tolist() == [2.0, 4.0, 5.0]
    assert len(axes.collections) == 1
    assert drawn(curves([1.0, 2.0]), {"a": "A"}).axes[0].get_lines()[0].get_ydata().tolist() == [1.0, 2.0]


def test_epochs_are_whole_numbers_on_the_axis_of_curves():
    for axes in drawn(curves([1.0, 2.0]), {"a": "A"}).axes:
        assert [tick for tick in axes.get_xticks() if tick % 1] == []


def test_nan_in_a_curve_ends_it_and_leaves_the_others():
    table = pd.concat([curves([1.0, math.nan]), curves([2.0, 3.0], benchmark="b")])
    figure = drawn(table, {"a": "A", "b": "B"})
    assert [line.get_ydata().tolist() for line in figure.axes[0].get_lines()] == [[1.0], [2.0, 3.0]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["A", "B"]


def test_more_networks_than_colours_differ_by_their_dashes():
    names = [f"n{number}" for number in range(12)]
    table = pd.concat([curves([1.0, 2.0], benchmark=name) for name in names])
    lines = drawn(table, {name: name for name in names}).axes[0].get_lines()
    looks = {(tuple(line.get_color()), line.get_linestyle()) for line in lines}
    assert len(looks) == 12


def test_svg_is_the_same_file_twice_without_a_date(tmp_path):
    for name in ("one", "two"):
        with style():
            save_svg(interval_figure(SCORES, POINTS, metric="accuracy"), tmp_path / f"{name}.svg")
    text = (tmp_path / "one.svg").read_text()
    assert text == (tmp_path / "two.svg").read_text()
    assert "dc:date" not in text
    assert len(text) < 60_000


def test_names_stay_text_in_svg(tmp_path):
    with style():
        text = save_svg(interval_figure(SCORES, POINTS, metric="accuracy"), tmp_path / "a.svg").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "$x_1$" in text  # no mathematics inside names


def test_every_interval_and_every_seed_is_drawn():
    axes = interval_figure(SCORES, POINTS, metric="accuracy").axes[0]
    assert axes.collections[0].get_offsets()[:, 0].tolist() == [0.88, 0.92, 0.8]
    bars = [line.get_xdata() for line in axes.get_lines() if len(line.get_xdata()) == 2]
    assert list(bars[0]) == [0.85, 0.95]
    assert np.isnan(bars[1]).all()


def test_best_so_far_steps_through_the_trials():
    table = pd.DataFrame({"arm": ["a", "a", "b"], "trial": [1, 2, 1], "best": [0.5, 0.7, math.nan]})
    axes = best_so_far_curves(table.assign(low=[0.4, 0.7, math.nan], high=0.7), metric="accuracy").axes[0]
    lines, band = axes.get_lines(), axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.4, 0.7)
    assert lines[0].get_ydata().tolist() == [0.5, 0.7]
    assert lines[0].get_drawstyle() == "steps-post"


def test_sensitivity_shows_complete_pruned_failed_and_default():
    table = pd.DataFrame(
        {
            "arm": ["adam"] * 3 + ["none"],
            "state": ["complete", "pruned", "failed", "complete"],
            "shown": [0.9, 0.5, math.nan, 0.7],
            "enqueued": [True, False, False, True],
            "param_learning_rate": [1e-3, 1e-2, 1.0, math.nan],
        }
    )
    figure = learning_rate_sensitivity(table, metric="accuracy")
    axes = figure.axes[0]
    assert [ax.get_title() for ax in figure.axes] == ["adam"]
    complete, pruned, failed, default = axes.collections
    assert complete.get_offsets().tolist() == [[1e-3, 0.9]]
    assert len(pruned.get_facecolors()) == 0
    assert failed.get_offsets()[:, 0].tolist() == [1.0]
    assert default.get_offsets().tolist() == [[1e-3, 0.9]]


def test_a_pair_that_failed_is_marked_and_a_partial_one_says_how_many():
    rows = [("relu", "he", 0.9, 5, 5), ("relu", "zeros", math.nan, 0, 5), ("tanh", "he", 0.5, 3, 5)]
    cells = pd.DataFrame(rows, columns=["row", "column", "mean", "finished", "seeds"])
    figure = cell_map(cells, rows="activation", columns="initializer", metric="accuracy")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.900", "failed", "0.500\n3 of 5"]
    hatched = [(patch.get_x(), patch.get_y(), patch.get_hatch()) for patch in axes.patches]
    assert hatched == [(0.5, -0.5, "///"), (-0.5, 0.5, "///")]
    colours = axes.collections[0].get_array()
    assert colours.mask.tolist() == [[False, True], [True, True]]  # a pair that failed in part is not coloured
    assert [label.get_text() for label in axes.get_yticklabels()] == ["relu", "tanh"]


def test_times_stand_fastest_first_and_say_who_never_arrived():
    rows = [("slow", 0, 9.0), ("slow", 1, 8.0), ("fast", 0, 2.0), ("fast", 1, 3.0), ("never", 0, math.nan)]
    times = pd.DataFrame(rows, columns=["arm", "seed", "seconds"])
    axes = target_times(times, target="accuracy 0.9").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["fast", "slow", "never"]
    assert [text.get_text() for text in axes.texts] == ["2 of 2", "2 of 2", "0 of 1"]
    diamonds = [line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == "D"]
    assert diamonds == [2.5, 8.5]


def test_importance_is_written_on_its_bars():
    axes = importance_bars({"learning_rate": 0.75, "arm": 0.25}).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.75, 0.25]
    assert [text.get_text() for text in axes.texts] == ["75%", "25%"]


@pytest.mark.parametrize(
    ("value", "text"), [(61_706, "61.7k"), (2e6, "2M"), (1.5e9, "1.5G"), (0.05, "0.05"), (3e-4, "3e-4"), (0, "0")]
)
def test_short_numbers(value, text):
    assert short_number(value) == text


def test_displayable_spans_black_to_white_and_stays_small():
    images = np.linspace(0, 16, 200 * 200).reshape(1, 200, 200, 1)
    shown = displayable(images)
    assert shown.shape == (1, 50, 50, 1)
    assert (shown.min(), shown.max()) == (0, 255) or shown.max() > 250
    assert displayable(np.full((1, 8, 8, 1), 7.0)).dtype == np.uint8  # a flat picture divides by nothing


def test_overlay_tints_objects_and_leaves_the_background():
    image, mask = np.full((2, 2, 3), 96, "uint8"), np.array([[0, 1], [2, 0]], "uint8")
    tinted = overlay(image, mask)
    assert (tinted[0, 0] == 96).all()
    assert (tinted[0, 1] != tinted[1, 0]).any()


def predictions(task):
    if task in ("classification", "binary"):
        return fake.digit_predictions()
    if task == "capsules":
        known = fake.digit_predictions()
        return known | {"prediction_image": known["input"] / 16.0}
    if task in ("multi_label", "overlapping_capsules"):
        known = fake.digit_predictions()
        present = np.eye(10, dtype="uint8")[[(n % 10, (n + 3) % 10) for n in range(len(known["input"]))]].sum(axis=1)
        images = np.stack([known["input"] / 16.0] * 2, axis=1)
        labels = {"target_present": present, "prediction_present": np.roll(present, 1, axis=0)}
        return {"input": known["input"], "prediction_images": images, **labels}
    if task == "instance_segmentation":
        return instances()
    if task in ("localization", "landmarks"):
        return one_object()
    if task in ("segmentation", *DETECTORS):
        return fake.balloon_predictions("segmentation" if task == "segmentation" else "detection")
    if task == "reconstruction":
        images = fake.digit_predictions()["input"]
        walks = np.repeat(images[:, None] / 16.0, 8, axis=1)
        return {"input": images, "prediction_image": images / 16.0, "shown_seen": images, "shown_walk": walks}
    if task == "translation":
        return translations()
    if task == "language_modelling":
        return texts()
    if task == "bidirectional_language_modelling":
        return both_ways()
    if task == "sequence_labelling":
        return labelled()
    if task in ("masked_language_modelling", "sentence_pairs"):
        return left_out()
    if task == "style_transfer":
        return pictures()
    if task in ("word_vectors", "cooccurrence"):
        return words()
    if task in ("verification", "triplets"):
        return paired()
    truth = np.linspace(0, 1, 40, dtype="float32")[:, None]
    return {"input": np.zeros((40, 5, 2)), "target_target": truth, "prediction_target": truth + 0.1}


def words():
    """Two rows of text of the letters a to f, whose vectors lie on a line, and a word that is unknown."""
    tokens = np.array([[4, 4, 5, 6, 4], [7, 8, 3, 0, 9]], "int32")
    return {
        "input": tokens,
        "vocabulary": np.array(["", "<start>", "<end>", "<unknown>", *"abcdef"]),
        "shown_vector": tokens[..., None] * np.ones(3, "float32"),
        "shown_neighbor": np.minimum(tokens[..., None] + np.array([1, 2]), 9).astype("int32"),
        "shown_likeness": np.linspace(1, 0, 20, dtype="float32").reshape(2, 5, 2),
    }


def test_words_are_listed_once_with_their_neighbors_and_lie_on_a_map():
    table, plane = PICTURES["word_vectors"](words())
    said = [text.get_text() for text in table.figure.axes[0].texts[2:]]
    assert said[:3] == ["a", "b 1.00", "c 0.95"]
    assert [word for word in said if len(word) == 1] == list("abcdef")
    assert sorted(text.get_text() for text in plane.figure.axes[0].texts) == list("abcdef")
    first, second = plane.figure.axes[0].collections[0].get_offsets().T
    assert np.ptp(first) == pytest.approx(5 * np.sqrt(3))
    assert np.ptp(second) == pytest.approx(0, abs=1e-6)
    assert "100% of how they differ" in plane.caption
    few = words() | {"input": np.array([[4, 4, 4, 4, 4]] * 2)}
    assert PICTURES["word_vectors"](few) == []


def paired():
    """Each digit beside the next one, of one class every other time."""
    images = fake.digit_predictions()["input"]
    same = np.arange(len(images)) % 2
    told = {"target_same": same, "prediction_distance": 1.0 - same, "target_fold": same * 0}
    both = {"input": images, "input_other": np.roll(images, -1, axis=0)}
    return both | told | {f"all_{name}": value for name, value in told.items()}


def one_object():
    """The first object of every scene, with two points."""
    known = fake.balloon_predictions("detection")
    boxes, points = known["target_boxes"][:, :1], known["target_boxes"][:, :1].reshape(-1, 1, 2, 2)
    first = {"target_boxes": boxes, "target_box_label": known["target_box_label"][:, :1], "target_landmarks": points}
    said = {"boxes": boxes[:, 0] + 2, "label": known["target_box_label"][:, 0], "landmarks": points[:, 0] + 2}
    said["presence"] = np.full(len(boxes), 0.75)
    return known | first | {f"prediction_{name}": value for name, value in said.items()}


def instances():
    """Full masks in the predicted boxes, and the true ones as a map of instances."""
    known = fake.balloon_predictions("detection")
    masks = fake.balloon_predictions("segmentation")["target_mask"]
    full = np.full((*known["prediction_label"].shape, 4, 4), 255, "uint8")
    return known | {"target_instances": (masks > 0).astype("uint8"), "prediction_mask": full}


def test_masks_are_tinted_by_kind_where_they_are_pasted():
    known = instances()
    known["prediction_label"] = np.full_like(known["prediction_label"], -1)
    known["prediction_boxes"][0, 0], known["prediction_label"][0, 0] = (8, 16, 24, 48), 1
    (picture,) = PICTURES["instance_segmentation"](known)
    shown = len(picture.figure.axes) // 3
    plain, drawn = (picture.figure.axes[row * shown].images[0].get_array() for row in (0, 2))
    changed = (plain != drawn).any(axis=-1)
    expected = np.zeros((64, 64), bool)
    expected[8:24, 16:48] = True
    assert (changed <= expected).all()
    assert changed.sum() > 0.9 * expected.sum()
    known["prediction_score"][:] = 0.1  # too unlikely to be shown
    (picture,) = PICTURES["instance_segmentation"](known)
    np.testing.assert_array_equal(picture.figure.axes[2 * shown].images[0].get_array(), plain)


def pictures():
    """A black, a grey and a white picture, and a film of 9 frames that brighten."""
    black, white = np.zeros((1, 8, 8, 3), "uint8"), np.ones((1, 8, 8, 3), "float32")
    film = {
        "snapshot_epoch": 5 * np.arange(1, 10),
        "snapshot_picture": np.linspace(0, 1, 9)[:, None, None, None, None] * white,
    }
    return {"input": black, "input_style": black + 99, "prediction_picture": white, **film}


def test_a_film_shows_the_first_and_the_last_frame_and_some_between():
    _, film = PICTURES["style_transfer"](pictures())
    titles = [axes.get_title() for axes in film.figure.axes if axes.get_title()]
    assert titles == ["epoch 5", "epoch 15", "epoch 20", "epoch 30", "epoch 35", "epoch 45"]
    assert "6 of the 9 snapshots" in film.caption


def translations():
    """Tokens 4 to 7 are a, b, c and a letter that a page must not take for its own; the last of three is wrong."""
    texts = {
        "input": [[4, 5, 6, 5], [5, 0, 0, 0], [7, 4, 4, 4]],
        "target_target": [[4, 5, 2], [5, 2, 0], [6, 2, 0]],
        "prediction_said": [[4, 5, 2], [5, 2, 0], [6, 6, 2]],
    }
    symbols = np.array(["", "<start>", "<end>", "<unknown>", "a", "b", "c", "<script>$"])
    attention = np.full((3, 3, 4), 0.25, "float32")
    tokens = {name: np.array(rows, "int32") for name, rows in texts.items()}
    return {**tokens, "vocabulary": symbols, "shown_attention": attention}


def texts():
    """Rows of four words, the last row not full; sampled is one word, then padding that no network should say."""
    rows = np.array([[4, 5, 6, 2], [5, 7, 4, 0]], "int32")
    return {
        "input": rows,
        "target_tokens": rows,
        "prediction_likeliest": rows,
        "prediction_nats": np.log(2) * np.array([[0, 6, 12, 40], [1, 1, 1, 1]], "float32"),
        "shown_sampled": np.array([[6, 0], [5, 0]], "int32"),
        "vocabulary": np.array(["", "<start>", "<end>", "<unknown>", "to", "be", "or", "<script>$"]),
    }


def test_the_more_a_token_cost_the_darker_it_is_and_a_row_that_is_not_full_is_not_shown():
    (shown,) = PICTURES["language_modelling"](texts())
    (axes,) = shown.figure.axes
    assert [text.get_text() for text in axes.texts] == ["to", "be", "or", "<end>", "→", "or"]
    light = [sum(bar.get_facecolor()[:3]) for bar in axes.patches]
    assert light == sorted(light, reverse=True)
    assert light[2] == light[3]  # 12 bits and more


def both_ways():
    """A text of two words whose second costs nothing once the first was read, and the first 12 bits."""
    nats = {"forward": [[12 * math.log(2), 0.0, 9.0]], "backward": [[0.0, 12 * math.log(2), 9.0]]}
    return {
        "input": np.ones((1, 5, 4), "int32"),
        "target_tokens": np.array([[4, 5, 0]], "int32"),
        "vocabulary": np.array(["", "<start>", "<end>", "<unknown>", "to", "be"]),
        **{f"prediction_{way}_nats": np.array(costs, "float32") for way, costs in nats.items()},
    }


def test_a_text_is_shown_as_it_costs_from_either_end():
    (shown,) = PICTURES["bidirectional_language_modelling"](both_ways())
    (axes,) = shown.figure.axes
    assert [text.get_text() for text in axes.texts] == ["→", "to", "be", "←", "to", "be"]
    first, second, third, fourth = [sum(bar.get_facecolor()[:3]) for bar in axes.patches]
    assert first == fourth < second == third


def left_out():
    """Of four words the first is read as it is, the second told rightly, and the third wrongly; then padding."""
    return {
        "input": np.array([[4, 5, 6, 4, 0]], "int32"),
        "vocabulary": np.array(["", "<start>", "<end>", "<unknown>", "to", "be", "or"]),
        "prediction_read": np.array([[4, 7, 4, 4, 0]], "int32"),
        "prediction_guessed": np.array([[6, 5, 5, 4, 6]], "int32"),
    }


def test_what_is_told_of_words_that_were_left_out_stands_in_brackets_and_is_dark_where_it_is_wrong():
    for task in ("masked_language_modelling", "sentence_pairs"):
        (shown,) = PICTURES[task](left_out())
        (axes,) = shown.figure.axes
        assert [text.get_text() for text in axes.texts] == ["to", "[be]", "[be for or]", "to"]
        right, wrong = [sum(bar.get_facecolor()[:3]) for bar in axes.patches]
        assert wrong < right


def labelled():
    """The second of two sequences is as long as is asked of it; the first says c for b."""
    true, said = [[-1, 0, 1, -1], [-1, -1, 2, 2]], [[2, 0, 2, 1], [0, 0, 2, 2]]
    return {
        "input": np.zeros((2, 4, 3), "float32"),
        "target_labels": np.array(true, "int32"),
        "prediction_labels": np.array(said, "int32"),
        "class_names": np.array(["a", "b", "c"]),
    }


def test_of_a_sequence_the_steps_that_ask_are_shown_and_what_was_said_wrong():
    (shown,) = PICTURES["sequence_labelling"](labelled())
    texts = [text.get_text() for text in shown.figure.axes[0].texts]
    assert texts == ["1.", "a", "b", "✗c", "2.", "c", "c"]


def test_translations_that_are_wrong_are_marked_and_attention_has_a_row_a_token_said():
    table, attention = PICTURES["translation"](translations())
    texts = [text.get_text() for text in table.figure.axes[0].texts]
    assert texts == ["read", "true", "said", "abcb", "ab", "ab", "b", "b", "b", "<script>$aaa", "c", "✗ cc"]
    (axes,) = attention.figure.axes
    assert axes.images[0].get_array().shape == (3, 4)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "<end>"]
    silent = translations() | {"prediction_said": np.zeros((3, 3), "int32")}  # an untrained net may say only padding
    assert [picture.name for picture in PICTURES["translation"](silent)] == ["translations"]


def test_every_task_has_a_picture():
    assert {entry.name for entry in PICTURES} == {entry.name for entry in TASKS}


@pytest.mark.parametrize("name", [entry.name for entry in PICTURES])
def test_every_picture_renders_small_and_says_what_it_shows(name, tmp_path):
    with style():
        for picture in PICTURES[name](predictions(name)):
            size = save_svg(picture.figure, tmp_path / f"{picture.name}.svg").stat().st_size
            assert size < 200_000
            assert len(picture.caption) > 40


def test_confusion_counts_are_of_the_whole_test_split():
    known = fake.digit_predictions() | {
        "all_target_label": np.array([0, 0, 1, 2]),
        "all_prediction_label": np.array([0, 1, 1, 2]),
        "class_names": np.array(["a", "b", "c"]),
        "target_label": np.array([0]),
        "prediction_label": np.array([1]),
        "input": np.zeros((1, 4, 4, 1), "uint8"),
    }
    confusion, gallery = PICTURES["classification"](known)
    texts = {text.get_position(): text.get_text() for text in confusion.figure.axes[0].texts}  # (predicted, true)
    assert texts == dict.fromkeys([(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (2.5, 2.5)], "1")
    assert "3 right" in confusion.caption
    assert gallery.figure.axes[0].get_title() == "✗ b\nis a"


def test_inputs_that_are_no_pictures_have_no_gallery():
    known = fake.digit_predictions() | {"input": np.zeros((48, 4))}
    assert [picture.name for picture in PICTURES["classification"](known)] == ["confusion"]


def test_a_smaller_map_is_laid_over_the_middle_of_its_picture():
    known = fake.balloon_predictions("segmentation")
    known["prediction_mask"] = known["target_mask"][:, 8:56, 8:56]
    picture = PICTURES["segmentation"](known)[0]
    titles = [axes.get_title() for axes in picture.figure.axes]
    assert titles.count("predicted: 100%") == 5


def test_void_pixels_neither_agree_nor_have_a_colour():
    known = fake.balloon_predictions("segmentation")
    void = np.zeros(known["target_mask"].shape, bool)
    void[:, :, :20], void[1] = True, True
    known["prediction_mask"] = np.where(void, 1, known["target_mask"]).astype("uint8")
    known["target_mask"] = np.where(void, 255, known["target_mask"]).astype("uint8")
    picture = PICTURES["segmentation"](known)[0]
    titles = [axes.get_title() for axes in picture.figure.axes]
    assert (titles.count("predicted: 100%"), titles.count("predicted")) == (4, 1)
    drawn = [axes.images[0].get_array() for axes in picture.figure.axes]
    np.testing.assert_array_equal(drawn[6], drawn[1])  # the second example: its truth is its picture


def test_where_a_mask_has_no_background_every_class_has_a_name_and_a_colour():
    """Of a sky and two kinds, where a card says so, and void."""
    known = fake.balloon_predictions("segmentation")
    mask = np.zeros(known["target_mask"].shape, "uint8")
    mask[:, :20, 8:], mask[:, 20:40, 8:], mask[:, :, :8] = 1, 2, 255
    known |= {"target_mask": mask, "prediction_mask": np.where(mask == 255, 0, mask)}
    known["mask_names"] = np.array(["sky", "car", "tree"])
    picture = PICTURES["segmentation"](known)[0]
    assert [one.get_text() for one in picture.figure.legends[0].get_texts()] == ["sky", "car", "tree"]
    titles = [axes.get_title() for axes in picture.figure.axes]
    assert titles.count("predicted: 100%") == 5
    shown, true = (picture.figure.axes[place].images[0].get_array() for place in (0, 5))
    assert (shown == true).all(axis=-1)[:, :8].all()  # void
    different = (shown != true).any(axis=-1)[:, 8:]
    assert min(rows.mean() for rows in (different[:20], different[20:40], different[40:])) > 0.9
    assert "background" not in picture.caption


def test_weak_detections_are_not_drawn():
    known = fake.balloon_predictions("detection")
    known["prediction_score"] = np.full_like(known["prediction_score"], 0.1)
    figure = PICTURES["detection"](known)[0].figure
    true_boxes = int((known["target_box_label"] >= 0).sum())
    assert sum(len(axes.patches) for axes in figure.axes) == true_boxes


def test_scatter_takes_the_whole_split_where_it_was_kept():
    known = predictions("sequence_regression") | {
        "all_target_target": np.zeros(3),
        "all_prediction_target": np.array([0.1, math.nan, 0.2]),
    }
    figure = PICTURES["sequence_regression"](known)[0].figure
    assert re.search("first 3 test values", PICTURES["sequence_regression"](known)[0].caption)
    assert len(figure.axes[0].collections[0].get_offsets()) >= 2
