"""Anchors, coding, matching, sampling and proposals against values by hand, plain loops and torchvision's."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.layers import regions
from archbench.layers.boxes import pairwise_iou
from backend import compiled
from references import torchvisions


def _boxes(random, *shape, picture=(60, 80), least=2.0, most=40.0):
    sides = random.uniform(least, most, (*shape, 2))
    first = random.uniform(-5, 1, (*shape, 2)) + random.uniform(0, 1, (*shape, 2)) * (np.array(picture) - sides)
    return np.concatenate([first, first + sides], axis=-1).astype("float32")


# Anchors


def test_anchors_by_hand():
    """Ratio is height over width; an anchor's area is its side squared; they stand in the middle of the cells."""
    (made,) = regions.pyramid_anchors([(1, 2)], [8], [16], [1, 4])
    expected = [(-4, -4, 12, 12), (-12, 0, 20, 8), (-4, 4, 12, 20), (-12, 8, 20, 16)]
    assert made == pytest.approx(np.array(expected))


def test_anchors_are_torchvisions_moved_to_the_middle_of_the_cell():
    shapes, strides, sides, ratios = [(3, 5), (2, 3), (1, 2)], [4, 8, 16], [10, 20, 40], [0.5, 1, 2]
    made = regions.pyramid_anchors(shapes, strides, sides, ratios)
    given = {"shapes": np.array(shapes), "strides": np.array([(s, s) for s in strides])}
    given |= {"sides": np.array(sides, "float32"), "ratios": np.array(ratios)}
    expected = torchvisions("anchors", {"any": given})["any"]
    for level, one in enumerate(made):
        np.testing.assert_allclose(one - strides[level] / 2, expected[f"level{level}"], atol=1e-4)


# Coding


def test_the_code_of_a_box_by_hand():
    anchor, box = np.array([[0, 0, 10, 20]], "float32"), np.array([[5, 5, 25, 15]], "float32")
    code = compiled(lambda x: regions.encode(x["box"], x["anchor"], (10, 5)), {"box": box, "anchor": anchor})
    assert code[0] == pytest.approx([10 * (15 - 5) / 10, 0, 5 * np.log(2), 5 * np.log(0.5)], abs=1e-6)


def test_the_code_is_torchvisions():
    random = np.random.default_rng(1)
    given = {"boxes": _boxes(random, 50), "anchors": _boxes(random, 50), "weights": np.array([10, 5], "float32")}
    given["deltas"] = random.normal(size=(50, 4)).astype("float32") * 20  # beyond the bound, too
    expected = torchvisions("code", {"any": given})["any"]
    encoded = compiled(lambda x: regions.encode(x["boxes"], x["anchors"], (10.0, 5.0)), given)
    np.testing.assert_allclose(encoded, expected["encoded"], rtol=1e-4, atol=1e-4)
    decoded = compiled(lambda x: regions.decode(x["deltas"], x["anchors"], (10.0, 5.0)), given)
    np.testing.assert_allclose(decoded, expected["decoded"], rtol=1e-4, atol=1e-3)
    again = compiled(lambda x: regions.decode(regions.encode(x["boxes"], x["anchors"]), x["anchors"]), given)
    np.testing.assert_allclose(again, given["boxes"], atol=1e-3)


def test_no_region_or_object_of_no_size_makes_a_number_infinite():
    empty = np.zeros((2, 4), "float32")
    assert np.isfinite(compiled(lambda x: regions.encode(x, x), empty)).all()
    assert np.isfinite(compiled(lambda x: regions.decode(x + 1e4, x), empty)).all()


# Matching


OVERLAP = np.array(
    [
        [0.9, 0.70, 0.1, 0.29, 0.3, 0.0, 0.5],
        [0.8, 0.75, 0.2, 0.00, 0.1, 0.0, 0.6],
        [0.0, 0.00, 0.2, 0.10, 0.2, 0.0, 0.1],
        [0.0, 0.00, 0.0, 0.00, 0.0, 0.0, 0.0],
    ],
    "float32",
)
"""(object, region); the last object is none."""


