"""Classic classifiers: the optima of scikit-learn and SciPy, neighbors as scikit-learn finds them, tasks by hand."""

import numpy as np
import pytest
import toys
from keras import ops
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.neighbors import KNeighborsClassifier

from archbench.architectures.classic.knn import Neighbors, choose
from archbench.architectures.network import build_network, load_network
from archbench.datasets import store
from archbench.datasets.card import Card
from archbench.datasets.prepare import prepare
from archbench.errors import UserError
from archbench.records import run_folder
from archbench.tasks import TASKS
from archbench.training.run import Pace, Workbench, run_benchmark

STRENGTH = 0.01
QUIET = Pace(checkpoint_seconds=1000, show=lambda *_: None)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")

    def get(name):
        folder = root / name
        if not folder.exists():
            prepare(name, name, folder, root / "raw")
        return store.load(folder)

    return get


def _settings(name, dataset, size, **changes):
    recipe = {
        "architecture": {"name": name},
        "dataset": dataset,
        "parts": {"regularizer": {"name": "l2", "strength": STRENGTH}},
        "augmentation": [],
        "optimizer": {"name": "adam", "learning_rate": 0.05},
        "epochs": 600,
        "batch_size": size,
    }
    return toys.settings(**{**recipe, **changes})


def _optimum(name, prepared, **changes):
    """Inputs, labels, weights and biases after training the linear net `name` with all examples in every step."""
    settings = _settings(name, prepared.card.name, prepared.card.split_sizes["train"], **changes)
    bench = Workbench(settings, prepared)
    learner, last = bench.program.learner, []

    def after_epoch(progress):  # what training leaves in the model are the weights of the best epoch, not the last ones
        if progress.epoch == settings["epochs"]:
            last.extend(learner.parts["network"].get_weights())

    toys.train(bench, settings, after_epoch=after_epoch)
    x = ops.convert_to_numpy(learner.read({"features": np.asarray(prepared.splits["train"]["features"])})["features"])
    return x.astype("float64"), np.asarray(prepared.splits["train"]["label"]), *last


def _penalty(weights):
    return STRENGTH / 2 * np.square(weights, dtype="float64").sum()


def _log_loss(scores, labels):
    top = scores.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(scores - top).sum(axis=1)) + top[:, 0] - scores[np.arange(len(labels)), labels])


def test_softmax_regression_reaches_the_optimum_of_scikit_learn(data):
    x, y, weights, biases = _optimum("softmax_regression", data("iris"))
    ours = _log_loss(x @ weights + biases, y) + _penalty(weights)
    theirs = LogisticRegression(C=1 / (STRENGTH * len(x)), tol=1e-10, max_iter=10_000).fit(x, y)
    least = _log_loss(theirs.decision_function(x), y) + _penalty(theirs.coef_)
    assert ours == pytest.approx(least, abs=1e-3)


def test_logistic_regression_reaches_the_optimum_of_scikit_learn(data):
    x, y, weights, biases = _optimum("logistic_regression", data("breast_cancer"), task={"name": "binary"})
    assert weights.shape == (30, 1)

    def objective(scores, weights):
        return _log_loss(np.stack([np.zeros(len(x)), scores], axis=1), y) + _penalty(weights)

    ours = objective((x @ weights + biases)[:, 0], weights)
    theirs = LogisticRegression(C=1 / (STRENGTH * len(x)), tol=1e-10, max_iter=10_000).fit(x, y)
    assert ours == pytest.approx(objective(theirs.decision_function(x), theirs.coef_), abs=1e-3)


def _hinge(x, y, weights, biases, power):
    scores = x @ weights + biases
    margins = np.maximum(0, scores - scores[np.arange(len(y)), y][:, None] + 1)
    margins[np.arange(len(y)), y] = 0
    return (margins**power).sum(axis=1).mean() + _penalty(weights)


def _squared_hinge_optimum(x, y, classes):
    def objective(flat):
        weights, biases = flat[classes:].reshape(-1, classes), flat[:classes]
        return _hinge(x, y, weights, biases, power=2)

    found = minimize(objective, np.zeros(classes * (x.shape[1] + 1)), method="L-BFGS-B", options={"maxfun": 10**6})
    assert found.success
    return found.fun


