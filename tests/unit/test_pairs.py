"""Pairs: how they are drawn, what they cost, triplets that a batch makes, networks that compare, and their scores."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import toys
from keras import ops
from sklearn.metrics import roc_curve

from archbench.architectures.network import build_network, load_network, outline
from archbench.architectures.sizes import InputMismatch
from archbench.datasets import DATASETS, store
from archbench.datasets.card import Card
from archbench.datasets.pairs import NothingToPair, NotSquare
from archbench.datasets.store import Prepared
from archbench.figures.pictures import PICTURES
from archbench.losses import pairs as costs
from archbench.metrics import direction
from archbench.metrics.verification import best_threshold, equal_error_rate, n_way_accuracy, verification_accuracy
from archbench.tasks import TASKS
from archbench.tasks.base import TaskMismatch
from archbench.training.build import build_learner, build_task
from archbench.training.run import Pace, Workbench, run_benchmark
from backend import gradient
from formula_weights import formula
from references import reference

ROWS = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "triplet_costs.csv").open(newline="")))
QUIET = Pace(1e9, lambda run, row, epochs, monitor: None)
SMALL = {"widths": [4, 6], "sizes": [3, 3]}
SIAMESE = {"name": "siamese", **SMALL, "dense_width": 8}


def _paired(of=None, **options):
    """The pairs of a data set in memory."""
    of = of or toys.stripes()
    options = {"train_pairs": 120, "pairs": 60, "trials": 10, "ways": 3, **options}
    raw = DATASETS.build({"name": "pairs", **options}, Path("/nowhere"), of)
    splits = {"train": raw.train, **raw.official}
    card = Card(
        name="pairs",
        source=raw.source,
        licence=raw.licence,
        input=raw.input,
        arrays={name: {"shape": list(a.shape[1:]), "dtype": str(a.dtype)} for name, a in raw.train.items()},
        split_sizes={name: len(arrays["same"]) for name, arrays in splits.items()},
        statistics=store.statistics(raw.train["image"]),
        sha256=store.digest(splits),
    )
    return Prepared(card, splits)


def _settings(architecture=SIAMESE, task="verification", **changes):
    task = {"name": task} if isinstance(task, str) else task
    return toys.settings(
        architecture=architecture, task=task, **{"parts": {}, "augmentation": [], "epochs": 2, **changes}
    )


# Pairs of a data set


def test_pairs_are_half_of_one_class_and_every_fold_too():
    data = _paired()
    assert {name: len(arrays["same"]) for name, arrays in data.splits.items()} == {
        "train": 120,
        "validation": 60 + 30,
        "test": 60 + 30,
    }
    for arrays in data.splits.values():
        np.testing.assert_array_equal(arrays["same"], arrays["label"] == arrays["other_label"])
        alike = (arrays["image"] == arrays["other"]).all(axis=(1, 2, 3))
        assert not alike.any()  # a pair is of two examples
    assert data.splits["train"]["same"].mean() == 0.5
    assert (data.splits["train"]["fold"] == -1).all()
    test = data.splits["test"]
    for fold in range(10):
        assert test["same"][test["fold"] == fold].tolist() == [1, 0] * 3
    assert (test["trial"][test["fold"] >= 0] == -1).all()


def test_a_drawn_trial_is_one_example_beside_one_of_each_of_several_classes():
    test = _paired().splits["test"]
    assert np.unique(test["trial"]).tolist() == list(range(-1, 10))
    for trial in range(10):
        rows = test["trial"] == trial
        assert test["same"][rows].sum() == 1
        assert len(np.unique(test["other_label"][rows])) == rows.sum() == 3
        assert (test["image"][rows] == test["image"][rows][0]).all()
        assert (test["fold"][rows] == -1).all()


def test_pairs_hang_on_their_seed_and_show_every_class_alike():
    """Of labels of which one stands for nine tenths, each class is in about as many pairs as any other."""
    first, same, other = (_paired(seed=seed).card.sha256 for seed in (0, 0, 1))
    assert first == same != other
    rare = toys.stripes()
    rare.splits["train"]["label"][:] = np.where(np.arange(70) < 64, 0, np.arange(70) % 3)
    train = _paired(rare, train_pairs=900).splits["train"]
    assert np.bincount(train["label"]) / 900 == pytest.approx([1 / 3] * 3, abs=0.06)


def _with_runs():
    """Stripes of which none is a query."""
    of = toys.stripes()
    for split in of.splits.values():
        split["run"], split["query"] = np.full(len(split["label"]), -1), np.zeros(len(split["label"]), "uint8")
    return of


def test_given_trials_are_taken_run_by_run():
    of = _with_runs()
    arrays = of.splits["test"]
    arrays["label"][:8] = [0, 1, 1, 0, 4, 3, 3, 4]
    arrays["run"][:8], arrays["query"][:8] = [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0, 1, 1]
    for name in ("run", "query", "label", "image"):
        arrays[name] = arrays[name][:8]
    test = _paired(of).splits["test"]
    tried = test["trial"] >= 0
    assert test["trial"][tried].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert test["label"][tried].tolist() == [1, 1, 0, 0, 3, 3, 4, 4]
    assert test["other_label"][tried].tolist() == [0, 1, 0, 1, 4, 3, 4, 3]


def test_a_split_without_a_query_has_tasks_drawn():
    """As validation of the published runs, which are all of the test split: the same tasks as if there were no runs."""
    of, plain = _with_runs(), toys.stripes()
    of.splits["test"]["query"][-1], of.splits["test"]["run"][[3, 7, -1]] = 1, 4
    drawn, given = (_paired(of).splits[name] for name in ("validation", "test"))
    for name, column in _paired(plain).splits["validation"].items():
        np.testing.assert_array_equal(drawn[name], column)
    assert np.unique(drawn["trial"]).tolist() == list(range(-1, 10))
    assert given["trial"][given["trial"] >= 0].tolist() == [0, 0]
    np.testing.assert_array_equal(given["other"][-2:], of.splits["test"]["image"][[3, 7]])


def test_what_cannot_be_paired_is_refused():
    with pytest.raises(NothingToPair, match="'sums' has no label"):
        _paired(toys.sums())
    one = toys.stripes()
    one.splits["validation"]["label"][:] = 2
    with pytest.raises(NothingToPair, match="The split validation of 'stripes' has 30 examples of 1 classes"):
        _paired(one)


def test_turned_training_pictures_are_of_other_classes():
    """Every training picture stands on each of its sides; a pair is of one class where both stand on the same one."""
    of = toys.stripes()
    train, turned, plain = of.splits["train"], _paired(of, turned=True, train_pairs=600).splits, _paired(of).splits
    known = {np.rot90(image, turns).tobytes(): (turns, label) for turns in range(4)
             for image, label in zip(train["image"], train["label"], strict=True)}  # fmt: skip
    assert len(known) == 4 * len(train["label"])  # no picture of these is like another one
    first, second = ([known[picture.tobytes()] for picture in turned["train"][side]] for side in ("image", "other"))
    assert {turns for turns, _ in first} == {0, 1, 2, 3}
    assert turned["train"]["same"].tolist() == [one == other for one, other in zip(first, second, strict=True)]
    classes = {(kind, int(label)) for kind, label in zip(first, turned["train"]["label"], strict=True)}
    assert len(classes) == len({kind for kind, _ in classes}) == len({label for _, label in classes})
    for split in ("validation", "test"):
        for name, column in plain[split].items():
            np.testing.assert_array_equal(turned[split][name], column)


def _in_places():
    """Stripes of six kinds, of which four are in one place, two in another; and one stands in a third alone."""
    of = toys.stripes()
    for split in of.splits.values():
        count = len(split["label"])
        split["label"] = np.arange(count) % 7
        split["place"] = np.array([0, 0, 0, 0, 1, 1, 2])[split["label"]]
    return of


def test_unlike_training_pairs_are_drawn_within_each_place_alike():
    of = _in_places()
    found, plain = (_paired(of, train_pairs=800, within=within).splits for within in ("place", None))
    train, place = found["train"], np.array([0, 0, 0, 0, 1, 1, 2])
    unlike = train["same"] == 0
    assert unlike.mean() == 0.5
    np.testing.assert_array_equal(place[train["label"]][unlike], place[train["other_label"]][unlike])
    assert np.bincount(place[train["label"]][unlike], minlength=3) / 400 == pytest.approx([0.5, 0.5, 0], abs=0.08)
    assert np.unique(train["label"][~unlike]).tolist() == list(range(7))
    for split in ("validation", "test"):
        for name, column in plain[split].items():
            np.testing.assert_array_equal(found[split][name], column)


def test_turned_pictures_are_in_other_places():
    """Pairs of two classes within a place are turned alike."""
    of = _in_places()
    train = _paired(of, train_pairs=400, within="place", turned=True).splits["train"]
    unlike = train["same"] == 0
    turns, others = train["label"][unlike] // 7, train["other_label"][unlike] // 7
    assert np.unique(turns).tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(turns, others)


def test_places_that_pairs_cannot_be_drawn_within_are_refused():
    with pytest.raises(NothingToPair, match=r"'stripes' has no 'alphabet' to draw pairs within. It has: image, label"):
        _paired(within="alphabet")
    of = toys.stripes()
    for split in of.splits.values():
        split["kind"] = split["label"]
    with pytest.raises(NothingToPair, match="No 'kind' of 'stripes' has examples of two classes to train with"):
        _paired(of, within="kind")


def test_what_does_not_fit_turned_is_refused():
    wide = toys.stripes()
    wide.card.arrays["image"]["shape"] = [16, 20, 1]
    with pytest.raises(NotSquare, match=r"'stripes' are of the shape \(16, 20, 1\), and only square pictures"):
        _paired(wide, turned=True)
    words = toys.stripes()
    words.card.arrays["image"]["shape"] = [16]
    with pytest.raises(NotSquare, match=r"shape \(16,\)"):
        _paired(words, turned=True)


# Scores


def test_verification_chooses_its_threshold_on_the_other_folds():
    """Fold 0 is told by 5.5, the threshold of fold 1; fold 1 by 2.5, that of fold 0: of each a pair is wrong or two."""
    same = np.array([1, 1, 0, 0, 1, 1, 0, 0])
    distance = np.array([1.0, 2.0, 3.0, 6.0, 4.0, 5.0, 6.0, 7.0])
    fold = np.repeat([0, 1], 4)
    assert best_threshold(same[:4].astype(bool), distance[:4]) == 2.5
    assert best_threshold(same[4:].astype(bool), distance[4:]) == 5.5
    assert verification_accuracy(same, distance, fold) == (3 / 4 + 2 / 4) / 2
    assert verification_accuracy(same[:4], distance[:4], fold[:4]) == 1.0


def test_a_threshold_parts_no_equal_distances_and_may_lie_below_all():
    same = np.array([True, False, True, False])
    assert best_threshold(same, np.array([1.0, 1.0, 2.0, 2.0])) == -np.inf
    assert best_threshold(np.array([False, False]), np.array([1.0, 2.0])) == -np.inf
    assert best_threshold(np.array([True, True]), np.array([1.0, 2.0])) == 2.0


def test_best_threshold_is_the_best_of_all():
    random = np.random.default_rng(0)
    for _ in range(20):
        same, distance = random.random(30) < 0.5, random.integers(0, 12, 30) / 4
        shares = [np.mean((distance <= bound) == same) for bound in [-1, *np.unique(distance)]]
        assert np.mean((distance <= best_threshold(same, distance)) == same) == max(shares)


@pytest.mark.parametrize(
    ("same", "distance", "rate"),
    [
        ([1, 1, 0, 0], [1, 2, 3, 4], 0.0),
        ([0, 0, 1, 1], [1, 2, 3, 4], 1.0),
        ([1, 0, 1, 0], [1, 2, 3, 4], 0.5),
        ([1, 1, 0, 0], [1, 1, 1, 1], 0.5),
        # three of each: at 2 a third is refused and none accepted, at 3 a third and a third
        ([1, 1, 0, 1, 0, 0], [1, 2, 3, 4, 5, 6], 1 / 3),
    ],
)
def test_equal_error_rate_by_hand(same, distance, rate):
    assert equal_error_rate(np.array(same), np.array(distance)) == pytest.approx(rate)
    assert np.isnan(equal_error_rate(np.ones(3), np.arange(3)))


def test_equal_error_rate_lies_where_the_curve_of_scikit_learn_crosses():
    random = np.random.default_rng(1)
    same = random.random(400) < 0.3
    distance = random.normal(np.where(same, 0.0, 1.5), 1.0).round(1)
    accepted, kept, _ = roc_curve(same, -distance, drop_intermediate=False)
    along = np.linspace(0, 1, 200_001)
    places = np.arange(len(accepted))
    fpr, tpr = (np.interp(along * places[-1], places, one) for one in (accepted, kept))
    cross = np.argmin(np.abs(fpr - (1 - tpr)))
    assert equal_error_rate(same, distance) == pytest.approx(fpr[cross], abs=1e-4)


def test_n_way_accuracy_by_hand():
    """The first trial is solved, the second is not, the third is shared by two of three."""
    same = np.array([1, 0, 0, 0, 1, 0, 1, 0, 0])
    distance = np.array([1, 2, 3, 1, 2, 3, 5, 5, 6.0])
    trial = np.repeat([7, 3, 9], 3)
    assert n_way_accuracy(same, distance, trial) == pytest.approx((1 + 0 + 1 / 2) / 3)


def test_which_way_their_scores_are_better():
    names = ("verification_accuracy", "n_way_accuracy", "equal_error_rate")
    assert [direction(name) for name in names] == [True, True, False]


# Costs


def test_contrastive_by_hand():
    """Hadsell et al. 2006, equation 4: half of 0.5^2 of one class; half of (1 - 0.25)^2 of two; none beyond 1."""
    found = costs.contrastive(np.array([1, 0, 0]), np.array([0.5, 0.25, 3.0]), 1.0)
    assert ops.convert_to_numpy(found) == pytest.approx([0.125, 0.28125, 0.0])


class _Line:
    """A network whose embedding of an example is the example."""

    training = True

    def __call__(self, one, part):
        return one


def test_every_first_example_is_compared_with_every_second_one_by_hand():
    """0, 3 and 9 with 0.5, 1 and 9, and a margin of 2.

    The three pairs of one class cost 0.125, 2 and 0, one of the six of two 0.5; the loss is half of both means.
    """
    task = TASKS.build({"name": "verification", "by": "contrastive", "margin": 2.0, "compare": "batch"}, _paired().card)
    batch = {"image": [[0.0], [3.0], [9.0]], "other": [[0.5], [1.0], [9.0]], "same": [1, 1, 1]}
    batch |= {"label": [4, 2, 7], "other_label": [4, 2, 7]}
    batch, net = {name: ops.convert_to_tensor(values) for name, values in batch.items()}, _Line()
    found = ops.convert_to_numpy(task.losses(net, batch, 0)["loss"])
    assert found == pytest.approx([3 / 2 * (0.125 / 3 + 0.5 / 6), 3 / 2 * (2 / 3), 0])
    assert found.mean() == pytest.approx((2.125 / 3 + 0.5 / 6) / 2)
    net.training = False
    assert ops.convert_to_numpy(task.losses(net, batch, 0)["loss"]) == pytest.approx([0.125, 2, 0])
    assert task.coupled(batch)
    assert not TASKS.build("verification", _paired().card).coupled(batch)


def test_a_batch_of_one_class_alone_has_no_pairs_of_two_to_learn_from():
    task = TASKS.build({"name": "verification", "by": "contrastive", "compare": "batch"}, _paired().card)
    batch = {"image": [[0.0]], "other": [[0.5]], "same": [1], "label": [4], "other_label": [4]}
    batch = {name: ops.convert_to_tensor(values) for name, values in batch.items()}
    assert ops.convert_to_numpy(task.losses(_Line(), batch, 0)["loss"]) == pytest.approx([0.125 / 2])


def _points():
    """Twelve examples of four classes on the unit sphere."""
    embedding = (2 * formula((12, 3), 5) - 1).astype("float32")
    return np.arange(12) % 4, embedding / np.linalg.norm(embedding, axis=1, keepdims=True)


def _mean(embedding, label, mining, margin):
    cost, active, count = costs.triplets(ops.convert_to_tensor(label), embedding, margin, mining, 0)
    return ops.sum(cost) / ops.sum(count), ops.sum(active) / ops.sum(count)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['mining']}-{row['margin']}")
def test_triplets_are_those_of_an_independent_implementation(row):
    label, embedding = _points()
    loss, active = _mean(ops.convert_to_tensor(embedding), label, row["mining"], float(row["margin"]))
    assert float(loss) == pytest.approx(float(row["loss"]), rel=1e-5)
    assert float(active) == pytest.approx(float(row["active"]), rel=1e-5)
    slope = gradient(lambda x: _mean(x, label, row["mining"], float(row["margin"]))[0], embedding)
    assert np.linalg.norm(slope) == pytest.approx(float(row["gradient_norm"]), rel=1e-4)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['mining']}-{row['margin']}")
def test_the_golden_triplets_are_still_pytorchs(row):
    label, embedding = _points()
    case = json.dumps({"mining": row["mining"], "margin": float(row["margin"])})
    theirs = reference("triplets", case, label=label, embedding=embedding)
    assert float(theirs["loss"]) == pytest.approx(float(row["loss"]), rel=1e-6)
    assert float(theirs["active"]) == pytest.approx(float(row["active"]), rel=1e-6)
    slope = gradient(lambda x: _mean(x, label, row["mining"], float(row["margin"]))[0], embedding)
    np.testing.assert_allclose(slope, theirs["gradient"], atol=1e-5)


def test_triplets_by_hand():
    """On a line: 0 and 1 of one class, 2 and 5 of another. Of anchor 1 the hard negative is at 2, as near as 0."""
    label, places = np.array([0, 0, 1, 1]), np.array([[0.0], [1.0], [2.0], [5.0]], "float32")
    found = {
        mining: [ops.convert_to_numpy(one).tolist() for one in costs.triplets(label, places, 0.5, mining, 0)]
        for mining in ("hard", "semi_hard")
    }
    # squared distances: 0-1 1, 0-2 4, 0-5 25, 1-2 1, 1-5 16, 2-5 9
    assert found["hard"] == [[0, 0.5, 8.5, 0], [0, 1, 1, 0], [1, 1, 1, 1]]
    # the negative of 1 that is farther than 1 is at 5; of 2 with 5 none is farther than 9, so the farthest, 4
    assert found["semi_hard"] == [[0, 0, 5.5, 0], [0, 0, 1, 0], [1, 1, 1, 1]]


def test_an_example_alone_or_a_batch_of_one_class_makes_no_triplet():
    alone = costs.triplets(np.array([0, 1, 1]), np.eye(3, dtype="float32"), 0.2, "hard", 0)
    assert ops.convert_to_numpy(alone[2]).tolist() == [0, 1, 1]
    for mining in ("random", "hard", "semi_hard"):
        one = costs.triplets(np.array([1, 1]), np.eye(2, dtype="float32"), 0.2, mining, 0)
        assert [float(ops.sum(some)) for some in one] == [0, 0, 0]


def test_random_negatives_are_of_another_class_and_drawn_anew():
    """Each class is a point: the cost of a triplet says which other class was drawn."""
    label = np.repeat(np.arange(3), 2)
    points = np.array([[0.0], [1.0], [3.0]], "float32")[label]
    seed = keras.random.SeedGenerator(3)
    drawn = [ops.convert_to_numpy(costs.triplets(label, points, 100.0, "random", seed)[0]) for _ in range(40)]
    assert {100 - value for value in np.array(drawn)[:, 0]} == {1.0, 9.0}
    assert {100 - value for value in np.array(drawn)[:, 5]} == {9.0, 4.0}


# Networks


@pytest.mark.parametrize(("difference", "score"), [("absolute", 0.3 + 0.4), ("chi_square", 0.09 / 0.7 + 0.16 / 1.2)])
def test_the_head_weighs_how_far_the_units_differ(difference, score):
    network = build_network({**SIAMESE, "dense_width": 2, "difference": difference}, (12, 12, 1), 1)
    network.parts["head"].set_weights([np.array([[1.0], [1.0]]), np.array([0.5])])
    first, second = np.array([[0.2, 0.8]], "float32"), np.array([[0.5, 0.4]], "float32")
    for pair in ([first, second], [second, first]):
        assert float(network.parts["head"](pair)[0, 0]) == pytest.approx(0.5 + score, rel=1e-5)


def test_two_units_of_zero_do_not_differ():
    network = build_network({**SIAMESE, "dense_width": 2, "difference": "chi_square"}, (12, 12, 1), 1)
    zeros = np.zeros((1, 2), "float32")
    assert np.isfinite(ops.convert_to_numpy(network.parts["head"]([zeros, zeros]))).all()


def test_an_embedding_for_triplets_has_the_length_1():
    network = build_network({"name": "triplet", **SMALL}, (12, 12, 1), 5)
    vectors = ops.convert_to_numpy(network.parts["embedding"](formula((4, 12, 12, 1), 2).astype("float32")))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), rel=1e-5)


def test_pictures_that_are_too_small_are_refused():
    assert outline("siamese", (65, 65, 1), 1)
    with pytest.raises(InputMismatch, match="siamese with these options needs at least 65 pixels"):
        outline("siamese", (64, 64, 1), 1)


# Training


@pytest.mark.parametrize(
    ("architecture", "task", "why"),
    [
        ({**SIAMESE, "difference": None}, {"name": "verification"}, "logistic loss needs a network of .* head"),
        (SIAMESE, {"name": "verification", "by": "contrastive"}, "contrastive loss needs .* embedding, but this one"),
        (SIAMESE, {"name": "triplets", "length": 4}, "triplets needs a network of the part embedding alone"),
    ],
)
def test_a_network_with_parts_that_would_not_train_is_refused(architecture, task, why):
    with pytest.raises(TaskMismatch, match=why):
        Workbench(_settings(architecture, task), _paired())


def test_examples_of_two_shapes_are_refused():
    card = _paired().card
    card.arrays["other"]["shape"] = [8, 8, 1]
    with pytest.raises(TaskMismatch, match=r"\(16, 16, 1\) and \(8, 8, 1\)"):
        TASKS.build("verification", card)


CASES = {
    "absolute": (SIAMESE, "verification"),
    "chi_square": ({**SIAMESE, "difference": "chi_square"}, "verification"),
    "contrastive": ({**SIAMESE, "difference": None}, {"name": "verification", "by": "contrastive"}),
    "batch": (SIAMESE, {"name": "verification", "compare": "batch"}),
    **{
        mining: ({"name": "triplet", **SMALL}, {"name": "triplets", "length": 4, "mining": mining})
        for mining in ("random", "hard", "semi_hard")
    },
}


@pytest.mark.parametrize("case", ["absolute", "hard"])
def test_a_step_changes_both_pictures_of_every_pair(case):
    settings, data = _settings(*CASES[case], augmentation=[{"name": "shift", "pixels": 4}]), _paired()
    learner = build_learner(settings, data.card, build_task(settings, data.card), 0)
    batch = {name: ops.convert_to_tensor(column) for name, column in data.splits["train"].items()}
    (augment,) = learner.augmentations
    changed = augment(batch, learner.randomness)
    for side in ("image", "other"):
        moved = ops.convert_to_numpy(changed[side]) != data.splits["train"][side]
        assert moved.any(axis=(1, 2, 3)).mean() > 0.9


@pytest.mark.parametrize("name", CASES)
def test_stripes_are_told_apart_and_the_saved_model_measures_as_the_run_did(name, tmp_path):
    trial = _settings(*CASES[name], epochs=20, optimizer={"name": "adam", "learning_rate": 0.01})
    run_benchmark([trial], _paired(train_pairs=240), tmp_path / name, QUIET)
    folder = tmp_path / name / "seed-0"
    metrics = json.loads((folder / "metrics.json").read_text())
    scores = metrics["scores"]["test"]
    assert scores["verification_accuracy"] > 0.8
    assert scores["n_way_accuracy"] > 0.7
    assert scores["equal_error_rate"] < 0.2
    with np.load(folder / "predictions.npz") as file:
        kept = dict(file)
    model = load_network(folder / "model.keras")
    scale = model.preprocessing["image"]
    both = [model.parts["embedding"](scale(kept[one].astype("float32"))) for one in ("input", "input_other")]
    if "head" in model.parts:
        found = -ops.convert_to_numpy(model.parts["head"](both))[:, 0]
    else:
        found = np.linalg.norm(both[0] - both[1], axis=1)
    np.testing.assert_allclose(found, kept["prediction_distance"], rtol=1e-3, atol=1e-4)
    assert [one.name for one in PICTURES["verification"](kept)] == ["pairs", "distances"]
    history = list(csv.DictReader((folder / "history.csv").open()))
    if name in ("random", "hard", "semi_hard"):
        shares = [float(row["train_active"]) for row in history]
        assert 0 <= shares[-1] < shares[0] <= 1
        assert "validation_active" not in history[0]


def test_scores_come_from_pairs_or_from_trials_and_from_no_other():
    task = TASKS.build("verification", _paired().card)
    arrays = {
        "same": np.array([1, 0, 1, 0]),
        "fold": np.array([0, 0, -1, -1]),
        "trial": np.array([-1, -1, 0, 0]),
    }
    distance = np.array([1.0, 2.0, 9.0, 8.0])
    assert task.scores(arrays, {"distance": distance}, {}) == {
        "verification_accuracy": 1.0,
        "equal_error_rate": 0.0,
        "n_way_accuracy": 0.0,
    }
    none = {**arrays, "trial": np.full(4, -1)}
    assert "n_way_accuracy" not in task.scores(none, {"distance": distance}, {})