MATCHED = {
    # The third object has two best regions, at 0.2: both answer, the second for the first object, which it overlaps
    # more.
    (0.3, 0.7, True): [0, 1, 1, -1, 0, -1, -2],
    (0.3, 0.7, False): [0, 1, -1, -1, -2, -1, -2],
    (0.5, 0.5, False): [0, 1, -1, -1, -1, -1, 1],
}


@pytest.mark.parametrize("limits", MATCHED)
def test_matching_by_hand(limits):
    low, high, rescue = limits
    matched = compiled(lambda x: regions.match(x, low=low, high=high, rescue=rescue), OVERLAP[None])[0]
    assert matched.tolist() == MATCHED[limits]


def test_matching_is_torchvisions():
    random = np.random.default_rng(2)
    anchors = np.concatenate(regions.pyramid_anchors([(15, 20), (8, 10)], [4, 8], [8, 16], [0.5, 1, 2]))
    cases, found = {}, {}
    for number, (low, high, rescue) in enumerate(MATCHED):
        cases[f"hand{number}"] = {"overlap": OVERLAP[:3], "limits": np.array([low, high]), "rescue": np.array(rescue)}
        found[f"hand{number}"] = MATCHED[low, high, rescue]
    for count in (1, 5):
        given = {"truth": _boxes(random, 1, count), "anchors": anchors}
        overlap = compiled(lambda x: pairwise_iou(x["truth"], x["anchors"]), given)
        matched = compiled(lambda x: regions.match(x, low=0.3, high=0.7, rescue=True), overlap)[0]
        assert set(range(count)) <= set(matched.tolist())
        cases[f"many{count}"] = {"overlap": overlap[0], "limits": np.array([0.3, 0.7]), "rescue": np.array(True)}
        found[f"many{count}"] = matched.tolist()
    expected = torchvisions("match", cases)
    for case, matched in found.items():
        assert matched == expected[case]["matched"].tolist(), case


def test_a_picture_without_objects_is_all_background():
    matched = compiled(lambda x: regions.match(x, low=0.3, high=0.7, rescue=True), np.zeros((1, 3, 5), "float32"))
    assert matched.tolist() == [[-1] * 5]


# Sampling


def _sample(matched, count, share, seed=0, alike=False):
    matched = np.array(matched, "int32")

    def draw(given, generator):
        shape = (1 if alike else matched.shape[0], matched.shape[1])
        return regions.sample(given, keras.random.uniform(shape, seed=generator), count, share)._asdict()

    return compiled(draw, matched, seed=seed)


@pytest.mark.parametrize(
    ("positive", "negative", "count", "expected"),
    [(30, 60, 16, (4, 12)), (2, 60, 16, (2, 14)), (30, 5, 16, (4, 5)), (0, 60, 16, (0, 16)), (0, 0, 16, (0, 0)),
     (30, 60, 400, (30, 60)), (30, 60, 2, (1, 1))],
)  # fmt: skip
def test_so_many_are_drawn_and_at_most_a_share_answers(positive, negative, count, expected):
    """As torchvision's BalancedPositiveNegativeSampler: background fills up what positives leave, not the other way.

    But one answers even where the share of so few is less than one.
    """
    row = [3] * positive + [-1] * negative + [-2] * (100 - positive - negative)
    row = np.random.default_rng(1).permutation(row)
    found = _sample([row], count, 0.25)
    drawn = found["index"][0][found["drawn"][0]]
    assert len(set(drawn.tolist())) == len(drawn)
    assert ((row[drawn] == 3).sum(), (row[drawn] == -1).sum()) == expected
    assert len(found["index"][0]) == min(count, 100)