def _hinge_optimum(x, y, classes):
    """The same as a quadratic program: a slack for each hinge, above it and above 0, whose mean is minimised."""
    count, values = x.shape
    others = [(row, j) for row in range(count) for j in range(classes) if j != y[row]]
    hinges = np.zeros((len(others), classes * (values + 1)))  # score j - score y, linear in the weights
    for place, (row, j) in enumerate(others):
        features = np.append(1, x[row])
        hinges[place].reshape(values + 1, classes)[:, j] += features
        hinges[place].reshape(values + 1, classes)[:, y[row]] -= features
    weighted = np.repeat([0.0, STRENGTH], [classes, classes * values])
    # Its dual, where a multiplier a in [0, 1 / count] stands for each hinge and the biases ask for balance:
    # the most of sum(a) - |hinges' weights under a|^2 / (2 strength).
    free, tied = hinges[:, weighted > 0], hinges[:, weighted == 0]
    gram = free @ free.T / STRENGTH
    found = minimize(
        lambda a: (a @ gram @ a / 2 - a.sum(), gram @ a - 1),
        np.full(len(others), 0.5 / count),
        jac=True,
        bounds=[(0, 1 / count)] * len(others),
        constraints={"type": "eq", "fun": lambda a: tied.T[:-1] @ a, "jac": lambda a: tied.T[:-1]},
        method="SLSQP",
        options={"ftol": 1e-9, "maxiter": 500},
    )
    assert found.success
    return -found.fun


@pytest.mark.parametrize(
    ("loss", "power", "optimum"),
    [("multiclass_hinge", 1, _hinge_optimum), ("squared_hinge", 2, _squared_hinge_optimum)],
)
def test_linear_svm_reaches_the_optimum_of_a_quadratic_solver(data, loss, power, optimum):
    changes = {"task": {"name": "classification", "loss": loss}, "optimizer": {"name": "adam", "learning_rate": 0.1}}
    x, y, weights, biases = _optimum("linear_svm", data("iris"), **changes)
    assert _hinge(x, y, weights, biases, power) == pytest.approx(optimum(x, y, 3), abs=1e-3)


# Perceptrons


def test_a_maxout_unit_is_the_largest_of_its_pieces():
    pieces = {"activation": {"name": "maxout", "pieces": 3}}
    network = build_network({"name": "maxout_mlp", "units": (2,)}, (4,), 3, pieces)
    hidden, hidden_bias, last, last_bias = weights = [
        np.random.default_rng(n).normal(size=w.shape) for n, w in enumerate(network.get_weights())
    ]
    network.set_weights(weights)
    x = np.random.default_rng(9).normal(size=(5, 4))
    units = [np.max([x @ hidden[:, p] + hidden_bias[p] for p in range(3 * u, 3 * u + 3)], axis=0) for u in (0, 1)]
    expected = np.stack(units, axis=1) @ last + last_bias
    np.testing.assert_allclose(network(x.astype("float32")), expected, rtol=1e-4, atol=1e-5)


def test_maxout_drops_a_fifth_of_its_inputs_and_half_of_its_units():
    network = build_network({"name": "maxout_mlp", "units": (6,)}, (4, 4, 1), 3)
    assert [layer.rate for layer in network.layers if hasattr(layer, "rate")] == [0.2, 0.5]
    dropped = ops.convert_to_numpy(network.layers[2](np.ones((400, 16), "float32"), training=True))
    assert set(np.unique(dropped)) == {0.0, 1.25}
    assert np.mean(dropped == 0) == pytest.approx(0.2, abs=0.02)


# Neighbors


def _neighbors(metrics, neighbors, examples=60, classes=3):
    random = np.random.default_rng(0)
    x = random.integers(0, 4, (examples, 2, 3)).astype("float32")  # few values: many ties
    y = random.integers(0, classes, examples)
    spec = {"name": "knn", "examples": examples, "neighbors": neighbors, "metrics": metrics}
    network = build_network(spec, (2, 3), classes)
    network.layers[-1].fit(x, y, 0)
    return network, x, y


