"""A classifier of crops moved over pictures: one pass gives the scores of every window, and both are timed."""

from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import toys
from keras import ops

from archbench.architectures.network import build_network, outline
from archbench.architectures.profile import profile
from archbench.layers.windows import windows
from archbench.page.section import Figures, Table, Workplace
from archbench.page.sections.sliding_window import sliding_window as section
from archbench.probes.sliding_window import NoWindows, _picture, cropped, one_pass, sliding_window
from archbench.probes.subject import Subject
from archbench.results.windows import by_size
from random_weights import random_weights

COURSE = {"name": "sliding_window", "width": 6, "dense_width": 12}
SMALL = {"name": "overfeat", "widths": [6, 8, 8, 10], "dense_widths": [12, 10], "kernels": [4, 3], "padding": "valid"}
OVERFEAT = {**SMALL, "stride": 2, "pools": [2, 1, 2], "window": 2}
"""Windows of 42 pixels, 8 apart: 4 cells before the last pooling, 8 and 10 before 3 by 3, 20 before the first."""
NETWORKS = {
    "course": (COURSE, 14, 2, {}),
    "overfeat": (OVERFEAT, 42, 8, {}),
    "normalized": (OVERFEAT, 42, 8, {"normalization": "batch", "activation": "tanh"}),
}


def _windows_by_hand(image, size, stride):
    """Row after row, (row, column, ...)."""
    height, width = size
    return [
        [image[top : top + height, left : left + width] for left in range(0, image.shape[1] - width + 1, stride)]
        for top in range(0, image.shape[0] - height + 1, stride)
    ]


def _pair(name, size):
    """A network of windows, itself for a picture of `size`, that picture, and how far windows are apart."""
    spec, least, stride, parts = NETWORKS[name]
    own, whole = (build_network(spec, (*shape, 3), 5, parts) for shape in ((least, least), size))
    weights = random_weights(own)
    for network in (own, whole):
        network.set_weights(weights)
    return own, whole, np.random.default_rng(1).normal(size=(2, *size, 3)).astype("float32"), stride


@pytest.mark.parametrize(
    ("shape", "size", "stride", "count"),
    [((7, 9), (3, 4), 2, (3, 3)), ((5, 5), (5, 5), 3, (1, 1)), ((6, 11), (2, 5), 4, (2, 2))],
)
def test_windows_are_cut_out_row_after_row_and_the_last_must_be_full(shape, size, stride, count):
    image = np.random.default_rng(0).normal(size=(2, *shape, 3)).astype("float32")
    found = ops.convert_to_numpy(windows(image, size, stride))
    assert found.shape == (2, *count, *size, 3)
    for mine, one in zip(found, image, strict=True):
        np.testing.assert_array_equal(mine, _windows_by_hand(one, size, stride))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("more", [(0, 0), (0, 1), (17, 9), (16, 27)], ids=str)