def test_regions_are_drawn_evenly_and_apart_for_every_example():
    """4,000 draws of 2 of 10 answering and 6 of 20 others: deviations of 0.6 and 0.7 % of the examples."""
    matched = np.tile([0] * 10 + [-1] * 20, (4000, 1))
    found = _sample(matched, 8, 0.25)
    assert found["drawn"].all()
    times = np.bincount(found["index"].ravel(), minlength=30) / 4000
    assert times[:10] == pytest.approx(np.full(10, 0.2), abs=0.03)
    assert times[10:] == pytest.approx(np.full(20, 0.3), abs=0.03)
    assert len({tuple(sorted(one)) for one in found["index"].tolist()}) > 3000
    again, other = _sample(matched, 8, 0.25), _sample(matched, 8, 0.25, seed=1)
    assert (again["index"] == found["index"]).all()
    assert (other["index"] != found["index"]).any()


def test_with_one_draw_for_all_an_example_does_not_depend_on_its_batch():
    matched = np.random.default_rng(0).integers(-2, 3, (6, 40))
    whole = _sample(matched, 8, 0.5, alike=True)
    for example in range(6):
        alone = _sample(matched[example : example + 1], 8, 0.5, alike=True)
        assert alone["index"][0].tolist() == whole["index"][example].tolist()


# Proposals


def _scored(random, batch):
    shapes, strides = [(15, 20), (8, 10), (4, 5)], [4, 8, 16]
    anchors = regions.pyramid_anchors(shapes, strides, [8, 16, 32], [0.5, 1, 2])
    objectness = [random.normal(size=(batch, len(one))).astype("float32") for one in anchors]
    deltas = [random.normal(size=(batch, len(one), 4)).astype("float32") * 0.5 for one in anchors]
    deltas[0][:, :5] = [0, 0, -20, -20]  # nothing is left of these, though they are the surest
    objectness[0][:, :5] = 9
    return anchors, objectness, deltas


def test_proposals_are_torchvisions():
    anchors, objectness, deltas = _scored(np.random.default_rng(3), 2)
    given = {"objectness": objectness, "deltas": deltas}
    named = {f"{name}{level}": one for name, levels in given.items() for level, one in enumerate(levels)}
    named |= {f"anchors{level}": one for level, one in enumerate(anchors)} | {"picture": np.array([60, 80])}
    cases = {(40, 0.7): "few", (400, 0.3): "thinned", (2000, 0.7): "all"}
    expected = torchvisions("propose", {name: {**named, "limits": np.array(limits)} for limits, name in cases.items()})
    for (most, iou), name in cases.items():

        def propose(x, most=most, iou=iou):
            maps = anchors, ops.concatenate(x["objectness"], axis=1), ops.concatenate(x["deltas"], axis=1)
            return regions.propose(*maps, (60, 80), most=most, iou_threshold=iou)._asdict()

        found = compiled(propose, given)
        assert found["boxes"].shape == (2, most, 4)
        for picture in range(2):
            there = found["labels"][picture] >= 0
            assert there.sum() == len(expected[name][f"scores{picture}"])
            np.testing.assert_allclose(found["scores"][picture][there], expected[name][f"scores{picture}"], atol=1e-5)
            np.testing.assert_allclose(found["boxes"][picture][there], expected[name][f"boxes{picture}"], atol=1e-3)


def test_proposals_of_different_maps_do_not_suppress_each_other():
    """By hand: one anchor in each of two maps, both the same box; and one of no size."""
    anchors = [np.array([[0, 0, 8, 8]], "float32"), np.array([[0, 0, 8, 8], [2, 2, 2, 9]], "float32")]
    objectness = np.array([[0.0, 1.0, 5.0]], "float32")
    found = regions.propose(anchors, objectness, np.zeros((1, 3, 4), "float32"), (8, 8), most=4, iou_threshold=0.5)
    assert ops.convert_to_numpy(found.labels).tolist() == [[1, 0, -1, -1]]
    assert ops.convert_to_numpy(found.scores)[0] == pytest.approx([1 / (1 + np.exp(-1)), 0.5, 0, 0])