@pytest.mark.parametrize(("metric", "theirs"), [("l1", "manhattan"), ("l2", "euclidean")])
@pytest.mark.parametrize("k", [1, 4])
def test_neighbors_vote_as_in_scikit_learn(tmp_path, metric, theirs, k):
    network, x, y = _neighbors((metric,), (k,))
    queries = np.random.default_rng(1).normal(1.5, 1.0, (40, 2, 3)).astype("float32")
    reference = KNeighborsClassifier(k, metric=theirs, algorithm="brute").fit(x.reshape(60, 6), y)
    shares = reference.predict_proba(queries.reshape(40, 6))
    logits = ops.convert_to_numpy(network(queries))
    np.testing.assert_allclose(np.exp(logits), (shares * k + 1) / (k + 3), rtol=1e-5)
    network.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(load_network(tmp_path / "model.keras")(queries), logits)


@pytest.mark.parametrize(("metric", "theirs"), [("l1", "manhattan"), ("l2", "euclidean")])
@pytest.mark.parametrize("offset", [0.0, 300.0, 1000.0, 1e5])
def test_neighbors_are_those_of_scikit_learn_however_far_the_data_are_from_zero(tmp_path, data, metric, theirs, offset):
    """Sixteenths and these offsets are exact in float32, so both see the same numbers; only ties may differ."""
    splits, k = data("digits").splits, 5
    train, test = (
        (s["image"].reshape(-1, 64) / 16 + offset).astype("float32") for s in (splits["train"], splits["test"])
    )
    label, truth = splits["train"]["label"], splits["test"]["label"]
    spec = {"name": "knn", "examples": len(train), "neighbors": (k,), "metrics": (metric,)}
    network = build_network(spec, (64,), 10)
    network.layers[-1].fit(train, label, 0)
    logits = network.predict_on_batch(test)
    reference = KNeighborsClassifier(k, metric=theirs, algorithm="brute").fit(train, label)
    distances, _ = reference.kneighbors(test, k + 1)
    clear = distances[:, k] > distances[:, k - 1]  # the fifth is nearer than the sixth
    assert clear.mean() > 0.8
    expected = (reference.predict_proba(test) * k + 1) / (k + 10)
    np.testing.assert_allclose(np.exp(logits)[clear], expected[clear], rtol=1e-5)
    assert (logits.argmax(axis=1) == truth).mean() == pytest.approx(reference.score(test, truth), abs=0.01)
    network.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(load_network(tmp_path / "model.keras").predict_on_batch(test), logits)


def test_cross_validation_chooses_as_a_grid_search_of_scikit_learn():
    random = np.random.default_rng(2)
    x = random.normal(size=(200, 5)).astype("float32")
    y = (np.abs(x[:, 0]) + random.normal(0, 0.5, 200) > 0.7).astype(int)
    grid = {"metric": ["euclidean", "manhattan"], "n_neighbors": [1, 3, 7, 15]}
    folds = KFold(5, shuffle=True, random_state=3)
    search = GridSearchCV(KNeighborsClassifier(algorithm="brute"), grid, cv=folds, scoring="accuracy").fit(x, y)
    metric, k = choose(x, y, ("l2", "l1"), (1, 3, 7, 15), seed=3)
    assert {"l2": "euclidean", "l1": "manhattan"}[metric] == search.best_params_["metric"]
    assert k == search.best_params_["n_neighbors"]


def test_cross_validation_keeps_groups_together():
    """Each example stands four times in its group: apart, the nearest neighbor would always be its double."""
    random = np.random.default_rng(4)
    x = np.repeat(random.normal(size=(60, 3)), 4, axis=0).astype("float32")
    y = np.repeat((random.random(60) > 0.3).astype(int), 4)
    group = np.repeat(np.arange(60), 4)
    assert choose(x, y, ("l2",), (1, 40), seed=0) == ("l2", 1)
    folds = GroupKFold(5, shuffle=True, random_state=0)
    grid = {"n_neighbors": [1, 40]}
    search = GridSearchCV(KNeighborsClassifier(algorithm="brute"), grid, cv=folds).fit(x, y, groups=group)
    assert search.best_params_ == {"n_neighbors": 40}
    assert choose(x, y, ("l2",), (1, 40), seed=0, group=group) == ("l2", 40)
    with pytest.raises(UserError, match="over 5 folds of whole groups of examples, and there are 4 groups"):
        choose(x, y, ("l2",), (1, 40), seed=0, group=group % 4)