def test_one_pass_gives_the_scores_of_every_window_cut_out(name, more):
    """Windows cut by Python and classified one by one; pictures are not square, and the stride divides none."""
    least = NETWORKS[name][1]
    own, whole, image, stride = _pair(name, (least + more[0], least + more[1]))
    cut = [_windows_by_hand(one, (least, least), stride) for one in image]
    expected = np.array([[[ops.convert_to_numpy(own(x[None]))[0] for x in row] for row in rows] for rows in cut])
    assert expected.shape == (2, more[0] // stride + 1, more[1] // stride + 1, 5)
    assert expected.std() > 0.1
    for model in (one_pass(whole), cropped(own, image.shape[1:3])):
        np.testing.assert_allclose(model.predict_on_batch(image), expected, rtol=0, atol=1e-4)


def test_borders_of_zeros_are_those_of_every_window_or_of_the_picture():
    """The paper's own padding: one window is the same in both forms, and several are not."""
    spec = {**OVERFEAT, "padding": "same", "pools": [2, 2, 2]}
    for size, same in ((42, True), (74, False)):
        own, whole = (build_network(spec, (side, side, 3), 5) for side in (42, size))
        weights = random_weights(own)
        own.set_weights(weights)
        whole.set_weights(weights)
        image = np.random.default_rng(1).normal(size=(1, size, size, 3)).astype("float32")
        pair = [model.predict_on_batch(image) for model in (one_pass(whole), cropped(own, (size, size)))]
        assert (np.abs(pair[0] - pair[1]).max() < 1e-4) == same


def test_a_picture_has_the_best_score_of_its_windows():
    _, whole, image, _ = _pair("course", (17, 20))
    scores = one_pass(whole).predict_on_batch(image)
    np.testing.assert_allclose(whole.predict_on_batch(image), scores.max(axis=(1, 2)), atol=1e-6)


def test_the_maps_of_the_course_and_of_the_paper():
    """Ng: 16 pixels hold 2 by 2 windows, 28 hold 8 by 8. Sermanet et al., tables 1 and 3: 231 and 221 pixels hold one;
    the strides of the fast one multiply to 36, so that 267 by 303 hold 2 by 3."""
    maps = {(size, name): outline(name, (*size, 3), 4).layers[-1].input.shape[1:3] for size, name in [
        ((16, 16), "sliding_window"), ((28, 28), "sliding_window"), ((231, 231), "overfeat"),
        ((221, 221), "overfeat_accurate"), ((267, 303), "overfeat"),
    ]}  # fmt: skip
    assert list(maps.values()) == [(2, 2), (8, 8), (1, 1), (1, 1), (2, 3)]


# The probe


def _subject(tmp_path, **changes):
    given = {"architecture": COURSE, "preprocessing": {"name": "standardize"}, "augmentation": [], "parts": {}}
    return Subject("crops", toys.settings(**{**given, **changes}), toys.stripes(), tmp_path)


def test_the_probe_counts_windows_and_multiply_adds_and_times_both_forms(tmp_path):
    subject = _subject(tmp_path)
    found = sliding_window(iter([subject]), times=(1, 1.5, 2), repeats=3)["windows"]
    assert found["arm"].unique().tolist() == ["crops"]
    # windows of 14 pixels, two apart, though it was trained on 16; pictures are 4 / 3 as wide
    assert found[["height", "width"]].to_numpy().tolist() == [[14, 19], [21, 28], [28, 37]]
    assert found["windows"].tolist() == [1 * 3, 4 * 8, 8 * 12]
    assert (found["difference"] < 1e-4).all()
    assert (found["largest"] > 0.01).all()
    assert (found[["cropped_seconds", "whole_seconds"]] > 0).all(axis=None)
    # by hand: 10 x 10 pixels of 25, pooled to the 5 x 5 of the first dense layer
    dense = 25 * 6 * 12 + 12 * 12 + 12 * 3
    one = 100 * 25 * 6 + dense
    assert found["cropped_multiply_adds"].tolist() == [one * count for count in (3, 32, 96)]
    # 17 x 24 pixels, pooled to 8 x 12, with 4 x 8 cells
    assert found["whole_multiply_adds"][1] == 17 * 24 * 25 * 6 + 32 * dense


def test_pictures_are_those_of_the_test_split_side_by_side(tmp_path):
    subject = _subject(tmp_path, preprocessing={"name": "rescale"})
    test = subject.prepared.splits["test"]["image"].astype("float64")
    low, high = (float(edge(subject.prepared.splits["train"]["image"])) for edge in (np.min, np.max))
    found = _picture(subject, subject.learner(), (24, 40))
    assert found.shape == (1, 24, 40, 1)
    rows = np.concatenate([np.concatenate(test[row : row + 3], axis=1) for row in (0, 3)])
    np.testing.assert_allclose(found[0], (rows[:24, :40] - low) / (high - low), atol=1e-6)


def test_a_network_without_a_map_of_scores_is_refused(tmp_path):
    with pytest.raises(NoWindows, match="lenet5 does not give its scores window by window"):
        sliding_window(iter([_subject(tmp_path, architecture={"name": "lenet5"})]))


def test_mixed_precision_is_compared_in_full(tmp_path):
    found = sliding_window(iter([_subject(tmp_path, precision="mixed_bfloat16")]), times=(1.5,), repeats=1)["windows"]
    assert found["difference"][0] < 1e-4
    assert keras.config.dtype_policy().name == "float32"


# The report

TABLE = pd.DataFrame(
    [
        {"arm": "a", "seed": seed, "height": 16, "width": 21, "windows": 12, "difference": apart, "largest": 1.0,
         "cropped_seconds": long, "whole_seconds": short, "cropped_multiply_adds": 60, "whole_multiply_adds": 20}
        for seed, long, short, apart in ((0, 0.06, 0.01, 1e-7), (1, 0.04, 0.02, 3e-7), (2, 0.03, 0.01, 2e-7))
    ]
)  # fmt: skip


def test_medians_over_seeds_of_how_many_times_faster():
    (row,) = by_size(TABLE).to_dict("records")
    assert (row["arm"], row["windows"], row["seeds"]) == ("a", 12, 3)
    assert (row["cropped_seconds"], row["whole_seconds"]) == (0.04, 0.01)
    assert (row["faster"], row["fewer"], row["difference"]) == (pytest.approx(3), 3, 3e-7)


def test_the_report_shows_each_size_and_no_other_probe():
    kept, written = [], {}
    gallery = SimpleNamespace(keep=lambda draw, *words: kept.append((draw(), words)))
    place = Workplace(gallery, lambda name, table, **_: written.update({name: table}))
    found = SimpleNamespace(kind="sliding_window", name="crops", tables={"windows": TABLE})
    other = SimpleNamespace(kind="signal_propagation", name="signals", tables={})
    (made,) = section(SimpleNamespace(probes=[other, found]), place)
    (table,) = (block for block in made.blocks if isinstance(block, Table))
    assert sum(isinstance(block, Figures) for block in made.blocks) == 1
    assert table.rows == [
        {
            "Network": "a",
            "Picture": "16 x 21",
            "Windows": "12",
            "Cut out": "40 ms",
            "One pass": "10 ms",
            "Times faster": "3",
            "Times fewer multiply-adds": "3",
            "Largest difference": "3.0e-07",
            "Seeds": "n=3",
        }
    ]
    assert written["probe-crops.csv"] is TABLE
    seconds, faster = kept[0][0].axes
    assert [line.get_ydata().tolist() for line in seconds.lines] == [[0.04], [0.01]]
    assert [line.get_ydata().tolist() for line in faster.lines] == [[pytest.approx(3)]]


def test_one_pass_of_the_paper_is_cheaper_as_its_windows_overlap():
    """Of the fast one: 303 by 375 pixels hold 3 by 5 windows of 2.80 billion multiply-adds each."""
    one, whole = (profile(outline("overfeat", (*size, 3), 1000)).multiply_adds for size in ((231, 231), (303, 375)))
    assert whole < 0.35 * 15 * one