def test_neighbors_are_told_the_groups_of_the_training_split(tmp_path, monkeypatch):
    spec, told = {"name": "moving_digits", "examples": 60, "size": 8, "frames": 2}, []
    prepare(spec, "moving", tmp_path / "moving", tmp_path / "raw")
    prepared = store.load(tmp_path / "moving")
    monkeypatch.setattr(Neighbors, "fit", lambda layer, inputs, labels, seed, group: told.append(group))
    trial = _settings("knn", "moving", 8, parts={}, seed=0, preprocessing={"name": "rescale"})
    run_benchmark([trial], prepared, tmp_path / "run", QUIET)
    np.testing.assert_array_equal(told, [prepared.splits["train"]["group"]])


def test_another_fit_needs_no_other_program():
    """k and the metric are data: what was compiled for one fit is right for the next."""
    network, x, y = _neighbors(("l1", "l2"), (1, 3, 5))
    layer, flat = network.layers[-1], x.reshape(60, 6)
    queries = np.random.default_rng(1).normal(1.5, 1.0, (40, 2, 3)).astype("float32")
    seen = set()
    for k, by_l1 in ((1, 0), (5, 0), (5, 1)):
        layer.k.assign(k)
        layer.by_l1.assign(by_l1)
        found = network.predict_on_batch(queries).argmax(axis=1)
        reference = KNeighborsClassifier(k, p=1 if by_l1 else 2, algorithm="brute").fit(flat, y)
        np.testing.assert_array_equal(found, reference.predict(queries.reshape(40, 6)))
        seen.add(found.tobytes())
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"neighbors": (49,)}, "k may be 1 to 48"),
        ({"neighbors": ()}, "k may be 1 to 48"),
        ({"metrics": ()}, "k may be 1 to 48"),
        ({"neighbors": (0, 1)}, "At place 1: .* greater than or equal to 1"),
    ],
)
def test_impossible_neighbors_are_answered(changes, message):
    with pytest.raises(UserError, match=message):
        build_network({"name": "knn", "examples": 60, **changes}, (4,), 3)


def test_neighbors_write_the_run_folder_of_every_run(data, tmp_path):
    prepared = data("iris")
    trial = _settings("knn", "iris", 32, parts={}, seed=0)
    run_benchmark([trial], prepared, tmp_path, QUIET)
    folder = tmp_path / "seed-0"
    metrics, history = run_folder.read_json(folder / "metrics.json"), run_folder.read_history(folder / "history.csv")
    assert metrics["state"] == "finished"
    assert metrics["parameters"] == 0
    assert metrics["parameters_total"] == 106 * 4 + 106 * 3 + 4 + 2
    assert [row["step"] for row in history] == [1]
    assert history[0]["validation_accuracy"] == metrics["validation"]["accuracy"]
    timings = run_folder.read_json(folder / "timings.json")
    assert timings["examples_per_second"] == pytest.approx(106 / timings["step_seconds"])
    model = load_network(folder / "model.keras")
    kept = next(layer for layer in model.layers if layer.name == "knn").layers[-1]
    splits = {name: np.asarray(prepared.splits[name]["features"], "float64") for name in ("train", "test")}
    mean, deviation = splits["train"].mean(axis=0), splits["train"].std(axis=0)
    reference = KNeighborsClassifier(int(kept.k.numpy()), p=1 if float(kept.by_l1.numpy()) else 2)
    reference.fit((splits["train"] - mean) / deviation, prepared.splits["train"]["label"])
    right = reference.predict((splits["test"] - mean) / deviation) == prepared.splits["test"]["label"]
    assert metrics["test"]["accuracy"] == pytest.approx(right.mean())
    assert metrics["test"]["accuracy"] > 0.85
    assert (folder / "predictions.npz").exists()


# Tasks


def _card(**changes):
    arrays = {"image": {"shape": [4], "dtype": "float32"}, "present": {"shape": [3], "dtype": "uint8"}}
    arrays["label"] = {"shape": [], "dtype": "int32"}
    fields = {"name": "toy", "source": "", "licence": "", "input": "image", "arrays": arrays, "split_sizes": {}}
    return Card(**{**fields, "class_names": ("a", "b", "c"), **changes})


def _numbers(values):
    return {name: ops.convert_to_numpy(value) for name, value in values.items()}


def test_multi_label_by_hand():
    task = TASKS.build("multi_label", _card())
    logits = np.array([[np.log(3), -1, 0.5], [-np.log(3), -5, 5]], "float32")
    targets = task.arrays({"present": np.array([[1, 0, 1], [1, 0, 1]])})
    losses = _numbers(task.compare(logits, targets, None))
    first = np.log(4 / 3) + np.log1p(np.exp(-1)) + np.log1p(np.exp(-0.5))
    second = np.log(4) + 2 * np.log1p(np.exp(-5))
    assert losses["loss"] == pytest.approx(np.array([first, second]) / 3, rel=1e-5)
    assert losses["subset_accuracy"].tolist() == [1, 0]
    predictions = _numbers(task.decode(logits))
    assert predictions["present"].tolist() == [[1, 0, 1], [0, 0, 1]]
    assert task.scores(targets, predictions, {}) == pytest.approx(
        {"f1": (2 / 3 + 1) / 2, "subset_accuracy": 0.5, "label_accuracy": 5 / 6}
    )


def test_macro_f1_of_labels_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    truth, guess = random.integers(0, 2, (2, 50, 6))
    truth[:, 2] = guess[:, 2] = 0
    found = TASKS.build("multi_label", _card()).scores({"present": truth}, {"present": guess}, {})
    assert found["f1"] == pytest.approx(f1_score(truth, guess, average="macro", zero_division=np.nan))


def test_a_known_count_makes_the_likeliest_classes_the_answer():
    task = TASKS.build({"name": "multi_label", "count": 2}, _card())
    found = _numbers(task.decode(np.array([[-3.0, -1, -2], [1, 2, 3]], "float32")))["present"]
    assert found.tolist() == [[0, 1, 1], [0, 1, 1]]
    for count, message in ((0, "greater than or equal to 1"), (4, "Choose 1 to 3")):
        with pytest.raises(UserError, match=message):
            TASKS.build({"name": "multi_label", "count": count}, _card())


def test_binary_by_hand():
    task = TASKS.build("binary", _card(class_names=("no", "yes")))
    assert task.outputs() == 1
    logits, targets = np.array([[np.log(3)], [np.log(3)]], "float32"), {"label": np.array([1, 0])}
    losses = _numbers(task.compare(logits, targets, None))
    assert losses["loss"] == pytest.approx([np.log(4 / 3), np.log(4)], rel=1e-5)
    assert losses["accuracy"].tolist() == [1, 0]
    predictions = _numbers(task.decode(np.array([[np.log(3)], [-np.log(3)]], "float32")))
    assert predictions["label"].tolist() == [1, 0]
    assert predictions["confidence"] == pytest.approx([0.75, 0.75])
    assert _numbers(task.decode(np.array([[0.1], [-0.1]], "float32")))["label"].tolist() == [1, 0]
    assert task.scores(targets, predictions, {}) == {"accuracy": 1.0, "f1": 1.0}


def test_binary_refuses_three_classes_and_a_third_label():
    with pytest.raises(UserError, match="has 3 classes, but binary decides between 2"):
        TASKS.build("binary", _card())
    with pytest.raises(UserError, match="label 2 in example 1"):
        TASKS.build("binary", _card(class_names=("no", "yes"))).arrays({"label": np.array([0, 2])})


def test_multi_label_refuses_what_is_neither_yes_nor_no():
    with pytest.raises(UserError, match="present 2 in example 1"):
        TASKS.build("multi_label", _card()).arrays({"present": np.array([[0, 1, 0], [0, 2, 0]])})
